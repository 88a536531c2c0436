"""Cutting the posteriors of a long recording at its pauses, so that its parts can be decoded side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# A frame counts as blank above this probability.
_BLANK = 0.9
# Seconds without a sound that end a part: there most sentences end, and the search may end one too
# (benchmarks/long_recording.py tells what a joined recording costs in words).
_PAUSE = 0.5
# Seconds of a pause that a part keeps at either end: the search wants to see a little silence.
_MARGIN = 0.15


def segments(log_probs: NDArray[np.float32], frame_shift: float, max_seconds: float = 16.0) -> list[tuple[int, int]]:
    """Parts (start frame, end frame), in order, without overlap, that hold every frame that is not blank.

    A part ends at a pause of half a second. One that would grow beyond `max_seconds` (sentences that are read aloud
    seldom do) is closed in the longest blank run of its last two thirds; without a blank frame there, before the frame
    most likely blank. Of the pause at either end of a part a little is kept, the rest belongs to no part. All blank: no
    part.

    Args:
        log_probs: float32 [frames, units], natural log, blank first.
        frame_shift: seconds a frame.
    """
    blank = log_probs[:, 0] > np.log(_BLANK)
    speech = np.flatnonzero(~blank)
    if not len(speech):
        return []
    margin = round(_MARGIN / frame_shift)
    most = max(int(max_seconds / frame_shift) - 2 * margin, 3)
    runs = _runs(blank)
    parts: list[tuple[int, int]] = []
    for stretch in np.split(speech, np.flatnonzero(np.diff(speech) > 1 + _PAUSE / frame_shift) + 1):
        start, last = int(stretch[0]), int(stretch[-1]) + 1
        while last - start > most:
            cut = _cut(runs, log_probs[:, 0], start + most // 3, start + most)
            after = int(np.searchsorted(stretch, cut))
            parts.append((start, int(stretch[after - 1]) + 1))
            start = int(stretch[after])
        parts.append((start, last))
    return _widen(parts, margin, len(log_probs))


def _runs(blank: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The blank runs as rows (start, end) [n, 2]."""
    edges = np.diff(np.concatenate(([False], blank, [False])).astype(np.int8))
    return np.stack((np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)), axis=1)


def _cut(runs: NDArray[np.int64], blank: NDArray[np.float32], low: int, high: int) -> int:
    """The frame in `low`..`high` to cut before: the middle of the longest blank run, else the most blank frame."""
    clipped = np.clip(runs, low, high)
    lengths = clipped[:, 1] - clipped[:, 0]
    if len(lengths) and lengths.max() > 0:
        longest = clipped[int(lengths.argmax())]
        return int(longest.sum() // 2)
    return low + int(blank[low:high].argmax())


def _widen(parts: list[tuple[int, int]], margin: int, frames: int) -> list[tuple[int, int]]:
    """Gives every part up to `margin` frames of the pauses beside it, at most half of what lies between two parts."""
    wide = []
    for i, (start, end) in enumerate(parts):
        before = start if i == 0 else (start - parts[i - 1][1]) // 2
        after = frames - end if i == len(parts) - 1 else (parts[i + 1][0] - end + 1) // 2
        wide.append((start - min(before, margin), end + min(after, margin)))
    return wide
