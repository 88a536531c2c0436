"""Corpus layouts, one small file each, found by themselves.

A layout is a module in this folder with

    LOOKS_FOR: str                                   what it looks for, for the message about an unknown layout
    reads(source: Path) -> bool                      whether this folder (or file) is in its layout; quick
    utterances(source: Path) -> Iterator[Utterance]  its utterances; DataError names file and row

and, where the order matters, ORDER: int (lower is asked earlier, 50 when absent): the more particular the layout,
the lower the number. Dropping such a file here is all that a new corpus needs.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Protocol, cast

from resonet.data.tables import read_text
from resonet.data.utterance import Utterance
from resonet.errors import DataError


class Layout(Protocol):
    """What a module of this package offers."""

    __name__: str
    LOOKS_FOR: str

    def reads(self, source: Path) -> bool: ...

    def utterances(self, source: Path) -> Iterator[Utterance]: ...


@cache
def layouts() -> tuple[Layout, ...]:
    """Every layout of this package, in the order in which they are asked."""
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    modules.sort(key=lambda module: getattr(module, "ORDER", 50))
    return tuple(cast(Layout, module) for module in modules)


def find(source: Path) -> Layout | None:
    """The first layout that reads the source, or None."""
    return next((layout for layout in layouts() if layout.reads(source)), None)


def layout_of(source: Path) -> Layout:
    """As `find`, but an unknown layout is a DataError that says what was looked for."""
    if not source.exists():
        raise DataError(f"{source} does not exist")
    layout = find(source)
    if layout is None:
        looked = "; ".join(layout.LOOKS_FOR for layout in layouts())
        what = "is empty" if source.is_dir() and not any(source.iterdir()) else "is in no layout that is known"
        raise DataError(f"{source} {what}", f"looked for: {looked}")
    return layout


def name_of(layout: Layout) -> str:
    """The layout's short name, as `data.json` gives it."""
    return layout.__name__.rsplit(".", 1)[-1]


def read(source: Path) -> tuple[str, list[Utterance]]:
    """The layout's name and the utterances of a source; ids made unique.

    Raises DataError: unknown layout, no utterance, or what the layout finds wrong (with file and row).
    """
    layout = layout_of(source)
    found = list(layout.utterances(source))
    if not found:
        raise DataError(f"{source} holds no utterance (read as {name_of(layout)})", f"needed: {layout.LOOKS_FOR}")
    return name_of(layout), _with_unique_ids(_with_listed_splits(source, found))


def _with_listed_splits(source: Path, found: list[Utterance]) -> list[Utterance]:
    """Applies `dev.txt` and `test.txt` (ids, one a line), which several corpora put beside their table."""
    listed: dict[str, str] = {}
    for split in ("dev", "test"):
        file = source / f"{split}.txt"
        if source.is_dir() and file.is_file():
            for line in read_text(file).splitlines():
                # LJSpeech-style file lists repeat the transcript after a bar.
                name = line.split("|", 1)[0].strip()
                if name:
                    listed[name] = split
    if not listed:
        return found
    known = False
    result = []
    for utterance in found:
        names = (utterance.id, Path(utterance.id).name, utterance.audio.name)
        place = next((listed[name] for name in names if name in listed), None)
        known = known or place is not None
        split = place or utterance.split or "train"
        result.append(dataclasses.replace(utterance, split=split))
    if not known:
        return found
    return result


def _with_unique_ids(found: list[Utterance]) -> list[Utterance]:
    counts: dict[str, int] = {}
    taken: set[str] = set()
    result = []
    for utterance in found:
        name, count = utterance.id, counts.get(utterance.id, 1)
        while name in taken:  # a source may name its own x#2
            count += 1
            name = f"{utterance.id}#{count}"
        counts[utterance.id] = count
        taken.add(name)
        result.append(utterance if name == utterance.id else dataclasses.replace(utterance, id=name))
    return result
