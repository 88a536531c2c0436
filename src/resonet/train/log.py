"""The log of a training, log.jsonl: an event a line, added as it happens, cut back where a run is taken up again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resonet.bundle import replacing

NAME = "log.jsonl"


def add(folder: Path, kind: str, values: dict[str, Any]) -> None:
    """Adds an event to the log in `folder`."""
    with open(folder / NAME, "a", encoding="utf-8") as file:
        file.write(_line({"kind": kind, **values}))


def events(folder: Path) -> Iterator[dict[str, Any]]:
    """The events of the log in `folder`, in order; a line that a kill has cut off is passed over."""
    with open(folder / NAME, encoding="utf-8") as file:
        for line in file:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                yield event


def cut(folder: Path, step: int) -> None:
    """Takes out what came after `step`: a run that goes on from there tells it again."""
    if (folder / NAME).is_file():
        with replacing(folder / NAME) as file:
            file.writelines(_line(event).encode() for event in events(folder) if event.get("step", 0) <= step)


def _line(event: dict[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False) + "\n"
