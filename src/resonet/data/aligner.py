"""When the words of a transcript are said: forced alignment with a recognizer that is there anyway."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle
from resonet.decoding.align import align, spans
from resonet.errors import DataError
from resonet.runtime.acoustic import Acoustic, default_threads
from resonet.text.g2p import GraphemeToPhone
from resonet.text.lexicon import Lexicon
from resonet.text.normalise import normalise
from resonet.text.units import Units

SAMPLE_RATE = 16000
_TOGETHER = 32  # recordings in one call of the network
# Mean natural log of the units' probabilities along the path. With en-small 390 right transcripts (of readers, home
# microphones, learners) lie above -3.0, of transcripts of another recording of like length nineteen in 20 below -3.3.
_LEAST = -3.2


@dataclass(frozen=True)
class Said:
    """A word of a transcript, with its start and end in seconds of the recording, within a tenth or so."""

    word: str
    start: float
    end: float


class Aligner:
    """Lays transcripts over recordings; made once, used for many.

    Args:
        recognizer: a bundle's name or path; the one that is installed where None.

    Raises:
        BundleError: there is none, or it is damaged.
    """

    def __init__(self, recognizer: str | Path | None = None, threads: int | None = None) -> None:
        with Bundle.open(recognizer, kind="recognizer") as bundle:
            self.name, self.sha256 = bundle.name, bundle.manifest.members["model.onnx"].sha256
            self._acoustic = Acoustic(bundle, threads or default_threads())
            self._shift = bundle.manifest.output_shift
            units = bundle.manifest.units
            assert units is not None  # the manifest was checked: a recognizer has units
            self._units = Units(units.type, units.symbols)
            self._lexicon = Lexicon.from_bytes(bundle.read("lexicon.bin")) if bundle.has("lexicon.bin") else Lexicon()
            self._g2p = GraphemeToPhone(bundle.read("g2p.onnx")) if bundle.has("g2p.onnx") else None

    def align(
        self, recordings: Iterable[NDArray[np.float32]], texts: Sequence[str], language: str = "en"
    ) -> Iterator[tuple[Said, ...] | None]:
        """The normalised words of each text with their times; None where there are none or they do not fit the sound.

        Args:
            recordings: float32 [time] at 16 kHz, one a text.
        """
        sounds = iter(recordings)
        for first in range(0, len(texts), _TOGETHER):
            some = texts[first : first + _TOGETHER]
            scores = self._acoustic.scores([next(sounds) for _ in some])
            for text, found in zip(some, scores, strict=True):
                yield self._align(normalise(text, language).split(), found)

    def homophones(self, words: Iterable[str]) -> set[str]:
        """Words of the lexicon that are said like one of `words`: know for no, write for right."""
        said = {p for word in words for p in self._lexicon.pronunciations(word)}
        return {word for word in self._lexicon if said.intersection(self._lexicon.pronunciations(word))} - set(words)

    def _align(self, words: Sequence[str], scores: NDArray[np.float32]) -> tuple[Said, ...] | None:
        units = [self._spelled(word) for word in words]
        if not words or not all(units):
            return None
        ids = [unit for word in units for unit in word]
        try:
            path = align(scores, ids)
        except DataError:  # more units than frames
            return None
        frames = np.flatnonzero(path >= 0)
        if scores[frames, np.asarray(ids)[path[frames]]].mean() < _LEAST:
            return None
        times = spans(path, len(ids))
        last = np.cumsum([len(word) for word in units])
        starts, ends = times[last - [len(word) for word in units], 0], times[last - 1, 1]
        return tuple(
            Said(word, float(start) * self._shift, float(end) * self._shift)
            for word, start, end in zip(words, starts, ends, strict=True)
        )

    def _spelled(self, word: str) -> list[int]:
        """The units of a word; none where it cannot be written with them."""
        try:
            if self._units.type != "phones":
                return self._units.encode(word)
            known = self._lexicon.pronunciations(word)
            return self._units.encode(known[0] if known else self._g2p.phones([word])[0] if self._g2p else ())
        except DataError:
            return []
