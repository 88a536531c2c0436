"""Hours of other speech, in which no command is said: what a network of commands must stay quiet at.

Where the transcripts say that a command was spoken, the utterance is left out; with an aligner only the stretch around
the word is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.data import corpora, load
from resonet.data.aligner import Aligner, Said
from resonet.data.utterance import Utterance
from resonet.data.waveforms import SAMPLE_RATE, Progress, Waveforms
from resonet.errors import DataError
from resonet.text.normalise import normalise

Samples = NDArray[np.float32]

# Seconds left out on either side of a command: alignment is a tenth of a second exact, and a word's neighbours blur.
_AROUND = 0.5


class Negatives:
    """Stretches of speech without commands, and random windows of them.

    Args:
        source: what `resonet prepare` wrote, a corpus in any layout, a folder of recordings (whose words nobody knows,
            so that all of it is taken), or utterances.
        words: the commands, as their labels are written (`lights_on` is found as "lights on").
        window: seconds; shorter stretches are left out.
        cache: folder for the decoded recordings; the user's cache by default.
        split: the part of the source to take; a source with one part or none is taken whole.
        aligner: finds where in an utterance a command is said. It also knows what sounds the same: with it, know is
            left out where no is a command.
        progress: wraps an iterable to show progress, called with (iterable, total).

    Attributes:
        hours: of all stretches. left_out: hours around commands, and in stretches that are too short.
        unchecked: hours without a transcript.

    Raises:
        DataError: nothing is left, or a recording cannot be read.
    """

    def __init__(
        self,
        source: str | Path | Sequence[Utterance],
        words: Collection[str],
        window: float = 1.0,
        cache: Path | None = None,
        *,
        split: str = "train",
        aligner: Aligner | None = None,
        progress: Progress | None = None,
    ) -> None:
        utterances = _utterances(source, split) if isinstance(source, (str, Path)) else list(source)
        self._waves = Waveforms(utterances, cache or _user_cache(), progress=progress)
        phrases = _phrases(words, aligner)
        least = round(window * SAMPLE_RATE)
        places: list[tuple[int, int, int]] = []
        holding: list[int] = []
        unchecked = 0
        for i, utterance in enumerate(utterances):
            said = normalise(utterance.text, utterance.language or "en").split()
            unchecked += 0 if said else self._waves.length(i)
            if any(_places(said, phrase) for phrase in phrases):
                holding.append(i)
            elif self._waves.length(i) >= least:
                places.append((i, 0, self._waves.length(i)))
        if aligner is not None:
            for i, found in self._aligned(holding, aligner, progress):
                spans = _without(found, phrases, self._waves.length(i))
                places += [(i, start, end) for start, end in spans if end - start >= least]
        if not places:
            named = source if isinstance(source, (str, Path)) else "the speech"
            raise DataError(
                f"{named} holds no speech without the words {', '.join(sorted(words)[:5])}",
                f"stretches of {window} s and more are needed; name other recordings",
            )
        self.stretches = tuple(sorted(places))
        self._lengths = np.array([end - start for _, start, end in self.stretches])
        everything = sum(self._waves.length(i) for i in range(len(utterances)))
        self.hours = int(self._lengths.sum()) / SAMPLE_RATE / 3600
        self.left_out = everything / SAMPLE_RATE / 3600 - self.hours
        self.unchecked = unchecked / SAMPLE_RATE / 3600

    def __len__(self) -> int:
        """Stretches."""
        return len(self.stretches)

    def sound(self, index: int) -> Samples:
        """A stretch, float32 [time] at 16 kHz."""
        utterance, start, end = self.stretches[index]
        return self._waves.sound(utterance)[start:end]

    def window(self, samples: int, rng: np.random.Generator) -> Samples:
        """A random window, float32 [samples] at 16 kHz: every one that fits is as likely as any other.

        Where none fits, a stretch lies at a random place between zeros.
        """
        choices = np.cumsum(np.maximum(self._lengths - samples + 1, 0))
        if choices[-1] == 0:
            sound = self.sound(int(rng.integers(len(self))))
            found = np.zeros(samples, np.float32)
            start = int(rng.integers(samples - len(sound) + 1))
            found[start : start + len(sound)] = sound
            return found
        place = int(rng.integers(choices[-1]))
        index = int(np.searchsorted(choices, place, side="right"))
        first = place - int(choices[index - 1]) if index else place
        utterance, start, _ = self.stretches[index]
        pcm = self._waves.samples(utterance)[start + first : start + first + samples]
        return np.multiply(pcm, 1 / 32767, dtype=np.float32)

    def _aligned(
        self, rows: list[int], aligner: Aligner, progress: Progress | None
    ) -> Iterator[tuple[int, tuple[Said, ...] | None]]:
        # Recordings of like length go through the network together.
        rows = sorted(rows, key=self._waves.length)
        texts = [self._waves.utterances[i].text for i in rows]
        language = next((u.language for u in self._waves.utterances if u.language), "en")
        found: Iterable = aligner.align((self._waves.sound(i) for i in rows), texts, language)
        yield from zip(rows, progress(found, len(rows)) if progress else found, strict=True)


def _utterances(source: str | Path, split: str) -> list[Utterance]:
    place = Path(source)
    if not place.exists():
        raise DataError(f"{place} does not exist")
    if (place / "data.json").is_file() or corpora.find(place) is not None:
        folder = load.resolve(place, unsplit=split)
        there = load.splits(folder)
        # Who names corpus/dev means what is in it.
        return load.utterances(folder, there[0] if len(there) == 1 else split)
    return [Utterance(id=str(path), audio=path, text="") for path in audio.find(place)]


def _user_cache() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("resonet")) / "waveforms"


def _phrases(words: Collection[str], aligner: Aligner | None) -> list[list[str]]:
    phrases = [normalise(word).split() for word in words]
    if aligner is not None:
        alike = aligner.homophones(phrase[0] for phrase in phrases if len(phrase) == 1)
        phrases += [[word] for word in sorted(alike)]
    return [phrase for phrase in phrases if phrase]


def _places(said: Sequence[str], phrase: Sequence[str]) -> list[int]:
    """Where the phrase begins among the words said."""
    return [i for i in range(len(said) - len(phrase) + 1) if list(said[i : i + len(phrase)]) == list(phrase)]


def _without(found: tuple[Said, ...] | None, phrases: Sequence[Sequence[str]], length: int) -> list[tuple[int, int]]:
    """The stretches of an utterance, in samples, that are away from every command; none where nothing is known."""
    if found is None:
        return []
    words = [said.word for said in found]
    taken = sorted(
        (found[i].start - _AROUND, found[i + len(phrase) - 1].end + _AROUND)
        for phrase in phrases
        for i in _places(words, phrase)
    )
    spans, at = [], 0
    for start, end in taken:
        spans.append((at, round(start * SAMPLE_RATE)))
        at = max(at, round(end * SAMPLE_RATE))
    return [(start, end) for start, end in [*spans, (at, length)] if end > start]
