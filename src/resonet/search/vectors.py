"""The vectors of an index nearest to given ones: exactly where there are few of them, by FAISS where there are many.

`DIR/windows.faiss` is a copy of the vectors, compressed (inverted lists of product-quantized residuals), for indexes of
many hours; it can be made again at any time. What a segment holds never changes under its number, so the copy stays
right however the index grows or shrinks: newer segments are searched exactly beside it, those that are gone are left
out by whoever looks them up. It is made anew when much is newer or gone (`refresh`).

    windows.faiss, after the line `resonet vectors 1`: a line of JSON (generation, run, column, size, recall, last
    segment), then int64 segments [n], int64 places of their first vectors [n + 1], little-endian, then FAISS's bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import replacing
from resonet.errors import MissingExtra
from resonet.search.nearest import Exact, at_length_one, merged
from resonet.search.quantizing import JUDGED, Judge, Sample
from resonet.search.store import Store

Read = Callable[[bytes], NDArray[np.int8]]
Progress = Callable[[int, int], object]

# Vectors up to which they are compared one by one: a tenth of a second for a query of a few.
EXACT = 500_000
# Share of the copy's vectors from which newer ones, or its segments that are gone, make it worth making anew.
_STALE = 0.25
_HEAD = b"resonet vectors 1\n"
# Vectors that the quantizers are trained on, and lists: as many as the trained vectors support at 39 each.
_TRAINED, _PER_LIST = 1 << 18, 39
# Bytes that a vector takes in the index, at the least.
_BYTES = 15
_CODE = 4  # numbers of a vector that share a byte
_FEWEST = 10_000  # fewer cannot train the quantizers
_TOGETHER = 1_000  # segments whose vectors are added at once


@dataclass(frozen=True)
class Near:
    """What is near each of several queries, nearest first; -1 where there is no more.

    Fields, each [queries, count]:
        segment: number in the index. place: of the vector in its segment, from 0.
        cosine: float32; that of the compressed vector where FAISS found it.
    """

    segment: NDArray[np.int64]
    place: NDArray[np.int64]
    cosine: NDArray[np.float32]


class Neighbours(Protocol):
    """Whatever gives the vectors of an index that are nearest: `Vectors`, or `qdrant.Collection`."""

    left_out: int

    def nearest(self, queries: NDArray[np.float32], count: int) -> Near:
        """The `count` vectors nearest to each of the queries [q, size], by their cosine."""


@dataclass
class _Table:
    """Which vector belongs to which segment: segments [n], and the number of each one's first vector [n + 1]."""

    segments: list[int] = field(default_factory=list)
    firsts: list[int] = field(default_factory=lambda: [0])

    def add(self, segment: int, vectors: int) -> None:
        self.segments.append(segment)
        self.firsts.append(self.firsts[-1] + vectors)


class Vectors:
    """The vectors of a column of an index, read when first asked for. One thread's, as its store is.

    Args:
        store: the index.
        column: `windows` or `voice`.
        read: the vectors int8 [n, size] in a segment's bytes.
        exact: vectors up to which they are compared one by one, copy or not.

    Attributes:
        recall: of the copy: the share of the nearest ten of a vector that it finds; 1 where there is no copy, None
            where that cannot be told.
        left_out: vectors that are not searched: there are too many to compare, and there is no copy of them.
    """

    def __init__(self, store: Store, column: str, read: Read, exact: int = EXACT) -> None:
        self.store, self.column, self.left_out = store, column, 0
        self.recall: float | None = 1.0
        self._read, self._exact = read, exact
        self._generation = -1
        self._copy: _Copy | None = None
        self._table, self._newer, self._last = _Table(), list[NDArray[np.int8]](), 0
        self._vectors = Exact(np.empty((0, 0), np.int8))

    def nearest(self, queries: NDArray[np.float32], count: int) -> Near:
        """The `count` vectors nearest to each of the queries [q, size], by their cosine.

        Segments that have left the index since it was last looked at may be among them.

        Raises:
            SearchIndexError: the index is damaged.
        """
        self._look()
        segment = np.full((len(queries), count), -1, np.int64)
        place, cosine = segment.copy(), np.full(segment.shape, -np.inf, np.float32)
        if len(self._vectors.vectors):
            rows, cosine = self._vectors.search(queries, count)
            segment, place = _of(rows, np.array(self._table.segments), np.array(self._table.firsts))
        if self._copy is not None:
            rows, near = self._copy.search(at_length_one(queries), count)
            theirs, there = _of(rows, self._copy.segments, self._copy.firsts)
            order, both = merged(
                np.broadcast_to(np.arange(count), segment.shape),
                cosine,
                np.broadcast_to(np.arange(count, 2 * count), segment.shape),
                near,
                count,
            )
            segment = np.take_along_axis(np.concatenate([segment, theirs], 1), order, axis=1)
            place, cosine = np.take_along_axis(np.concatenate([place, there], 1), order, axis=1), both
        return Near(segment, place, cosine)

    def _look(self) -> None:
        """Reads what has come since the last look."""
        if (generation := self.store.generation) == self._generation:
            return
        if self._generation < 0:
            self._copy = _Copy.open(self.store, self.column)
            if self._copy is not None:
                self._last, self.recall = self._copy.last, self._copy.recall
        self._generation = generation
        for number, blob in _blobs(self.store, self.column, self._last):
            vectors = self._read(blob)
            self._last = number
            if self._table.firsts[-1] + len(vectors) > self._exact:
                self.left_out += len(vectors)
                continue
            self._table.add(number, len(vectors))
            self._newer.append(vectors)
        if self._newer:
            held = [self._vectors.vectors] if len(self._vectors.vectors) else []
            self._vectors, self._newer = Exact(np.concatenate(held + self._newer)), []


def _blobs(store: Store, column: str, after: int = 0) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of the segments after a number, a few thousand at a time, to hold up no writer."""
    assert column in ("windows", "voice")
    while rows := store.rows(
        f"select id, {column} from segments where id > ? and length({column}) > 0 order by id limit 2000", (after,)
    ):
        yield from rows
        after = rows[-1][0]


def _of(
    rows: NDArray[np.int64], segments: NDArray[np.int64], firsts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The segments of numbers of vectors, and their places there; -1 stays."""
    at = np.searchsorted(firsts, rows, side="right") - 1
    there = rows >= 0
    at = np.where(there, at, 0)
    return np.where(there, segments[at], -1), np.where(there, rows - firsts[at], -1)


class _Copy:
    """The copy of the vectors that FAISS searches."""

    def __init__(
        self, index: Any, head: dict[str, Any], segments: NDArray[np.int64], firsts: NDArray[np.int64]
    ) -> None:
        self._index = index
        self.segments, self.firsts = segments, firsts
        self.last = int(head["last"])
        self.recall = None if head["recall"] is None else float(head["recall"])

    @classmethod
    def open(cls, store: Store, column: str) -> _Copy | None:
        """The copy beside an index; None where there is none that can be used."""
        try:
            import faiss

            content = place(store.folder, column).read_bytes()
            _, line, rest = content.split(b"\n", 2)
            head = json.loads(line)
            if (
                not content.startswith(_HEAD)
                or head["column"] != column
                or not store.grew_from(head["generation"], head["run"])
            ):
                return None
            n = int(head["segments"])
            segments = np.frombuffer(rest, "<i8", n)
            firsts = np.frombuffer(rest, "<i8", n + 1, 8 * n)
            index: Any = faiss.deserialize_index(np.frombuffer(rest, np.uint8, offset=8 * (2 * n + 1)))
            index.nprobe = int(head["probes"])
            return cls(index, head, segments, firsts)
        except (ImportError, OSError, ValueError, KeyError, RuntimeError):
            return None  # it is a copy: without it the index is as good, and `refresh` makes another

    def search(self, queries: NDArray[np.float32], count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `Exact.search`, of queries at length 1."""
        squares, rows = self._index.search(queries, count)
        return rows, np.where(rows >= 0, 1 - squares / 2, -np.inf).astype(np.float32)


def refresh(store: Store, column: str, read: Read, progress: Progress | None = None, exact: int = EXACT) -> bool:
    """Makes the copy of a column's vectors where they are too many to be compared one by one, and there is no copy or a
    stale one; says whether it did. Who searches meanwhile keeps the copy that it has.

    Args:
        store, column, read, exact: as of `Vectors`.
        progress: told the segments done, and those to be done.

    Raises:
        MissingExtra: FAISS is not installed.
        SearchIndexError: the index is damaged. ResonetError: the copy cannot be written.
    """
    try:
        import faiss
    except ImportError:
        raise MissingExtra("fast search by voice in a large index", "faiss") from None
    copy = _Copy.open(store, column)
    if copy is not None and not _is_stale(store, column, copy):
        return False
    mark, done, total = store.mark(), 0, 2 * _count(store, column)

    def blocks() -> Iterator[tuple[list[int], list[int], NDArray[np.float32]]]:
        """Numbers of some segments, how many vectors each has, and these: a call a segment would take most of the
        time."""
        nonlocal done
        blobs = _blobs(store, column)
        while some := list(islice(blobs, _TOGETHER)):
            found = [read(blob) for _, blob in some]
            yield [number for number, _ in some], [len(v) for v in found], at_length_one(np.concatenate(found))
            done += len(some)
            if progress is not None:
                progress(min(done, total), total)

    sample = Sample(_TRAINED)
    for _, _, vectors in blocks():
        sample.add(vectors)
    if sample.seen <= max(exact, _FEWEST):
        place(store.folder, column).unlink(missing_ok=True)
        return False
    size, trained = sample.kept.shape[1], sample.kept
    lists = min(len(trained) // _PER_LIST, max(1, int(4 * np.sqrt(sample.seen))))
    codes = next(n for n in range(max(1, size // _CODE), 0, -1) if size % n == 0)
    index = faiss.IndexIVFPQ(faiss.IndexFlatL2(size), size, lists, codes, 8)
    index.train(trained)
    table, judge = _Table(), Judge(trained[:: max(1, len(trained) // JUDGED)][:JUDGED])
    for numbers, counts, vectors in blocks():
        for number, count in zip(numbers, counts, strict=True):
            table.add(number, count)
        index.add(vectors)
        judge.add(vectors)
    probes, recall = judge.probes(index)
    head = {
        **mark, "column": column, "size": size, "segments": len(table.segments),
        "last": table.segments[-1], "recall": recall, "probes": probes,
    }  # fmt: skip
    with replacing(place(store.folder, column)) as file:
        file.write(_HEAD + json.dumps(head).encode() + b"\n")
        for part in (table.segments, table.firsts):
            file.write(np.array(part, "<i8").tobytes())
        file.write(faiss.serialize_index(index).tobytes())
    return True


def _is_stale(store: Store, column: str, copy: _Copy) -> bool:
    """Whether much has come or gone since the copy was made."""
    there = _count(store, column)
    old = _count(store, column, copy.last)
    return max(there - old, len(copy.segments) - old) > _STALE * max(1, len(copy.segments))


def many(store: Store, column: str, exact: int = EXACT) -> bool:
    """Whether there may be more vectors than are compared one by one, judged by the bytes that they take."""
    assert column in ("windows", "voice")
    return float(store.rows(f"select total(length({column})) from segments")[0][0]) > _BYTES * exact


def _count(store: Store, column: str, last: int = 1 << 62) -> int:
    """Segments with vectors, up to a number."""
    assert column in ("windows", "voice")
    return int(store.rows(f"select count(*) from segments where id <= ? and length({column}) > 0", (last,))[0][0])


def place(folder: Path, column: str) -> Path:
    """Where the copy of a column's vectors lies."""
    return folder / f"{column}.faiss"
