"""CTM, the form in which NIST's tools take times of words: a line a word, `recording channel start duration word
[confidence]`, times in seconds. A line that begins with `;;` is a remark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from resonet.errors import DataError


@dataclass(frozen=True)
class Line:
    """A word of a recording: start and duration in seconds, confidence 0..1, or None where it is not known."""

    recording: str
    start: float
    duration: float
    word: str
    confidence: float | None = None
    channel: str = "1"


def render(lines: Iterable[Line]) -> str:
    """The text of a CTM file. White space within a name or word, which would end it, becomes `_`."""
    return "".join(
        f"{_field(line.recording)} {_field(line.channel)} {line.start:.3f} {line.duration:.3f} {_field(line.word)}"
        + ("\n" if line.confidence is None else f" {line.confidence:.3f}\n")
        for line in lines
    )


def parse(text: str, where: str = "the CTM file") -> list[Line]:
    """The words of a CTM file, in its order.

    Raises:
        DataError: a line that is none; the sentence names it and the file, as `where` calls it.
    """
    found = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        fields = line.split()
        if not fields or line.lstrip().startswith(";;"):
            continue
        try:
            recording, channel, start, duration, word, *rest = fields
            times = [float(start), float(duration), *map(float, rest[:1])]
            if len(rest) > 3 or not all(map(math.isfinite, times)) or min(times[:2]) < 0:
                raise ValueError
        except ValueError:
            raise DataError(
                f"line {number} of {where} is none of CTM", "recording channel start duration word [confidence]"
            ) from None
        found.append(Line(recording, times[0], times[1], word, times[2] if rest else None, channel))
    return found


def _field(text: str) -> str:
    return "_".join(text.split()) or "_"
