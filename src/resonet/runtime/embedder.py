"""Stretches of sound as vectors: near each other where they sound alike, and how near any speech comes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle
from resonet.bundle.runtime_fields import EmbedRuntime
from resonet.decoding.pool import pool
from resonet.errors import BundleError
from resonet.runtime.acoustic import Network

MEMBER, OTHERS = "embed.onnx", "background.npy"
# The cosines to the embeddings of other speech that are highest: their mean says how much like other speech it is.
_COHORT = 10
# Nothing counts as less like other speech than this share of the pieces of it that are least so: then most stretches
# of a stream need not be compared with other speech, which would cost more than all else.
_LEAST = 0.1
_JUDGED = 200  # pieces from which that is found
# Bytes of a member with embeddings, and its rows.
_MOST_BYTES, _MOST_ROWS = 64 << 20, 20_000


class Embedder:
    """The embedder of a classifier, with the embeddings of other speech that it brings. Safe to share between threads.

    Args:
        graph: `embed.onnx`.
        form: what running it takes, as the manifest's `runtime.embed` says.
        others: embeddings [n, size] of other speech.
        where: how errors name it.

    Attributes:
        network: gives the frames.
        size: numbers of an embedding.
        least_likeness: what `likeness` gives at least.
        sha256: of the graph; words that were enrolled with another one mean nothing to it.
    """

    def __init__(
        self,
        graph: bytes,
        form: EmbedRuntime | Mapping[str, Any],
        threads: int = 1,
        *,
        others: NDArray[np.float32] | None = None,
        sample_rate: int = 16000,
        frame_shift: float = 0.01,
        where: str = MEMBER,
    ) -> None:
        if not isinstance(form, EmbedRuntime):
            form = EmbedRuntime.model_validate(form)
        self.network = Network(
            graph,
            threads,
            where=where,
            output="frames",
            sample_rate=sample_rate,
            shift=frame_shift * form.subsampling,
            delay=form.delay,
            state=form.state,
            columns=form.dims + 1,
        )
        self.parts, self.size = form.parts, form.parts * form.dims
        self.sha256 = hashlib.sha256(graph).hexdigest()
        self._mean = np.zeros(self.size, np.float32)
        self._others = np.empty((0, self.size), np.float32)
        self.least_likeness = 0.0
        if others is not None:
            self._mean = others.mean(0)
            self._others = self.centred(others)
            self.least_likeness = self._least()

    @classmethod
    def of(cls, bundle: Bundle, threads: int = 1) -> Embedder:
        """The embedder in a classifier bundle.

        Raises:
            BundleError: it has none, or a damaged one.
        """
        manifest = bundle.manifest
        form = manifest.classifier.embed
        if form is None:
            raise BundleError(
                f"{bundle.name} has no embedder ({MEMBER}), so that words cannot be enrolled by examples",
                "take another bundle, or enroll the word by its spelling: resonet enroll --text WORD",
            )
        others = vectors(bundle, OTHERS, form.parts * form.dims) if bundle.has(OTHERS) else None
        return cls(
            bundle.read(MEMBER),
            form,
            threads,
            others=others,
            sample_rate=manifest.sample_rate,
            frame_shift=manifest.frame_shift,
            where=f"{bundle.path}: {MEMBER}",
        )

    @property
    def knows_others(self) -> bool:
        """Whether there are embeddings of other speech."""
        return len(self._others) > 0

    def embed(self, samples: NDArray[np.float32], start: float, end: float) -> NDArray[np.float32]:
        """The embedding [size] of the stretch from `start` to `end` seconds of a recording, at length 1."""
        frames = self.network.scores([samples])[0]
        shift = self.network.shift
        return pool(frames, [start / shift], [end / shift], self.parts)[0]

    def centred(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embeddings [n, size] less what all speech has in common, at length 1."""
        apart = embeddings - self._mean
        return apart / np.maximum(np.linalg.norm(apart, axis=-1, keepdims=True), np.float32(1e-9))

    def prototype(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the examples [n, size] of a word have in common, [size], centred."""
        return self.centred(embeddings.mean(0, keepdims=True))[0]

    def likeness(self, stretches: NDArray[np.float32]) -> NDArray[np.float32]:
        """How much centred stretches [n, size] are like other speech, [n]: mean of the ten highest cosines to it."""
        return np.maximum(_highest(stretches @ self._others.T, _COHORT), np.float32(self.least_likeness))

    def _least(self) -> float:
        judged = self._others[:: -(-len(self._others) // _JUDGED)]
        # One more than ten, and without it: each piece is nearest to itself.
        cosines = judged @ self._others.T
        count = min(_COHORT + 1, cosines.shape[1])
        alike = (_highest(cosines, count) * count - 1) / max(1, count - 1)
        return max(0.0, float(np.quantile(alike, _LEAST)))


def _highest(cosines: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Mean of the `count` highest of each row."""
    count = min(count, cosines.shape[1])
    return np.partition(cosines, -count, axis=1)[:, -count:].mean(1)


def background(embedder: Embedder, pieces: Sequence[NDArray[np.float32]]) -> bytes:
    """`background.npy` of a bundle: the embeddings of pieces of other speech, each float32 [time], as float16."""
    shift = embedder.network.stride
    frames = embedder.network.scores(pieces)
    rows = [pool(f, [0.0], [len(p) / shift], embedder.parts)[0] for f, p in zip(frames, pieces, strict=True)]
    content = io.BytesIO()
    np.save(content, np.stack(rows).astype(np.float16), allow_pickle=False)
    return content.getvalue()


def vectors(bundle: Bundle, member: str, size: int) -> NDArray[np.float32]:
    """The embeddings [n, size] in a member of a bundle. Raises BundleError where it holds anything else."""
    if bundle.manifest.members[member].bytes > _MOST_BYTES:
        raise BundleError(f"{bundle.path}: {member} has more than {_MOST_BYTES >> 20} MiB")
    try:
        found = np.load(io.BytesIO(bundle.read(member)), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise BundleError(f"{bundle.path}: {member} is damaged: {error}", "reinstall the bundle") from error
    fits = isinstance(found, np.ndarray) and found.ndim == 2 and found.dtype.kind == "f" and found.shape[1] == size
    if not fits or not 0 < len(found) <= _MOST_ROWS or not np.isfinite(found).all():
        raise BundleError(f"{bundle.path}: {member} holds no embeddings of {size} finite numbers")
    return found.astype(np.float32)
