"""A segment as text: its tokens, when each was said, and where in it the parts of a query are."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from resonet.search.tokens import tokens_of

# Seconds within which two places are one: as Kaldi's keyword search has it (local/kws_search.sh, `duptime`).
MERGED = 0.6
# A word's start and length in milliseconds and its confidence in 255ths, as the store packs them; here they are read
# one by one, because few words of a segment are asked for.
_WORD = struct.Struct("<IHB")


@dataclass(frozen=True)
class Occurrence:
    """A place in a segment where a part of a query is.

    Fields:
        start, end: seconds in the recording. score: 0..1.
        first, last: tokens of the segment, both included; the last is before the first where the text lacks them.
        tokens: those that were asked for.
        accepted: whether the score is enough to stand by it.
    """

    start: float
    end: float
    score: float
    first: int
    last: int
    tokens: tuple[int, ...] = ()
    accepted: bool = True

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


@dataclass(frozen=True)
class Said:
    """A segment as text, with the fields of its recording; times in seconds of the recording."""

    id: int
    start: float
    end: float
    text: str
    packed: bytes
    path: str
    speaker: str
    date: str
    language: str

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """The tokens of its text."""
        found: list[str] = []
        for word in self.text.split(" "):
            found += tokens_of(word)
        return tuple(found)

    @cached_property
    def _places(self) -> list[tuple[int, float, float, tuple[int, int]]]:
        """Of each token: its word, the share of the word before it and with it, where it is in the text."""
        found, at = [], 0
        for number, word in enumerate(self.text.split(" ")):
            mine = tokens_of(word)
            total, done = sum(map(len, mine)), 0
            for token in mine:
                until = done + len(token)
                # Where a word is not its tokens letter by letter (punctuation), all of it is shown for each.
                shown = (at + done, at + until) if total == len(word) else (at, at + len(word))
                found.append((number, done / total, until / total, shown))
                done = until
            at += len(word) + 1
        return found

    @cached_property
    def _plain(self) -> bool:
        """Whether each word is one token, as in most languages: then a token's number is its word's."""
        return len(self.tokens) == self.text.count(" ") + 1 and all(map(tokens_of, self.text.split(" ")))

    def time(self, token: int) -> tuple[float, float]:
        """Start and end of a token: its word's, or its share of them."""
        word, since, until = (token, 0.0, 1.0) if self._plain else self._places[token][:3]
        start, length, _ = _WORD.unpack_from(self.packed, word * _WORD.size)
        return self.start + (start + since * length) / 1000, self.start + (start + until * length) / 1000

    def confidence(self, numbers: Iterable[int]) -> float:
        """That all words of these tokens are right, as though they were independent."""
        result = 1.0
        for word in numbers if self._plain else {self._places[number][0] for number in numbers}:
            result *= _WORD.unpack_from(self.packed, word * _WORD.size)[2] / 255
        return result

    def at(self, first: int, last: int, factor: float = 1.0) -> Occurrence:
        """The tokens from the first to the last as an occurrence."""
        numbers = tuple(range(first, last + 1))
        return Occurrence(
            self.time(first)[0], self.time(last)[1], factor * self.confidence(numbers), first, last, numbers
        )

    def heard(self, start: float, end: float, score: float, accepted: bool) -> Occurrence:
        """A stretch of sound as an occurrence, with the tokens that the text has there in its stead."""
        middles = [sum(self.time(i)) / 2 for i in range(len(self.tokens))]
        first = sum(middle < start for middle in middles)
        last = first + sum(start <= middle <= end for middle in middles) - 1
        return Occurrence(start, end, score, first, last, tuple(range(first, last + 1)), accepted)

    def characters(self, numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
        """Where tokens stand in the text, as (start, end); those that follow each other are one."""
        if not (wanted := sorted(set(numbers))):
            return ()
        found = []
        for _, group in groupby(enumerate(wanted), key=lambda pair: pair[1] - pair[0]):
            run = [number for _, number in group]
            found.append((self._places[run[0]][3][0], self._places[run[-1]][3][1]))
        return tuple(found)


def merged(places: Sequence[Occurrence]) -> list[Occurrence]:
    """Places in order of their start, the best of those that lie within 0.6 seconds of each other."""
    kept: list[Occurrence] = []
    for place in sorted(places, key=lambda place: -place.score):
        if all(abs(place.middle - other.middle) > MERGED for other in kept):
            kept.append(place)
    return sorted(kept, key=lambda place: place.start)


def shortened(text: str, matches: Sequence[tuple[int, int]], width: int) -> tuple[str, tuple[tuple[int, int], ...]]:
    """A text around its matches, in about so many characters, and where the matches are in that; … for the rest."""
    if len(text) <= width:
        return text, tuple(matches)
    first, last = (matches[0][0], matches[0][1]) if matches else (0, 0)
    room = max(0, width - (last - first))
    start = max(0, min(first - room // 2, len(text) - width))
    end = min(len(text), start + max(width, last - first))
    if start > 0 and (space := text.find(" ", start, first + 1)) >= 0:
        start = space + 1
    if end < len(text) and (space := text.rfind(" ", max(last, start), end + 1)) >= 0:
        end = space
    before, after = "… " if start > 0 else "", " …" if end < len(text) else ""
    shift = len(before) - start
    kept = tuple((max(a, start) + shift, min(b, end) + shift) for a, b in matches if a < end and b > start)
    return f"{before}{text[start:end]}{after}", kept
