"""LJSpeech and its many likes: `metadata.csv` of `id|text` or `id|text|normalised text`, and `wavs/ID.*`; one speaker.

Piper's `id|speaker|text` is told apart by a middle column that repeats and holds no spaces.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from resonet.audio import AUDIO_SUFFIXES
from resonet.data.tables import COLUMNS, read_text
from resonet.data.utterance import Utterance
from resonet.errors import DataError

ORDER = 20
LOOKS_FOR = "metadata.csv with id|text or id|text|normalised text, and wavs/"


def reads(source: Path) -> bool:
    table = source / "metadata.csv"
    if not table.is_file():
        return False
    with table.open("rb") as file:
        first = file.readline().decode("utf-8-sig", "replace")
    cells = first.rstrip("\r\n").split("|")
    # A table with a header (audio_file|text|speaker) is a manifest.
    return len(cells) in (2, 3) and cells[0].strip().lower() not in {*COLUMNS["audio"], *COLUMNS["id"]}


def utterances(source: Path) -> Iterator[Utterance]:
    folder = next((source / name for name in ("wavs", "wav") if (source / name).is_dir()), source)
    files = {file.stem: file for file in sorted(folder.iterdir()) if file.suffix.lower() in AUDIO_SUFFIXES}
    rows = list(_rows(source / "metadata.csv"))
    named = _middle_is_speaker([cells for cells, _ in rows])
    for cells, where in rows:
        name = cells[0]
        audio = files.get(name) or files.get(Path(name).stem) or folder / f"{name}.wav"
        # The last column, where filled, has numbers and abbreviations written out.
        text = cells[-1] or cells[1]
        yield Utterance(id=name, audio=audio, text=text, speaker=cells[1] if named else "reader", where=where)


def _rows(table: Path) -> Iterator[tuple[list[str], str]]:
    for number, line in enumerate(read_text(table).split("\n"), 1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("|")]
        where = f"{table}: line {number}"
        if len(cells) not in (2, 3) or not cells[0]:
            raise DataError(f"{where} is not id|text or id|text|normalised text", "is there a | inside the text?")
        yield cells, where


def _middle_is_speaker(rows: list[list[str]]) -> bool:
    if any(len(cells) != 3 for cells in rows):
        return False
    middle = [cells[1] for cells in rows]
    wordy = sum(" " in cells[2] for cells in rows)
    return all(cell and " " not in cell for cell in middle) and 2 * len(set(middle)) <= len(rows) <= 2 * wordy
