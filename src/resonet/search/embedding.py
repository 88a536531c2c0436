"""Vectors of the segments of a recording, by an embedder bundle: windows of their sound, and who speaks.

The recognizer keeps no sound, so a recording is read once more for them, which costs a five-hundredth of its length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.bundle import Bundle, read_manifest
from resonet.errors import SearchIndexError
from resonet.runtime.acoustic import default_threads
from resonet.search.rows import Segment
from resonet.search.speakers import pack
from resonet.search.store import Store

if TYPE_CHECKING:
    from resonet.runtime.identity import Identity
    from resonet.search.windows import Windows

Samples = NDArray[np.float32]
# By which member of a bundle an index knows the embedder of its windows, and that of its voices.
MEMBERS = {"embedder": "model.onnx", "speaker": "speaker.onnx"}
# Seconds of segments that are held at once: of a recording of hours, its sound would fill the memory.
_TOGETHER = 120.0


class Embedding:
    """Gives segments their vectors; made by `Embedding.load`.

    Args:
        sample_rate: of the sound that both take, Hz.
        windows, identity: each may be None: then segments have no such vectors.
    """

    def __init__(self, sample_rate: int, windows: Windows | None, identity: Identity | None) -> None:
        self._rate, self._windows, self._identity = sample_rate, windows, identity

    @classmethod
    def load(cls, name_or_path: str | Path, threads: int | None = None) -> Embedding:
        """The embedders of a bundle. Raises BundleError."""
        threads = threads or default_threads()
        windows = identity = None
        with Bundle.open(name_or_path, kind="embedder") as bundle:
            if bundle.has(MEMBERS["embedder"]):
                from resonet.search.windows import Windows

                windows = Windows.of(bundle, threads)
            if bundle.manifest.identity is not None:
                from resonet.runtime.identity import Identity

                identity = Identity.of(bundle, threads)
            return cls(bundle.manifest.sample_rate, windows, identity)

    def added(self, path: Path, segments: Sequence[Segment]) -> list[Segment]:
        """The segments of a recording, in order, with vectors; a short one tells no voice. Raises AudioError."""
        spans = [(round(s.start * self._rate), round(s.end * self._rate)) for s in segments]
        sounds = stretches(audio.blocks(path, self._rate), spans) if segments else iter(())
        found: list[Segment] = []
        some: list[Samples] = []
        for sound in sounds:
            some.append(sound)
            if sum(map(len, some)) >= _TOGETHER * self._rate:
                found += self._given(segments[len(found) :], some)
                some = []
        return found + self._given(segments[len(found) :], some)

    def _given(self, segments: Sequence[Segment], sounds: Sequence[Samples]) -> list[Segment]:
        windows = self._windows.packed(sounds) if self._windows is not None else [b""] * len(sounds)
        voices = [self._voice(sound) for sound in sounds]
        return [replace(s, windows=w, voice=v) for s, w, v in zip(segments, windows, voices, strict=False)]

    def _voice(self, sound: Samples) -> bytes:
        if self._identity is None or len(sound) < self._identity.shortest * self._rate:
            return b""
        return pack(self._identity.voice(sound))


def described(path: Path | None) -> dict[str, Any]:
    """What an index says of the embedder that it was made with, None for none: `embedder`, `windows`, `speaker`."""
    made: dict[str, Any] = {"embedder": None, "windows": None, "speaker": None}
    if path is None:
        return made
    manifest = read_manifest(path)
    for key, member in MEMBERS.items():
        if member in manifest.members:
            made[key] = {"name": manifest.name, "sha256": manifest.members[member].sha256}
    if made["embedder"]:
        from resonet.search import windows

        made["windows"] = windows.described(manifest)
    return made


def stretches(blocks: Iterable[Samples], spans: Sequence[tuple[int, int]]) -> Iterator[Samples]:
    """What lies between `spans` (first sample, sample after the last; in order, none within another) of a recording
    that comes in blocks; shorter where it ends before them. Holds no more than a block and the span that it meets."""
    coming = iter(blocks)
    held, first = np.empty(0, np.float32), 0
    for start, end in spans:
        while first + len(held) < end and (block := next(coming, None)) is not None:
            kept = held[max(0, start - first) :]
            first += len(held) - len(kept)
            held = np.concatenate([kept, block])
        yield held[max(0, start - first) : max(0, end - first)]


def reader(store: Store, column: str) -> Callable[[bytes], NDArray[Any]]:
    """How the vectors of a column are read: of windows the runs that search by voice looks up, of a voice its one.

    Raises SearchIndexError where the index has no windows.
    """
    if column == "voice":
        return lambda blob: np.frombuffer(blob, "<f2").astype(np.float32)[None]
    from resonet.search.windows import runs, unpack

    if (form := store.meta.get("windows")) is None:
        raise SearchIndexError(f"the index {store.folder} has no windows", "index with an embedder")
    size = int(form["size"])
    return lambda blob: runs(unpack(blob, size))
