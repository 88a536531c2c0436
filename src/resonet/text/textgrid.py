"""TextGrids, Praat's files of labelled stretches: read in both forms of text and all encodings that Praat writes,
written in the long form as UTF-8.

Both forms hold the same strings, numbers and flags in the same order; the long form names them in between, and what is
none of these is passed over, as Praat does it.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from resonet.errors import DataError

_TOKEN = re.compile(
    r'"(?P<string>[^"]*(?:""[^"]*)*)"'
    r"|(?P<flag><[a-z]+>)"
    r"|![^\n]*"
    r"|(?<!\S)(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?!\S)"
    r'|[^\s"]+|"'
)
_MOST = 256 << 20  # bytes: the phones of a day take a fifth of it
_HEAD = 400  # characters in which a TextGrid says what it is
_KIND = re.compile(r'"ooTextFile[^"]*"[^"]*"TextGrid"')
_INTERVALS, _POINTS = "IntervalTier", "TextTier"


@dataclass(frozen=True)
class Interval:
    """A labelled stretch: start and end in seconds, equal for a point; the label may be empty."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Tier:
    """Labelled stretches in order; with `points`, moments."""

    name: str
    intervals: tuple[Interval, ...]
    points: bool = False


@dataclass(frozen=True)
class TextGrid:
    """Tiers over the time from `start` to `end`, in seconds."""

    start: float
    end: float
    tiers: tuple[Tier, ...]

    def tier(self, name: str) -> Tier:
        """The tier of that name, whatever its capitals. Raises DataError where there is none."""
        for tier in self.tiers:
            if tier.name.lower() == name.lower():
                return tier
        names = ", ".join(repr(tier.name) for tier in self.tiers)
        raise DataError(f"the TextGrid has no tier {name!r}", f"it has {names}" if names else "it has none")


def is_textgrid(content: bytes) -> bool:
    """Whether these bytes begin as a TextGrid does."""
    return _KIND.search(content[: 4 * _HEAD].decode(_encoding(content), "replace")[:_HEAD]) is not None


def read(path: str | Path) -> TextGrid:
    """The TextGrid in a file: UTF-8, or UTF-16 with or without a mark of its byte order.

    Raises:
        DataError: not to be read, no TextGrid, or damaged; the sentence names the file.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_MOST + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(content) > _MOST:
        raise DataError(f"{path} has more than {_MOST >> 20} MiB", "give it in parts")
    return parse(content, str(path))


def parse(content: bytes, where: str = "the TextGrid") -> TextGrid:
    """The TextGrid in these bytes; `where` is how errors name it. Raises as `read` does."""
    try:
        text = content.decode(_encoding(content))
    except UnicodeDecodeError:
        raise DataError(f"{where} is neither UTF-8 nor UTF-16 text", "save it from Praat as text in UTF-8") from None
    if not _KIND.search(text[:_HEAD]):
        raise DataError(f"{where} is no TextGrid", "Praat: Save as text file...")
    return _Reader(text, where).grid()


def render(grid: TextGrid) -> str:
    """The long form. Times have three decimals; where intervals leave gaps, Praat wants empty ones, and gets them.

    An interval that is shorter than a millisecond is left out.

    Raises:
        DataError: intervals that overlap or lie outside of the grid.
    """
    lines = [
        f'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = {_time(grid.start)}\nxmax = {_time(grid.end)}\n'
        f"tiers? <exists>\nsize = {len(grid.tiers)}\nitem []:\n"
    ]
    for number, tier in enumerate(grid.tiers, 1):
        intervals = list(tier.intervals if tier.points else _tiled(tier, grid.start, grid.end))
        word = "points" if tier.points else "intervals"
        lines.append(
            f"    item [{number}]:\n"
            f'        class = "{_POINTS if tier.points else _INTERVALS}"\n'
            f"        name = {_quoted(tier.name)}\n"
            f"        xmin = {_time(grid.start)}\n"
            f"        xmax = {_time(grid.end)}\n"
            f"        {word}: size = {len(intervals)}\n"
        )
        for i, interval in enumerate(intervals, 1):
            lines.append(f"        {word} [{i}]:\n")
            if tier.points:
                lines.append(f"            number = {_time(interval.start)}\n            mark = ")
            else:
                lines.append(f"            xmin = {_time(interval.start)}\n            xmax = {_time(interval.end)}\n")
                lines.append("            text = ")
            lines.append(f"{_quoted(interval.text)}\n")
    return "".join(lines)


class _Reader:
    """Takes a TextGrid's strings, numbers and flags one after the other."""

    def __init__(self, text: str, where: str) -> None:
        self._tokens = _TOKEN.finditer(text)
        self._where = where

    def grid(self) -> TextGrid:
        self._string()  # ooTextFile
        self._string()  # TextGrid
        start, end = self._number(), self._number()
        tiers = [self._tier() for _ in range(self._count())] if self._flag() == "<exists>" else []
        return TextGrid(start, end, tuple(tiers))

    def _tier(self) -> Tier:
        kind, name = self._string(), self._string()
        if kind not in (_INTERVALS, _POINTS):
            raise self._damaged(f"a tier of the kind {kind[:40]!r}")
        self._number()
        self._number()
        found = []
        last = -math.inf
        for _ in range(self._count()):
            start = self._number()
            end = start if kind == _POINTS else self._number()
            if end < start or start < last:
                raise self._damaged(f"tier {name!r} goes back in time at {start:.3f} s")
            last = end
            found.append(Interval(start, end, self._string()))
        return Tier(name, tuple(found), kind == _POINTS)

    def _string(self) -> str:
        return self._next("string").replace('""', '"')

    def _flag(self) -> str:
        return self._next("flag")

    def _count(self) -> int:
        number = self._number()
        if number < 0 or number != int(number):
            raise self._damaged(f"{number:g} is no count")
        return int(number)

    def _number(self) -> float:
        number = float(self._next("number"))
        if not math.isfinite(number):
            raise self._damaged("a number that is too large")
        return number

    def _next(self, kind: str) -> str:
        for match in self._tokens:
            if match.lastgroup == kind:
                return match[kind]
            if match.lastgroup is not None:
                raise self._damaged(f"{match[0][:40]!r} where a {kind} should be")
        raise self._damaged(f"it ends where a {kind} should be")

    def _damaged(self, what: str) -> DataError:
        return DataError(f"{self._where} is a damaged TextGrid: {what}")


def _encoding(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # The first character is of ASCII: half of its two bytes is zero.
    if content[:1] == b"\0":
        return "utf-16-be"
    return "utf-16-le" if content[1:2] == b"\0" else "utf-8-sig"


def _tiled(tier: Tier, start: float, end: float) -> Iterator[Interval]:
    """The intervals with those between them, each as long as it will be written."""
    at, last = round(start, 3), round(end, 3)
    for interval in tier.intervals:
        here, there = round(interval.start, 3), round(interval.end, 3)
        if here < at or there > last or there < here:
            raise DataError(f"{interval.text!r} from {here:.3f} to {there:.3f} s has no room in the tier {tier.name!r}")
        if there > here:
            if here > at:
                yield Interval(at, here, "")
            yield Interval(here, there, interval.text)
            at = there
    if at < last:
        yield Interval(at, last, "")


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
