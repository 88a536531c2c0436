"""When the words of a text are said in a recording, and their phones: forced alignment with a recognizer.

Recordings of hours are aligned in bounded memory: of the sound only the recognizer's scores are held (14 MB an hour).
Long ones are cut where a row of units was heard just as it is written and is unique (decoding/anchors.py), and what
lies between is aligned as a whole (decoding/align_words.py). Words may be missing in the sound, and sound in the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle
from resonet.decoding.align_text import align_text
from resonet.decoding.anchors import best_path
from resonet.errors import DataError
from resonet.runtime.acoustic import Acoustic, Samples, Scores, default_threads, stream_scores
from resonet.runtime.doubts import Doubt, Laid, confidences, doubts, sentence
from resonet.runtime.edges import LAG, Levels, edges
from resonet.runtime.recordings import Source, sound_of
from resonet.runtime.script import ScriptReader, Written
from resonet.text import ctm
from resonet.text.textgrid import Interval, TextGrid, Tier
from resonet.text.units import UnitType

# What the tier of units is called in a TextGrid.
_TIERS: dict[UnitType, str] = {"phones": "phones", "characters": "letters", "bpe": "pieces"}


@dataclass(frozen=True)
class AlignedUnit:
    """A phone, letter or piece: start and end in seconds."""

    unit: str
    start: float
    end: float


@dataclass(frozen=True)
class AlignedWord:
    """A word as it is written, with its punctuation, or several that are read as one ($5 million).

    Fields:
        start, end: seconds; equal where the word was not said, in the place where it should have been.
        confidence: that it was said there, 0..1.
        units: what it was heard as; in the way that fits the sound best where it may be said in several.
        characters: its first one in the text, and the one after its last.
    """

    word: str
    start: float
    end: float
    confidence: float
    units: tuple[AlignedUnit, ...]
    characters: tuple[int, int]

    @property
    def said(self) -> bool:
        """Whether it was found in the sound."""
        return self.end > self.start


@dataclass(frozen=True)
class Alignment:
    """A text laid over a recording.

    Fields:
        words: all of its words, in order, without overlap.
        duration: of the recording, seconds. language: BCP 47 tag. kind: what the units of words are.
        doubts: places where the two do not fit.
        warning: what to tell people of these, in a sentence; empty where all is well.
    """

    words: tuple[AlignedWord, ...]
    duration: float
    language: str
    kind: UnitType = "phones"
    doubts: tuple[Doubt, ...] = ()
    warning: str = ""

    @property
    def units(self) -> tuple[AlignedUnit, ...]:
        """All units in order."""
        return tuple(unit for word in self.words for unit in word.units)

    @property
    def confidence(self) -> float:
        """Mean of the words'."""
        return sum(word.confidence for word in self.words) / max(1, len(self.words))

    def as_textgrid(self) -> TextGrid:
        """Praat's form: a tier of words and one of their units, without what was not said."""
        tiers = {
            "words": [Interval(word.start, word.end, word.word) for word in self.words if word.said],
            _TIERS[self.kind]: [Interval(unit.start, unit.end, unit.unit) for unit in self.units],
        }
        return TextGrid(0.0, self.duration, tuple(Tier(name, tuple(held)) for name, held in tiers.items()))

    def as_ctm(self, recording: str) -> list[ctm.Line]:
        """NIST's form: the words that were said."""
        return [
            ctm.Line(recording, word.start, word.end - word.start, word.word, word.confidence)
            for word in self.words
            if word.said
        ]

    def as_dict(self, file: str) -> dict[str, Any]:
        """The JSON object of `resonet align --format json`; times with three decimals."""
        return {
            "file": file,
            "duration": round(self.duration, 3),
            "language": self.language,
            "words": [
                {
                    "word": word.word,
                    "start": round(word.start, 3),
                    "end": round(word.end, 3),
                    "confidence": round(word.confidence, 3),
                    "units": [
                        {"unit": unit.unit, "start": round(unit.start, 3), "end": round(unit.end, 3)}
                        for unit in word.units
                    ],
                }
                for word in self.words
            ],
        }


class Aligner:
    """Lays texts over recordings; made by `Aligner.load`. One aligner may be used by several threads at once."""

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        self._script = ScriptReader(bundle)
        self._acoustic = Acoustic(bundle, threads or default_threads())
        self.units, self.language, self.name = self._script.units, self._script.language, bundle.name

    @classmethod
    def load(cls, name_or_path: str | Path | None = None, threads: int | None = None) -> Aligner:
        """Opens a recognizer's bundle by name or path; without either, the one installed recognizer.

        Raises:
            BundleError: unknown, damaged, or not a recognizer.
        """
        with Bundle.open(name_or_path, kind="recognizer") as bundle:
            return cls(bundle, threads)

    def align(
        self,
        source: Source,
        text: str,
        sample_rate: int | None = None,
        progress: Callable[[float], object] | None = None,
    ) -> Alignment:
        """When each word of `text` is said.

        Args:
            source: a path, the bytes of a file, an open file, or samples float32 [time] in -1..1, which need
                `sample_rate` (Hz).
            text: as it is written: capitals, punctuation, numbers. What is not said is found, and so is speech that
                it lacks.
            progress: told of the seconds of sound that were heard since it was last told.

        Raises:
            AudioError: the recording cannot be read, or holds no sound; UsageError: samples without a rate.
            DataError: no word of the text can be said, or long stretches of text and sound have nothing in common.
            MissingExtra: numbers in the text without the extra [speak].
        """
        written = self._script.read(text)
        if not any(word.ways for word in written):
            raise _nothing(text, self.name)
        scores, levels, duration = self._hear(source, sample_rate, progress)
        return self._laid(written, scores, levels, duration)

    def _hear(
        self, source: Source, sample_rate: int | None, progress: Callable[[float], object] | None
    ) -> tuple[Scores, NDArray[np.float32], float]:
        rate = self._acoustic.sample_rate
        levels = Levels(rate)

        def heard() -> Iterator[Samples]:
            for block in sound_of(source, sample_rate, rate):
                levels.push(block)
                yield block

        found: list[Scores] = []
        for scores, samples in stream_scores(self._acoustic, heard()):
            found.append(scores)
            if progress is not None:
                progress(samples / rate)
        return np.concatenate(found), levels.get(), levels.samples / rate

    def _laid(
        self, written: Sequence[Written], scores: Scores, levels: NDArray[np.float32], duration: float
    ) -> Alignment:
        shift = self._acoustic.shift
        places = align_text(scores, [word.ways for word in written], shift, self._script.separator)
        counts = np.array([len(place.frames) for place in places])
        if not counts.any():
            raise DataError(
                "the text does not fit the recording: none of its words was heard",
                "give the text that belongs to it",
            )
        frames = np.concatenate([place.frames for place in places])
        begins = np.zeros(len(frames), bool)
        begins[np.cumsum(counts[counts > 0]) - counts[counts > 0]] = True
        times = edges(np.clip(frames.mean(axis=1) * shift - LAG, 0.0, duration), begins, levels, duration)
        sure = np.zeros(len(places))
        said = counts > 0
        sure[said] = confidences(np.array([place.loss for place in places])[said], counts[said])
        spans = _word_times(times, counts)
        spikes = _word_times(frames * shift - LAG, counts)
        heard = np.asarray(best_path(scores)[0] * shift - LAG, np.float64)
        found = doubts(Laid(spans, spikes, counts, sure), heard, duration)
        words = []
        for word, place, span, confidence, last in zip(written, places, spans, sure, np.cumsum(counts), strict=True):
            own = times[last - len(place.frames) : last]
            symbols = [self.units.symbols[unit] for unit in word.ways[place.way]] if len(own) else []
            units = tuple(AlignedUnit(s, float(a), float(b)) for s, (a, b) in zip(symbols, own, strict=True))
            words.append(
                AlignedWord(word.text, float(span[0]), float(span[1]), float(confidence), units, word.characters)
            )
        told = sentence(found, [word.text for word in written], sure)
        return Alignment(tuple(words), duration, self.language, self.units.type, tuple(found), told)


def _word_times(times: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Start and end of each word from those of its units; of one without units the end of what came before, twice."""
    ends = np.cumsum(counts)
    before = np.concatenate(([0.0], times[:, 1]))[ends - counts]
    there = counts > 0
    spans = np.stack([before, before], axis=1)
    spans[there, 0], spans[there, 1] = times[(ends - counts)[there], 0], times[ends[there] - 1, 1]
    return spans


def _nothing(text: str, bundle: str) -> DataError:
    if not text.strip():
        return DataError("the text is empty", "give the words that are said")
    start = " ".join(text[:200].split())[:40]
    return DataError(f"no word of the text {start!r} can be written in the units of {bundle}", "name another --bundle")
