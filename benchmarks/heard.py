"""What resonet hears in a stream: the probabilities of its words, kept where they matter, and what they give.

One pass over a stream gives the curve over all thresholds (`candidates`) and the very events that `resonet spot` would
print at one threshold (`events`).
"""

from __future__ import annotations

import time
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from resonet.evaluate.metrics.spotting import Candidate
from resonet.runtime.events import Event, Trigger

Samples = NDArray[np.float32]

FLOOR = 0.02  # probabilities below it are not kept; no threshold is below twice that
APART = 1.0  # seconds between two candidates for a word: what a spotter keeps between its events


@dataclass
class Track:
    """One word as one listener hears it: numbers of rows, rising, and their probabilities.

    Row i is known when `(i + 1) * shift + delay` seconds were heard.
    """

    word: str
    shift: float
    delay: float
    rows: list[NDArray[np.int64]] = field(default_factory=list)
    scores: list[NDArray[np.float32]] = field(default_factory=list)
    length: int = 0

    def add(self, found: NDArray[np.float32]) -> None:
        """The next rows, float32 [n]."""
        at = np.flatnonzero(found >= FLOOR)
        self.rows.append(self.length + at)
        self.scores.append(found[at])
        self.length += len(found)

    def joined(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """All rows and their probabilities."""
        return (
            np.concatenate([np.empty(0, np.int64), *self.rows]),
            np.concatenate([np.empty(0, np.float32), *self.scores]),
        )

    def times(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """When rows are known, in seconds of the stream."""
        return np.asarray((rows + 1) * self.shift + self.delay, np.float64)


@dataclass
class Heard:
    """All words of a stream, with the CPU seconds of this process that it took."""

    tracks: list[Track]
    seconds: float
    cpu_seconds: float

    def candidates(self) -> list[Candidate]:
        """The peaks of every word, none within a second of a higher one of the word."""
        found = []
        for track in self.tracks:
            rows, scores = track.joined()
            found += peaks(track.word, track.times(rows), scores)
        return found

    def events(self, thresholds: float | Mapping[str, float]) -> list[Event]:
        """The events of `resonet spot` with this threshold, or one a word, in order of time."""
        found = []
        for track in self.tracks:
            threshold = max(2 * FLOOR, thresholds if isinstance(thresholds, float) else thresholds[track.word])
            rows, scores = track.joined()
            trigger = Trigger(threshold, track.shift)
            warm = scores >= trigger.half
            rows, scores = rows[warm], scores[warm]
            times = track.times(rows)
            found += [Event(float(times[i]), track.word, float(scores[i])) for i in trigger.push(rows, scores)]
        return sorted(found, key=lambda event: event.time)


def listen(
    listeners: Sequence[Any], blocks: Iterable[NDArray[np.float32]], words: Sequence[str] | None = None
) -> Heard:
    """Lets listeners (`Spotter.listeners()`) hear sound block by block, 16 kHz; `words`: those to keep."""
    tracks = [[Track(word, listener.shift, listener.delay) for word in listener.words] for listener in listeners]
    samples, used = 0, time.process_time()

    def take(found: Iterator[NDArray[np.float32]]) -> None:
        for own, rows in zip(tracks, found, strict=True):
            for column, track in enumerate(own):
                if words is None or track.word in words:
                    track.add(rows[:, column])

    for block in blocks:
        samples += len(block)
        take(listener.push(block) for listener in listeners)
    take(listener.finish() for listener in listeners)
    kept = [track for own in tracks for track in own if words is None or track.word in words]
    return Heard(kept, samples / 16000, time.process_time() - used)


def peaks(word: str, times: ArrayLike, scores: ArrayLike) -> list[Candidate]:
    """The highest score, then the highest of those a second and more away, and so on."""
    taken: list[float] = []
    found = []
    all_times, all_scores = np.asarray(times, np.float64), np.asarray(scores, np.float64)
    for i in np.argsort(-all_scores, kind="stable").tolist():
        at = float(all_times[i])
        place = bisect_left(taken, at)
        if any(abs(at - other) < APART for other in taken[max(0, place - 1) : place + 1]):
            continue
        insort(taken, at)
        found.append(Candidate(at, word, float(all_scores[i])))
    return found
