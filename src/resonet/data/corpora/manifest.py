"""Manifests: CSV, TSV or JSON lines with guessed column names; NeMo manifests are one kind.

Read is a table file itself, or a folder with one: `transcripts`, `metadata`, `manifest`, `index`, tables named after
the splits, or else the only table that has a column for the recording and one for the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from resonet.data import tables
from resonet.data.utterance import Utterance, split_named

ORDER = 40
LOOKS_FOR = "a CSV, TSV or JSONL manifest with columns for path and text (transcripts.tsv, train.jsonl ...)"

_USUAL = ("transcripts", "metadata", "manifest", "index")


def reads(source: Path) -> bool:
    return bool(_tables(source))


def utterances(source: Path) -> Iterator[Utterance]:
    base = source if source.is_dir() else source.parent
    for table, split in _tables(source):
        yield from tables.utterances(table, base, split)


def _tables(source: Path) -> list[tuple[Path, str | None]]:
    if source.is_file():
        return [(source, None)] if tables.is_table(source) and _fits(source) else []
    if not source.is_dir():
        return []
    found = sorted(file for file in source.iterdir() if file.is_file() and tables.is_table(file))
    for name in _USUAL:
        for file in found:
            # A table of this name means to be one: reading it says which column is missing.
            if _stem(file) == name and (name == "transcripts" or _fits(file)):
                return [(file, None)]
    named = [(file, split_named(_stem(file))) for file in found if split_named(_stem(file)) and _fits(file)]
    if named:
        return named
    fitting = [file for file in found if _fits(file)]
    return [(fitting[0], None)] if len(fitting) == 1 else []


def _stem(file: Path) -> str:
    name = file.name[:-3] if file.name.endswith(".gz") else file.name
    return Path(name).stem.lower()


def _fits(file: Path) -> bool:
    names = tables.header(file)
    return tables.column(names, "audio") is not None and tables.column(names, "text") is not None
