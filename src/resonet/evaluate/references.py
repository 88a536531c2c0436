"""What was really said: the test recordings with their texts, read without Lhotse.

Two layouts are read here, and any other raw source goes through `resonet prepare` first:

    OUT/{split}.cuts.jsonl.gz     what `resonet prepare` wrote: JSON lines, each a Lhotse cut
    DIR/transcripts.tsv           columns path and text; speaker and seconds where known; any other column is kept to
                                  report by (`subset`, `source`); DIR/speakers.tsv adds its columns (gender, accent)

A table that says more (splits, stretches of recordings) is for `resonet prepare` too.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resonet.errors import DataError

TABLE = "transcripts.tsv"
SPEAKERS = "speakers.tsv"
_OWN_COLUMNS = frozenset({"path", "text", "speaker", "seconds"})
# What `resonet prepare` understands and a plain table has not: splits, and stretches of recordings.
_PREPARED = ("split", "start", "end", "offset", "begin", "start_time", "end_time", "stop")
_SPLIT_LISTS = ("dev.txt", "test.txt")


@dataclass(frozen=True)
class Reference:
    """A recording, or a stretch of one, and what is said in it.

    path: the recording. text: as the data gives it. speaker: "" where unknown. seconds: length of the stretch, None
    where only the recording itself knows. start: seconds into the recording. whole: whether the stretch is all of it.
    columns: what else the data says about it, to report by.
    """

    path: Path
    text: str
    speaker: str = ""
    seconds: float | None = None
    start: float = 0.0
    whole: bool = True
    columns: Mapping[str, str] = field(default_factory=dict)


def readable(data: str | Path, split: str = "test") -> bool:
    """Whether `data` is in a layout that `read` knows."""
    place = Path(data)
    table = _table(place, split)
    return _plain(table) if table else bool(_cut_files(place))


def read(data: str | Path, split: str = "test") -> list[Reference]:
    """The references of a data folder (layouts: docstring of this module), those of `split` where it has several.

    A folder of folders named after splits (`data/test/transcripts.tsv`) is taken too.

    Raises:
        DataError: no such folder, layout or split, a row without a path, or nothing to score.
    """
    place = Path(data)
    if not place.exists():
        raise DataError(f"{place} does not exist")
    table = _table(place, split)
    if table and _plain(table):
        found = _read_table(table)
    elif not table and _cut_files(place):
        found = _read_cuts(place, split)
    else:
        raise DataError(
            f"{place} is neither what `resonet prepare` wrote nor a plain {TABLE} (columns path and text, no splits)",
            f"run `resonet prepare {place} OUT` first and evaluate OUT",
        )
    if not found:
        raise DataError(f"{place} holds no utterance to score")
    return found


def read_lines(file: str | Path) -> list[Reference]:
    """Texts without recordings: a line each, empty ones left out; after a tab, how it is said where that is written
    otherwise ("2 cats", "two cats"), which becomes the column `said`. Their path is empty.

    Raises:
        DataError: no text in it, a line with two tabs, or a file that cannot be read.
    """
    found = []
    for number, line in enumerate(_text(Path(file)).splitlines(), 1):
        text, *said = (cell.strip() for cell in line.split("\t"))
        if len(said) > 1:
            raise DataError(f"{file}: line {number} has {len(said)} tabs", "one at most: the text, and how it is said")
        if text:
            found.append(Reference(Path(), text, columns={"said": said[0]} if said and said[0] else {}))
    if not found:
        raise DataError(f"{file} holds no text")
    return found


def _table(place: Path, split: str) -> Path | None:
    """The transcripts.tsv that `place` is or holds, or holds for this split."""
    if place.is_file():
        return place if place.name == TABLE else None
    found = [place / TABLE] if _cut_files(place) else [place / TABLE, place / split / TABLE]
    return next((table for table in found if table.is_file()), None)


def _plain(table: Path) -> bool:
    """Whether each row of the table is a whole recording of the one split that there is."""
    columns = _text(table).split("\n", 1)[0].lower().split("\t")
    names = {name.strip() for name in columns}
    listed = any((table.parent / name).is_file() for name in _SPLIT_LISTS)
    return {"path", "text"} <= names and not names & set(_PREPARED) and not listed


def _cut_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.cuts.jsonl.gz"))


def _read_cuts(folder: Path, split: str) -> list[Reference]:
    file = folder / f"{split}.cuts.jsonl.gz"
    if not file.is_file():
        there = ", ".join(path.name.split(".", 1)[0] for path in _cut_files(folder))
        raise DataError(f"{folder} has no split {split}", f"it has: {there}")
    found = []
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                if line.strip():
                    found.append(_of_cut(json.loads(line), folder))
    except (OSError, EOFError, zlib.error, ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise DataError(f"{file}: line {len(found) + 1} is damaged", "run `resonet prepare` again") from None
    return found


def _of_cut(cut: dict[str, Any], folder: Path) -> Reference:
    recording = cut["recording"]
    said = cut["supervisions"][0]
    start, seconds = float(cut["start"]), float(cut["duration"])
    columns = {key: str(value) for key, value in (said.get("custom") or {}).items()}
    # `prepare` puts the source's name before every id.
    columns.setdefault("source", str(cut["id"]).split("/", 1)[0])
    return Reference(
        path=folder / recording["sources"][0]["source"],
        text=said.get("text") or "",
        speaker=said.get("speaker") or "",
        seconds=seconds,
        start=start,
        # A tenth of a second of silence less or more is not worth cutting a file for.
        whole=start == 0 and abs(seconds - float(recording["duration"])) < 0.1,
        columns=columns,
    )


def _read_table(file: Path) -> list[Reference]:
    folder = file.parent
    people = {row["speaker"]: row for _, row in _rows(folder / SPEAKERS) if "speaker" in row}
    found = []
    for number, row in _rows(file):
        where = f"{file}: line {number}"
        if not row["path"]:
            raise DataError(f"{where} names no recording")
        speaker = row.get("speaker", "")
        # The table's own word goes before what is known of the speaker.
        columns = {**people.get(speaker, {}), **row}
        found.append(
            Reference(
                path=folder / row["path"],
                text=row["text"],
                speaker=speaker,
                seconds=_seconds(row.get("seconds", ""), where),
                columns={key: value for key, value in columns.items() if key not in _OWN_COLUMNS},
            )
        )
    return found


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a TSV with the number of their line; none when there is no such file."""
    if not file.is_file():
        return
    reader = csv.DictReader(io.StringIO(_text(file), newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    for row in reader:
        if None in row:
            raise DataError(f"{file}: line {reader.line_num} has more columns than the header", "is a tab in the text?")
        yield reader.line_num, {key.strip().lower(): (value or "").strip() for key, value in row.items()}


def _seconds(cell: str, where: str) -> float | None:
    try:
        return float(cell) if cell else None
    except ValueError:
        raise DataError(f"{where}: seconds is {cell!r}, which is no number") from None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{file} is not UTF-8 text", "save it as UTF-8") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
