"""Mandarin: what figures and signs say, readings, tone changes, words and their places."""

from __future__ import annotations

import pytest

from resonet.text.frontend import FrontEnd, voice_symbols
from resonet.text.frontend.mandarin import chinese
from resonet.text.frontend.pinyin import units_of
from resonet.text.lexicon import Lexicon
from resonet.text.phones import PINYIN

pytest.importorskip("pypinyin")


@pytest.fixture(scope="module")
def front() -> FrontEnd:
    lexicon = Lexicon(PINYIN)
    lexicon.add("老虎", units_of("lao3") + units_of("hu3"))
    return FrontEnd("zh", voice_symbols("zh"), lexicon=lexicon)


GOLDEN = [
    # cardinals, two, ordinals
    ("12个", "十二个"),
    ("2个人，2位", "两个人两位"),
    ("12005", "一万两千零五"),
    ("200和2000", "二百和两千"),
    ("20000", "两万"),
    ("100000001", "一亿零一"),
    ("1,234,567", "一百二十三万四千五百六十七"),
    ("第2次，第3名", "第二次第三名"),
    ("2月，2号，2楼", "二月二号二楼"),
    ("2年，2点，2天", "两年两点两天"),
    ("-5", "负五"),
    ("007", "零零七"),
    ("12345678901234567", "一二三四五六七八九零一二三四五六七"),
    # decimals, fractions, percent
    ("3.14", "三点一四"),
    ("0.5", "零点五"),
    ("3/4", "四分之三"),
    ("2 1/2", "二又二分之一"),
    ("½", "二分之一"),
    ("50%，5.5％", "百分之五十百分之五点五"),
    ("5%-10%", "百分之五到百分之十"),
    ("5‰", "千分之五"),
    # dates and years
    ("2024年5月3日", "二零二四年五月三日"),
    ("2024-05-03", "二零二四年五月三日"),
    ("2024/5/3", "二零二四年五月三日"),
    ("1984年，98年", "一九八四年九八年"),
    ("10年后", "十年后"),
    ("80年代，90后", "八十年代九零后"),
    ("1990-2000年", "一九九零到二零零零年"),
    # times
    ("10:30", "十点三十分"),
    ("14:05", "十四点零五分"),
    ("8:00", "八点"),
    ("2:30pm", "下午两点三十分"),
    ("10:30:15", "十点三十分十五秒"),
    # money
    ("¥12.50", "十二元五角"),
    ("￥3.05", "三元零五分"),
    ("100元", "一百元"),
    ("$5，€10", "五美元十欧元"),
    ("$3.5亿", "三点五亿美元"),
    # measures and ranges
    ("5km，60km/h", "五公里六十公里每小时"),
    ("-5℃，20°C", "零下五摄氏度二十摄氏度"),
    ("3kg，3㎡", "三公斤三平方米"),
    ("3-5天，3~5个", "三到五天三到五个"),
    ("3:2获胜", "三比二获胜"),
    # telephone, rooms
    ("13812345678", "幺三八幺二三四五六七八"),
    ("010-12345678", "零幺零幺二三四五六七八"),
    ("拨打110", "拨打幺幺零"),
    ("302室", "三零二室"),
    # letters, addresses, signs
    ("A4纸，OK", "A四纸OK"),
    ("MP3", "MP三"),
    ("www.qq.com", "WWW点QQ点COM"),
    ("a@qq.com", "A艾特QQ点COM"),
    ("2+2=4", "二加二等于四"),
    ("3×4", "三乘四"),
    ("Ⅲ期", "三期"),
]


@pytest.mark.parametrize(("text", "said"), GOLDEN)
def test_golden(front: FrontEnd, text: str, said: str) -> None:
    assert "".join(sentence.spoken for sentence in front.sentences(text)) == said
    assert "".join(sentence.spoken for sentence in front.sentences(front.expand(text))) == said


@pytest.mark.parametrize(
    ("text", "units"),
    [
        # readings
        ("银行行长", "| in2 h ang2 | h ang2 zh ang3 ."),
        ("重庆很重要", "| ch ong2 q ing4 | h en3 | zh ong4 iao4 ."),
        ("头发很长", "| t ou2 f a4 | h en3 | ch ang2 ."),
        ("他长大了", "| t a1 | zh ang3 d a4 | l e5 ."),
        ("跑得快", "| p ao3 | d e5 | k uai4 ."),
        ("他得去", "| t a1 | d ei3 | q v4 ."),
        ("得到", "| d e2 | d ao4 ."),
        ("还书，还有", "| h uan2 sh u1 , | h ai2 | iou3 ."),
        ("慢慢地走", "| m an4 | m an4 | d e5 | z ou3 ."),
        ("土地", "| t u3 d i4 ."),
        ("他只说一只猫", "| t a1 | zh i3 | sh uo1 | i4 zh i1 | m ao1 ."),
        # 一
        ("一个", "| i2 g e4 ."),
        ("一天", "| i4 | t ian1 ."),
        ("一年", "| i4 | n ian2 ."),
        ("一起", "| i4 q i3 ."),
        ("一万", "| i2 | uan4 ."),
        ("第一", "| d i4 | i1 ."),
        ("一月一日", "| i1 ve4 | i1 | r i4 ."),
        ("十一", "| sh i2 | i1 ."),
        ("一九八四年", "| i1 | j iou3 | b a1 | s i4 | n ian2 ."),
        ("看一看", "| k an4 | i5 | k an4 ."),
        ("统一", "| t ong3 | i1 ."),
        # 不
        ("不是", "| b u2 sh i4 ."),
        ("不好", "| b u4 h ao3 ."),
        ("是不是", "| sh i4 b u5 sh i4 ."),
        # third tones
        ("你好", "| n i2 h ao3 ."),
        ("老虎", "| l ao2 h u3 ."),
        ("小老虎", "| x iao3 | l ao2 h u3 ."),
        ("展览馆", "| zh an2 | l an2 | g uan3 ."),
        ("五五五五", "| u2 | u3 | u2 | u3 ."),
        ("你，好", "| n i3 , | h ao3 ."),
        # erhua, rounded vowels, letters
        ("花儿", "| h ua1 er5 ."),
        ("女儿，儿子", "| n v3 er2 , | er2 z i5 ."),
        ("绿色略有", "| l v4 | s e4 | l ve4 | iou3 ."),
        ("OK", "| ou1 | k ei4 ."),
        ("你好吗？", "| n i2 h ao3 | m a5 ?"),
        ("真的……好！", "| zh en1 | d e5 – | h ao3 !"),
    ],
)
def test_units(front: FrontEnd, text: str, units: str) -> None:
    assert " ".join(symbol for sentence in front.sentences(text) for symbol in sentence.symbols) == units


def test_sentences_and_places(front: FrontEnd) -> None:
    text = "我有2024个老虎。真的？“是！”他说"
    sentences = list(front.sentences(text))
    assert [s.spoken for s in sentences] == ["我有两千零二十四个老虎", "真的", "是", "他说"]
    assert [word.text for word in sentences[0].words] == ["我", "有", "2024", "个", "老虎"]
    assert all(text[word.start : word.end] == word.text for s in sentences for word in s.words)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "零"), (10, "十"), (11, "十一"), (20, "二十"), (101, "一百零一"), (110, "一百一十"), (1001, "一千零一"),
        (1010, "一千零一十"), (2002, "两千零二"), (10000, "一万"), (10010, "一万零一十"), (110000, "十一万"),
        (1000000, "一百万"), (10000001, "一千万零一"), (1000010000, "十亿零一万"), (2 * 10**12, "两万亿"),
    ],
)  # fmt: skip
def test_numbers(number: int, said: str) -> None:
    assert chinese(number) == said


@pytest.mark.parametrize(
    ("syllable", "units"),
    [
        ("zhang3", "zh ang3"), ("zhāng", "zh ang1"), ("nǚ", "n v3"), ("lu:e4", "l ve4"), ("nüe4", "n ve4"),
        ("ju1", "j v1"), ("xue2", "x ve2"), ("quan2", "q van2"), ("yun4", "vn4"), ("yuan2", "van2"), ("wei4", "uei4"),
        ("gui4", "g uei4"), ("liu2", "l iou2"), ("you3", "iou3"), ("lun2", "l uen2"), ("er2", "er2"),
        ("huar1", "h ua1 er5"), ("a", "a5"), ("yi1", "i1"), ("shi4", "sh i4"), ("weng1", "ueng1"),
        ("qiong2", "q iong2"), ("xyz1", ""), ("", ""), ("hm2", ""),
    ],
)  # fmt: skip
def test_syllables(syllable: str, units: str) -> None:
    assert " ".join(units_of(syllable)) == units


def test_every_syllable_of_the_dictionary_has_units() -> None:
    from pypinyin import Style, lazy_pinyin

    missing = set()
    for code in range(0x4E00, 0x9FA6):
        syllable = lazy_pinyin([chr(code)], style=Style.TONE3, neutral_tone_with_five=True)[0]
        if not set(units_of(syllable)) <= set(PINYIN) or not units_of(syllable):
            missing.add(syllable)
    assert len(missing) < 20, missing
