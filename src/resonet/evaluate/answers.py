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

    `transcribe_many` gives a transcript a file, in order. A file that cannot be read is a ResonetError, given in place
    of its transcript or raised; the answer may also come as a pair of the path and either.
    """

    def transcribe_many(self, paths: Sequence[Path], /) -> Iterable[Any]: ...


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
        DataError: it gave another number of answers.
    """
    done = 0
    while done < len(files):
        stream = iter(recognizer.transcribe_many(files[done:]))
        try:
            while done < len(files):
                with watch:
                    answer = next(stream)
                done += 1
                yield _alone(answer)
        except StopIteration:
            raise DataError(f"The recognizer gave {done} transcripts for {len(files)} recordings") from None
        except AudioError:
            pass
        # A recognizer reads ahead, so the bad file is this one or one of the next: ask one by one until it is found.
        failed = False
        while done < len(files) and not failed:
            found: Any
            try:
                with watch:
                    (found,) = recognizer.transcribe_many(files[done : done + 1])
            except AudioError as error:
                found, failed = error, True
            done += 1
            yield _alone(found)


def _alone(answer: Any) -> Transcript | ResonetError:
    return answer[1] if isinstance(answer, tuple) else answer
