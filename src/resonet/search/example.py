"""Search by a spoken example, in any language: what is said in a recording, wherever it is said in an index.

    examples = Examples(store)
    for place in examples.find("query.wav"):
        print(place.segment, place.start, place.score)

Two ways of hearing are put together. The slots of a recognizer's posteriors (slots.py) tell which sounds of its
language are said: sharp where they are its own, blind to what it does not know. The windows of an embedder (windows.py)
tell in finer steps how speech sounds, in whatever language. Short lists of segments come from the posteriors' full-text
table and from the nearest runs of windows; over these the query is laid, both ways (places.py). Where the costs of
both, near each other in time, are least is a hit; how far it is ahead of the query's other places tells how likely it
is right.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.bundle import Bundle
from resonet.errors import AudioError, BundleError
from resonet.runtime.acoustic import Acoustic, Network, default_threads
from resonet.runtime.recordings import Source, sound_of
from resonet.search.bundles import same_bundle
from resonet.search.calibration import normalised
from resonet.search.keywords import Heard
from resonet.search.places import Evidence, Query, places
from resonet.search.posteriors import read
from resonet.search.slots import slots_in, slots_of
from resonet.search.sounds import shortlist
from resonet.search.store import Store
from resonet.search.vectors import Neighbours, Vectors
from resonet.search.windows import Windows, runs, unpack

Samples = NDArray[np.float32]
Numbers = NDArray[np.float64]

# Seconds of a query. The shortest words that were found last a fifth of a second; long ones are better looked for by
# a part of them.
_SHORTEST, _LONGEST = 0.15, 20.0
# Segments that each short list may give, and vectors near each run of the query that are asked for; of a long query, so
# many runs.
_LISTED, _NEAR, _RUNS = 100, 400, 24
# Samples of mirrored sound around a query, and of silence between it and itself.
_AROUND, _GAP = 16000, 3200
# Windows of the query at either end that weigh less are silence; all together weigh at least as much as this.
_SILENT, _LEAST_WEIGHT = 0.3, 0.6

# Weights of the features by which of both ways a query was heard, slots and windows; fitted by
# benchmarks/query_by_example.py --fit with queries by train speakers in development recordings.
WEIGHTS = {
    (True, True): (-2.9321, -0.7833, -0.2333, -1.5595, -0.1274, 1.1344),
    (True, False): (-3.9323, -1.1226, -0.2104, -1.8072, -0.0147, 1.6751),
    (False, True): (-4.4935, -1.4129, -0.1552, -2.6558, -0.0985, 1.0549),
}
# What the deviation of costs is at least taken for, and the most that a lead of a place counts for.
_STEADY, _MOST_LEAD = 0.1, 2.0


class Examples:
    """Search by example in an index. One thread's, as its store is.

    Args:
        recognizer, embedder: those that the index was made with, where they are not installed.
        vectors: where the index's windows are looked up, if not in the index itself.

    Attributes:
        note: why one way of hearing is not there, and the other alone is used; else empty.

    Raises:
        BundleError: neither can be used, or one that was named is not the index's.
    """

    def __init__(
        self,
        store: Store,
        recognizer: str | Path | None = None,
        embedder: str | Path | None = None,
        threads: int | None = None,
        vectors: Neighbours | None = None,
    ) -> None:
        self._store, self.note = store, ""
        self._shift, self._units = float(store.meta["shift"]), len(store.meta["units"])
        form = store.meta.get("windows")
        self._size, self._hop = (int(form["size"]), float(form["hop"])) if form else (0, 0.0)
        self._acoustic: Acoustic | None = None
        self._windows: Windows | None = None
        missing: list[BundleError] = []
        try:
            with Bundle.open(same_bundle(store.meta["recognizer"], "recognizer", named=recognizer)) as bundle:
                self._acoustic = Acoustic(bundle, threads or default_threads())
        except BundleError as error:
            if recognizer is not None:
                raise
            missing.append(error)
        if form:
            try:
                with Bundle.open(same_bundle(store.meta["embedder"], "embedder", named=embedder)) as bundle:
                    self._windows = Windows.of(bundle, threads or default_threads())
            except BundleError as error:
                if embedder is not None:
                    raise
                missing.append(error)
        networks: list[Network] = [self._acoustic] if self._acoustic is not None else []
        networks += [self._windows.network] if self._windows is not None else []
        if not networks:
            raise missing[0]
        self.note = f"{missing[0].message}: the search goes on without it" if missing else ""
        self._rate = networks[0].sample_rate
        self._vectors = vectors or Vectors(store, "windows", lambda blob: runs(unpack(blob, self._size)))

    def find(self, source: Source, sample_rate: int | None = None) -> list[Heard]:
        """Places where is said what a recording says, the likeliest first.

        Args:
            source: a path, the bytes of a file, an open file, or samples float32 [time], which need `sample_rate` (Hz).

        Raises:
            AudioError: the recording cannot be read, is too short or too long, or nothing is said in it.
            SearchIndexError: the index is damaged.
        """
        query = self.heard(self._sound(source, sample_rate))
        evidence = self.evidence(query)
        probabilities = likely(query, evidence)
        scores = normalised(probabilities, self._store.seconds)
        if self._vectors.left_out:
            self.note = (
                "the index is large and has no copy of its windows for FAISS: search by voice leaves out some of it"
            )
        found = [
            Heard(int(number), float(start), float(end), float(score), float(probability))
            for number, start, end, score, probability in zip(
                evidence.segment, evidence.start, evidence.end, scores, probabilities, strict=True
            )
        ]
        return sorted(found, key=lambda place: (-place.score, place.segment, place.start))

    def _sound(self, source: Source, sample_rate: int | None) -> Samples:
        """The sound of a query, no more of it than shows that it is too long."""
        blocks, held = [np.empty(0, np.float32)], 0
        for block in sound_of(source, sample_rate, self._rate):
            blocks.append(block)
            held += len(block)
            if held > _LONGEST * self._rate:
                break
        return np.concatenate(blocks)

    def heard(self, samples: Samples) -> Query:
        """What is heard in a query, float32 [time] at the networks' rate. Raises AudioError as `find` does."""
        seconds = len(samples) / self._rate
        if seconds < _SHORTEST:
            raise AudioError(
                f"the query lasts {seconds:.2f} s, too little to search by", f"give a word, of {_SHORTEST} s at least"
            )
        if seconds > _LONGEST:
            raise AudioError(f"the query lasts longer than {_LONGEST:.0f} s", "give a word or a phrase")
        slots, windows = None, tuple[NDArray[np.float32], ...]()
        if self._acoustic is not None:
            probs = np.mean([np.exp(scores) for scores in surrounded(self._acoustic, samples)], axis=0)
            slots = slots_in(np.log(np.maximum(probs, np.float32(1e-9))))
        if self._windows is not None:
            samples = audio.resample(samples, self._rate, self._windows.sample_rate)
            frames = np.mean(surrounded(self._windows.network, samples), axis=0)
            windows = tuple(_spoken(self._windows.of_frames(frames[late:])) for late in (0, 1))
            if min(float(np.linalg.norm(view, axis=1).sum()) for view in windows) < _LEAST_WEIGHT:
                windows = ()
        if (slots is None or not len(slots)) and not windows:
            raise AudioError("nothing is said in the query", "give a recording of a word or a phrase")
        return Query(slots if slots is not None and len(slots) else None, windows)

    def candidates(self, query: Query, listed: int = _LISTED) -> list[int]:
        """Numbers of segments that the query may be in, those that each of the short lists has first."""
        lists: list[list[int]] = []
        if query.slots is not None:
            lists.append(shortlist(self._store, query.slots.ways(), listed))
        if query.windows:
            lists.append(self._near(query, listed))
        return list(dict.fromkeys(number for several in lists for number in several))

    def _near(self, query: Query, listed: int) -> list[int]:
        """Segments with runs of windows near those of the query: each run counts by the nearest of a segment."""
        asked = np.concatenate([runs(windows) for windows in query.windows])
        if len(asked) > _RUNS:
            asked = asked[np.linspace(0, len(asked) - 1, _RUNS).astype(np.int64)]
        near = self._vectors.nearest(asked, _NEAR)
        best: dict[int, float] = {}
        for segments, cosines in zip(near.segment.tolist(), near.cosine.tolist(), strict=True):
            found: dict[int, float] = {}
            for segment, cosine in zip(segments, cosines, strict=True):
                if segment >= 0:
                    found.setdefault(segment, cosine)
            least = min(found.values(), default=0.0)
            for segment, cosine in found.items():
                best[segment] = best.get(segment, 0.0) + cosine - least
        return sorted(best, key=lambda segment: -best[segment])[:listed]

    def evidence(self, query: Query, numbers: Iterable[int] | None = None) -> Evidence:
        """The best places of a query in segments, those of the short lists where none are told."""
        rows = self._rows(list(self.candidates(query) if numbers is None else numbers))
        windows = [unpack(row[3], self._size) if self._size else np.empty((0, 0), np.int8) for row in rows]
        slots = slots_of(read([row[2] for row in rows]), self._units)
        return places(query, [r[0] for r in rows], [r[1] for r in rows], slots, windows, self._shift, self._hop)

    def _rows(self, numbers: list[int]) -> list[tuple[int, float, bytes, bytes]]:
        found: list[tuple[int, float, bytes, bytes]] = []
        for first in range(0, len(numbers), 500):
            some = numbers[first : first + 500]
            found += self._store.rows(
                f"select id, start, sounds, windows from segments where id in ({','.join('?' * len(some))})", some
            )
        return found


def likely(query: Query, evidence: Evidence) -> Numbers:
    """That what the query says is said at each of its places, [places]."""
    if not len(evidence.both):
        return np.empty(0)
    weights = WEIGHTS[query.slots is not None, bool(query.windows)]
    return 1 / (1 + np.exp(-np.clip(features(query, evidence) @ np.array(weights), -30.0, 30.0)))


def features(query: Query, evidence: Evidence) -> Numbers:
    """What tells right places from wrong ones, [places, 6]: one; the cost of a place; the natural log of how much the
    query weighs; the cost less the median of all places, in their deviations; the log of the rank; how far ahead of all
    other places the best is, or how far behind it the others."""
    cost = evidence.both
    if query.slots is not None:
        weight = float(query.slots.weight.sum())
    else:
        weight = float(np.mean([np.linalg.norm(view, axis=1).sum() for view in query.windows]))
    order = np.argsort(cost, kind="stable")
    rank = np.empty(len(cost))
    rank[order] = np.arange(len(cost))
    other = np.full(len(cost), cost[order[0]])
    other[order[0]] = cost[order[min(1, len(cost) - 1)]]
    return np.stack(
        [
            np.ones(len(cost)),
            cost,
            np.full(len(cost), np.log(max(weight, 1e-3))),
            (cost - np.median(cost)) / (cost.std() + _STEADY),
            np.log1p(rank),
            np.clip(other - cost, -_MOST_LEAD, _MOST_LEAD),
        ],
        axis=1,
    )


def surrounded(network: Network, samples: Samples) -> list[NDArray[np.float32]]:
    """What a network gives for a recording [frames, columns] alone, mirrored at its ends, and said again and again.

    A word cut out of a sentence lacks what a network wants to hear before and after it. What all of these have in
    common finds a tenth more than one of them (development recordings).
    """
    stride, count = network.stride, network.frames(len(samples))
    around = -(-_AROUND // stride) * stride
    again = np.concatenate([samples, np.zeros(_GAP, np.float32)])
    before = np.concatenate([np.zeros(-len(again) % stride, np.float32), again])
    wide = [samples, np.pad(samples, (around, around), mode="reflect"), np.concatenate([before, again, samples])]
    begin = [0, around // stride, len(before) // stride]
    # Each alone: together all would be filled up to the longest, which takes half as much again.
    return [network.scores([sound])[0][first : first + count] for sound, first in zip(wide, begin, strict=True)]


def _spoken(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The windows of a query without the silence before and after it."""
    there = np.flatnonzero(np.linalg.norm(windows, axis=1) >= _SILENT)
    return windows[there[0] : there[-1] + 1] if len(there) else windows[:0]
