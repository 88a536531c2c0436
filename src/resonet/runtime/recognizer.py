"""Recordings to text, from a bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TypeVar

import numpy as np

from resonet import audio
from resonet.bundle import Bundle, Manifest
from resonet.decoding.segment import segments
from resonet.errors import AudioError, ResonetError
from resonet.runtime.acoustic import Acoustic, Samples, Scores, default_threads, stream_scores
from resonet.runtime.recordings import Source, groups, sound_of
from resonet.runtime.stream import Stream
from resonet.runtime.words import Part, Words, transcript
from resonet.text.transcript import Transcript, Word

# Seconds of sound that are decoded at once.
_TOGETHER = 300.0
# Seconds of silence at the end of such a portion that say that what was said before is over.
_OVER = 1.0

T = TypeVar("T")
Told = Callable[[Path, Sequence[Part], Sequence[list[Word]]], object]


@dataclass
class _Heard:
    """A recording, or the next stretch of a long one, after the acoustic network; `last`: the recording ends here."""

    path: Path
    samples: int = 0
    parts: list[Part] = field(default_factory=list)
    last: bool = True
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
        blocks = sound_of(source, sample_rate, self._acoustic.sample_rate)
        ((_, answer),) = self._answers(self._stream(Path(), blocks), Event())
        assert isinstance(answer, Transcript)  # what cannot be read was raised
        return answer

    def transcribe_many(
        self,
        paths: Iterable[str | Path],
        progress: Callable[[float], object] | None = None,
        parts: Told | None = None,
    ) -> Iterator[tuple[Path, Transcript | ResonetError]]:
        """The text of many recordings, in order, each with its path; one that cannot be read gives its error instead.

        Short recordings are recognized together, while those before them are decoded; long ones are streamed.

        Args:
            progress: told of the seconds of sound that were recognized since it was last told, within a long recording
                every five minutes of it.
            parts: told, before a recording's transcript comes, of its parts between pauses in order, each with its
                log-probs and its words (none where it is noise); of a long recording some at a time. Of one that
                turns out to be damaged it may have been told the beginning.
        """
        stop = Event()
        return self._answers(self._hear(paths, stop), stop, progress, parts)

    def stream(self) -> Stream:
        """Recognition of sound that comes in pieces."""
        return Stream(self._acoustic, self._words, self.language)

    def _answers(
        self,
        hearing: Iterator[_Heard],
        stop: Event,
        progress: Callable[[float], object] | None = None,
        parts: Told | None = None,
    ) -> Iterator[tuple[Path, Transcript | ResonetError]]:
        """Decodes what another thread hears; sets `stop` at the end, also where nobody waits for it (Ctrl-C)."""
        rate = self._acoustic.sample_rate
        samples, words = 0, list[Word]()
        for together in _ahead(_portions(hearing, _TOGETHER * rate, stop), stop):
            found = iter(self._words.decode([part for heard in together for part in heard.parts]))
            for heard in together:
                samples += heard.samples
                said = [next(found) for _ in heard.parts]
                words += [word for part in said for word in part]
                if parts is not None and said:
                    parts(heard.path, heard.parts, said)
                if progress is not None:
                    progress(heard.samples / rate)
                if heard.last:
                    yield heard.path, heard.error or transcript(words, samples / rate, self.language)
                    samples, words = 0, []

    def _hear(self, paths: Iterable[str | Path], stop: Event) -> Iterator[_Heard]:
        """Reads recordings and runs the network over them, in order; an error is kept with its recording."""
        with ThreadPoolExecutor(2) as reads:
            for group in groups(paths):
                yield from self._group(group, reads, stop) if len(group) > 1 else self._alone(group[0])

    def _group(self, group: list[Path], reads: ThreadPoolExecutor, stop: Event) -> Iterator[_Heard]:
        def read(path: Path) -> Samples | ResonetError:
            try:
                return AudioError("stopped") if stop.is_set() else audio.read(path, self._acoustic.sample_rate)
            except ResonetError as error:
                return error

        sounds = list(reads.map(read, group))
        scores = iter(self._acoustic.scores([s for s in sounds if not isinstance(s, ResonetError)], stop))
        for path, sound in zip(group, sounds, strict=True):
            if isinstance(sound, ResonetError):
                yield _Heard(path, error=sound)
            else:
                yield _Heard(path, len(sound), self._parts(next(scores))[0])

    def _alone(self, path: Path) -> Iterator[_Heard]:
        try:
            yield from self._stream(path, audio.blocks(path, self._acoustic.sample_rate))
        except ResonetError as error:
            yield _Heard(path, error=error)

    def _stream(self, path: Path, blocks: Iterable[Samples]) -> Iterator[_Heard]:
        """One recording block by block: memory holds its scores between two cuts, not its sound."""
        held: list[Scores] = []
        first = samples = 0
        for block, read in stream_scores(self._acoustic, blocks):
            held.append(block)
            samples += read
            parts: list[Part] = []
            if samples >= _TOGETHER * self._acoustic.sample_rate:
                scores = np.concatenate(held)
                parts, used = self._parts(scores, first, last=False)
                held, first, samples = [scores[used:]], first + used, 0
            yield _Heard(path, read, parts, last=False)
        yield _Heard(path, 0, self._parts(np.concatenate(held), first)[0])

    def _parts(self, scores: Scores, first: int = 0, last: bool = True) -> tuple[list[Part], int]:
        """The parts of a stretch of scores, and the frames used: unless it is the `last`, speech at its end is left."""
        spans, used = segments(scores, self._acoustic.shift), len(scores)
        if not last and spans and (len(scores) - spans[-1][1]) * self._acoustic.shift < _OVER:
            used = spans.pop()[0]
        return [Part(first + a, scores[a:b]) for a, b in spans], used


def _portions(hearing: Iterator[_Heard], samples: float, stop: Event) -> Iterator[list[_Heard]]:
    """As much sound at a time as is decoded together."""
    together: list[_Heard] = []
    for heard in hearing:
        if stop.is_set():
            return
        together.append(heard)
        if sum(h.samples for h in together) >= samples:
            yield together
            together = []
    if together:
        yield together


def _ahead(items: Iterator[T], stop: Event) -> Iterator[T]:
    """The items, each made by another thread while the one before is worked on; at the end sets `stop`."""
    with ThreadPoolExecutor(1) as thread:
        try:
            coming = thread.submit(next, items, None)
            while (item := coming.result()) is not None:
                coming = thread.submit(next, items, None)
                yield item
        finally:
            stop.set()
