"""The cheapest alignment of two recordings of a text, frame by frame (dynamic time warping, Sakoe and Chiba 1978).

A path begins with the first frames of both and ends with the last; each step goes on by one frame in one of them or in
both (1 0, 0 1, 1 1), all steps weigh the same, and what a path costs is the sum of the distances that it meets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LONGEST = 6000  # frames on either side, 30 s at 5 ms: 72 MB of steps to go back by

Path = tuple[NDArray[np.int64], NDArray[np.int64]]


def path(first: NDArray[np.float64], second: NDArray[np.float64]) -> Path:
    """The frames of `first` and of `second` along the cheapest path, two arrays of one length; distances are Euclidean.

    Args:
        first, second: [frames, values], a frame at least.

    Raises:
        ValueError: no frame, more than LONGEST, or another number of values.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"frames of shapes {a.shape} and {b.shape} cannot be compared")
    if not 0 < len(a) <= LONGEST or not 0 < len(b) <= LONGEST:
        raise ValueError(f"{len(a)} and {len(b)} frames: 1 to {LONGEST} can be aligned")
    return _back(_steps(a, b), len(b))


def _steps(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.int8]:
    """How each pair of frames was reached: 0 by both, 1 by `a`, 2 by `b`; [diagonals, frames of a].

    All pairs (i, j) of a diagonal i + j depend on the two diagonals before it alone: one array operation for each.
    """
    n, m = len(a), len(b)
    backwards = b[::-1]
    reached = np.zeros((n + m - 1, n), np.int8)
    # Costs by i, with a row before the first: what comes from outside is never cheapest.
    before, last = np.full(n + 1, np.inf), np.full(n + 1, np.inf)
    for diagonal in range(n + m - 1):
        low, high = max(0, diagonal - m + 1), min(n, diagonal + 1)
        gap = a[low:high] - backwards[m - 1 - diagonal + low : m - 1 - diagonal + high]
        cost = np.sqrt(np.einsum("ij,ij->i", gap, gap))
        here = np.full(n + 1, np.inf)
        if diagonal:
            ways = np.stack([before[low:high], last[low:high], last[low + 1 : high + 1]])
            reached[diagonal, low:high] = best = ways.argmin(axis=0)
            cost += ways[best, np.arange(high - low)]
        here[low + 1 : high + 1] = cost
        before, last = last, here
    return reached


def _back(reached: NDArray[np.int8], length: int) -> Path:
    i, j = reached.shape[1] - 1, length - 1
    rows, columns = [i], [j]
    while i or j:
        step = reached[i + j, i]
        i, j = i - (step != 2), j - (step != 1)
        rows.append(i)
        columns.append(j)
    return np.array(rows[::-1], np.int64), np.array(columns[::-1], np.int64)
