"""Laying a query over many segments at once: where in each it fits best, and at which cost.

The query is a short string of steps, the segments stand one behind the other as one long string of places. Every step
of the query is matched to a place, or left out; places between two matched ones may be passed over. Beginning and end
are free, but no way leads from one segment into the next (subsequence dynamic time warping with costs of an edit
distance). A row of the table is a few operations on whole arrays: passing over places from any to any later one is a
running minimum, once the sum of what passing costs up to each place is taken off. So an hour takes milliseconds in
NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# More than any way costs, little enough for float64 to keep the digits of costs over a million segments.
_WALL = 1e5


@dataclass(frozen=True)
class Costs:
    """What each move costs; all at least 0.

    Fields:
        match: float32 [steps, places], of a step of the query with a place.
        leave: float32 [steps], of a step that no place is matched with.
        skip: float32 [places], of a place passed over between two matched ones.
        first: int64 [segments], the first place of each segment, ascending; every segment has a place.
    """

    match: NDArray[np.float32]
    leave: NDArray[np.float32]
    skip: NDArray[np.float32]
    first: NDArray[np.int64]


def spans(costs: Costs) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The least cost of the whole query at each place that it may end at, and the place where that way begins, [places]
    each."""
    passed, places = _passed(costs), np.arange(costs.match.shape[1])
    cost, begin = np.zeros(len(places)), places + 1
    left = 0.0
    for step, match in enumerate(costs.match):
        matched, unmatched = _behind(cost, left, costs.first) + match, cost + costs.leave[step]
        came = np.concatenate([places[:1], begin[:-1]])
        came[costs.first] = costs.first
        begin, cost = np.where(matched <= unmatched, came, begin), np.minimum(matched, unmatched)
        left += float(costs.leave[step])
        if step + 1 < len(costs.match):
            before = cost - passed
            least = np.minimum.accumulate(before)
            begin = begin[np.maximum.accumulate(np.where(before <= least, places, 0))]
            cost = least + passed
    return cost, np.minimum(begin, places)


def _passed(costs: Costs) -> NDArray[np.float64]:
    """The sum of what passing over places costs, up to each; the first of a segment stands behind a wall."""
    skip = costs.skip.astype(np.float64)
    skip[costs.first] = _WALL
    return np.cumsum(skip)


def _behind(cost: NDArray[np.float64], left: float, first: NDArray[np.int64]) -> NDArray[np.float64]:
    """The costs one place earlier; before a segment all steps so far were left out."""
    behind = np.concatenate([cost[:1], cost[:-1]])
    behind[first] = left
    return behind
