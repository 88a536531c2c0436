"""Spotting in streams: hits, misses and false alarms an hour, at one threshold and over all of them.

An event is a hit if its word was said and the event falls between the word's start and half a second after its end. Of
several events for one word the first is the hit and the rest are repeats, which count nowhere. All other events are
false alarms, those at another command too, unless they fall where nothing is scored.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import floor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 0.5  # seconds after the end of a word

Stretch = tuple[float, float]  # start and end in seconds


class Event(Protocol):
    """What a spotter says: a word, when it was decided (seconds of the stream) and how sure it is."""

    @property
    def time(self) -> float: ...
    @property
    def word(self) -> str: ...
    @property
    def score(self) -> float: ...


@dataclass(frozen=True)
class Candidate:
    """An event, as simple as one can be; equal to any other Event here."""

    time: float
    word: str
    score: float


@dataclass(frozen=True)
class Spoken:
    """A command that is really there, start and end in seconds of the stream."""

    word: str
    start: float
    end: float


@dataclass(frozen=True)
class Judged:
    """Events against what was said. seconds: of scored sound; repeats: further events for a word that was hit."""

    hits: tuple[tuple[Spoken, Event], ...]
    misses: tuple[Spoken, ...]
    false_alarms: tuple[Event, ...]
    repeats: int
    seconds: float

    @property
    def recall(self) -> float:
        """Share of the words that were hit, 0..1; 0 without any."""
        said = len(self.hits) + len(self.misses)
        return len(self.hits) / said if said else 0.0

    @property
    def false_alarms_per_hour(self) -> float:
        return len(self.false_alarms) / self.seconds * 3600 if self.seconds else 0.0

    @property
    def delays(self) -> tuple[float, ...]:
        """Seconds from the end of each hit word to its event; negative where it was known before."""
        return tuple(event.time - spoken.end for spoken, event in self.hits)


def judge(
    events: Iterable[Event],
    spoken: Sequence[Spoken],
    seconds: float,
    unscored: Sequence[Stretch] = (),
    tolerance: float = TOLERANCE,
) -> Judged:
    """Judges the events of a stream of so many seconds.

    Args:
        spoken: the commands that are there. One that touches an unscored stretch does not count.
        unscored: stretches whose events count nowhere (they may overlap).
    """
    places = _Places(spoken, unscored, tolerance)
    kept = places.kept
    first: dict[int, Event] = {}
    repeats, alarms = 0, []
    for event in sorted(events, key=lambda e: e.time):
        fitting = places.of(event)
        free = next((i for i in fitting if i not in first), None)
        if free is not None:
            first[free] = event
        elif fitting:
            repeats += 1
        elif not places.ignored(event):
            alarms.append(event)
    return Judged(
        hits=tuple((kept[i], first[i]) for i in sorted(first)),
        misses=tuple(s for i, s in enumerate(kept) if i not in first),
        false_alarms=tuple(alarms),
        repeats=repeats,
        seconds=scored_seconds(seconds, unscored),
    )


@dataclass(frozen=True)
class Curve:
    """What a spotter says at each of some thresholds, of one stream or of several.

    thresholds: float64 [n], rising. hits, alarms: int64 [n], words found and false alarms. said: words that are there.
    """

    thresholds: NDArray[np.float64]
    hits: NDArray[np.int64]
    alarms: NDArray[np.int64]
    said: int
    seconds: float

    @property
    def hours(self) -> float:
        return self.seconds / 3600

    @property
    def recalls(self) -> NDArray[np.float64]:
        """Share of the words that are found, 0..1, at each threshold; 0 without any."""
        return self.hits / max(1, self.said)

    def best(self, alarms: int) -> int:
        """Words found at the lowest threshold from which on there are never more than so many false alarms."""
        over = np.flatnonzero(self.alarms > alarms)
        place = int(over[-1]) + 1 if len(over) else 0
        return int(self.hits[place]) if place < len(self.hits) else 0

    def recall_at(self, per_hour: float) -> float:
        """Recall with so many false alarms an hour, the threshold chosen on this very stream."""
        return self.best(floor(per_hour * self.hours + 1e-9)) / max(1, self.said)


def curve(
    events: Callable[[float], Iterable[Event]],
    thresholds: Sequence[float],
    spoken: Sequence[Spoken],
    seconds: float,
    unscored: Sequence[Stretch] = (),
    tolerance: float = TOLERANCE,
) -> Curve:
    """The curve over thresholds, from the events that a spotter gives at each; further arguments as of `judge`.

    A lower threshold does not only add events: where a probability stays up for longer, one event takes the place of
    several. So every threshold is judged for itself.
    """
    rising = sorted(thresholds)
    found = [judge(events(threshold), spoken, seconds, unscored, tolerance) for threshold in rising]
    return Curve(
        thresholds=np.array(rising, np.float64),
        hits=np.array([len(f.hits) for f in found], np.int64),
        alarms=np.array([len(f.false_alarms) for f in found], np.int64),
        said=len(found[0].hits) + len(found[0].misses) if found else 0,
        seconds=scored_seconds(seconds, unscored),
    )


def joined(curves: Sequence[Curve], seconds: float | None = None) -> Curve:
    """Several streams, or words, as one; all of the same thresholds. `seconds`: of scored sound, if not the sum."""
    return Curve(
        thresholds=curves[0].thresholds,
        hits=np.sum([c.hits for c in curves], 0),
        alarms=np.sum([c.alarms for c in curves], 0),
        said=sum(c.said for c in curves),
        seconds=sum(c.seconds for c in curves) if seconds is None else seconds,
    )


def recall_with_own_thresholds(curves: Sequence[Curve], per_hour: float) -> float:
    """The highest recall that a threshold for each word could give with so many false alarms an hour in all, chosen on
    the very stream: what a system whose scores differ from word to word is worth at best.

    Args:
        curves: one a word, of the same stream.
    """
    allowed = floor(per_hour * max((c.hours for c in curves), default=0.0) + 1e-9)
    # best[n]: words found with n false alarms, of the curves so far.
    best = np.zeros(allowed + 1, np.int64)
    for c in curves:
        found = [c.best(k) for k in range(allowed + 1)]
        best = np.array([max(best[n - k] + found[k] for k in range(n + 1)) for n in range(allowed + 1)])
    said = sum(c.said for c in curves)
    return int(best[-1]) / said if said else 0.0


def scored_seconds(seconds: float, unscored: Sequence[Stretch]) -> float:
    """Seconds of a stream outside the stretches."""
    return seconds - sum(max(0.0, min(end, seconds) - max(start, 0.0)) for start, end in merged(unscored))


class _Places:
    """Where events of a word are hits, and where they count nowhere; quick for hours of events.

    kept: the commands that count, in order of time. Those that touch an unscored stretch do not.
    """

    def __init__(self, spoken: Sequence[Spoken], unscored: Sequence[Stretch], tolerance: float) -> None:
        self._tolerance = tolerance
        self._unscored = merged(unscored)
        self._starts = [start for start, _ in self._unscored]
        ordered = sorted(spoken, key=lambda s: s.start)
        self.kept = [s for s in ordered if not self._touched(s)]
        self._kept = self._by_word(self.kept)
        self._left_out = self._by_word([s for s in ordered if self._touched(s)])

    def of(self, event: Event) -> list[int]:
        """The commands, by their place in `kept`, that the event is a hit of."""
        return self._near(self._kept, event)

    def ignored(self, event: Event) -> bool:
        """Whether the event lies where nothing is scored, or belongs to a command that does not count."""
        i = bisect_right(self._starts, event.time) - 1
        return (i >= 0 and event.time <= self._unscored[i][1]) or bool(self._near(self._left_out, event))

    def _touched(self, s: Spoken) -> bool:
        i = bisect_left(self._starts, s.end) - 1
        return i >= 0 and s.start < self._unscored[i][1]

    def _by_word(self, spoken: Sequence[Spoken]) -> dict[str, tuple[list[float], list[tuple[int, Spoken]], float]]:
        """For each word the starts of its commands, the commands with their places, and the length of the longest."""
        found: dict[str, list[tuple[int, Spoken]]] = {}
        for i, s in enumerate(spoken):
            found.setdefault(s.word, []).append((i, s))
        return {
            word: ([s.start for _, s in own], own, max(s.end - s.start for _, s in own)) for word, own in found.items()
        }

    def _near(self, places: dict[str, tuple[list[float], list[tuple[int, Spoken]], float]], event: Event) -> list[int]:
        if event.word not in places:
            return []
        starts, own, longest = places[event.word]
        # A millisecond more: times are printed with three decimals.
        first = bisect_left(starts, event.time - longest - self._tolerance - 2e-3)
        last = bisect_right(starts, event.time + 1e-3)
        return [i for i, s in own[first:last] if event.time <= s.end + self._tolerance + 1e-3]


def merged(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Stretches in order, those that touch as one."""
    result: list[Stretch] = []
    for start, end in sorted(stretches):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
