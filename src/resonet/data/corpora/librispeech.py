"""LibriSpeech: SPEAKER/CHAPTER/*.flac with one SPEAKER-CHAPTER.trans.txt of `ID TEXT` lines in each chapter."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from resonet.audio import AUDIO_SUFFIXES
from resonet.data.tables import read_text
from resonet.data.utterance import Utterance
from resonet.errors import DataError

ORDER = 30
LOOKS_FOR = "LibriSpeech: SPEAKER/CHAPTER/*.trans.txt beside *.flac"


def reads(source: Path) -> bool:
    if not source.is_dir():
        return False
    # A few speakers are enough to know, and folders of many thousand files stay quick.
    return any(any(speaker.glob("*/*.trans.txt")) for speaker in islice(_folders(source), 20))


def utterances(source: Path) -> Iterator[Utterance]:
    for speaker in _folders(source):
        for chapter in _folders(speaker):
            files = {file.stem: file for file in chapter.iterdir() if file.suffix.lower() in AUDIO_SUFFIXES}
            for table in sorted(chapter.glob("*.trans.txt")):
                yield from _chapter(table, files, speaker.name)


def _chapter(table: Path, files: dict[str, Path], speaker: str) -> Iterator[Utterance]:
    for number, line in enumerate(read_text(table).split("\n"), 1):
        if not line.strip():
            continue
        name, _, text = line.strip().partition(" ")
        where = f"{table}: line {number}"
        if not text.strip():
            raise DataError(f"{where} is not an id and a text")
        audio = files.get(name, table.parent / f"{name}.flac")
        yield Utterance(id=name, audio=audio, text=text.strip(), speaker=speaker, where=where)


def _folders(folder: Path) -> Iterator[Path]:
    return iter(sorted(entry for entry in folder.iterdir() if entry.is_dir()))
