"""What is heard in a stream: the scores of words, kept where they matter, and the events that they give.

One pass over a stream gives the very events that `resonet spot` would print at any threshold. Scores of other systems
that come row by row become events in the same way (`Heard`); what comes as single detections stays so (`Detections`).
"""

from __future__ import annotations

import time
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from resonet.evaluate.metrics.spotting import Candidate, Curve, curve
from resonet.runtime.events import Event, Trigger
from resonet.runtime.thresholds import from_odds, odds

Samples = NDArray[np.float32]

FLOOR = 0.02  # probabilities below it are not kept; no threshold is below twice that
APART = 1.0  # seconds between two detections of a word: what a spotter keeps between its events
STEP = 0.1  # of log odds, between two thresholds that are tried
MOST = 400  # thresholds that are tried of a system with scores of any kind


@dataclass
class Track:
    """One word as one listener hears it: numbers of rows, rising, and their scores, 0..1.

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

    @property
    def thresholds(self) -> list[float]:
        """Those that are worth trying."""
        return [from_odds(x) for x in np.arange(odds(2 * FLOOR), odds(0.99999), STEP)]

    @property
    def shifts(self) -> list[float]:
        """By how much thresholds are moved, all at once: log odds."""
        return [float(x) for x in np.arange(-8, 8, STEP)]

    def moved(self, thresholds: Mapping[str, float], shift: float) -> dict[str, float]:
        """Thresholds moved by so much."""
        return {word: min(0.99999, from_odds(odds(t) + shift)) for word, t in thresholds.items()}

    def events_of(self, word: str, threshold: float) -> list[Event]:
        """The events of a word at a threshold, in order of time."""
        found = []
        for track in self.tracks:
            if track.word != word:
                continue
            trigger = Trigger(max(2 * FLOOR, threshold), track.shift)
            rows, scores = track.joined()
            warm = scores >= trigger.half
            rows, scores = rows[warm], scores[warm]
            times = track.times(rows)
            found += [Event(float(times[i]), word, float(scores[i])) for i in trigger.push(rows, scores)]
        return sorted(found, key=lambda event: event.time)


@dataclass
class Detections:
    """Single detections of a system, each with its score; a threshold leaves out those below it."""

    found: list[Candidate]

    @property
    def thresholds(self) -> list[float]:
        """Those that are worth trying: where detections fall away, and one above all."""
        scores = np.unique([c.score for c in self.found])
        if len(scores) > MOST:
            scores = np.unique(np.quantile(scores, np.linspace(0, 1, MOST)))
        return [*map(float, scores), float(scores[-1]) + 1.0] if len(scores) else [0.0]

    @property
    def shifts(self) -> list[float]:
        """By how much thresholds are moved, all at once."""
        return self.thresholds

    def moved(self, thresholds: Mapping[str, float], shift: float) -> dict[str, float]:
        """Thresholds moved by so much."""
        return {word: t + shift for word, t in thresholds.items()}

    def events_of(self, word: str, threshold: float) -> list[Candidate]:
        """The detections of a word with this score or a higher one."""
        return [c for c in self.found if c.word == word and c.score >= threshold]


def curve_of(heard: Heard | Detections, word: str, thresholds: Sequence[float], *judged: Any) -> Curve:
    """The curve of a word; `judged`: what was said, seconds and unscored stretches, as `spotting.judge` takes them."""
    return curve(lambda threshold: heard.events_of(word, threshold), thresholds, *judged)


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
