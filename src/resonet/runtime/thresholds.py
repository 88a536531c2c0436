"""Thresholds from a budget of false alarms: how often each word fires on speech that does not hold it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from resonet.runtime.events import Listener, Trigger
from resonet.runtime.spotter import Spotter

Samples = NDArray[np.float32]

# Probabilities below this are not kept, and no threshold is below twice that: hours of speech have millions of frames.
_FLOOR = 0.02
LEAST, MOST = 2 * _FLOOR, 0.99999
_DIGITS = 5
# Thresholds are tried at steps of log odds, on which probabilities near 1 are as far apart as those near a half.
_STEP = 0.05
# False alarms from which on they are counted, not estimated, and of how many the last are looked at for an estimate.
_ENOUGH, _TAIL = 5, 30
# Less than that is none at all.
_NEVER = 1e-6
_STEEPEST = 0.5  # shape of a distribution that ends in a straight line
# Seconds of silence after an example: the word's event may come a little after its end.
_AFTER = 0.5


@dataclass(frozen=True)
class Tuned:
    """The threshold of a word, and what it costs.

    Fields:
        false_alarms, hours: that the threshold gave on the other speech, and how much of that there was.
        examples, missed: recordings of the word, and those in which it was not heard.
        kept: whether false alarms stay within what was allowed; if not, the highest threshold was taken.
    """

    word: str
    threshold: float
    false_alarms: int
    hours: float
    examples: int = 0
    missed: int = 0
    kept: bool = True

    @property
    def an_hour(self) -> float:
        """False alarms an hour."""
        return self.false_alarms / self.hours if self.hours else 0.0


@dataclass
class Track:
    """The probabilities of one word over all recordings, as far as they matter: rows that rise, and their scores."""

    shift: float
    rows: list[NDArray[np.int64]] = field(default_factory=list)
    scores: list[NDArray[np.float32]] = field(default_factory=list)
    length: int = 0

    def add(self, rows: NDArray[np.float32]) -> None:
        """Takes the next rows [n] of a recording."""
        at = np.flatnonzero(rows >= _FLOOR)
        self.rows.append(self.length + at)
        self.scores.append(rows[at])
        self.length += len(rows)

    def end(self) -> None:
        """Between two recordings: what one ends with bears on nothing in the next."""
        self.length += round(10 / self.shift)

    def joined(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """All rows and their scores."""
        if len(self.rows) != 1:
            self.rows = [np.concatenate([np.empty(0, np.int64), *self.rows])]
            self.scores = [np.concatenate([np.empty(0, np.float32), *self.scores])]
        return self.rows[0], self.scores[0]

    def events(self, threshold: float) -> int:
        """How often the word fires at this threshold."""
        rows, scores = self.joined()
        warm = scores >= threshold / 2
        return len(Trigger(threshold, self.shift).push(rows[warm], scores[warm]))


class Tuner:
    """Hears other speech, then examples, then says thresholds.

    Args:
        words: those to tune; by default all that the spotter hears.
    """

    def __init__(self, spotter: Spotter, words: Iterable[str] | None = None) -> None:
        self._spotter = spotter
        self.words = tuple(spotter.words if words is None else dict.fromkeys(words))
        self._tracks: dict[str, list[Track]] = {
            word: [Track(listener.shift) for listener in spotter.listeners() if word in listener.words]
            for word in self.words
        }
        self._best: dict[str, list[float]] = {word: [] for word in self.words}
        self._samples: dict[str, int] = dict.fromkeys(self.words, 0)

    def speech(
        self,
        blocks: Iterable[Samples],
        holds: Iterable[str] = (),
        progress: Callable[[float], object] | None = None,
        *,
        whole: bool = True,
    ) -> None:
        """Takes a recording of other speech, block by block at the spotter's rate.

        Args:
            holds: words that are said in it: for them it does not count.
            whole: whether it ends where it ends; not where somebody is cut off, which sounds like a short word.
            progress: told of the seconds that each block had.
        """
        said = set(holds)
        listening = [word for word in self.words if word not in said]
        listeners = self._of(listening)
        try:
            for block in blocks:
                self._take(listeners, listening, block)
                for word in listening:
                    self._samples[word] += len(block)
                if progress is not None:
                    progress(len(block) / self._spotter.sample_rate)
            if whole:
                self._take(listeners, listening, None)
        finally:  # where the recording breaks off, what was heard of it counts
            for word in listening:
                for track in self._tracks[word]:
                    track.end()

    def example(self, word: str, samples: Samples) -> None:
        """Takes a recording in which `word` is said, float32 [time] at the spotter's rate."""
        best = 0.0
        sound = np.concatenate([samples, np.zeros(round(_AFTER * self._spotter.sample_rate), np.float32)])
        for listener in self._of([word]):
            column = listener.words.index(word)
            for rows in (listener.push(sound), listener.finish()):
                best = max(best, float(rows[:, column].max(initial=0.0)))
        self._best[word].append(best)

    def tuned(self, allowed: float) -> list[Tuned]:
        """For each word the lowest threshold with at most `allowed` false alarms an hour, each word for itself.

        A budget that the hours can hardly show (0.5 an hour on one hour) allows none at all, and the threshold is as
        much higher as `expected` says.
        """
        return [self._tune(word, allowed) for word in self.words]

    def together(self, allowed: float) -> float:
        """The one threshold at which all words together have at most `allowed` false alarms an hour.

        For words whose probabilities mean the same, as those that a second look gave (runtime/second_look.py). A false
        alarm of all together says more than those few that each word for itself has.
        """
        scale = np.arange(odds(LEAST), odds(MOST), _STEP)
        alarms = [
            sum(track.events(from_odds(x)) for tracks in self._tracks.values() for track in tracks) for x in scale
        ]
        return _rounded(from_odds(expected(scale, np.array(alarms), allowed * self.hours)))

    @property
    def hours(self) -> float:
        """Of other speech that was heard, without what did not count for some word."""
        return max(self._samples.values(), default=0) / self._spotter.sample_rate / 3600

    def _of(self, words: list[str]) -> list[Listener]:
        return [listener for listener in self._spotter.listeners() if set(listener.words) & set(words)]

    def _take(self, listeners: list[Listener], words: list[str], block: Samples | None) -> None:
        rows = [listener.finish() if block is None else listener.push(block) for listener in listeners]
        for word in words:
            having = (
                (listener, found) for listener, found in zip(listeners, rows, strict=True) if word in listener.words
            )
            for track, (listener, found) in zip(self._tracks[word], having, strict=True):
                track.add(found[:, listener.words.index(word)])

    def _tune(self, word: str, allowed: float) -> Tuned:
        hours = self._samples[word] / self._spotter.sample_rate / 3600
        limit = allowed * hours
        scale = np.arange(odds(LEAST), odds(MOST), _STEP)
        alarms = [sum(track.events(from_odds(x)) for track in self._tracks[word]) for x in scale]
        threshold = _rounded(from_odds(expected(scale, np.array(alarms), limit)))
        found, best = sum(track.events(threshold) for track in self._tracks[word]), self._best[word]
        missed = sum(score < threshold for score in best)
        return Tuned(word, threshold, found, hours, len(best), missed, found <= limit)


def expected(scale: NDArray[np.float64], alarms: NDArray[np.integer], allowed: float) -> float:
    """The lowest place on a scale of thresholds, float64 [n] and rising, at which other speech of the same length is
    expected to give at most `allowed` false alarms; `alarms` [n]: how many this speech gave.

    Few alarms say little: the highest score of an hour is one that another hour exceeds every other time. Where less
    than a few are allowed, the place is found from how the last ones thin out: as a generalised Pareto distribution
    (Pickands 1975, doi 10.1214/aos/1176343003), its two parameters from mean and variance of the excess (Hosking and
    Wallis 1987, doi 10.2307/1269343); never lower than where this speech itself gave that few.
    """
    over = np.flatnonzero(alarms > max(allowed, 0.0))
    counted = float(scale[min(int(over[-1]) + 1, len(scale) - 1) if len(over) else 0])
    tail = np.flatnonzero(alarms > _TAIL)
    first = int(tail[-1]) + 1 if len(tail) else 0
    if allowed >= _ENOUGH or first >= len(scale) or not alarms[first] or allowed < _NEVER:
        return counted
    share, excess = alarms[first:] / alarms[first], scale[first:] - scale[first]
    mean = _integral(share, excess)
    variance = 2 * _integral(share * excess, excess) - mean**2
    if mean <= 0 or variance <= 0:
        return counted
    # Probabilities that end somewhere thin out faster than exponentially: a negative shape. None is slower here.
    shape = min(0.0, max(-_STEEPEST, (1 - mean**2 / variance) / 2))
    size, wanted = mean * (1 - shape), max(1.0, float(alarms[first]) / allowed)
    beyond = float(np.log(wanted)) if shape > -1e-3 else (1 - wanted**shape) / -shape
    return max(counted, float(scale[first]) + size * beyond)


def _rounded(threshold: float) -> float:
    """Upwards, to the digits that are kept."""
    return min(MOST, float(np.ceil(threshold * 10**_DIGITS)) / 10**_DIGITS)


def _integral(values: NDArray[np.float64], places: NDArray[np.float64]) -> float:
    return float(np.sum((values[1:] + values[:-1]) / 2 * np.diff(places)))


def odds(probability: float) -> float:
    """Natural log of the odds of a probability."""
    return float(np.log(probability / (1 - probability)))


def from_odds(log_odds: float) -> float:
    """The probability of these log odds."""
    return float(1 / (1 + np.exp(-log_odds)))


def split(spotter: Spotter, tuned: Iterable[Tuned]) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Thresholds of the bundle's labels, and of enrolled words, as `WordList.tuned` takes them."""
    found = {result.word: result.threshold for result in tuned}
    labels = {word: threshold for word, threshold in found.items() if word in spotter.labels}
    return labels, {word: threshold for word, threshold in found.items() if word not in labels}
