"""What an index keeps of a segment for search by voice: every window of a few frames as one small vector.

A window is the weighted mean of an embedder's frames (runtime/embedder.py), at length 1, less the mean of all speech,
along the directions in which speech differs most. Its length says how much it weighs: hardly anything where nobody
speaks. Windows stand one behind another without gap or overlap, so a word of any length is a few of them in a row:
laying a query over them (warp.py) finds it whatever the speed, and runs of neighbours (`runs`), side by side, are the
vectors among which near ones are looked up (vectors.py).

Numbers are whole ones of about four bits, then Huffman-coded one direction after the other: 0.4 MB an hour of read
speech where 64 numbers a frame would be 23. Neither costs a hit (development recordings).
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle, Manifest
from resonet.bundle.runtime_fields import EmbedRuntime
from resonet.errors import BundleError, SearchIndexError
from resonet.runtime.embedder import OTHERS, Embedder

Samples = NDArray[np.float32]

# Seconds of a window, in whole frames.
_LENGTH = 0.08
# Numbers of a window where the bundle says in which directions speech differs, and at most where it does not.
_SIZE, _MOST = 24, 64
BASIS = "windows.npy"
# Whole numbers a unit of length, and the weight of a frame from which a window is of length 1.
_LEVELS, _FULL = 15, 2.0
# Seconds of sound, mirrored, before and after: a network that begins in the middle of speech takes that for an onset.
_BEFORE, _AFTER = 1.0, 0.2
# Bytes that the windows of a segment may have: half an hour of them.
_MOST_BYTES = 1 << 20
# Windows side by side in a vector that is looked up, and from one such vector to the next.
RUN, STEP = 5, 2


class Windows:
    """Gives windows of sound; made by `Windows.of`. Safe to share between threads.

    Args:
        embedder: of words.
        mean, basis: float32 [dims] and [dims, size]: what windows at length 1 have in common, and the directions that
            are kept.

    Attributes:
        network: of the embedder. sample_rate: of the sound, Hz.
        hop: seconds of a window. size: numbers of it.
    """

    def __init__(self, embedder: Embedder, mean: NDArray[np.float32], basis: NDArray[np.float32]) -> None:
        self._mean, self._basis = mean, basis
        self.network = embedder.network
        self.sample_rate, self.size = self.network.sample_rate, basis.shape[1]
        self._frames = _frames(self.network.shift)
        self.hop = self._frames * self.network.shift

    @classmethod
    def of(cls, bundle: Bundle, threads: int = 1) -> Windows:
        """The windows of the embedder of words in a bundle of kind embedder, or in that of a classifier.

        Raises:
            BundleError: it has none, or a damaged one.
        """
        embedder = embedder_of(bundle, threads)
        mean, basis = _directions(bundle, embedder.network.columns - 1)
        return cls(embedder, mean, basis)

    def of_sound(self, sounds: Sequence[Samples]) -> list[NDArray[np.float32]]:
        """Windows of stretches of speech, float32 [n, size] each, of length 0 to 1; none for no sound.

        Args:
            sounds: float32 [time] at `sample_rate`.
        """
        return [self.of_frames(frames) for frames in self.frames(sounds)]

    def frames(self, sounds: Sequence[Samples]) -> list[NDArray[np.float32]]:
        """The embedder's frames [n, dims + 1] of stretches of speech, heard as if more speech were around them."""
        network = self.network
        before, after = (round(x * self.sample_rate / network.stride) * network.stride for x in (_BEFORE, _AFTER))
        wide = [np.pad(s, (before, after), mode="reflect") if len(s) > 1 else s[:0] for s in sounds]
        return [
            frames[before // network.stride :][: network.frames(len(s))]
            for frames, s in zip(network.scores(wide), sounds, strict=True)
        ]

    def of_frames(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """Windows float32 [n, size] of frames [m, dims + 1]; the last one may have fewer frames."""
        count = -(-len(frames) // self._frames)
        weight = np.exp(frames[:, -1:])
        added = np.zeros((count * self._frames, frames.shape[1]), np.float32)
        added[: len(frames)] = np.concatenate([frames[:, :-1] * weight, weight], 1)
        sums: NDArray[np.float32] = added.reshape(count, self._frames, frames.shape[1]).sum(1, dtype=np.float32)
        apart = _at_length_one(sums[:, :-1]) - self._mean
        # Whatever the directions leave out of a window, its length is its weight.
        kept = _at_length_one(np.matmul(apart, self._basis, dtype=np.float32))
        return kept * np.minimum(sums[:, -1:] / np.float32(self._frames * _FULL), np.float32(1))

    def packed(self, sounds: Sequence[Samples]) -> list[bytes]:
        """What the index keeps of stretches of speech."""
        return [pack(windows) for windows in self.of_sound(sounds)]


def described(manifest: Manifest) -> dict[str, Any]:
    """What an index says of windows made by the embedder with this manifest: `length` and `hop` (s), `size`.

    Raises:
        BundleError: it does not say how its embedder of words is run.
    """
    form = _form(manifest, manifest.name)
    shift = manifest.frame_shift * form.subsampling
    hop = round(_frames(shift) * shift, 9)
    return {"length": hop, "hop": hop, "size": _size(form.dims, bool({BASIS, OTHERS} & manifest.members.keys()))}


def pack(windows: NDArray[np.float32]) -> bytes:
    """Windows float32 [n, size], of length 0 to 1, in few bytes; empty for none."""
    if not len(windows):
        return b""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_HUFFMAN_ONLY)
    planes = np.rint(windows.T * np.float32(_LEVELS)).astype(np.int8)
    return deflate.compress(np.ascontiguousarray(planes).tobytes()) + deflate.flush()


def unpack(blob: bytes, size: int) -> NDArray[np.int8]:
    """Windows int8 [n, size] from what `pack` gave; `weighed` makes numbers of them.

    Raises:
        SearchIndexError: damaged.
    """
    if not blob:
        return np.empty((0, size), np.int8)
    try:
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(blob, _MOST_BYTES)
    except zlib.error:
        content = b""
    if not content or len(content) % size:
        raise SearchIndexError("the index is damaged: windows of a segment", "index the recordings into a new folder")
    return np.ascontiguousarray(np.frombuffer(content, np.int8).reshape(size, -1).T)


def weighed(windows: NDArray[np.int8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unpacked windows [n, size] at length 1, zeros where nothing was said, and what each weighs, 0..1 [n]."""
    found = windows.astype(np.float32)
    length = np.sqrt(np.einsum("ij,ij->i", found, found))
    found /= np.maximum(length, np.float32(1))[:, None]
    return found, np.minimum(length / np.float32(_LEVELS), np.float32(1))


def runs(windows: NDArray[Any], step: int = STEP) -> NDArray[Any]:
    """Windows [n, size] five and five side by side, [runs, 5 * size], each run `step` windows after the one before.

    Fewer than five are one run, with nothing behind them.
    """
    n, size = windows.shape
    if not n:
        return np.empty((0, RUN * size), windows.dtype)
    if n < RUN:
        windows = np.concatenate([windows, np.zeros((RUN - n, size), windows.dtype)])
    sliding = np.lib.stride_tricks.sliding_window_view(windows, RUN, axis=0)[::step]
    return np.ascontiguousarray(sliding.transpose(0, 2, 1)).reshape(len(sliding), RUN * size)


def directions(windows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of windows of speech [n, dims]: at length 1, what they have in common [dims], and the directions in which they
    differ most [dims, 24], the first ones first.

    A direction's largest number is positive, so that every machine finds the same ones.
    """
    apart = _at_length_one(np.asarray(windows, np.float32)).astype(np.float64)
    mean = apart.mean(0)
    apart -= mean
    _, found = np.linalg.eigh(apart.T @ apart)
    kept = found[:, ::-1][:, :_SIZE]
    largest = kept[np.abs(kept).argmax(0), np.arange(kept.shape[1])]
    return mean.astype(np.float32), (kept * np.sign(largest)).astype(np.float32)


def basis(embedder: Embedder, pieces: Sequence[Samples]) -> bytes:
    """`windows.npy` of a bundle, from stretches of speech float32 [time]: float32 [1 + size, dims], the mean and the
    directions."""
    dims = embedder.network.columns - 1
    plain = Windows(embedder, np.zeros(dims, np.float32), np.eye(dims, dtype=np.float32))
    found = np.concatenate([np.empty((0, dims), np.float32), *plain.of_sound(pieces)])
    mean, kept = directions(found[np.linalg.norm(found, axis=1) > 0.25])  # those in which somebody speaks
    content = io.BytesIO()
    np.save(content, np.concatenate([mean[None], kept.T]), allow_pickle=False)
    return content.getvalue()


def _form(manifest: Manifest, name: str) -> EmbedRuntime:
    """How the embedder of words is run; `subsampling` of an embedder bundle is that of the whole bundle."""
    if manifest.kind != "embedder":
        embed = manifest.classifier.embed
        if embed is None:
            raise BundleError(f"{name} has no embedder of words", "take another bundle")
        return embed
    try:
        return EmbedRuntime.model_validate({"subsampling": manifest.subsampling, **manifest.runtime})
    except ValueError:
        raise BundleError(
            f"{name} does not say how its embedder of words is run", "take another embedder, or the newest edition"
        ) from None


def embedder_of(bundle: Bundle, threads: int = 1) -> Embedder:
    """The embedder of words in a bundle of kind embedder, or in a classifier. Raises BundleError: there is none."""
    manifest = bundle.manifest
    if manifest.kind != "embedder":
        return Embedder.of(bundle, threads)
    if not bundle.has("model.onnx"):
        raise BundleError(f"{bundle.name} embeds voices alone, not words", "take another embedder")
    return Embedder(
        bundle.read("model.onnx"),
        _form(manifest, bundle.name),
        threads,
        sample_rate=manifest.sample_rate,
        frame_shift=manifest.frame_shift,
        where=f"{bundle.path}: model.onnx",
    )


def _directions(bundle: Bundle, dims: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The mean and the directions that a bundle brings; else as they come."""
    if bundle.has(BASIS):
        found = _numbers(bundle, BASIS)
        if found.shape != (1 + _size(dims, True), dims):
            raise BundleError(f"{bundle.path}: {BASIS} does not fit its embedder", "reinstall the bundle")
        return found[0], np.ascontiguousarray(found[1:].T)
    if bundle.has(OTHERS):
        found = _numbers(bundle, OTHERS)
        if found.ndim != 2 or found.shape[1] % dims:
            raise BundleError(f"{bundle.path}: {OTHERS} does not fit its embedder", "reinstall the bundle")
        return directions(found.reshape(-1, dims))
    return np.zeros(dims, np.float32), np.eye(dims, _size(dims, False), dtype=np.float32)


def _numbers(bundle: Bundle, member: str) -> NDArray[np.float32]:
    try:
        found = np.load(io.BytesIO(bundle.read(member)), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise BundleError(f"{bundle.path}: {member} is damaged: {error}", "reinstall the bundle") from error
    if not isinstance(found, np.ndarray) or found.dtype.kind != "f" or not np.isfinite(found).all():
        raise BundleError(f"{bundle.path}: {member} holds no finite numbers", "reinstall the bundle")
    return found.astype(np.float32)


def _size(dims: int, known: bool) -> int:
    return min(dims, _SIZE if known else _MOST)


def _frames(shift: float) -> int:
    return max(1, round(_LENGTH / shift))


def _at_length_one(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32(1e-9))
