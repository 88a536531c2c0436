"""Folders named after the splits (train, dev or valid, test, train-clean-100 ...), each in some other layout."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from resonet.data import corpora
from resonet.data.utterance import Utterance, split_named

ORDER = 60
LOOKS_FOR = "folders train, dev, test, each in a layout of this list"


def reads(source: Path) -> bool:
    return bool(_folders(source))


def utterances(source: Path) -> Iterator[Utterance]:
    for folder, split in _folders(source):
        for utterance in corpora.layout_of(folder).utterances(folder):
            name = f"{folder.name}/{utterance.id}"
            yield dataclasses.replace(utterance, id=name, split=split)


def _folders(source: Path) -> list[tuple[Path, str]]:
    if not source.is_dir():
        return []
    found = [(folder, split_named(folder.name)) for folder in sorted(source.iterdir()) if folder.is_dir()]
    return [(folder, split) for folder, split in found if split is not None and corpora.find(folder) is not None]
