"""Mozilla Common Voice: `clips/` and train.tsv, dev.tsv, test.tsv, or else validated.tsv, with its own columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from resonet.data import tables
from resonet.data.utterance import Utterance, split_named

ORDER = 30
LOOKS_FOR = "Common Voice: clips/ and train.tsv, dev.tsv, test.tsv or validated.tsv"


def reads(source: Path) -> bool:
    return (source / "clips").is_dir() and any(
        {"path", "sentence"} <= set(tables.header(table)) for table in _tables(source)
    )


def utterances(source: Path) -> Iterator[Utterance]:
    for table in _tables(source):
        for utterance in tables.utterances(table, source / "clips", split_named(table.stem)):
            # Early releases give the path without its suffix.
            if not utterance.audio.suffix:
                utterance = dataclasses.replace(utterance, audio=utterance.audio.with_suffix(".mp3"))
            yield utterance


def _tables(source: Path) -> list[Path]:
    splits = [source / f"{name}.tsv" for name in ("train", "dev", "test")]
    # invalidated.tsv and other.tsv hold what the listeners rejected or have not heard.
    found = [table for table in splits if table.is_file()] or [source / "validated.tsv"]
    return [table for table in found if table.is_file()]
