"""Tables as people write them: TSV, CSV, and JSON lines, optionally gzipped, each row with the number of its line.

Column names are guessed from the usual ones, so that a manifest of Common Voice, NeMo, Hugging Face or a spreadsheet
is read without settings.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from resonet.data.utterance import Utterance, split_named
from resonet.errors import DataError

SUFFIXES = (".tsv", ".csv", ".jsonl", ".json")

COLUMNS: dict[str, tuple[str, ...]] = {
    "audio": ("path", "file", "audio", "audio_filepath", "audio_path", "audio_file", "file_name", "filename", "wav"),
    "text": (
        "text",
        "sentence",
        "transcript",
        "transcription",
        "normalized_text",
        "normalised_text",
        "label",
        "word",
        "command",
    ),
    "speaker": ("speaker", "speaker_id", "client_id", "spk", "spk_id", "reader"),
    "id": ("id", "utterance", "utterance_id", "utt_id", "uid"),
    "start": ("start", "offset", "begin", "start_time"),
    "end": ("end", "stop", "end_time"),
    "seconds": ("duration", "seconds", "dur", "length"),
    # Not `subset` or `set`: LibriSpeech's train-clean-100 may well be somebody's dev set.
    "split": ("split",),
    "language": ("language", "lang", "locale"),
}

_USED = frozenset(name for names in COLUMNS.values() for name in names)
# Worth keeping beside another text: the word itself, where the label is `unknown`.
_BESIDE = frozenset({"word", "command"})

# Longer cells (paths, whole paragraphs) are nothing to report by.
LONGEST_VALUE = 80

# What people write for "we do not know who it is".
UNKNOWN_SPEAKERS = frozenset({"", "-", "?", "unknown", "none", "nan", "n/a", "null"})


def is_table(path: Path) -> bool:
    """Whether the name is that of a table: .tsv, .csv, .jsonl or .json, with or without .gz."""
    name = path.name[:-3] if path.name.endswith(".gz") else path.name
    return name.lower().endswith(SUFFIXES)


def read_text(path: Path) -> str:
    """The whole file as UTF-8 (a byte-order mark is dropped). Raises DataError that names the file."""
    try:
        data = path.read_bytes()
        if path.name.endswith(".gz"):
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(f"{path}: line {line} is not UTF-8 text", "save the file as UTF-8") from None
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(f"{path} cannot be read: {reason}") from None


def rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a table with their line numbers. Raises DataError with file and line for a row that does not fit."""
    name = path.name[:-3] if path.name.endswith(".gz") else path.name
    text = read_text(path)
    if name.lower().endswith((".jsonl", ".json")):
        yield from _json_rows(path, text)
    else:
        yield from _delimited_rows(path, text, "\t" if name.lower().endswith(".tsv") else None)


def header(path: Path) -> list[str]:
    """The lower-case column names of a table (of its first row, for JSON lines); empty for an empty file."""
    try:
        with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as file:
            first = file.readline(1 << 20).decode("utf-8-sig", "replace").strip()
    except (OSError, EOFError, zlib.error):
        return []
    if not first:
        return []
    if first[0] in "[{":
        try:
            row = json.loads(first.rstrip(",")) if first[0] == "{" else next(rows(path))[1]
        except (json.JSONDecodeError, StopIteration, DataError):
            return []
        return [str(key).lower() for key in row] if isinstance(row, dict) else []
    delimiter = "\t" if "\t" in first else max(",;|", key=first.count)
    return [cell.strip().strip('"').lower() for cell in first.split(delimiter)]


def column(names: Mapping[str, Any] | list[str], role: str) -> str | None:
    """The first usual name of `role` (a key of COLUMNS) among the column names."""
    return next((name for name in COLUMNS[role] if name in names), None)


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    if text.lstrip().startswith("["):
        try:
            items = json.loads(text)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}: line {error.lineno} is not JSON: {error.msg}") from None
        numbered = list(enumerate(items, 1))
    else:
        numbered = []
        # Not splitlines: a transcript may hold U+2028 and the like, which JSON leaves as they are.
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip():
                continue
            try:
                numbered.append((number, json.loads(line)))
            except json.JSONDecodeError as error:
                raise DataError(f"{path}: line {number} is not JSON: {error.msg}") from None
    for number, item in numbered:
        if not isinstance(item, dict):
            raise DataError(f"{path}: line {number} is not a JSON object")
        yield number, {str(key).lower(): value for key, value in item.items()}


def _delimited_rows(path: Path, text: str, delimiter: str | None) -> Iterator[tuple[int, dict[str, Any]]]:
    first = text.split("\n", 1)[0]
    if delimiter is None:
        delimiter = max(",;\t|", key=first.count)
    # Quotes are ordinary characters in TSV (Common Voice sentences begin with one), but they quote in CSV.
    lines = io.StringIO(text, newline="")
    if delimiter == "\t":
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(lines, delimiter=delimiter)
    names: list[str] | None = None
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if names is None:
                names = [cell.strip().lower() for cell in row]
                continue
            # A row may lack trailing empty cells, but extra ones mean a delimiter inside the text.
            if len(row) > len(names):
                raise DataError(
                    f"{path}: line {reader.line_num} has {len(row)} columns where the header has {len(names)}",
                    "is a delimiter inside the text? quote it, or use another delimiter",
                )
            yield reader.line_num, dict(zip(names, row + [""] * (len(names) - len(row)), strict=True))
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num} cannot be read: {error}") from None


def utterances(path: Path, base: Path, split: str | None = None) -> Iterator[Utterance]:
    """The utterances of a table; paths in it are relative to `base`, then to the table's own folder.

    `split` is given to every row that names none itself. A `speakers.tsv` beside the table adds its columns.
    Raises DataError with file and line.
    """
    people = _people(path.parent / "speakers.tsv")
    seen_columns = False
    audio_column = text_column = ""
    for number, row in rows(path):
        where = f"{path}: line {number}"
        if not seen_columns:
            audio_column, text_column = _required(path, row)
            seen_columns = True
        if text_column not in row:
            raise DataError(f"{where} has no {text_column}")
        audio = str(row.get(audio_column) or "").strip()
        if not audio:
            raise DataError(f"{where} names no recording in column {audio_column}")
        file = _locate(audio, base, path.parent)
        start = _number(row, "start", where) or 0.0
        end = _number(row, "end", where)
        if end is None and (column(row, "start") or column(row, "end")):
            seconds = _number(row, "seconds", where)
            end = None if seconds is None else start + seconds
        if start < 0 or (end is not None and end <= start):
            raise DataError(f"{where} has an end before its start ({start} to {end} s)")
        cell = _cell(row, "speaker")
        other = {**people.get(cell, {}), **row}
        named = _cell(row, "id") or os.path.splitext(audio)[0]
        yield Utterance(
            id=named.replace("\\", "/"),
            audio=file,
            text=str(row.get(text_column) or "").strip(),
            speaker="" if cell.lower() in UNKNOWN_SPEAKERS else cell,
            start=start,
            end=end,
            split=split_named(_cell(row, "split")) or split,
            language=_cell(row, "language"),
            where=where,
            columns={
                key: str(value).strip()
                for key, value in other.items()
                if (key not in _USED or (key in _BESIDE and key != text_column))
                and isinstance(value, (str, int, float))
                and 0 < len(str(value)) <= LONGEST_VALUE
            },
        )


def _people(file: Path) -> dict[str, dict[str, Any]]:
    """What a table of speakers says, by speaker; empty where there is none."""
    if not file.is_file():
        return {}
    return {_cell(row, "speaker"): row for _, row in rows(file)}


def _required(path: Path, row: Mapping[str, Any]) -> tuple[str, str]:
    audio, text = column(row, "audio"), column(row, "text")
    if audio is None or text is None:
        role = "recording" if audio is None else "text"
        usual = ", ".join(COLUMNS["audio" if audio is None else "text"][:4])
        raise DataError(f"{path} has no column for the {role} among: {', '.join(row)}", f"name it one of {usual}")
    return audio, text


def _cell(row: Mapping[str, Any], role: str) -> str:
    name = column(row, role)
    value = row.get(name) if name else None
    return "" if value is None else str(value).strip()


def _number(row: Mapping[str, Any], role: str, where: str) -> float | None:
    cell = _cell(row, role)
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not 0 <= value < 1e9:
        raise DataError(f"{where}: {column(row, role)} is {cell!r}, which is no number of seconds")
    return value


def _locate(name: str, base: Path, folder: Path) -> Path:
    path = Path(name)
    if path.is_absolute():
        return path
    # Manifests are written relative to themselves, or to a folder of recordings beside them.
    return next((root / path for root in (base, folder) if (root / path).exists()), base / path)
