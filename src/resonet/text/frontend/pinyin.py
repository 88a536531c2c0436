"""Mandarin words as pinyin initials and toned finals: readings by pypinyin (extra [speak]), tone changes by us."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from resonet.errors import MissingExtra
from resonet.text.frontend.rules import Token
from resonet.text.frontend.sentence import Said
from resonet.text.frontend.words import PAUSE, Group, Letters, Warn, fit
from resonet.text.lexicon import Lexicon
from resonet.text.phones import PINYIN_FINALS, PINYIN_INITIALS

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff〇]")

_SYLLABLE = re.compile(rf"({'|'.join(sorted(PINYIN_INITIALS, key=len, reverse=True))})?([a-zê]+?)(r?)([1-5]?)\Z")
_WHOLE = {  # syllables without an initial, as pinyin writes them
    "yi": "i", "ya": "ia", "ye": "ie", "yao": "iao", "you": "iou", "yan": "ian", "yin": "in", "yang": "iang",
    "ying": "ing", "yong": "iong", "yai": "ai", "wu": "u", "wa": "ua", "wo": "uo", "wai": "uai", "wei": "uei",
    "wan": "uan", "wen": "uen", "wang": "uang", "weng": "ueng", "yu": "v", "yue": "ve", "yuan": "van", "yun": "vn",
    "yo": "o", "n": "en", "ng": "eng", "m": "en", "ê": "e",
}  # fmt: skip
_FULL = {"iu": "iou", "ui": "uei", "un": "uen", "ue": "ve", "io": "o"}
_ROUNDED = {"u": "v", "ue": "ve", "uan": "van", "un": "vn"}  # after j q x
_TONES = {"\u0304": "1", "\u0301": "2", "\u030c": "3", "\u0300": "4"}

# The names of letters, as Chinese speakers say them.
LETTERS = {
    "A": "ei1", "B": "bi4", "C": "xi1", "D": "di4", "E": "yi4", "F": "ai2 fu5", "G": "ji4", "H": "ai2 chi5", "I": "ai4",
    "J": "zhei4", "K": "kei4", "L": "ai2 lou5", "M": "ai2 mu5", "N": "en1", "O": "ou1", "P": "pi4", "Q": "kiu4",
    "R": "a4 er5", "S": "ai2 si5", "T": "ti4", "U": "you1", "V": "wei1", "W": "da2 bu5 liu5", "X": "ai2 ke5 si5",
    "Y": "wai4", "Z": "zei4",
}  # fmt: skip

# Readings that the words around decide: what ends with the character, and its reading there.
_READINGS = [
    (re.compile(pattern), reading)
    for pattern, reading in (
        ("得(?=[到出分奖知意病罪])", "de2"),
        ("(?<=不)得(?=不)", "de2"),
        ("(?<=[我你他她它们谁得还就总也都又非必可])得(?=[\u4e00-\u9fff])", "dei3"),
        ("(?<=[\u4e00-\u9fff])得(?=[\u4e00-\u9fff])", "de5"),
        (r"([\u4e00-\u9fff])\1地(?=[\u4e00-\u9fff])", "de5"),
        ("(?<=[然真心快力细静极兴])地(?=[\u4e00-\u9fff])", "de5"),
        ("(?<=[很太最更不多么越常真挺较米里寸尺])长(?!大|高|得|出)", "chang2"),
        ("长(?=的|[一二三四五六七八九十两])", "chang2"),
        ("还(?=给|清|款|债|钱|书|贷)", "huan2"),
        ("(?<=[一二三四五六七八九十百千万两几半每])只", "zhi1"),
        ("(?<=[一二三四五六七八九十两几])行(?=[字诗代])", "hang2"),
    )
]
# Words that end in a full syllable 儿; elsewhere it joins the syllable before.
_FULL_ER = frozenset(
    ["女儿", "婴儿", "幼儿", "孤儿", "胎儿", "男儿", "健儿", "宠儿", "少儿", "乳儿", "患儿", "托儿", "育儿"]
)
_ER_FIRST = frozenset("子童科歌女孙媳时")
_DIGITS = frozenset("〇零一二三四五六七八九十")
_ORDINAL_AFTER = frozenset("月号日楼等")  # 一月, 一号: the first, not one
_LONGEST_WORD = 8


def units_of(syllable: str) -> tuple[str, ...]:
    """`zhang3`, `zhāng` -> ("zh", "ang3"); no digit: the neutral tone. Empty for what is no syllable."""
    text = syllable.lower().replace("u:", "v").replace("ü", "v")
    if not text.isascii():
        text = _plain_tone(text)
    match = _SYLLABLE.fullmatch(text)
    if match is None:
        return ()
    initial, final, erhua, tone = match[1] or "", match[2], match[3], match[4] or "5"
    if final == "e" and erhua:  # er
        final, erhua = "er", ""
    if not initial:
        final = _WHOLE.get(final, final)
    elif initial in "jqx":
        final = _ROUNDED.get(final, final)
    final = _FULL.get(final, final)
    if final not in PINYIN_FINALS:
        return ()
    units = (initial, final + tone) if initial else (final + tone,)
    return (*units, "er5") if erhua else units


def _plain_tone(text: str) -> str:
    """Tone marks as a digit at the end."""
    import unicodedata

    tone = ""
    letters = ""
    for c in unicodedata.normalize("NFD", text):
        if c in _TONES:
            tone = _TONES[c]
        elif c == "\u0308":
            letters = letters[:-1] + "v"
        elif c == "\u0302":
            letters = letters[:-1] + "ê"
        else:
            letters += c
    return letters + tone


class Pinyin(Letters):
    """Words of a Mandarin voice.

    Args:
        lexicon: words that belong together (老虎), beside the phrases that pypinyin knows; its units are not used.
    """

    def __init__(
        self, symbols: Collection[str], user: Mapping[str, Said], warn: Warn, lexicon: Lexicon | None = None
    ) -> None:
        super().__init__(symbols, user, warn)
        self.lexicon = lexicon
        self._readings: dict[str, tuple[str, ...]] = {}
        self._fitting: dict[str, tuple[str, ...]] = {}

    def groups(self, tokens: Sequence[Token]) -> list[Group]:
        found: list[Group] = []
        run: list[tuple[int, str]] = []  # token, and a Chinese character or something said as a whole
        for i, token in enumerate(tokens):
            if token.mark:
                found += self._run(run, tokens)
                run = []
                found.append(Group(token.start, token.end, mark=token.mark))
            elif token.units is not None:
                found += self._run(run, tokens)
                run = []
                if token.units:
                    found.append(Group(token.start, token.end, (token.units,), token.words))
            else:
                for word in token.words:
                    run += [(i, c) for c in word] if HAN.match(word) else [(i, word)]
        return found + self._run(run, tokens)

    def _run(self, run: Sequence[tuple[int, str]], tokens: Sequence[Token]) -> list[Group]:
        """Groups between two marks. What was written as one word is one, and so is what is said as one."""
        segments: list[tuple[int, int, tuple[str, ...], str]] = []  # first and last token, units, text
        i = 0
        while i < len(run):
            j = i
            while j < len(run) and HAN.match(run[j][1]):
                j += 1
            if j == i:
                token, word = run[i]
                units = PAUSE if word == "," else self._other(word)
                segments.append((token, token, units, "" if word == "," else word))
                i += 1
                continue
            at = i
            for text, units in self._chinese("".join(c for _, c in run[i:j])):
                segments.append((run[at][0], run[at + len(text) - 1][0], units, text))
                at += len(text)
            i = j
        return list(_joined(segments, tokens))

    def _other(self, word: str) -> tuple[str, ...]:
        """A Latin letter by its name; anything else by what symbols there are."""
        if word in LETTERS:
            return tuple(u for syllable in LETTERS[word].split() for u in fit(_kiu(syllable), self.symbols))
        return self.spelled(word)

    def _chinese(self, text: str) -> list[tuple[str, tuple[str, ...]]]:
        """Words of Chinese characters with their units; none for characters nobody knows."""
        words = self._segmented(text)
        syllables = self._read_aloud(text, words)
        bounds = [0]
        for word in words:
            bounds.append(bounds[-1] + len(word))
        sandhi(text, syllables, bounds)
        found = []
        for first, last in pairwise(bounds):
            units: list[str] = []
            for c, syllable in zip(text[first:last], syllables[first:last], strict=True):
                said = self._fitting.get(syllable)
                if said is None:
                    said = self._fitting[syllable] = fit(units_of(syllable), self.symbols)
                if not said:
                    self.miss(text[first:last], [c])
                units += said
            found.append((text[first:last], tuple(units)))
        return found

    def _segmented(self, text: str) -> list[str]:
        try:
            from pypinyin.seg.mmseg import seg
        except ImportError:
            raise MissingExtra("Reading Mandarin", "speak") from None
        words: list[str] = []
        for word in seg.cut(text):
            before = words[-1] if words else ""
            if word == "儿" and before and before + word not in _FULL_ER:
                following = text[sum(map(len, words)) + 1 :][:1]
                if following not in _ER_FIRST:
                    words[-1] += word
                    continue
            words.append(word)
        if self.lexicon is None:
            return words
        joined: list[str] = []
        i = 0
        while i < len(words):
            j, whole = i + 1, words[i]
            for k in range(i + 1, min(len(words), i + _LONGEST_WORD)):
                whole += words[k]
                if len(whole) > _LONGEST_WORD:
                    break
                if whole in self.lexicon:
                    j = k + 1
            joined.append("".join(words[i:j]))
            i = j
        return joined

    def _read_aloud(self, text: str, words: Sequence[str]) -> list[str]:
        """A syllable (`zhang3`) a character."""
        syllables = [syllable for word in words for syllable in self._reading(word)]
        alone = set()
        at = 0
        for word in words:
            if len(word) == 1 or word.endswith("儿"):
                alone.add(at)
            at += len(word)
        for pattern, reading in _READINGS:
            for match in pattern.finditer(text):
                at = match.end() - 1
                if at in alone:
                    alone.discard(at)  # the first rule that speaks
                    syllables[at] = reading
        at = 0
        for word in words:
            at += len(word)
            if len(word) > 1 and word[-1] == "儿" and word not in _FULL_ER and not word.endswith("女儿"):
                syllables[at - 1] = "er5"
        return syllables

    def _reading(self, word: str) -> tuple[str, ...]:
        found = self._readings.get(word)
        if found is None:
            from pypinyin import Style, lazy_pinyin

            said = lazy_pinyin([word], style=Style.TONE3, errors="ignore", neutral_tone_with_five=True)
            if len(said) != len(word):  # a character that pypinyin does not know
                each = [lazy_pinyin([c], style=Style.TONE3, errors="ignore", neutral_tone_with_five=True) for c in word]
                said = [syllables[0] if syllables else "" for syllables in each]
            found = tuple(said)
            if len(self._readings) > 50_000:
                self._readings.clear()
            self._readings[word] = found
        return found


def _kiu(syllable: str) -> tuple[str, ...]:
    return ("k", "iou4") if syllable == "kiu4" else units_of(syllable)


def _joined(segments: Sequence[tuple[int, int, tuple[str, ...], str]], tokens: Sequence[Token]) -> list[Group]:
    """Segments that share a token are one group."""
    found: list[Group] = []
    i = 0
    while i < len(segments):
        first, last = segments[i][0], segments[i][1]
        j = i + 1
        while j < len(segments) and segments[j][0] <= last:
            last = max(last, segments[j][1])
            j += 1
        parts = tuple(units for _, _, units, _ in segments[i:j] if units)
        words = tuple(text for _, _, units, text in segments[i:j] if units and text)
        if words:
            found.append(Group(tokens[first].start, tokens[last].end, parts, words))
        i = j
    return found


# Tone changes.


def sandhi(text: str, syllables: list[str], bounds: Sequence[int]) -> None:
    """Changes the tones of `syllables`, one a character of `text`, as they are said; words lie between `bounds`."""
    for i, c in enumerate(text):
        if c == "一":
            syllables[i] = "yi" + _yi(text, syllables, i, bounds)
        elif c == "不" and syllables[i][:2] == "bu":
            between = 0 < i < len(text) - 1 and text[i - 1] == text[i + 1]
            syllables[i] = "bu" + ("5" if between else "2" if _tone(syllables, i + 1) == "4" else "4")
    _third(syllables, bounds)


def _tone(syllables: Sequence[str], i: int) -> str:
    return syllables[i][-1:] if i < len(syllables) else ""


def _yi(text: str, syllables: Sequence[str], i: int, bounds: Sequence[int]) -> str:
    before, after = text[i - 1] if i else "", text[i + 1 : i + 2]
    if not after or (before and before in "第周期初") or before in _DIGITS or after in _DIGITS - {"十"}:
        return "1"
    if before == "点" and after != "刻":  # decimals
        return "1"
    if before and before == after:
        return "5"
    if after in _ORDINAL_AFTER:
        return "1"
    if after == "年" and text[i + 2 : i + 3] == "级":
        return "1"
    if i + 1 in bounds and i not in bounds:  # at the end of a word: 统一
        return "1"
    tone = "4" if after == "个" else _tone(syllables, i + 1)
    return "2" if tone == "4" else "4" if tone in "123" and tone else "1"


def _third(syllables: list[str], bounds: Sequence[int]) -> None:
    """A third tone before a third one becomes a second: within words first, then between them."""
    feet = _feet(bounds)
    for first, last in feet:
        thirds = [_tone(syllables, i) == "3" for i in range(first, last)]
        for k in range(len(thirds) - 1):
            if thirds[k] and thirds[k + 1]:
                syllables[first + k] = syllables[first + k][:-1] + "2"
    for (_, end), (start, _) in pairwise(feet):
        if _tone(syllables, end - 1) == "3" and _tone(syllables, start) == "3":
            syllables[end - 1] = syllables[end - 1][:-1] + "2"


def _feet(bounds: Sequence[int]) -> list[tuple[int, int]]:
    """Words; of single characters in a row two each, and three at the end of an odd row."""
    spans = list(pairwise(bounds))
    feet: list[tuple[int, int]] = []
    i = 0
    while i < len(spans):
        j = i
        while j < len(spans) and spans[j][1] - spans[j][0] == 1:
            j += 1
        if j - i < 2:
            feet.append(spans[i])
            i += 1
            continue
        while i < j:
            size = 3 if j - i == 3 else min(2, j - i)
            feet.append((spans[i][0], spans[i + size - 1][1]))
            i += size
    return feet
