"""Recordings to text, from a bundle."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.bundle import Bundle, Manifest
from resonet.decoding.segment import segments
from resonet.errors import AudioError, ResonetError, UsageError
from resonet.runtime.acoustic import Acoustic, Samples, Scores, default_threads, stream_scores
from resonet.runtime.stream import Stream
from resonet.runtime.words import Part, Words, transcript
from resonet.text.transcript import Transcript, Word

Source = str | Path | bytes | BinaryIO | NDArray[np.floating]

# Seconds: a longer recording is streamed from the disk; as much of shorter ones is recognized at once.
_LONG, _TOGETHER = 60.0, 600.0
# Seconds of a long recording whose scores are held before it is cut at pauses and decoded.
_WINDOW = 300.0


@dataclass
class _Heard:
    """A recording after the acoustic network."""

    path: Path
    duration: float = 0.0
    parts: list[Part] = field(default_factory=list)
    error: ResonetError | None = None


class Recognizer:
    """Recognizes speech with a bundle; made by `Recognizer.load`.

    Thread safety: one recognizer may be used by several threads at once; a `stream()` belongs to one thread.
    """

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        self.manifest: Manifest = bundle.manifest
        self.threads = threads or default_threads()
        self._acoustic = Acoustic(bundle, self.threads)
        self._words = Words(bundle)
        self.language = self.manifest.languages[0] if self.manifest.languages else "und"

    @classmethod
    def load(cls, name_or_path: str | Path | None = None, threads: int | None = None) -> Recognizer:
        """Opens a bundle by name or path; without either, the one installed recognizer.

        Raises:
            BundleError: unknown, damaged, or not a recognizer.
        """
        with Bundle.open(name_or_path, kind="recognizer") as bundle:
            return cls(bundle, threads)

    def transcribe(self, source: Source, sample_rate: int | None = None) -> Transcript:
        """The text of one recording.

        Args:
            source: a path, the bytes of a file, an open file, or samples float32 [time] in -1..1, which need
                `sample_rate` (Hz).

        Raises:
            AudioError: not to be read, or no sound; UsageError: samples without a rate.
        """
        if isinstance(source, np.ndarray):
            if sample_rate is None:
                raise UsageError("samples were given without their sample_rate")
            samples = source.astype(np.float32)
            if samples.ndim != 1 or not np.isfinite(samples).all():
                raise AudioError("the samples are not one channel of finite numbers", "give float32 [time]")
            source = audio.resample(samples, sample_rate, self._acoustic.sample_rate)
            heard = self._stream(Path("samples"), iter(_pieces(source, self._acoustic.sample_rate)))
        else:
            blocks = audio.blocks(source, self._acoustic.sample_rate)
            heard = self._stream(Path(source) if isinstance(source, (str, Path)) else Path("recording"), blocks)
        return self._transcript(heard, self._words.decode(heard.parts))

    def transcribe_many(self, paths: Iterable[str | Path]) -> Iterator[tuple[Path, Transcript | ResonetError]]:
        """The text of many recordings, in order, each with its path; one that cannot be read gives its error instead.

        Short recordings are recognized together, while those before them are decoded; long ones are streamed.
        """
        waiting: deque = deque()
        with ThreadPoolExecutor(1) as hears, ThreadPoolExecutor(2) as reads:
            for group in _groups(paths):
                waiting.append(hears.submit(self._hear, group, reads))
                if len(waiting) > 1:
                    yield from self._answer(waiting.popleft().result())
            while waiting:
                yield from self._answer(waiting.popleft().result())

    def stream(self) -> Stream:
        """Recognition of sound that comes in pieces."""
        return Stream(self._acoustic, self._words, self.language)

    def _hear(self, group: list[Path], reads: ThreadPoolExecutor) -> list[_Heard]:
        """Reads recordings and runs the network over them; errors are kept with their recording."""
        if len(group) == 1:
            return [self._guard(group[0])]
        read = list(reads.map(self._read, group))
        sounds = [r for r in read if not isinstance(r, ResonetError)]
        scores = iter(self._acoustic.scores(sounds))
        heard = []
        for path, sound in zip(group, read, strict=True):
            if isinstance(sound, ResonetError):
                heard.append(_Heard(path, error=sound))
            else:
                heard.append(
                    _Heard(path, len(sound) / self._acoustic.sample_rate, self._cut(next(scores), last=True)[0])
                )
        return heard

    def _guard(self, path: Path) -> _Heard:
        try:
            return self._stream(path, audio.blocks(path, self._acoustic.sample_rate))
        except ResonetError as error:
            return _Heard(path, error=error)

    def _read(self, path: Path) -> Samples | ResonetError:
        try:
            return audio.read(path, self._acoustic.sample_rate)
        except ResonetError as error:
            return error

    def _stream(self, path: Path, blocks: Iterable[Samples]) -> _Heard:
        """One recording block by block: memory holds its scores between two cuts, not its sound."""
        heard = _Heard(path)
        held: list[Scores] = []
        first = frames = 0
        for scores, samples in stream_scores(self._acoustic, blocks):
            heard.duration = samples / self._acoustic.sample_rate
            held.append(scores)
            frames += len(scores)
            if frames * self._acoustic.shift >= _WINDOW:
                parts, used = self._cut(np.concatenate(held), last=False, first=first)
                heard.parts += parts
                rest = np.concatenate(held)[used:]
                held, first, frames = [rest], first + used, len(rest)
        if held:
            total = self._acoustic.frames(round(heard.duration * self._acoustic.sample_rate))
            heard.parts += self._cut(np.concatenate(held)[: total - first], last=True, first=first)[0]
        return heard

    def _cut(self, scores: Scores, last: bool, first: int = 0) -> tuple[list[Part], int]:
        """The parts of a stretch of scores and the frames used; unless it is the `last`, its final part is left."""
        spans = segments(scores, self._acoustic.shift)
        if not last:
            spans = spans[:-1]
        used = spans[-1][1] if spans else len(scores) if last else 0
        return [Part(first + a, scores[a:b]) for a, b in spans], used

    def _answer(self, group: list[_Heard]) -> Iterator[tuple[Path, Transcript | ResonetError]]:
        words = iter(self._words.decode([part for heard in group for part in heard.parts]))
        for heard in group:
            own = [next(words) for _ in heard.parts]
            yield heard.path, heard.error or self._transcript(heard, own)

    def _transcript(self, heard: _Heard, words: list[list[Word]]) -> Transcript:
        return transcript([w for part in words for w in part], heard.duration, self.language)


def _groups(paths: Iterable[str | Path]) -> Iterator[list[Path]]:
    """Short recordings in groups, long or unreadable ones alone, in order."""
    group: list[Path] = []
    seconds = 0.0
    for path in map(Path, paths):
        try:
            duration = audio.info(path).duration
        except ResonetError:
            duration = _LONG + 1  # reading it will say what is wrong
        if (group and seconds + duration > _TOGETHER) or duration > _LONG:
            if group:
                yield group
            group, seconds = [], 0.0
        if duration > _LONG:
            yield [path]
        else:
            group.append(path)
            seconds += duration
    if group:
        yield group


def _pieces(samples: Samples, sample_rate: int) -> Iterator[Samples]:
    """The samples in blocks of 30 seconds."""
    for start in range(0, len(samples), 30 * sample_rate):
        yield samples[start : start + 30 * sample_rate]
