"""Gets the answers of a recognizer: a file for every reference, and for every file a transcript or the error it met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from resonet import audio
from resonet.errors import AudioError, DataError, ResonetError
from resonet.evaluate.metrics.speed import Stopwatch
from resonet.evaluate.references import Reference
from resonet.text.transcript import Transcript

SAMPLE_RATE = 16000


class Recognizes(Protocol):
    """What is asked of a recognizer; resonet.Recognizer is one.

    `transcribe_many` gives the path and the transcript of each file, in order; of one that cannot be read, its error.
    """

    def transcribe_many(self, paths: Sequence[Path], /) -> Iterable[tuple[Path, Transcript | ResonetError]]: ...


def files_of(references: Sequence[Reference], folder: Path) -> list[Path]:
    """One file a reference: its recording, or a cut of it in `folder` where the stretch is a part."""
    files: list[Path] = []
    last: tuple[Path, Any] | None = None  # stretches of one recording mostly follow one another
    for i, reference in enumerate(references):
        if reference.whole:
            files.append(reference.path)
            continue
        file = folder / f"{i}.wav"
        try:
            if last is None or last[0] != reference.path:
                last = (reference.path, audio.read(reference.path, SAMPLE_RATE))
        except AudioError:
            files.append(reference.path)  # recognizing it will say what is wrong
            continue
        begin = round(reference.start * SAMPLE_RATE)
        end = None if reference.seconds is None else begin + round(reference.seconds * SAMPLE_RATE)
        audio.write(file, last[1][begin:end], SAMPLE_RATE)
        files.append(file)
    return files


def answers(recognizer: Recognizes, files: Sequence[Path], watch: Stopwatch) -> Iterator[Transcript | ResonetError]:
    """A transcript a file, in order, or the error that it met; `watch` runs only while the recognizer works.

    Raises:
        DataError: it gave fewer answers than there are files.
    """
    stream = iter(recognizer.transcribe_many(files))
    for done in range(len(files)):
        try:
            with watch:
                _, answer = next(stream)
        except StopIteration:
            raise DataError(f"The recognizer gave {done} transcripts for {len(files)} recordings") from None
        yield answer
