"""From the frames in which units were recognized to where they begin and end in the sound.

CTC puts a spike somewhere within each unit, a little late. Midway between two spikes one unit passes into the next;
where words are far apart, the level of the sound says where the pause is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resonet.runtime.acoustic import Samples

# Seconds by which the middle of a spike lies behind the middle of its unit: measured with en-small on synthetic speech
# whose times are known (median 0.050, quartiles 0.038 and 0.062, four voices).
LAG = 0.05
HOP = 0.01  # seconds of a level
# Seconds between the middles of the units on either side from which there may be a pause between words; and the
# shortest that counts as one.
_APART, _SHORTEST = 0.25, 0.05
# dB from loud to quiet that tell speech from a pause, the share of them under which it is quiet, and seconds of a
# breath or click that ends no pause. Chosen on the same voices, and on read speech against the times that another
# recognizer (PocketSphinx) gives.
_CONTRAST, _QUIET, _BLIP = 10.0, 0.4, 0.08
# Where levels tell nothing: seconds that a unit reaches out into a pause before its middle and after it; and how far it
# does at most.
_BEFORE, _AFTER, _MOST = 0.05, 0.1, 0.4


class Levels:
    """Levels of a recording in dB, one in 10 ms; takes the sound piece by piece."""

    def __init__(self, sample_rate: int) -> None:
        self._hop = round(HOP * sample_rate)
        self._rest = np.empty(0, np.float32)
        self._found: list[NDArray[np.float32]] = []
        self.samples = 0

    def push(self, samples: Samples) -> None:
        self.samples += len(samples)
        sound = np.concatenate([self._rest, samples])
        whole = len(sound) // self._hop * self._hop
        power = np.square(sound[:whole].reshape(-1, self._hop)).mean(axis=1)
        self._found.append((10 * np.log10(power + 1e-10)).astype(np.float32))
        self._rest = sound[whole:]

    def get(self) -> NDArray[np.float32]:
        """float32 [seconds * 100]; of three neighbours the middle one, so that a click is not loud."""
        levels = np.concatenate([np.empty(0, np.float32), *self._found])
        if len(levels) < 3:
            return levels
        around = np.lib.stride_tricks.sliding_window_view(np.pad(levels, 1, mode="edge"), 3)
        return np.median(around, axis=1).astype(np.float32)


def edges(
    middles: NDArray[np.float64], begins: NDArray[np.bool_], levels: NDArray[np.float32], duration: float
) -> NDArray[np.float64]:
    """Start and end of each unit, in order and without overlap: float64 [units, 2], seconds.

    Args:
        middles: of the units, seconds, rising.
        begins: whether a word begins with the unit: within words there are no pauses.
        levels: dB, one in 10 ms.
    """
    if not len(middles):
        return np.empty((0, 2))
    between = (middles[1:] + middles[:-1]) / 2
    starts, ends = np.concatenate(([0.0], between)), np.concatenate((between, [duration]))
    for i in np.flatnonzero(begins[1:] & (np.diff(middles) > _APART)):
        quiet = _pause(levels, middles[i], middles[i + 1])
        if quiet is not None:
            ends[i], starts[i + 1] = quiet
        elif middles[i + 1] - middles[i] > 2 * _APART:
            ends[i], starts[i + 1] = middles[i] + _AFTER, middles[i + 1] - _BEFORE
    first, last = _pause(levels, 0.0, middles[0]), _pause(levels, middles[-1], duration)
    starts[0] = first[1] if first else max(0.0, middles[0] - _BEFORE)
    ends[-1] = last[0] if last else min(duration, middles[-1] + _AFTER)
    starts = np.clip(starts, middles - _MOST, middles)
    # A unit lasts, however near to a pause it was put, and however near to the next unit.
    least = np.minimum(middles + HOP, np.concatenate((between, [duration])))
    ends = np.clip(ends, least, np.maximum(least, middles + _MOST))
    return np.stack([starts, ends], axis=1)


def _pause(levels: NDArray[np.float32], start: float, end: float) -> tuple[float, float] | None:
    """The longest quiet stretch between two moments, in seconds."""
    first, last = round(start / HOP), round(end / HOP)
    here = levels[first:last]
    if not len(here) or here.max() - here.min() < _CONTRAST:
        return None
    quiet = np.flatnonzero(here <= here.min() + _QUIET * (here.max() - here.min()))
    runs = np.split(quiet, np.flatnonzero(np.diff(quiet) > 1 + _BLIP / HOP) + 1)
    longest = max(runs, key=lambda run: int(run[-1] - run[0]))
    if (longest[-1] + 1 - longest[0]) * HOP < _SHORTEST:
        return None
    return (first + int(longest[0])) * HOP, (first + int(longest[-1]) + 1) * HOP
