"""Where a spoken query lies best in some segments: its slots and its windows are laid over theirs, and what both ways
find near each other in time is put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonet.search.slots import Slots
from resonet.search.warp import Costs, spans
from resonet.search.windows import weighed

Numbers = NDArray[np.float64]

# What it costs to leave out a slot of the query, and to pass over one of the segment, each times its weight; natural
# logs, as those of slots that do not match, which are at most 4.6.
_LEAVE_SLOT, _SKIP_SLOT = 4.0, 2.0
# The same of windows, beside 1 - cosine.
_LEAVE_WINDOW, _SKIP_WINDOW = 1.0, 0.5
# Windows cost so many times what slots do, each a unit of the query's weight.
WINDOWS = 2.5
# Seconds between two places that are judged where there are no windows, and by which the ends of both ways may differ.
_HOP, _APART = 0.08, 0.2
# Hits of a segment, and seconds between them.
_HITS, _BETWEEN = 3, 0.6


@dataclass(frozen=True)
class Query:
    """What was heard of a query.

    Fields:
        slots: None where nothing was heard that way.
        windows: float32 [n, size], of length 0 to 1: several views of it, with borders of windows in other places; none
            where nothing was heard that way.
    """

    slots: Slots | None
    windows: tuple[NDArray[np.float32], ...]


@dataclass(frozen=True)
class Evidence:
    """Places that a query may be at, best first in each segment; all [places].

    Fields:
        segment: number in the index. start, end: seconds in the recording.
        slots, windows: what it costs to lay the query there, a unit of its weight; nan where that way was not gone.
        both: what counts for the order.
    """

    segment: NDArray[np.int64]
    start: Numbers
    end: Numbers
    slots: Numbers
    windows: Numbers
    both: Numbers


def places(
    query: Query,
    segments: Sequence[int],
    starts: Sequence[float],
    slots: Slots,
    windows: Sequence[NDArray[np.int8]],
    shift: float,
    hop: float,
) -> Evidence:
    """The best places of a query in some segments.

    Args:
        segments, starts: their numbers, and where each begins in its recording (s).
        slots: of these segments; windows: [n, size] of each.
        shift, hop: seconds of a frame of the posteriors, and of a window; 0 where the index has no windows.
    """
    if not len(segments):
        return Evidence(np.empty(0, np.int64), *np.empty((5, 0)))
    hop = hop or _HOP
    count = np.array([len(w) for w in windows], np.int64)
    told = np.diff(slots.first) > 0
    last = np.zeros(len(count), np.int64)
    last[told] = np.ceil(slots.end[slots.first[1:][told] - 1] * shift / hop)
    count = np.maximum(np.maximum(count, last), 1)
    first = np.cumsum(count) - count
    grid = _Grid(first, count, hop)
    by_windows = _laid_windows(query, windows, grid) if query.windows else None
    by_slots = _laid_slots(query.slots, slots, grid, shift) if query.slots is not None else None
    both = np.zeros(len(grid.segment))
    nothing = np.full(len(grid.segment), np.nan)
    start = nothing
    for way, weight in ((by_slots, 1.0), (by_windows, WINDOWS)):
        if way is not None:
            both += weight * way[0]
            start = way[1]
    chosen = _apart(both, grid)
    offset = np.asarray(starts, np.float64)[grid.segment[chosen]]
    end = (chosen - first[grid.segment[chosen]] + 1) * hop
    return Evidence(
        np.asarray(segments, np.int64)[grid.segment[chosen]],
        offset + np.minimum(start[chosen], end),
        offset + end,
        (nothing if by_slots is None else by_slots[0])[chosen],
        (nothing if by_windows is None else by_windows[0])[chosen],
        both[chosen],
    )


class _Grid:
    """Places of some segments, one `hop` after another, all in one row: first [segments], count [segments]."""

    def __init__(self, first: NDArray[np.int64], count: NDArray[np.int64], hop: float) -> None:
        self.first, self.count, self.hop = first, count, hop
        self.segment = np.repeat(np.arange(len(first)), count)


def _laid_windows(query: Query, windows: Sequence[NDArray[np.int8]], grid: _Grid) -> tuple[Numbers, Numbers]:
    """Cost of the query that ends with each window, a unit of its weight, and where it begins (s, in the segment)."""
    size = query.windows[0].shape[1]
    told = np.zeros((len(grid.segment), size), np.int8)
    for first, some in zip(grid.first.tolist(), windows, strict=True):
        told[first : first + len(some)] = some
    vectors, weight = weighed(told)
    cost, start = np.zeros(len(weight)), np.zeros(len(weight))
    for view in query.windows:
        heavy = np.linalg.norm(view, axis=1)
        match = heavy[:, None] - view @ vectors.T
        found, begin = spans(Costs(match, _LEAVE_WINDOW * heavy, _SKIP_WINDOW * weight, grid.first))
        cost += found / float(heavy.sum())
        start += (begin - grid.first[grid.segment]) * grid.hop
    return cost / len(query.windows), start / len(query.windows)


def _laid_slots(query: Slots, slots: Slots, grid: _Grid, shift: float) -> tuple[Numbers, Numbers]:
    """As `_laid_windows`; a place has the least cost of the slots that end near it, and where none does, that of
    leaving all out."""
    cost = np.full(len(grid.segment), float(_LEAVE_SLOT))
    start = np.maximum(np.arange(len(cost)) - grid.first[grid.segment], 0) * grid.hop
    if not len(slots):
        return cost, start
    there = np.flatnonzero(np.diff(slots.first) > 0)
    found, begin = spans(
        Costs(slots.costs(query), _LEAVE_SLOT * query.weight, _SKIP_SLOT * slots.weight, slots.first[there])
    )
    found /= float(query.weight.sum())
    segment = np.repeat(np.arange(len(grid.first)), np.diff(slots.first))
    middle = np.ceil(slots.end * shift / grid.hop).astype(np.int64) - 1
    reach = round(_APART / grid.hop)
    # The cheapest come last, so that they are what stays written.
    order = np.argsort(-found, kind="stable")
    for off in sorted(range(-reach, reach + 1), key=lambda off: -abs(off)):
        at = middle + off
        inside = order[(at[order] >= 0) & (at[order] < grid.count[segment[order]])]
        to = at[inside] + grid.first[segment[inside]]
        better = found[inside] <= cost[to]
        cost[to[better]] = found[inside[better]]
        start[to[better]] = slots.start[begin[inside[better]]] * shift
    return cost, start


def _apart(cost: Numbers, grid: _Grid) -> NDArray[np.int64]:
    """The cheapest places of each segment that are far enough from each other, segment by segment."""
    left, chosen = cost.copy(), []
    number = np.arange(len(cost))
    reach = max(1, round(_BETWEEN / grid.hop))
    for _ in range(_HITS):
        least = np.minimum.reduceat(left, grid.first)
        hits = np.flatnonzero((left == least[grid.segment]) & np.isfinite(left))
        hits = hits[np.diff(grid.segment[hits], prepend=-1) > 0]
        chosen.append(hits)
        hit = np.full(len(grid.first), -(1 << 40))
        hit[grid.segment[hits]] = hits
        left[np.abs(number - hit[grid.segment]) < reach] = np.inf
    found = np.concatenate(chosen)
    return found[np.lexsort((cost[found], grid.segment[found]))]
