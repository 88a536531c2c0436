"""SSML: what each tag does, where words lie in the data, and that bad documents are told with their place."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ElementTree

import pytest

from resonet.errors import DataError
from resonet.text.frontend import Control, FrontEnd, Sentence, voice_symbols
from resonet.text.frontend.ipa import arpabet

pytest.importorskip("num2words")

LETTERS = [*voice_symbols("de"), "'"]


@pytest.fixture
def front() -> FrontEnd:
    return FrontEnd("de", LETTERS)


@pytest.fixture
def english() -> FrontEnd:
    return FrontEnd("en", voice_symbols("en"), others={"de": FrontEnd("de", LETTERS)})


def said(front: FrontEnd, inner: str) -> list[Sentence]:
    return list(front.ssml(f"<speak>{inner}</speak>"))


def symbols(sentences: list[Sentence]) -> list[str]:
    return ["".join(sentence.symbols) for sentence in sentences]


def test_words_lie_in_the_character_data(front: FrontEnd) -> None:
    document = (
        '<?xml version="1.0"?>\n<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="de">\n'
        "  <!-- kein Text --><p><s>Das &amp; der <sub alias='ein, zwei'>1–2</sub> Äpfel.</s>\r\n"
        "<s>Gr&#252;n  <![CDATA[<ja>]]></s></p>"
        "<metadata><x>nichts</x></metadata></speak>"
    )
    data = "".join(ElementTree.fromstring(document.replace("\r\n", "\n")).itertext())
    sentences = list(front.ssml(document))
    assert [s.spoken for s in sentences] == ["das und der ein zwei äpfel", "grün ja"]
    words = [word for s in sentences for word in s.words]
    assert [word.text for word in words] == ["Das", "&", "der", "1–2", "Äpfel", "Grün", "ja"]
    assert all(data[word.start : word.end] == word.text for word in words)
    assert symbols(sentences) == ["|das|und|der|ein,|zwei|äpfel.", "|grün|ja."]


def test_layout_of_the_document_is_no_text(front: FrontEnd) -> None:
    sentences = said(front, "\n\n  Eins\n\n  zwei.\n\n\n Drei ")
    assert [(s.spoken, s.pause) for s in sentences] == [("eins zwei", 0.0), ("drei", 0.0)]


def test_paragraphs_and_sentences(front: FrontEnd) -> None:
    sentences = said(front, "<p>Dr<s>Eins. zwei</s>drei</p><p><s>vier?</s></p>")
    assert symbols(sentences) == ["|doktor.", "|eins.", "|zwei.", "|drei.", "|vier?"]
    assert [s.pause for s in sentences] == [0, 0, 0, 0.4, 0.4]


def test_breaks(front: FrontEnd) -> None:
    sentences = said(front, 'Eins <break time="1500ms"/> zwei. <break time="2s"/><break time=".5s"/>Drei <break/> vier')
    assert [(s.spoken, s.pause, s.symbols[-1]) for s in sentences] == [
        ("eins", 1.5, ","), ("zwei", 2.5, "."), ("drei", 0.5, ","), ("vier", 0.0, ".")
    ]  # fmt: skip
    sentences = said(front, '<break time="1s"/>eins<break strength="none"/> zwei<break strength="x-weak"/> drei')
    assert sentences[0] == Sentence((), (), "", pause=1.0)
    assert symbols(sentences[1:]) == ["|eins|zwei,|drei."]
    assert [s.pause for s in said(front, '<break time="1s"/>')] == [1.0]
    # Time wins over strength.
    assert said(front, 'a<break strength="x-strong" time="100ms"/>')[0].pause == 0.1


def test_prosody(front: FrontEnd) -> None:
    (sentence,) = said(
        front,
        'a <prosody rate="slow" pitch="+2st" volume="-6dB">b, '
        '<prosody rate="200%" pitch="high">c</prosody></prosody> d',
    )
    assert sentence.symbols == ("|", "a", "|", "b", ",", "|", "c", "|", "d", ".")
    plain, outer, inner = Control(), Control(0.75, 2.0, -6.0), Control(1.5, 5.0, -6.0)
    assert sentence.controls == (plain, plain, outer, outer, outer, inner, inner, plain, plain, plain)
    assert said(front, "<prosody>a</prosody>")[0].controls == ()


@pytest.mark.parametrize(
    ("attributes", "control"),
    [
        ('rate="+20%"', Control(1.2)),
        ('rate="-50%"', Control(0.5)),
        ('rate="80%"', Control(0.8)),
        ('rate="1.5"', Control(1.5)),
        ('rate="x-fast"', Control(1.6)),
        ('rate="9"', Control(4.0)),
        ('pitch="-1.5st"', Control(pitch=-1.5)),
        ('pitch="+100%"', Control(pitch=12.0)),
        ('pitch="low"', Control(pitch=-3.0)),
        ('volume="+6dB"', Control(energy=6.0)),
        ('volume="silent"', Control(energy=-96.0)),
        ('volume="+100%"', Control(energy=6.0206)),
    ],
)
def test_amounts(front: FrontEnd, attributes: str, control: Control) -> None:
    (sentence,) = said(front, f"<prosody {attributes}>ja</prosody>")
    assert len(sentence.controls) == len(sentence.symbols)
    found = sentence.controls[1]
    assert (found.speed, found.pitch) == pytest.approx((control.speed, control.pitch))
    assert found.energy == pytest.approx(control.energy, abs=1e-3)


@pytest.mark.parametrize(
    ("kind", "text", "spoken"),
    [
        ("characters", "A1-b", "ah eins minus beh"),
        ("spell-out", "DB", "deh beh"),
        ("digits", "102", "eins null zwei"),
        ("cardinal", "1984", "eintausendneunhundertvierundachtzig"),
        ("ordinal", "3", "dritte"),
        ("telephone", "+49 30 12", "plus vier neun drei null eins zwei"),
        ('date" format="dmy', "3/5/2024", "dritter mai zweitausendvierundzwanzig"),
        ('date" format="mdy', "5/3/2024", "dritter mai zweitausendvierundzwanzig"),
        ("date", "2024-05-03", "dritter mai zweitausendvierundzwanzig"),
        ("time", "14:30", "vierzehn uhr dreißig"),
        ("fraction", "3/4", "drei viertel"),
        ("cardinal", "kein", "kein"),
    ],
)
def test_say_as(front: FrontEnd, kind: str, text: str, spoken: str) -> None:
    (sentence,) = said(front, f'<say-as interpret-as="{kind}">{text}</say-as>')
    assert sentence.spoken == spoken and [word.text for word in sentence.words] == [text]
    assert not front.warnings


def test_phonemes(english: FrontEnd) -> None:
    (sentence,) = said(
        english,
        'a <phoneme alphabet="x-arpabet" ph="T AH0 M EY1 T OW0">tomato</phoneme>, '
        '<phoneme alphabet="ipa" ph="təˈmɑːtəʊ">tomato</phoneme>',
    )
    assert " ".join(sentence.symbols) == "| AH0 | T AH0 M EY1 T OW0 , | T AH0 M AA1 T OW0 ."
    assert sentence.spoken == "a tomato tomato" and [word.text for word in sentence.words] == ["a", "tomato", "tomato"]
    pytest.importorskip("pypinyin")
    chinese = FrontEnd("zh", voice_symbols("zh"))
    (sentence,) = said(chinese, '<phoneme alphabet="x-pinyin" ph="zhong4 qing4">重庆</phoneme>')
    assert sentence.symbols == ("|", "zh", "ong4", "q", "ing4", ".")


@pytest.mark.parametrize(
    ("ipa", "phones"),
    [
        ("ˈhɛloʊ", "HH EH1 L OW0"),
        ("təˈmeɪ.toʊ", "T AH0 M EY1 T OW0"),
        ("/ˈt͡ʃɜːt͡ʃ/", "CH ER1 CH"),
        ("ˌʌndəˈstænd", "AH2 N D AH0 S T AE1 N D"),
        ("dʒʌdʒ", "JH AH1 JH"),
        ("ˈbʌtn̩", "B AH1 T AH0 N"),
        ("θɪŋ", "TH IH1 NG"),
    ],
)
def test_ipa(ipa: str, phones: str) -> None:
    assert arpabet(ipa) == (phones.split(), "")


def test_voices_languages_and_marks(english: FrontEnd) -> None:
    sentences = said(
        english,
        '<mark name="start"/>One <mark name="two"/>two. <voice name="joe ann">Three</voice>'
        '<lang xml:lang="de-DE"><mark name="de"/>drei 4</lang> five<mark name="end"/>',
    )
    assert [(s.spoken, s.voice, s.language, s.marks) for s in sentences] == [
        ("one two", "", "", (("start", 0), ("two", 5))),
        ("three", "joe", "", ()),
        ("drei vier", "", "de-DE", (("de", 0),)),
        ("five", "", "", (("end", 8),)),
    ]
    assert sentences[2].symbols == tuple("|drei|vier,")
    assert english.warnings == []


def test_the_language_of_the_document(english: FrontEnd) -> None:
    (sentence,) = english.ssml('<speak xml:lang="de-AT">10</speak>')
    assert (sentence.spoken, sentence.language) == ("zehn", "de-AT")
    (sentence,) = english.ssml('<speak xml:lang="fr">10</speak>')
    assert (sentence.spoken, sentence.language) == ("ten", "") and "does not speak fr" in english.warnings[0]


def test_a_speaker_brings_its_language() -> None:
    front = FrontEnd(
        "en",
        voice_symbols("en"),
        others={"de": FrontEnd("de", LETTERS)},
        voices={"joe": "en", "eva": "de", "ann": "fr"},
    )
    inner = '1 <voice name="eva">1 <voice name="joe">1</voice></voice><voice name="ann">1</voice>'
    inner += '<voice name="new">1</voice>'
    assert [(s.spoken, s.voice, s.language) for s in said(front, inner)] == [
        ("one", "", ""), ("eins", "eva", "de"), ("one", "joe", "en"), ("one", "ann", ""), ("one", "new", "")
    ]  # fmt: skip


def test_warnings(english: FrontEnd) -> None:
    inner = (
        '<emphasis>one</emphasis> <prosody range="high" pitch="200Hz">two</prosody> <lang xml:lang="fr">trois</lang> '
        '<say-as interpret-as="vxml">4</say-as> <voice gender="female">five</voice> '
        '<phoneme alphabet="x-sampa" ph="x">six</phoneme>'
        "<audio src='a.wav'>seven</audio>"
    )
    sentences = said(english, inner)
    assert " ".join(s.spoken for s in sentences) == "one two trois four five six seven"
    told = "\n".join(english.warnings)
    for what in ("<emphasis>", "range", "pitch=", "fr", "vxml", "<voice>", "x-sampa", "<audio>"):
        assert what in told
    assert all("line 1, column" in warning for warning in english.warnings)
    heard: list[str] = []
    list(FrontEnd("en", voice_symbols("en"), warn=heard.append).ssml("<speak><x>one</x> <x>two</x></speak>"))
    assert heard == [
        "SSML line 1, column 8: <x> is not known here and read through",
        "SSML line 1, column 19: <x> is not known here and read through",
    ]


def test_long_sentences_keep_controls_and_marks(front: FrontEnd) -> None:
    inner = "wort " * 20 + '<prosody rate="fast">' + "schnell " * 20 + '</prosody><mark name="m"/>ende ' * 1
    sentences = list(front.ssml(f"<speak>{inner}</speak>", longest=40))
    assert all(len(s.symbols) <= 40 for s in sentences)
    fast = [control.speed for s in sentences for control in s.controls or [Control()] * len(s.symbols)]
    assert fast.count(1.25) >= 20 * 8
    assert [name for s in sentences for name, _ in s.marks] == ["m"]
    (at,) = [at for s in sentences for _, at in s.marks]
    assert sentences[-1].symbols[at : at + 5] == tuple("|ende")


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ("", "line 1, column 1: no element found"),
        ("Hallo", "line 1, column 1: syntax error"),
        ("<html/>", "line 1, column 1: the document starts with <html>"),
        ("<speak>Hallo", "line 1, column 13: no element found"),
        ("<speak>\n<p>Hallo</speak>", "line 2, column 11: mismatched tag"),
        ("<speak>ü <p>Hallo</s></speak>", "line 1, column 20: mismatched tag"),
        ("<speak>a & b</speak>", "line 1, column 11: not well-formed"),
        ("<speak>&unbekannt;</speak>", "line 1, column 8: undefined entity"),
        ("<speak>a\x00</speak>", "line 1, column 9: not well-formed"),
        ("<speak>\ud800</speak>", "half a character"),
        ("<speak/><speak/>", "junk after document element"),
        ("<!DOCTYPE speak><speak>a</speak>", "line 1, column .*: a document type"),
        ('<!DOCTYPE s [<!ENTITY a "b">]><speak>&a;</speak>', "a document type"),
        ('<!DOCTYPE s SYSTEM "file:///etc/passwd"><speak>a</speak>', "a document type"),
        ("<speak>" + "<p>" * 100 + "a" + "</p>" * 100 + "</speak>", "nested deeper than 64"),
        ('<speak>\n <break time="bald"/></speak>', 'line 2, column 2: <break time="bald"> is no time'),
        ('<speak><break time="1h"/></speak>', "is no time"),
        ('<speak><break time="99999s"/></speak>', "longer than 60 s"),
        ('<speak><break strength="huge"/></speak>', 'strength="huge"> is unknown'),
        ('<speak><prosody rate="quick">a</prosody></speak>', 'rate="quick"> is not understood'),
        ("<speak><sub>a</sub></speak>", "<sub> has no alias"),
        ("<speak><say-as>a</say-as></speak>", "<say-as> has no interpret-as"),
        ("<speak><phoneme>a</phoneme></speak>", "<phoneme> has no ph"),
        ('<speak>\n<phoneme alphabet="x-arpabet" ph="a 7">a</phoneme></speak>', "line 2, column 1: '7' is no unit"),
        ('<speak><phoneme alphabet="x-arpabet" ph=" ">a</phoneme></speak>', "names no phones"),
        ("<speak><mark/></speak>", "<mark> has no name"),
        ("<speak><lang>a</lang></speak>", "<lang> has no xml:lang"),
        ("<speak> </speak>", "The text is empty"),
        ("<speak><p>?!</p></speak>", "nothing to say"),
        ("<speak>Привет</speak>", "no units for"),
    ],
)
def test_bad_documents(front: FrontEnd, document: str, what: str) -> None:
    with pytest.raises(DataError, match=what):
        list(front.ssml(document))


def test_errors_come_before_anything_is_said(front: FrontEnd) -> None:
    with pytest.raises(DataError, match="mismatched"):
        front.ssml("<speak>" + "Ein Satz. " * 1000 + "</p></speak>")
    with pytest.raises(DataError, match="'7' is no unit"):
        front.ssml('<speak>Ja. <phoneme alphabet="x-arpabet" ph="7">a</phoneme></speak>')


def test_an_entity_bomb_is_refused_at_once(front: FrontEnd) -> None:
    lines = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(20))
    bomb = f'<!DOCTYPE speak [<!ENTITY l0 "lol">{lines}]><speak>&l20;</speak>'
    started = time.process_time()
    with pytest.raises(DataError, match="a document type"):
        front.ssml(bomb)
    assert time.process_time() - started < 0.5


def test_large_documents(front: FrontEnd) -> None:
    with pytest.raises(DataError, match="at most"):
        front.ssml("<speak>" + "a" * 5_000_000 + "</speak>")
    inner = '<p><s>Ein <prosody rate="fast">Satz</prosody> <mark name="m"/>mehr.</s></p>' * 2_000
    started = time.process_time()
    sentences = said(front, inner)
    assert len(sentences) == 2_000 and time.process_time() - started < 10
    assert all(len(s.marks) == 1 for s in sentences)
