"""Who speaks, and in which language: `speaker.onnx` of an embedder bundle, run over stretches of sound."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonet.audio.loudness import amplification
from resonet.bundle import Bundle
from resonet.bundle.runtime_fields import IdentityRuntime
from resonet.errors import AudioError, BundleError
from resonet.runtime.acoustic import session

MEMBER = "speaker.onnx"


@dataclass(frozen=True)
class Heard:
    """What was heard of a speaker: `voice`, float32 [size] of length 1, and the probability of each language."""

    voice: NDArray[np.float32]
    languages: dict[str, float]


class Identity:
    """Tells voices and languages. Safe to share between threads.

    Voices are compared by their cosine, `one @ other`: the more alike, the nearer to 1. Of what is not speech, too,
    there is a voice: who looks for speakers leaves silence and noise out.

    Attributes:
        name: of the bundle. sha256: of the graph; voices of another one mean nothing beside these.
        size: numbers of a voice. languages: tags of what it can tell apart.
        sample_rate: of the sound that it takes, Hz. shortest: seconds of it at least.
    """

    def __init__(
        self, graph: bytes, form: IdentityRuntime, threads: int = 1, *, name: str = "", where: str = MEMBER
    ) -> None:
        self.name, self.size, self.languages = name, form.size, form.languages
        self.sample_rate, self.shortest, self._longest = 16000, form.shortest, form.longest
        self.sha256 = hashlib.sha256(graph).hexdigest()
        self._session = session(graph, threads, where)

    @classmethod
    def load(cls, name_or_path: str | Path | None = None, threads: int = 1) -> Identity:
        """The one of a bundle of kind embedder; without a name, of the installed one.

        Raises:
            BundleError: unknown or damaged, or it knows words alone.
        """
        with Bundle.open(name_or_path, "embedder") as bundle:
            return cls.of(bundle, threads)

    @classmethod
    def of(cls, bundle: Bundle, threads: int = 1) -> Identity:
        """The one of an open bundle. Raises BundleError as `load` does."""
        form = bundle.manifest.identity
        if form is None:
            raise BundleError(
                f"{bundle.name} knows no voices (it has no {MEMBER})",
                "take another bundle: resonet bundle list --kind embedder",
            )
        return cls(bundle.read(MEMBER), form, threads, name=bundle.name, where=f"{bundle.path}: {MEMBER}")

    def voice(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The voice, float32 [size] of length 1, of sound [time] at `sample_rate`; of long sound the mean of pieces.

        Raises:
            AudioError: it is shorter than `shortest`, or holds numbers that are none.
        """
        return self.hear(samples).voice

    def language(self, samples: NDArray[np.float32]) -> dict[str, float]:
        """The probability of each language, most likely first; arguments and errors as in `voice`."""
        return self.hear(samples).languages

    def hear(self, samples: NDArray[np.float32]) -> Heard:
        """Both at the cost of one; arguments and errors as in `voice`."""
        samples = np.asarray(samples, np.float32)
        seconds = len(samples) / self.sample_rate
        if seconds < self.shortest:
            raise AudioError(f"{seconds:.2f} s are too short to know a voice", f"give {self.shortest:g} s or more")
        if not np.isfinite(samples).all():
            raise AudioError("the sound holds numbers that are none (NaN or infinite)")
        samples = samples * np.float32(amplification(samples, self.sample_rate))
        pieces = np.array_split(samples, int(np.ceil(seconds / self._longest)))
        found = [self._session.run(["voice", "languages"], {"pcm": piece[None]}) for piece in pieces]
        voice = np.mean([v[0] for v, _ in found], 0)
        length = float(np.linalg.norm(voice))
        # What is said in one piece is evidence beside that of another, but each hears one speaker: no product.
        mean = np.mean([np.exp(scores[0].astype(np.float64)) for _, scores in found], 0)
        chances = {tag: float(p) for tag, p in zip(self.languages, mean / mean.sum(), strict=True)}
        return Heard(
            voice=(voice / max(length, 1e-9)).astype(np.float32),
            languages=dict(sorted(chances.items(), key=lambda item: -item[1])),
        )
