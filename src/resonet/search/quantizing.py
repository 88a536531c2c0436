"""What a compressed copy of vectors is made with: some of very many to train it on, and a judge of what it finds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.search.nearest import merged

# A copy is judged by so many of its own vectors: their nearest few, found exactly, that are among the first that it
# gives. Lists are searched until that share is reached.
JUDGED = 200
_NEAREST, _GIVEN, _RECALL = 10, 200, 0.9
_PROBES, _USUAL = (4, 8, 16, 32, 64, 128), 32


class Sample:
    """Some of very many vectors, each as likely as any other (Vitter 1985, algorithm R, a block at a time).

    Attributes:
        seen: vectors so far. kept: float32 [kept, size], at most so many as asked for.
    """

    def __init__(self, most: int) -> None:
        self.seen, self._most, self._rng = 0, most, np.random.default_rng(0)
        self._first: list[NDArray[np.float32]] = []
        self._kept: NDArray[np.float32] | None = None

    @property
    def kept(self) -> NDArray[np.float32]:
        if self._kept is not None:
            return self._kept
        return np.concatenate(self._first) if self._first else np.empty((0, 0), np.float32)

    def add(self, vectors: NDArray[np.float32]) -> None:
        """Vectors [n, size] that come next."""
        if (fits := min(len(vectors), self._most - self.seen)) > 0:
            self._first.append(vectors[:fits])
            self.seen, vectors = self.seen + fits, vectors[fits:]
        if not len(vectors):
            return
        if self._kept is None:
            self._kept = np.concatenate(self._first)
        self.seen += len(vectors)
        places = self._rng.integers(0, np.arange(self.seen - len(vectors), self.seen) + 1)
        taken = places < self._most
        self._kept[places[taken]] = vectors[taken]


class Judge:
    """How many of the nearest vectors of some a compressed copy finds.

    Args:
        queries: float32 [q, size], at length 1, of the vectors themselves.
    """

    def __init__(self, queries: NDArray[np.float32]) -> None:
        self._queries, self._seen = queries, 0
        self._same = np.zeros(len(queries), np.int64)
        self._rows = np.full((len(queries), _NEAREST), -1, np.int64)
        self._cosines = np.full(self._rows.shape, -np.inf, np.float32)

    def add(self, vectors: NDArray[np.float32]) -> None:
        """The vectors [n, size] that come next; equal ones, the query itself too, are no test."""
        cosines = self._queries @ vectors.T
        equal = cosines > 1 - 1e-5
        self._same += equal.sum(axis=1)
        cosines[equal] = -np.inf
        # The few nearest of them first: to sort all would take longer than to compare them.
        best = np.argpartition(-cosines, min(_NEAREST, len(vectors)) - 1, axis=1)[:, :_NEAREST]
        near = np.take_along_axis(cosines, best, axis=1)
        self._rows, self._cosines = merged(self._rows, self._cosines, best + self._seen, near, _NEAREST)
        self._seen += len(vectors)

    def probes(self, index: Any) -> tuple[int, float | None]:
        """Lists that are to be searched, and the share of the nearest that is found then; sets the index so.

        A query that stands there very often itself tells nothing, for that is what is found; None where all do.
        """
        told = (self._same < _GIVEN // 2)[:, None] & np.isfinite(self._cosines)
        if not told.any():
            index.nprobe = min(_USUAL, index.nlist)
            return index.nprobe, None
        recall = 0.0
        for probes in _PROBES:
            index.nprobe = min(probes, index.nlist)
            found = index.search(self._queries, _GIVEN)[1]
            there = (self._rows[:, :, None] == found[:, None, :]).any(axis=2)
            recall = float(there[told].mean())
            if recall >= _RECALL or probes >= index.nlist:
                break
        return index.nprobe, recall
