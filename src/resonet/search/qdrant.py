"""The vectors of an index in a Qdrant collection, for more of them than one machine should hold.

    read = reader(store, "windows")
    with Collection.open(store, "windows", read, "http://vectors:6333", "meetings") as collection:
        collection.update()
        near = collection.nearest(queries, 200)

A collection is a copy, as `windows.faiss` is one: the index stays the truth, and `update` brings the collection up to
date with it, from nothing if need be. `nearest` gives what `vectors.Vectors.nearest` gives. A point is a vector; its
number is that of its segment times 65,536 and its place in the segment; it carries the number of its recording, and one
made of the recording's sound: an index that was restored from a backup gives the same numbers to others.
Where it is: a server's address, a folder (in this process, without a server: for tests and small indexes), `:memory:`.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.errors import MissingExtra, SearchIndexError
from resonet.search.embedding import reader
from resonet.search.store import Store
from resonet.search.vectors import Near

# Of a segment: more than its vectors, for a segment lasts 20 seconds at most.
_PLACES = 1 << 16
# Vectors that are sent at once (of 64 numbers: about half a megabyte), points that are asked for or deleted at once.
_SENT, _ASKED = 1_024, 10_000

# What is meant as a server's address, but would be taken for a folder.
_ADDRESS = re.compile(r"[\w.-]+:\d+/?")
# The embedder of a column's vectors, as the index calls it.
_MADE = {"windows": "embedder", "voice": "speaker"}

Read = Callable[[bytes], NDArray[Any]]
Progress = Callable[[int], object]


@dataclass(frozen=True)
class Updated:
    """What came to a collection and what left it, in vectors."""

    added: int = 0
    removed: int = 0


class Collection:
    """The vectors of a column of an index in Qdrant; made by `Collection.open`. One thread's, as its store is.

    Attributes:
        name: of the collection: that of the index, the column, the embedder, and a number of this very index, so that
            vectors of two embedders, or of two indexes of one name, never meet.
        left_out: vectors that are not searched: none.
    """

    left_out = 0

    def __init__(self, store: Store, column: str, read: Read, client: Any, place: str, name: str) -> None:
        self.store, self.column, self._read, self._client, self._place = store, column, read, client, place
        made = store.meta.get(_MADE[column])
        if made is None:
            raise SearchIndexError(
                f"the index {store.folder} has no vectors of this kind: {column}", "index with an embedder"
            )
        named = re.sub(r"[^\w.-]+", "-", name or store.folder.resolve().name)
        self.name = f"resonet-{named}-{column}-{made['sha256'][:8]}-{store.meta.get('id', '')[:8]}"

    @classmethod
    def open(
        cls, store: Store, column: str, read: Read, place: str, name: str = "", key: str | None = None
    ) -> Collection:
        """A collection, which need not be there yet.

        Args:
            column: `windows` or `voice`.
            read: vectors [n, size] of a segment's bytes, in any scale.
            place: address of a server (http://HOST:6333), a folder, or `:memory:`.
            name: of the index among those on the server; that of its folder where it is not given.
            key: of a server that asks for one; by default that in the environment as QDRANT_API_KEY.

        Raises:
            MissingExtra: the client is not installed.
            SearchIndexError: the index has no such vectors; the place cannot be opened.
        """
        try:
            from qdrant_client import QdrantClient
        except ImportError:
            raise MissingExtra("a collection in Qdrant", "qdrant") from None
        with _told(place):
            if place == ":memory:":
                client = QdrantClient(":memory:")
            elif re.match(r"https?://", place):
                key = key or os.environ.get("QDRANT_API_KEY")
                # Else it asks the server for its version first, and warns where it cannot.
                client = QdrantClient(url=place, api_key=key, check_compatibility=False, timeout=60)
            elif _ADDRESS.fullmatch(place):
                raise SearchIndexError(f"{place} names neither a folder nor a server", f"write http://{place}")
            else:
                client = QdrantClient(path=str(Path(place)))
        return cls(store, column, read, client, place, name)

    def update(self, shards: int = 1, copies: int = 1, progress: Progress | None = None) -> Updated:
        """Brings the collection up to date with the index. Stopped at any moment, it goes on from there.

        Args:
            shards: parts of a new collection that may lie on as many machines of a cluster.
            copies: machines that hold each part of a new collection.
            progress: told of the vectors that were sent since it was last told.

        Raises:
            SearchIndexError: the server cannot be reached or refuses; the index is damaged.
        """
        held, sounds = self._held()
        rows = self.store.rows(
            "select s.id, fingerprint from segments s join recordings r on r.id = s.recording "
            f"where length({self.column}) > 0"
        )
        there = {number: sound_of(fingerprint) for number, fingerprint in rows}
        segments = (held // _PLACES).tolist()
        kept = np.array([there.get(number) == sound for number, sound in zip(segments, sounds, strict=True)], bool)
        removed = self._remove(held[~kept])
        missing = there.keys() - set((held[kept] // _PLACES).tolist())
        added, ids, vectors, recordings = 0, list[int](), list[NDArray[np.float32]](), list[tuple[int, int]]()

        def send() -> None:
            nonlocal added
            self._send(np.concatenate(vectors), ids, recordings, shards, copies)
            added += len(ids)
            if progress is not None:
                progress(len(ids))
            for part in (ids, vectors, recordings):
                part.clear()

        for number, recording, blob in self._blobs(set(missing)):
            found = np.asarray(self._read(blob), np.float32)
            if not len(found):
                continue
            ids += [number * _PLACES + place for place in range(len(found))]
            vectors.append(found)
            recordings += [(recording, there[number])] * len(found)
            # A segment is in one request whole, so that its number tells whether it is there.
            if len(ids) >= _SENT:
                send()
        if ids:
            send()
        return Updated(added, removed)

    def nearest(self, queries: NDArray[np.float32], count: int) -> Near:
        """The `count` vectors nearest to each of the queries [q, size], as `vectors.Vectors.nearest` gives them.

        Segments that have left the index since the last update may be among them.

        Raises:
            SearchIndexError: the server cannot be reached, or there is no such collection.
        """
        from qdrant_client import models

        segment = np.full((len(queries), count), -1, np.int64)
        place, cosine = segment.copy(), np.full(segment.shape, -np.inf, np.float32)
        requests = [models.QueryRequest(query=query.tolist(), limit=count) for query in np.asarray(queries, np.float32)]
        with _told(self._place):
            if not self._client.collection_exists(self.name):
                raise SearchIndexError(
                    f"{self._place} has no collection {self.name}", "bring it up to date with the index first"
                )
            answers = self._client.query_batch_points(self.name, requests) if requests else []
        for row, answer in enumerate(answers):
            ids = np.array([point.id for point in answer.points], np.int64)
            segment[row, : len(ids)], place[row, : len(ids)] = ids // _PLACES, ids % _PLACES
            cosine[row, : len(ids)] = [point.score for point in answer.points]
        return Near(segment, place, cosine)

    def close(self) -> None:
        """Closes the connection, or the folder."""
        self._client.close()

    def __enter__(self) -> Collection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _blobs(self, wanted: set[int]) -> Iterator[tuple[int, int, bytes]]:
        """Number, recording and bytes of segments, some at a time, so that no reader holds up a writer."""
        numbers = sorted(wanted)
        for start in range(0, len(numbers), 500):
            some = numbers[start : start + 500]
            marks = ",".join("?" * len(some))
            yield from self.store.rows(
                f"select id, recording, {self.column} from segments where id in ({marks}) order by id", some
            )

    def _held(self) -> tuple[NDArray[np.int64], list[int]]:
        """Numbers of the points that are there, and what each has of its recording's sound."""
        found, sounds, after = list[int](), list[int](), None
        with _told(self._place):
            while self._client.collection_exists(self.name):
                points, after = self._client.scroll(
                    self.name, limit=_ASKED, offset=after, with_payload=["sound"], with_vectors=False
                )
                found += [point.id for point in points]
                sounds += [(point.payload or {}).get("sound", -1) for point in points]
                if after is None:
                    break
        return np.array(found, np.int64), sounds

    def _remove(self, ids: NDArray[np.int64]) -> int:
        from qdrant_client import models

        for start in range(0, len(ids), _ASKED):
            chosen = models.PointIdsList(points=ids[start : start + _ASKED].tolist())
            with _told(self._place):
                self._client.delete(self.name, points_selector=chosen)
        return len(ids)

    def _send(
        self,
        vectors: NDArray[np.float32],
        ids: list[int],
        recordings: list[tuple[int, int]],
        shards: int,
        copies: int,
    ) -> None:
        from qdrant_client import models

        with _told(self._place):
            if not self._client.collection_exists(self.name):
                # Whole vectors on disk, a byte a number in memory: what a search reads.
                self._client.create_collection(
                    self.name,
                    vectors_config=models.VectorParams(
                        size=vectors.shape[1], distance=models.Distance.COSINE, on_disk=True
                    ),
                    quantization_config=models.ScalarQuantization(
                        scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
                    ),
                    shard_number=shards,
                    replication_factor=copies,
                )
            payloads = [{"recording": recording, "sound": sound} for recording, sound in recordings]
            self._client.upsert(self.name, models.Batch(ids=list(ids), vectors=vectors.tolist(), payloads=payloads))


def update(
    store: Store, place: str, name: str = "", key: str | None = None, shards: int = 1, copies: int = 1
) -> dict[str, Updated]:
    """Brings the collections of all vectors that an index has up to date with it; gives what came and left, by column.

    Args and errors: as of `Collection.open` and `Collection.update`; SearchIndexError where the index has no vectors.
    """
    columns = [column for column, made in _MADE.items() if store.meta.get(made)]
    if not columns:
        raise SearchIndexError(f"the index {store.folder} has no vectors", "index with an embedder")
    found: dict[str, Updated] = {}
    for column in columns:
        with Collection.open(store, column, reader(store, column), place, name, key) as collection:
            found[column] = collection.update(shards, copies)
    return found


def sound_of(fingerprint: str) -> int:
    """A number, below 2^53, of a recording's fingerprint."""
    return int.from_bytes(hashlib.sha256(fingerprint.encode()).digest()[:6], "big")


@contextmanager
def _told(place: str) -> Iterator[None]:
    """Tells errors of the client in a sentence."""
    from qdrant_client.http.exceptions import ApiException

    try:
        yield
    except (ApiException, OSError, RuntimeError, ValueError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SearchIndexError(
            f"the vectors in {place} cannot be used: {line}", "check that the server runs, or the folder may be written"
        ) from error
