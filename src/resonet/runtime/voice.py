"""Text to speech, from a bundle: sentence by sentence, in chunks, so that sound comes at once and memory is bounded.

A sentence goes through the acoustic network as a whole and through the vocoder in chunks, small ones first. All places
in the sound are counted in samples, whole numbers: what words and marks say cannot drift from what is heard.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle, Manifest
from resonet.bundle.mel import MEL, read_mel
from resonet.errors import BundleError, UsageError
from resonet.runtime.acoustic import Samples, default_threads
from resonet.runtime.level import Floor, Limiter, fade_in, fade_out
from resonet.runtime.reading import Reader
from resonet.runtime.vocoder import Mel, UnitsToMel, Vocoder
from resonet.text.units import SEPARATOR

if TYPE_CHECKING:
    from resonet.text.frontend import Sentence, SpokenWord

# Frames a chunk: of the first sentence, whose beginning somebody waits for, and of all that follows.
_FIRST, _LATER = (16, 32, 64, 128), 256
_FADE_IN, _FADE_OUT = 0.003, 0.006  # seconds at the ends of a sentence
# Seconds from the last word of a sentence to the next sentence, at least. Voices are trained on sentences that are cut
# off a tenth of a second after their end, and would leave no more than that.
_REST, _ENDS = 0.3, ".?!"
_TAIL = 8192  # samples at the end of a sentence that may tell how the voice sounds at rest
# Decibels by which a speaker is asked to be louder or softer; what is asked beyond is like a turn of the volume.
_EFFORT = 12.0
# What can be asked for; with SSML on top of it the networks get at most twice that.
SPEEDS, PITCHES, ENERGIES = (0.25, 4.0), (-12.0, 12.0), (-24.0, 12.0)


@dataclass(frozen=True)
class SpokenAt:
    """A word as written, and where it is: in the sound, in seconds, and in the text, `text[slice(*characters)]`.

    The text of an SSML document is what stands between its tags, entities resolved.
    """

    text: str
    start: float
    end: float
    characters: tuple[int, int]


@dataclass(frozen=True)
class Speech:
    """A text as sound.

    Fields:
        samples: float32 [time], at most -1 dBFS.
        sample_rate: Hz.
        words: in order, with their times.
        marks: names of the SSML marks, each with the second at which it lies.
    """

    samples: Samples
    sample_rate: int
    words: tuple[SpokenAt, ...]
    marks: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Chunk:
    """The next stretch of a text as sound.

    Fields:
        samples: float32 [time], at most -1 dBFS.
        start: samples that came before it.
        words: those that end in it (with their beginnings, which may lie before it).
        marks: those that lie in it.
    """

    samples: Samples
    start: int
    words: tuple[SpokenAt, ...]
    marks: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class _Manner:
    """Who speaks, and how: places in the manifest's lists, and what is asked of every unit."""

    speaker: int
    language: int
    speed: float
    pitch: float
    energy: float


class Voice:
    """Speaks with a bundle; made by `Voice.load`.

    Thread safety: one voice may be used by several threads at once; what `stream` gives belongs to one thread.

    Attributes:
        speakers: who can speak; the first one does where none is named.
        languages: those of the speakers.
        sample_rate: of the sound, Hz.
    """

    def __init__(
        self,
        bundle: Bundle,
        threads: int | None = None,
        words: str | Path | None = None,
        warn: Callable[[str], object] | None = None,
    ) -> None:
        self.manifest: Manifest = bundle.manifest
        self.threads = threads or default_threads()
        self.speakers, self.languages = bundle.manifest.speakers, bundle.manifest.languages
        self.sample_rate = bundle.manifest.sample_rate
        form = bundle.manifest.voice
        where = str(bundle.path)
        mel = read_mel(bundle.read(MEL), where)
        if mel.sample_rate != self.sample_rate or abs(mel.shift - bundle.manifest.frame_shift) > 1e-9:
            raise BundleError(
                f"{where}: {MEL} and manifest.json differ: {mel.sample_rate} Hz, a frame every {mel.shift:g} s, and "
                f"{self.sample_rate} Hz, every {bundle.manifest.frame_shift:g} s"
            )
        self._language_of = {name: form.speakers[name].language for name in self.speakers}
        self._silence = np.float32(np.log(mel.floor))
        self._mel = UnitsToMel(
            bundle.read("acoustic.onnx"), self.threads, where=f"{where}: acoustic.onnx", mels=mel.mels
        )
        self._vocoder = Vocoder(
            bundle.read("vocoder.onnx"),
            self.threads,
            where=f"{where}: vocoder.onnx",
            hop=mel.hop,
            context=form.context,
        )
        assert bundle.manifest.units is not None  # the manifest was checked: a voice has units
        self._ids = {symbol: i for i, symbol in enumerate(bundle.manifest.units.symbols)}
        self._reader = Reader(bundle, words, warn)

    @classmethod
    def load(
        cls,
        name_or_path: str | Path | None = None,
        threads: int | None = None,
        words: str | Path | None = None,
        warn: Callable[[str], object] | None = None,
    ) -> Voice:
        """Opens a bundle by name or path; without either, the one installed voice.

        Args:
            words: a lexicon of your own, which goes before the bundle's: a line a word, with two spaces (or a tab)
                before its phones, or before other words to be read in its place.
            warn: is told, in a sentence each, what is read otherwise than it is written.

        Raises:
            BundleError: unknown, damaged, or not a voice; DataError: a lexicon that cannot be read.
        """
        with Bundle.open(name_or_path, kind="voice") as bundle:
            return cls(bundle, threads, words, warn)

    def language(self, speaker: str | None = None) -> str:
        """The language that a speaker (the first one) speaks. Raises UsageError for an unknown speaker."""
        return self._language_of[self._named(speaker)]

    def units(self, text: str, speaker: str | None = None) -> tuple[tuple[str, ...], ...]:
        """What a speaker (the first one) says for each word of a text, in units of the voice.

        Raises:
            UsageError: an unknown speaker; DataError: nothing in the text can be said.
        """
        return tuple(
            tuple(unit for unit in sentence.symbols[word.first : word.last] if unit != SEPARATOR)
            for sentence in self._reader.sentences(text, self.language(speaker), ssml=False)
            for word in sentence.words
        )

    def speak(
        self,
        text: str,
        *,
        speaker: str | None = None,
        speed: float = 1.0,
        pitch: float = 0.0,
        energy: float = 0.0,
        ssml: bool = False,
    ) -> Speech:
        """A text as sound, all of it at once.

        Args:
            speaker: one of `speakers`.
            speed: 0.25 to 4; 2 is twice as fast.
            pitch: semitones up or down, -12 to 12.
            energy: decibels louder or softer, -24 to 12.
            ssml: `text` is an SSML document.

        Raises:
            UsageError: an unknown speaker, or a value out of bounds.
            DataError: nothing in the text can be said, or the SSML is faulty.
        """
        how = {"speaker": speaker, "speed": speed, "pitch": pitch, "energy": energy, "ssml": ssml}
        chunks = list(self.stream(text, **how))  # type: ignore[arg-type]
        return Speech(
            np.concatenate([np.empty(0, np.float32), *(chunk.samples for chunk in chunks)]),
            self.sample_rate,
            tuple(word for chunk in chunks for word in chunk.words),
            tuple(mark for chunk in chunks for mark in chunk.marks),
        )

    def stream(
        self,
        text: str,
        *,
        speaker: str | None = None,
        speed: float = 1.0,
        pitch: float = 0.0,
        energy: float = 0.0,
        ssml: bool = False,
    ) -> Iterator[Chunk]:
        """A text as sound, chunk by chunk as it is asked for; together they are what `speak` gives.

        The first chunks are short, so that sound starts at once. A book costs the memory of a sentence. Arguments and
        errors are those of `speak`; that nothing can be said is known when the iteration comes to the end.
        """
        manner = self._manner(speaker, speed, pitch, energy)
        return self._chunks(self._reader.sentences(text, self.language(speaker), ssml), manner)

    def _manner(self, speaker: str | None, speed: float, pitch: float, energy: float) -> _Manner:
        asked = {"speed": (speed, SPEEDS), "pitch": (pitch, PITCHES), "energy": (energy, ENERGIES)}
        for name, (value, (low, high)) in asked.items():
            if not low <= value <= high:
                raise UsageError(f"the {name} is {value:g}", f"give {low:g} to {high:g}")
        place, language = self._who(self._named(speaker), "")
        return _Manner(place, language, speed, pitch, energy)

    def _named(self, speaker: str | None) -> str:
        if speaker is None:
            return self.speakers[0]
        if speaker not in self.speakers:
            raise _unknown(speaker, self.manifest.name, self.speakers)
        return speaker

    def _who(self, speaker: str, language: str) -> tuple[int, int]:
        """Places of a speaker, and of the language if the bundle knows it (of any country), else of the speaker's."""
        base = _base(language)
        spoken = next((known for known in self.languages if _base(known) == base), self._language_of[speaker])
        return self.speakers.index(speaker), self.languages.index(spoken)

    def _chunks(self, sentences: Iterable[Sentence], manner: _Manner) -> Iterator[Chunk]:
        track = _Track(self.sample_rate)
        sizes: Iterable[int] = chain(_FIRST, repeat(_LATER))
        hop, fade = self._vocoder.hop, round(_FADE_OUT * self.sample_rate)
        floor: Floor | None = None
        pause = rest = 0  # samples after the last sentence: asked for, and between it and another one
        for sentence in sentences:
            for sound in self._pause(pause + rest, floor):
                yield from track.chunk(sound)
            pause, rest = round(sentence.pause * self.sample_rate), 0
            if not sentence.symbols:
                track.plan(sentence, np.zeros(1, np.int64))
                continue
            mel, durations = self._predict(sentence, manner)
            track.plan(sentence, hop * np.concatenate([[0], np.cumsum(durations)]))
            # The last unit is a full stop or its like: what it sounds like at its end is how the voice rests.
            last, end = hop * int(durations[-1]), np.empty(0, np.float32)
            for sound in self._sound(mel, sizes):
                end = np.concatenate([end, sound])[-min(_TAIL, last) :]
                yield from track.chunk(sound)
            floor = Floor.of(end[:-fade], self.sample_rate)
            if sentence.symbols[-1] in _ENDS:
                rest = max(0, round(_REST / manner.speed * self.sample_rate) - last)
            sizes = repeat(_LATER)
        for sound in self._pause(pause, floor):
            yield from track.chunk(sound)
        yield from track.rest()

    def _sound(self, mel: Mel, sizes: Iterable[int]) -> Iterator[Samples]:
        """A sentence, in chunks of so many frames; it begins and ends at zero, and nowhere exceeds the ceiling."""
        limiter, left = Limiter(self.sample_rate), len(mel) * self._vocoder.hop
        for number, sound in enumerate(self._vocoder.chunks(mel, sizes)):
            left -= len(sound)
            if number == 0:
                sound = fade_in(sound, round(_FADE_IN * self.sample_rate))
            if left:
                yield limiter.push(sound)
            else:
                sound = fade_out(sound, round(_FADE_OUT * self.sample_rate))
                yield np.concatenate([limiter.push(sound), limiter.finish()])

    def _predict(self, sentence: Sentence, manner: _Manner) -> tuple[Mel, NDArray[np.int64]]:
        try:
            units = np.array([self._ids[symbol] for symbol in sentence.symbols], np.int64)
        except KeyError as error:
            raise BundleError(
                f"{self.manifest.name} has no unit {error.args[0]!r}, which its language needs",
                "install or train the bundle again",
            ) from None
        speaker, language = manner.speaker, manner.language
        if sentence.voice or sentence.language:
            name = self._named(sentence.voice) if sentence.voice else self.speakers[speaker]
            speaker, language = self._who(name, sentence.language)
        plain = np.ones(len(units), np.float32)
        speed, pitch, energy = manner.speed * plain, manner.pitch * plain, manner.energy * plain
        if sentence.controls:
            speed *= np.array([control.speed for control in sentence.controls], np.float32)
            pitch += np.array([control.pitch for control in sentence.controls], np.float32)
            energy += np.array([control.energy for control in sentence.controls], np.float32)
        by_network = np.clip(energy, -_EFFORT, _EFFORT)
        mel, durations = self._mel(
            units,
            speaker,
            language,
            np.clip(speed, SPEEDS[0] / 2, SPEEDS[1] * 2),
            np.clip(pitch, 2 * PITCHES[0], 2 * PITCHES[1]),
            by_network,
        )
        if (rest := energy - by_network).any():
            nepers = np.repeat(rest * np.float32(np.log(10) / 20), durations)
            mel = np.maximum(mel + nepers[:, None], self._silence)
        return mel, durations

    def _pause(self, samples: int, floor: Floor | None) -> Iterator[Samples]:
        """Silence as the voice has it, or digital silence where that is not known, a second at a time."""
        for start in range(0, samples, self.sample_rate):
            length = min(self.sample_rate, samples - start)
            if floor is None:
                yield np.zeros(length, np.float32)
                continue
            sound = floor.sound(start, length)
            if start == 0:
                sound = fade_in(sound, round(_FADE_OUT * self.sample_rate))
            if start + length == samples:
                sound = fade_out(sound, round(_FADE_OUT * self.sample_rate))
            yield sound


class _Track:
    """Words and marks on their way to the chunk in which they end; places in samples."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._given = 0
        self._words: deque[tuple[int, int, SpokenWord]] = deque()  # start, end
        self._marks: deque[tuple[int, str]] = deque()

    def plan(self, sentence: Sentence, ends: NDArray[np.int64]) -> None:
        """The next sentence begins where all before it has ended; `ends` [units + 1]: where its units begin and end."""
        for word in sentence.words:
            self._words.append((self._given + int(ends[word.first]), self._given + int(ends[word.last]), word))
        for name, place in sentence.marks:
            self._marks.append((self._given + int(ends[place]), name))

    def chunk(self, samples: Samples, last: bool = False) -> Iterator[Chunk]:
        """The chunk with these samples, if there are any, and the words and marks that lie before its end."""
        if not len(samples) and not (last and (self._words or self._marks)):
            return
        start = self._given
        self._given += len(samples)
        words, marks = [], []
        while self._words and (last or self._words[0][1] <= self._given):
            begin, end, word = self._words.popleft()
            words.append(SpokenAt(word.text, begin / self._rate, end / self._rate, (word.start, word.end)))
        while self._marks and (last or self._marks[0][0] < self._given):
            place, name = self._marks.popleft()
            marks.append((name, place / self._rate))
        yield Chunk(samples, start, tuple(words), tuple(marks))

    def rest(self) -> Iterator[Chunk]:
        """A chunk without sound where marks lie at the very end."""
        return self.chunk(np.empty(0, np.float32), last=True)


def _base(language: str) -> str:
    return language.replace("_", "-").split("-")[0].lower()


def _unknown(speaker: str, voice: str, speakers: Iterable[str]) -> UsageError:
    from difflib import get_close_matches

    by_small = {name.lower(): name for name in speakers}
    near = [by_small[small] for small in get_close_matches(speaker.lower(), by_small, n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return UsageError(f"{voice} has no speaker {speaker!r}", f"{hint}it has {', '.join(by_small.values())}")
