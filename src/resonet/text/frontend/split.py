"""Sentences of a text, one after the other, in time that grows with the text and no faster."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

# What is longer than this without an end is cut: rules and layout never see more at once.
MOST = 2000
_NEAR = 40  # characters on either side that a decision may look at

_BOUNDARY = re.compile(
    r"""[.!?…。！？｡．।॥؟։]{1,50}[)\]}"'”’»›」』》）】]{0,5}"""
    r"""|\n[^\S\n]*\n\s*|[\f\u2029]\s*"""
    r"""|\n(?=[^\S\n]{0,8}[*•‣·-][ \t])"""
)
_PARAGRAPH = re.compile(r"[^\S\n]*(?:\n[^\S\n]*\n|[\f\u2029])\s*\S")
_CLAUSE = re.compile(r"[,;:–—)，；：、](?=\s)|[，；：、]")
_BEFORE = re.compile(r"\S+\Z")
_AFTER = re.compile(r"""[\s"'“”„‚‘’«»‹›(\[¿¡*_–—-]*(\w[\w'’]*)?""")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_VOWEL = re.compile(r"[aeiouyäöüáéíóúàèìòùâêîôûå]", re.IGNORECASE)
_ROMAN = re.compile(r"[IVXLC]{1,8}")
_DATE = re.compile(r"\d{1,2}\.(\d{1,2})|\d{1,3}\.?[-–](\d{1,3})")
_SPACED = re.compile(r"(?<!\w)(?:\w{1,3}\.\s?){1,3}\w{1,3}\.\Z")
_ALWAYS = frozenset("。！？｡．।॥")


def word_set(words: str) -> frozenset[str]:
    """The words of a string, for tables."""
    return frozenset(words.split())


class Stretch(NamedTuple):
    """Characters `start:end` of the text. `goes_on`: the sentence was cut for its length; `paragraph`: the
    last of one."""

    start: int
    end: int
    goes_on: bool = False
    paragraph: bool = False


@dataclass(frozen=True)
class Dots:
    """What a language writes with a full stop that ends no sentence, all in lower case and without the last dot.

    never: abbreviations after which a sentence always goes on (dr, z.b).
    maybe: those that may end one: they do where a word of `starters` follows with a capital (etc, p.m).
    starters: words that, with a capital, show that a sentence starts.
    numbered: abbreviations where a number follows, else words (no. 5).
    tails: ends of words that are short for one (hauptstr); they are as `maybe`.
    ordinal: whether the dot after a number belongs to it: (text, place of the number, of its dot, next word).
    """

    never: frozenset[str] = frozenset()
    maybe: frozenset[str] = frozenset()
    starters: frozenset[str] = frozenset()
    numbered: frozenset[str] = frozenset()
    tails: tuple[str, ...] = ()
    ordinal: Callable[[str, int, int, str], bool] | None = None


def stretches(text: str, dots: Dots, most: int = MOST) -> Iterator[Stretch]:
    """The sentences of a text in order, none longer than `most` characters."""
    start = 0
    for match in _BOUNDARY.finditer(text):
        while match.start() - start > most:
            cut = _cut(text, start, most)
            yield Stretch(start, cut, goes_on=True)
            start = cut
        newline = match[0][0] in "\n\f\u2029"
        if not newline and not _ends(text, match, dots):
            continue
        end = match.start() if newline else match.end()
        if end > start:
            yield Stretch(start, end, paragraph=bool(_PARAGRAPH.match(text, end)))
        start = match.end()
    while len(text) - start > most:
        cut = _cut(text, start, most)
        yield Stretch(start, cut, goes_on=True)
        start = cut
    if start < len(text):
        yield Stretch(start, len(text))


def _cut(text: str, start: int, most: int) -> int:
    """Where to cut at most `most` characters: after a clause, else after a word, else anywhere."""
    window = text[start : start + most]
    places = [match.end() for match in _CLAUSE.finditer(window, most // 2)]
    if places:
        return start + places[-1]
    for i in range(len(window) - 1, most // 2, -1):
        if window[i].isspace():
            return start + i
    cut = start + most
    while cut > start + most - 20 and unicodedata.category(text[cut]).startswith("M"):
        cut -= 1
    return cut


def _ends(text: str, match: re.Match[str], dots: Dots) -> bool:
    """Whether the punctuation that was found ends a sentence."""
    first = match.start()
    last = match.end()
    signs = match[0]
    if signs[0] in _ALWAYS or last == len(text):
        return True
    if not text[last].isspace():
        return False
    after = _AFTER.match(text, last, last + _NEAR)
    following = (after and after[1]) or ""
    small = following[:1].islower()
    closed = signs[-1] not in ".!?…؟։"
    if signs[0] != "." or "!" in signs or "?" in signs:
        return not (small and (closed or signs[0] == "…"))
    if len(signs.rstrip("""!?…)]}"'”’»›」』》）】""")) > 1:  # an ellipsis of dots
        return not small
    found = _BEFORE.search(text, max(0, first - _NEAR), first)
    word = found[0].lstrip("([{\"'“„‚«»‹›‘’") if found else ""
    if closed:
        return not small
    return _dot_ends(text, word, first, following, dots)


def _dot_ends(text: str, word: str, dot: int, following: str, dots: Dots) -> bool:
    """Whether the dot after `word` ends a sentence before `following`."""
    plain = word.lower()
    small = following[:1].islower()
    starts = following[:1].isupper() and following.lower() in dots.starters
    if (plain.isascii() and plain.isdigit()) or _ROMAN.fullmatch(word):
        if dots.ordinal and following and dots.ordinal(text, dot - len(word), dot, following):
            return False
        if word.isdigit():
            return not small
    spaced = _SPACED.search(text, max(0, dot - 16), dot + 1)  # z. B., i. d. R.
    if spaced and len(word) < 4:
        whole = "".join(spaced[0].lower().split()).rstrip(".")
        if whole in dots.never:
            return False
        if whole in dots.maybe:
            return starts
    if plain in dots.never or (plain in dots.numbered and following[:1].isdigit()):
        return False
    if plain in dots.maybe or _DOTTED.fullmatch(word) or (dots.tails and plain.endswith(dots.tails)):
        return starts
    date = _DATE.fullmatch(word)
    if date and dots.ordinal:  # am 3.5., vom 1.-3.
        return starts if date[1] else not dots.ordinal(text, dot - len(date[2]), dot, following)
    if (
        len(word) == 1 and word.isalpha() and (word.isupper() or dots.starters)
    ):  # initials, and letters of abbreviations written with spaces
        return starts
    tail = re.split(r"[-/.]", plain)[-1]
    if tail != plain and tail in dots.never:
        return False
    if small:
        return len(word) > 2 and word.isalpha() and bool(_VOWEL.search(word))
    return True
