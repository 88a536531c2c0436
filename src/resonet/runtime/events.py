"""When words are heard in running sound: probabilities row by row become events.

A listener turns sound into rows: the probability of each of its words, every few hundredths of a second. Triggers turn
rows into events. Both give the same whatever the pieces in which the sound comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

# Seconds without another event of the same word; fewer where its probability fell below half the threshold meanwhile,
# for then it was said twice.
_PAUSE, _LEAST = 1.0, 0.5


@dataclass(frozen=True)
class Event:
    """A word that was heard.

    Fields:
        time: seconds of sound that had to be heard to decide so: some hundredths after the word's end.
        word: as the bundle or the user's file names it.
        score: 0..1, how sure it was at that moment.
    """

    time: float
    word: str
    score: float


class Listener(Protocol):
    """Sound float32 [time] at the bundle's rate in, rows float32 [n, words] of probabilities out.

    Row i judges the sound up to `(i + 1) * shift` seconds; it is there when `(i + 1) * shift + delay` were heard.
    """

    words: tuple[str, ...]
    shift: float
    delay: float

    def push(self, samples: NDArray[np.float32]) -> Rows:
        """The rows that are certain now."""

    def finish(self) -> Rows:
        """The rows of the end; the listener takes no more sound after that."""


class Trigger:
    """When the probability of one word is an event: where it rises to the threshold.

    After an event there is none for a second (half a second if it fell below half the threshold), nor while the
    probability stays up.
    """

    def __init__(self, threshold: float, shift: float) -> None:
        self.threshold, self.half = threshold, threshold / 2
        self._pause, self._least = round(_PAUSE / shift), round(_LEAST / shift)
        self._last = -self._pause  # row of the last event
        self._before = -2  # the row before that was not below half the threshold
        self._fell, self._cold = True, True  # below the threshold, or half of it, since the last event

    def push(self, rows: NDArray[np.integer], scores: NDArray[np.float32]) -> list[int]:
        """Which of these rows (places in `rows`) are events.

        Args:
            rows: numbers of rows, rising, of all rows whose score is at least `half`; others may be left out.
            scores: [rows].
        """
        events = []
        for place, (row, score) in enumerate(zip(rows.tolist(), scores.tolist(), strict=True)):
            if score < self.half:
                continue
            if row != self._before + 1:
                self._fell = self._cold = True
            self._before = row
            since = row - self._last
            if score < self.threshold:
                self._fell = True
            elif self._fell and (since >= self._pause or (self._cold and since >= self._least)):
                events.append(place)
                self._last, self._fell, self._cold = row, False, False
        return events


class Watch:
    """A listener and the triggers of its words."""

    def __init__(self, listener: Listener, thresholds: Sequence[float], wanted: Sequence[bool]) -> None:
        self._listener = listener
        self._triggers = [
            (i, Trigger(threshold, listener.shift))
            for i, (threshold, want) in enumerate(zip(thresholds, wanted, strict=True))
            if want
        ]
        self._columns = [i for i, _ in self._triggers]
        self._half = np.array([trigger.half for _, trigger in self._triggers], np.float32)
        self._rows = 0

    def push(self, samples: NDArray[np.float32]) -> list[Event]:
        return self._events(self._listener.push(samples))

    def finish(self) -> list[Event]:
        return self._events(self._listener.finish())

    def _events(self, rows: Rows) -> list[Event]:
        first, self._rows = self._rows, self._rows + len(rows)
        if not len(rows) or not self._columns:
            return []
        warm = rows[:, self._columns] >= self._half
        events = []
        for place in np.flatnonzero(warm.any(0)).tolist():
            column, trigger = self._triggers[place]
            at = np.flatnonzero(warm[:, place])
            scores = rows[at, column]
            for i in trigger.push(first + at, scores):
                time = (first + int(at[i]) + 1) * self._listener.shift + self._listener.delay
                events.append(Event(time, self._listener.words[column], float(scores[i])))
        return events
