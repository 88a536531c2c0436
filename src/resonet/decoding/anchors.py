"""Where a long text and a long recording certainly meet: rows of units that were heard exactly as they are written, and
that neither has twice. Between two such places all else can be aligned on its own.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Equal units in a row that make a match unique: of 39 phones eight, of 500 pieces five. A row to cut in has half as
# many more.
_BITS, _SURER = 42.0, 1.5


def cuts(log_probs: NDArray[np.float32], words: Sequence[Sequence[int]], every: int) -> list[tuple[int, int]]:
    """Places to cut at, (frame, word) both counted from 0 and in order: the word begins after that frame, and what
    comes before it lies before.

    Args:
        log_probs: float32 [frames, units], natural log, blank first.
        words: the units of each.
        every: frames that two cuts are apart at least.
    """
    starts, ends, heard = best_path(log_probs)
    said = np.array([unit for word in words for unit in word], np.int64)
    begins = np.cumsum([0, *map(len, words)])
    order = max(3, round(_BITS / math.log2(max(2, log_probs.shape[1]))))
    found: list[tuple[int, int]] = []
    last = 0
    for place, at, length in _rows(said, heard, order):
        if length < _SURER * order:
            continue
        # A word's first unit and the one before it, both well inside of the row.
        first, after = np.searchsorted(begins, [place + 2, place + length - 1])
        for word in range(int(first), int(after)):
            unit = int(begins[word]) - place + at
            frame = int(ends[unit - 1] + starts[unit]) // 2
            if len(words[word]) and frame - last >= every and len(log_probs) - frame >= every:
                found.append((frame, word))
                last = frame
    return found


def best_path(log_probs: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """First frame, frame after the last, and unit of each unit of the best path."""
    best = log_probs.argmax(axis=1)
    edges = np.flatnonzero(np.diff(best)) + 1
    starts, ends = np.concatenate(([0], edges)), np.concatenate((edges, [len(best)]))
    units = best[starts] if len(best) else best
    kept = np.flatnonzero(units)
    return starts[kept], ends[kept], units[kept]


def _rows(said: NDArray[np.int64], heard: NDArray[np.int64], order: int) -> list[tuple[int, int, int]]:
    """Rows of equal units, (place in `said`, place in `heard`, length), that follow each other in both."""
    there = _once(heard, order)
    pairs = [(place, there[row]) for row, place in _once(said, order).items() if row in there]
    rows: list[tuple[int, int, int]] = []
    for place, at in _rising(sorted(pairs)):
        if rows and place - rows[-1][0] == at - rows[-1][1] and place <= rows[-1][0] + rows[-1][2] - order + 1:
            rows[-1] = (*rows[-1][:2], place - rows[-1][0] + order)
        else:
            rows.append((place, at, order))
    return rows


def _once(units: NDArray[np.int64], order: int) -> dict[bytes, int]:
    """Place of each row of `order` units that occurs once."""
    content = units.astype("<u2").tobytes()
    places: dict[bytes, int] = {}
    for i in range(len(units) - order + 1):
        row = content[2 * i : 2 * (i + order)]
        places[row] = -1 if row in places else i
    return {row: place for row, place in places.items() if place >= 0}


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """As many pairs as can be kept so that the second numbers rise with the first ones."""
    lowest: list[int] = []  # of all rising rows of a length, the least last number
    ends: list[int] = []
    before: list[int] = []
    for i, (_, at) in enumerate(pairs):
        length = bisect_left(lowest, at)
        before.append(ends[length - 1] if length else -1)
        if length == len(lowest):
            lowest.append(at)
            ends.append(i)
        else:
            lowest[length], ends[length] = at, i
    kept = []
    i = ends[-1] if ends else -1
    while i >= 0:
        kept.append(pairs[i])
        i = before[i]
    return kept[::-1]
