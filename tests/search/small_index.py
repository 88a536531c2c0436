"""Indexes with segments that were never spoken: what is said, when, and how sure the recognizer was, is made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from resonet.search.rows import Recording, Segment
from resonet.search.store import Tokens, writing
from resonet.search.texts import tokens
from resonet.text.transcript import Word

META: dict[str, Any] = {"recognizer": {"name": "nobody", "sha256": "0" * 64}, "shift": 0.04, "units": ["<blank>", "A"]}
STEP = 0.5  # seconds from one word to the next
LASTS = 0.4  # seconds that a word lasts


def segment(text: str, start: float = 0.0, sure: Sequence[float] | float = 0.8, **blobs: bytes) -> Segment:
    """The words of a text, one every half second."""
    words = text.split()
    each = [sure] * len(words) if isinstance(sure, float) else sure
    timed = tuple(
        Word(word, start + i * STEP, start + i * STEP + LASTS, c)
        for i, (word, c) in enumerate(zip(words, each, strict=True))
    )
    return Segment(start, start + STEP * len(words), timed, **blobs)


def build(
    folder: Path,
    said: Mapping[str, Sequence[Segment | str]],
    fields: Mapping[str, Mapping[str, str]] | None = None,
    meta: Mapping[str, Any] = META,
) -> Path:
    """An index of recordings by path, each with its segments (a text is one that begins at 0) and fields."""
    with writing(folder, meta, Tokens(tokens, lambda blob: "")) as writer:
        for path, segments in said.items():
            found = [segment(part) if isinstance(part, str) else part for part in segments]
            last = max((part.end for part in found), default=0.0)
            more = {"language": "en", **(fields or {}).get(path, {})}
            writer.add(Recording(path, 1, 1, path, last, **more), found)
    return folder
