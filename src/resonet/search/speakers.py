"""Who speaks like this: the voices of recordings, nearest first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonet.errors import SearchIndexError, UsageError
from resonet.search.store import Store

# Vectors that are looked at together.
_TOGETHER = 4096


@dataclass(frozen=True)
class Voice:
    """A recording whose voice was asked for.

    Fields:
        recording: its number in the index.
        start, end: seconds of the segment in it that is nearest to the voice.
        cosine: of the recording's mean voice to the one asked for, -1..1.
    """

    recording: int
    start: float
    end: float
    cosine: float


class Speakers:
    """The mean voice of every recording of an index; read when first asked for, and anew where the index has changed.

    A recording is taken to have one voice: its segments' vectors, at length 1, are averaged by how long they last. One
    thread's, as its store is.

    Args:
        store: an index whose segments have voices (`meta["speaker"]`).
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._generation = -1
        self._numbers = np.empty(0, np.int64)
        self._means = np.empty((0, 0), np.float32)

    def nearest(self, voice: NDArray[np.float32], limit: int | None = None) -> list[Voice]:
        """Recordings by how near their voice is, nearest first; arguments and errors as of `alike`."""
        return [self._voice(recording, cosine, voice) for recording, cosine in self.alike(voice, limit)]

    def alike(self, voice: NDArray[np.float32], limit: int | None = None) -> list[tuple[int, float]]:
        """Numbers of recordings with the cosines of their voices to a voice, nearest first.

        Args:
            voice: [size], as the speaker embedder gives it; its length does not matter.
            limit: recordings to give; None: all that have voices.

        Raises:
            SearchIndexError: the index has no voices, or those of another embedder, or is damaged.
            UsageError: there is no voice in the query.
        """
        if self.store.meta.get("speaker") is None:
            raise SearchIndexError(
                f"the index {self.store.folder} knows no voices", "index with an embedder that has speaker.onnx"
            )
        voice = np.asarray(voice, np.float32)
        length = float(np.linalg.norm(voice))
        if not np.isfinite(length) or length == 0:
            raise UsageError("the sample holds no voice", "give a few seconds of one person speaking")
        self._read()
        if not len(self._numbers):
            return []
        if voice.shape != self._means.shape[1:]:
            raise SearchIndexError(
                f"the index {self.store.folder} has voices of {self._means.shape[1]} numbers, the sample {len(voice)}",
                "use the embedder that the index was made with",
            )
        cosines = self._means @ (voice / np.float32(length))
        best = np.argsort(-cosines, kind="stable")[:limit]
        return [(int(self._numbers[i]), float(cosines[i])) for i in best]

    def _voice(self, recording: int, cosine: float, voice: NDArray[np.float32]) -> Voice:
        rows = self.store.rows(
            "select start, finish, voice from segments where recording = ? and length(voice) > 0 order by start",
            (recording,),
        )
        near = _at_length_one(_matrix([row[2] for row in rows], self.store)) @ voice
        start, end, _ = rows[int(near.argmax())]
        return Voice(recording, start, end, cosine)

    def _read(self) -> None:
        generation = self.store.generation
        if generation == self._generation:
            return
        sums: dict[int, NDArray[np.float32]] = {}
        after = 0
        while rows := self.store.rows(
            "select id, recording, finish - start, voice from segments where id > ? and length(voice) > 0 "
            "order by id limit ?",
            (after, _TOGETHER),
        ):
            after = rows[-1][0]
            vectors = _at_length_one(_matrix([row[3] for row in rows], self.store))
            weights = np.array([max(row[2], 1e-3) for row in rows], np.float32)
            for (_, recording, _, _), vector in zip(rows, vectors * weights[:, None], strict=True):
                sums[recording] = sums[recording] + vector if recording in sums else vector
        self._numbers = np.fromiter(sums, np.int64, len(sums))
        self._means = _at_length_one(np.stack(list(sums.values()))) if sums else np.empty((0, 0), np.float32)
        self._generation = generation


def pack(voice: NDArray[np.floating]) -> bytes:
    """What a segment keeps of its voice [size]: the vector at length 1, as float16, little-endian."""
    return _at_length_one(np.asarray(voice, np.float32)[None])[0].astype("<f2").tobytes()


def _matrix(blobs: list[bytes], store: Store) -> NDArray[np.float32]:
    if len({len(blob) for blob in blobs}) > 1 or len(blobs[0]) % 2:
        raise SearchIndexError(
            f"the index {store.folder} is damaged: voices of its segments", "index the recordings into a new folder"
        )
    return np.frombuffer(b"".join(blobs), "<f2").reshape(len(blobs), -1).astype(np.float32)


def _at_length_one(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-9))
