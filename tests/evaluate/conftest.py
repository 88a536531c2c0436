"""A small test set and a recognizer that hears what it is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

from resonet.errors import AudioError, ResonetError
from resonet.text.transcript import Transcript, Word

# path, speaker, text, subset, what is heard
ROWS = (
    ("a/1.wav", "ann", "THE CAT SAT", "easy", "the cat sat"),
    ("a/2.wav", "ann", "ON THE MAT", "easy", "on a mat"),
    ("b/3.wav", "bob", "DON'T LOOK NOW", "hard", "don't look"),
    ("b/4.wav", "bob", "GOOD MORNING", "hard", "a good morning"),
)
HEARD = {Path(path).name: heard for path, _, _, _, heard in ROWS}


def transcript(text: str, seconds: float = 1.0, confidences: Iterable[float] = ()) -> Transcript:
    """A transcript with a confidence a word, 0.9 unless told."""
    words = text.split()
    values = [*confidences, *[0.9] * len(words)]
    return Transcript(text, tuple(Word(w, 0.0, 0.1, c) for w, c in zip(words, values, strict=False)), (), seconds, "en")


class Parrot:
    """Says what `heard` has for a file's name; files in `bad` cannot be read."""

    def __init__(self, heard: Mapping[str, str] = HEARD, bad: Iterable[str] = ()) -> None:
        self.heard, self.bad = heard, set(bad)
        self.asked: list[str] = []

    def transcribe_many(self, paths: Iterable[str | Path]) -> Iterator[tuple[Path, Transcript | ResonetError]]:
        for file in map(Path, paths):
            self.asked.append(file.name)
            if file.name in self.bad:
                yield file, AudioError(f"{file} is no audio")
            else:
                yield file, transcript(self.heard[file.name], float(soundfile.info(file).duration))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder with transcripts.tsv, speakers.tsv and four short recordings."""
    lines = ["path\tspeaker\tseconds\ttext\tsubset"]
    for i, (path, speaker, text, subset, _) in enumerate(ROWS):
        file = tmp_path / "test" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        seconds = 0.5 + 2 * i
        soundfile.write(file, np.zeros(int(seconds * 16000), np.float32), 16000)
        lines.append(f"{path}\t{speaker}\t{seconds}\t{text}\t{subset}")
    (tmp_path / "test" / "transcripts.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "test" / "speakers.tsv").write_text("speaker\tgender\nann\tF\nbob\tM\n", encoding="utf-8")
    return tmp_path / "test"


@pytest.fixture
def parrot() -> type[Parrot]:
    """The class of the fake recognizer."""
    return Parrot


@pytest.fixture
def heard() -> dict[str, str]:
    """What the recognizer hears of `corpus`, by file name."""
    return dict(HEARD)
