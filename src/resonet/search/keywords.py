"""Keywords in what the recognizer thought likely: its posteriors, read again for one word or phrase at a time.

    keywords = Keywords(store)
    for place in keywords.find(sayings.ways("last case")):
        print(place.segment, place.start, place.score)

A full-text query gives the segments that may hold it (sounds.py). The best CTC path that ends at each of their frames,
against the best of all paths, gives the frames near which it may end; the sum over all paths there, how often it is
expected to be said (the posteriors of one segment are independent from frame to frame, so the sum is exact). What the
recognized text says there, and how sure it is, decides with it how likely the keyword is (calibration.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from resonet.search.calibration import Evidence, judge
from resonet.search.posteriors import Kept, frames, read
from resonet.search.rows import WORD
from resonet.search.sounds import shortlist
from resonet.search.store import Store

# Segments whose posteriors are read for one keyword: so many of those that sound like it, and as many of those whose
# text has it, but no more frames than these of either; and places in them that are looked at closely.
_SEGMENTS, _FRAMES, _PLACES = 200, 20_000, 32
# In an index of no more segments than this the full-text query takes no time, and so many times as many are read.
_SMALL, _MORE = 20_000, 3
# Units, of all ways to say it together, by which places are looked for, and by which they are looked at.
_SOUGHT, _WAYS = 20, 60
# Places are looked for one in so many frames; among those, the best.
_APART = 8
# Mean log ratio a unit below which no place was ever right (development recordings).
_LEAST = -5.0
# Seconds that a keyword may last: so many a unit, and so many in all beside them.
_PER_UNIT, _BESIDE = 0.15, 0.6
# Frames around the end of the best path in which other paths may end.
_BEFORE, _AFTER = 2, 3
# Seconds within which two places are one (Kaldi's `duptime`), and a place is the one that the text has.
_SAME, _SAID = 0.6, 0.4
_NEVER = -1e9
# The path of a place that only the text has, and how far off a border of a word is at most (s).
_UNHEARD, _MOST_OFF = -6.0, 0.3
# Numbers that one statement asks for at once.
_TOGETHER = 500


@dataclass(frozen=True)
class Heard:
    """Where a keyword may be said.

    Fields:
        segment: its number in the index. start, end: seconds in the recording.
        score: 0..1; from 0.5 on it is taken as said (`accepted`), at the price that the term-weighted value sets on
            false alarms. probability: that it is said there, by what is seen alone.
    """

    segment: int
    start: float
    end: float
    score: float
    probability: float

    @property
    def accepted(self) -> bool:
        return self.score >= 0.5


# Where the text of a segment has the words: start and end in the recording (s), and how sure it is of them, 0..1.
InText = tuple[float, float, float]


class Keywords:
    """Keyword search in an index; one thread's, as its store is."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shift = float(store.meta["shift"])
        self._units = len(store.meta["units"])
        self._generation, self._seconds = -1, 0.0

    def find(
        self,
        ways: Sequence[Sequence[int]],
        said: Mapping[int, Sequence[InText]] | None = None,
        among: Collection[int] | None = None,
    ) -> list[Heard]:
        """Places where a word or phrase may be said, the likeliest first; at most one within 0.6 s.

        Args:
            ways: to say it, each as ids of the recognizer's units without blanks; none: the text alone speaks.
            said: where the text has it, by number of segment: these places are among those that come back, but for the
                least sure ones of very many.
            among: segments to listen to, where not all may; None: all.

        Raises:
            SearchIndexError: the index is damaged.
        """
        if (generation := self._store.generation) != self._generation:
            self._generation, self._seconds = generation, self._store.seconds
        segments, evidence, unread = self.evidence(ways, said or {}, among)
        probabilities, scores = judge(evidence, self._seconds, unread)
        found = [
            Heard(int(segments[i]), float(evidence.start[i]), float(evidence.end[i]), float(scores[i]), float(p))
            for i, p in enumerate(probabilities)
        ]
        return sorted(found, key=lambda place: (-place.score, -place.probability, place.segment, place.start))

    def evidence(
        self,
        ways: Sequence[Sequence[int]],
        said: Mapping[int, Sequence[InText]],
        among: Collection[int] | None = None,
    ) -> tuple[NDArray[np.int64], Evidence, float]:
        """The segment of each place, what speaks for it, and how often it is said elsewhere; arguments as in `find`."""
        ways = [list(way) for way in dict.fromkeys(map(tuple, ways)) if len(way)]
        more = _MORE if (self._store.rows("select max(id) from segments")[0][0] or 0) <= _SMALL else 1
        texts = _Texts(self._store, said, shortlist(self._store, ways, more * _SEGMENTS, among), more)
        places = _Places.none()
        if ways and texts.numbers:
            places = _sought(read(texts.sounds), ways, self._units, self._shift)
        return *texts.evidence(places, said, max(map(len, ways), default=0), self._shift), texts.unread


@dataclass(frozen=True)
class _Places:
    """Candidates; all [places]: row of the segment, first frame and the one after the last in it, mean log ratio a
    unit of the best path, expected count, units of the best way."""

    row: NDArray[np.int64]
    first: NDArray[np.int64]
    after: NDArray[np.int64]
    path: NDArray[np.float64]
    count: NDArray[np.float64]
    units: NDArray[np.int64]

    @classmethod
    def none(cls) -> _Places:
        ids, numbers = np.empty(0, np.int64), np.empty(0)
        return cls(ids, ids, ids, numbers, numbers, ids)

    def at(self, chosen: NDArray[np.int64]) -> _Places:
        return _Places(
            self.row[chosen], self.first[chosen], self.after[chosen], self.path[chosen], self.count[chosen],
            self.units[chosen],
        )  # fmt: skip


@dataclass(frozen=True)
class _Sound:
    """The posteriors of several segments side by side, of a few units (the blank is row 0), with a frame between
    segments in which nothing can be.

    Fields: ratio float32 [units, frames]: natural log against the best of the frame; best float32 [frames]: natural log
    of that; starts [segments]: their first frames; row [frames]: the segment.
    """

    ratio: NDArray[np.float32]
    best: NDArray[np.float32]
    starts: NDArray[np.int64]
    row: NDArray[np.int64]

    @classmethod
    def of(cls, kept: Kept, chosen: Sequence[int], units: int) -> _Sound:
        lengths = np.diff(kept.starts)
        ratio = kept.ratios(chosen, between=_NEVER)
        best = np.zeros(ratio.shape[1], np.float32)
        best[np.arange(kept.frames) + np.repeat(np.arange(len(lengths)), lengths)] = kept.best(units)
        row = np.repeat(np.arange(len(lengths)), lengths + 1)
        return cls(ratio, best, kept.starts[:-1] + np.arange(len(lengths)), row)


def _sought(kept: Kept, ways: Sequence[Sequence[int]], units: int, shift: float) -> _Places:
    """The likeliest places in segments, one within `_SAME` seconds."""
    longest = max(map(len, ways))
    chosen = sorted({0, *(unit for way in ways for unit in way)})
    place = {unit: i for i, unit in enumerate(chosen)}
    sound = _Sound.of(kept, chosen, units)
    rows = [[place[unit] for unit in way] for way in ways[: max(1, _WAYS // longest)]]
    ends = np.unique(np.concatenate([_ends(sound, way) for way in rows[: max(1, _SOUGHT // longest)]]))
    if not len(ends):
        return _Places.none()
    return _apart(_closely(sound, ends, rows, shift), shift)


def _ends(sound: _Sound, way: Sequence[int]) -> NDArray[np.int64]:
    """Frames at which the best path through a way ends, of the places that fit best.

    A path stays in a state for a run of frames: the best score in a state at frame t is the sum C of its ratios up to
    t, and the highest of what came in at any frame s <= t less C before s, which is a running maximum. So the steps
    are over states, not frames, each for all segments at once.
    """
    sums = {unit: np.cumsum(sound.ratio[unit], dtype=np.float64) for unit in {0, *way[1:]}}
    score = sound.ratio[way[0]].astype(np.float64)

    def stay(entered: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
        came = np.full_like(entered, 2 * _NEVER)
        np.subtract(entered[:-1], total[:-1], out=came[1:])
        np.maximum.accumulate(came, out=came)
        came += total
        return came

    for before, unit in pairwise(way):
        between = stay(score, sums[0])
        score = stay(between if unit == before else np.maximum(score, between), sums[unit])
    score /= len(way)
    whole = len(score) // _APART * _APART
    groups = [score[:whole].reshape(-1, _APART), *([score[None, whole:]] if whole < len(score) else [])]
    best = np.concatenate([group.argmax(axis=1) for group in groups])
    best += _APART * np.arange(len(best))
    best = best[score[best] > _LEAST]
    if len(best) > _PLACES:
        best = best[np.argpartition(-score[best], _PLACES)[:_PLACES]]
    return best


def _closely(sound: _Sound, ends: NDArray[np.int64], ways: Sequence[Sequence[int]], shift: float) -> _Places:
    """Start, score and expected count of every way that ends at or about some frames; the count is that of all ways.

    Goes from the ends to the starts: the best path to `ends` and the sum over all that reach their last unit about
    there are then read off the first unit, wherever that begins.
    """
    lengths = np.array([len(way) for way in ways])
    # States 0, 2, 4.. are units, the last one first; 1, 3.. the blanks between them.
    states = 2 * int(lengths.max()) - 1
    symbols, cost = np.zeros((len(ways), states), np.int64), np.full((len(ways), states), _NEVER, np.float32)
    for i, way in enumerate(ways):
        symbols[i, : 2 * len(way) : 2] = way[::-1]
        cost[i, 2 : 2 * len(way) : 2] = np.where(np.diff(way[::-1]) != 0, 0, _NEVER)
    # One row a place and way.
    symbol, cost = np.tile(symbols, (len(ends), 1)), np.tile(cost, (len(ends), 1))
    first = np.tile(2 * lengths - 2, len(ends))
    row = np.arange(len(first))
    steps = int(np.ceil((_PER_UNIT * lengths.max() + _BESIDE) / shift)) + _AFTER
    frame = np.repeat(ends, len(ways)) + _AFTER - np.arange(steps + 1)[:, None]
    inside = frame >= np.repeat(sound.starts[sound.row[ends]], len(ways))
    # What lies outside of the segment is taken from a frame between two: the last one.
    frame = np.where(inside & (frame < sound.ratio.shape[1]), frame, sound.ratio.shape[1] - 1)
    ratio = sound.ratio[symbol, frame[:, :, None]]
    prob = np.exp(ratio + sound.best[frame][:, :, None], dtype=np.float64)
    fresh = 1 - prob[1:, row, first]
    may_skip = np.exp(cost)
    total = np.zeros((len(row), states + 2))
    score = np.full((len(row), states + 2), 2 * _NEVER, np.float32)
    count, begun = np.zeros(len(row)), np.empty((steps, len(row)), np.float32)
    for t in range(steps):
        came = total[:, :-2] * may_skip
        came += total[:, 1:-1]
        # Reached about there: it stays in its last unit for no frame before.
        came[:, 0] = t <= _AFTER + _BEFORE
        total[:, 3:] += came[:, 1:]
        total[:, 2] = came[:, 0]
        total[:, 2:] *= prob[t]
        count += total[row, first + 2] * fresh[t]
        best = np.maximum(score[:, :-2] + cost, score[:, 1:-1])
        np.maximum(best, score[:, 2:], out=best)
        if t == _AFTER:
            best[:, 0] = 0
        best += ratio[t]
        score[:, 2:] = best
        begun[t] = best[row, first]
    start = begun.argmax(axis=0)
    mean = (begun[start, row] / np.tile(lengths, len(ends))).reshape(len(ends), len(ways))
    chosen = mean.argmax(axis=1)
    offset = sound.starts[sound.row[ends]]
    return _Places(
        sound.row[ends], ends + _AFTER - start.reshape(mean.shape)[np.arange(len(ends)), chosen] - offset,
        ends + 1 - offset, mean.max(axis=1).astype(np.float64), count.reshape(mean.shape).sum(axis=1), lengths[chosen],
    )  # fmt: skip


def _apart(places: _Places, shift: float) -> _Places:
    """The places with the highest counts, one within `_SAME` seconds of a segment, highest first."""
    order = np.lexsort((-places.path, -places.count))
    middle = (places.first + places.after) * shift / 2
    kept: list[int] = []
    for i in order.tolist():
        if all(places.row[i] != places.row[j] or abs(middle[i] - middle[j]) > _SAME for j in kept):
            kept.append(i)
    return places.at(np.array(kept, np.int64))


class _Texts:
    """Segments with what the text has there.

    Args:
        said, alike: segments that have the words in their text, and those that sound like them, best first.
        more: times the usual number of them to read.

    Attributes:
        numbers: of the segments. sounds: their packed posteriors.
        unread: how often the text has the words in other segments than these, by its confidence.
    """

    def __init__(self, store: Store, said: Mapping[int, Sequence[InText]], alike: Sequence[int], more: int) -> None:
        there: dict[int, tuple[float, bytes, bytes]] = {}
        asked = list(dict.fromkeys([*said, *alike]))
        for i in range(0, len(asked), _TOGETHER):
            some = asked[i : i + _TOGETHER]
            marks = ",".join("?" * len(some))
            there |= {
                row[0]: row[1:]
                for row in store.rows(f"select id, start, words, sounds from segments where id in ({marks})", some)
            }
        sounds = {number: row[2] for number, row in there.items()}
        surest = sorted(said, key=lambda number: -max((c for *_, c in said[number]), default=0.0))
        self.numbers = _affordable(surest, sounds, more)
        chosen = set(self.numbers)
        self.unread = sum(c for number in said if number in there and number not in chosen for *_, c in said[number])
        self.numbers += _affordable([number for number in alike if number not in said], sounds, more)
        self.sounds = [sounds[number] for number in self.numbers]
        self._starts = np.array([there[number][0] for number in self.numbers])
        self._words = [there[number][1] for number in self.numbers]

    def evidence(
        self, places: _Places, said: Mapping[int, Sequence[InText]], units: int, shift: float
    ) -> tuple[NDArray[np.int64], Evidence]:
        """Segment and evidence of the places, and of those that only the text has; units: of the longest way."""
        start = self._starts[places.row] + places.first * shift
        end = self._starts[places.row] + places.after * shift
        sure = np.full(len(start), np.nan)
        rows = {number: row for row, number in enumerate(self.numbers)}
        alone: list[tuple[int, float, float, float]] = []
        for number, occurrences in said.items():
            if (row := rows.get(number)) is None:
                continue
            for since, until, confidence in occurrences:
                off = np.abs((start + end) / 2 - (since + until) / 2)
                off[(places.row != row) | ~np.isnan(sure)] = np.inf
                if len(off) and off.min() < _SAID:
                    place = int(off.argmin())
                    sure[place], start[place], end[place] = confidence, since, until
                else:
                    alone.append((row, since, until, confidence))
        extra = np.array(alone, np.float64).reshape(-1, 4)
        of = np.concatenate([places.row, extra[:, 0].astype(np.int64)])
        start, end = np.concatenate([start, extra[:, 1]]), np.concatenate([end, extra[:, 2]])
        unheard = np.ones(len(extra))
        other, borders = self._around(of, start, end)
        return np.array(self.numbers, np.int64)[of], Evidence(
            start=start,
            end=end,
            count=np.concatenate([places.count, 0 * unheard]),
            path=np.concatenate([places.path, _UNHEARD * unheard]),
            units=np.concatenate([places.units, units * unheard]),
            said=np.concatenate([sure, extra[:, 3]]),
            other=other,
            borders=borders,
        )

    def _around(
        self, row: NDArray[np.int64], start: NDArray[np.float64], end: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of each place: the text's mean confidence over its time, and how far its ends are from those of words."""
        other, borders = np.zeros(len(row)), np.full(len(row), np.inf)
        for number in np.unique(row).tolist():
            words = np.frombuffer(self._words[number], WORD)
            if not len(words):
                continue
            since = self._starts[number] + words["start"] / 1000
            until = since + words["length"] / 1000
            mine = np.flatnonzero(row == number)
            a, b = start[mine, None], end[mine, None]
            shared = np.maximum(np.minimum(until, b) - np.maximum(since, a), 0)
            other[mine] = (shared * (words["confidence"] / 255)).sum(axis=1) / np.maximum(b - a, 0.04)[:, 0]
            borders[mine] = np.minimum(np.abs(since - a).min(axis=1), _MOST_OFF) + np.minimum(
                np.abs(until - b).min(axis=1), _MOST_OFF
            )
        return other, borders


def _affordable(numbers: Sequence[int], sounds: Mapping[int, bytes], more: int) -> list[int]:
    """The first of the segments, `more` times as many as may be read; those gone from the index are left out."""
    chosen: list[int] = []
    total = 0
    for number in numbers:
        if number in sounds:
            total += frames(sounds[number])
            if chosen and (total > more * _FRAMES or len(chosen) == more * _SEGMENTS):
                break
            chosen.append(number)
    return chosen
