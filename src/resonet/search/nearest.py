"""Vectors compared one by one: the nearest of those in memory, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1 << 15  # vectors that are compared at once: their float32 form stays in the cache


class Exact:
    """Vectors in memory, compared one by one.

    Args:
        vectors: int8 [n, size], in any scale of their own.
    """

    def __init__(self, vectors: NDArray[np.int8]) -> None:
        self.vectors = vectors
        self._lengths = np.empty(len(vectors), np.float32)
        for start in range(0, len(vectors), _CHUNK):
            some = vectors[start : start + _CHUNK].astype(np.float32)
            self._lengths[start : start + _CHUNK] = np.sqrt(np.einsum("ij,ij->i", some, some))

    def search(self, queries: NDArray[np.float32], count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and cosines of the nearest to queries [q, size], each [q, count], nearest first; -1 for no more."""
        queries = at_length_one(queries)
        rows = np.full((len(queries), count), -1, np.int64)
        cosines = np.full((len(queries), count), -np.inf, np.float32)
        for start in range(0, len(self.vectors), _CHUNK):
            found = queries @ self.vectors[start : start + _CHUNK].astype(np.float32).T
            found /= np.maximum(self._lengths[start : start + _CHUNK], np.float32(1e-6))
            best = np.argpartition(-found, min(count, found.shape[1]) - 1, axis=1)[:, :count]
            rows, cosines = merged(rows, cosines, best + start, np.take_along_axis(found, best, axis=1), count)
        return rows, cosines


def merged(
    rows: NDArray[np.int64],
    cosines: NDArray[np.float32],
    more: NDArray[np.int64],
    their: NDArray[np.float32],
    count: int,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `count` nearest of two findings."""
    rows, cosines = np.concatenate([rows, more], 1), np.concatenate([cosines, their], 1)
    best = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(rows, best, axis=1), np.take_along_axis(cosines, best, axis=1)


def at_length_one(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Vectors [n, size] as float32, at length 1; zeros stay."""
    vectors = np.asarray(vectors, np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32(1e-6))
