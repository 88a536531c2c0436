"""One utterance, the small object that every corpus reader yields and that everything in this room is built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SPLITS = ("train", "dev", "test")

# The speaker of utterances whose speaker nobody knows: one name a source, `source/unknown`.
UNKNOWN = "unknown"

_ALIASES = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "development": "dev",
    "valid": "dev",
    "validation": "dev",
    "val": "dev",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}


@dataclass(frozen=True)
class Utterance:
    """A stretch of a recording and what is said in it.

    id: unique within its source. audio: path of the recording. text: as the source gives it.
    speaker: as the source names it, "" where unknown. start, end: seconds in the recording; end None means to its end.
    split: train, dev or test where the source says so. language: a BCP 47 tag, "" where the source does not say.
    where: the file and row it came from, for messages. fault: why it cannot be used, where the reader knows one.
    columns: what else the source says about it (gender, subset), to report by.
    """

    id: str
    audio: Path
    text: str
    speaker: str = ""
    start: float = 0.0
    end: float | None = None
    split: str | None = None
    language: str = ""
    where: str = ""
    fault: str = ""
    columns: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


def speaker_known(speaker: str) -> bool:
    """Whether the name is a person's: neither empty nor the `source/unknown` of prepared data."""
    return bool(speaker) and not speaker.endswith(f"/{UNKNOWN}")


def split_named(name: str) -> str | None:
    """The split that a folder, file or column value names (`dev`, `valid`, `test-clean`, `train_si284`), or None."""
    lowered = name.lower()
    if lowered in _ALIASES:
        return _ALIASES[lowered]
    for mark in "-_.":
        head = lowered.split(mark, 1)[0]
        if head != lowered and head in ("train", "dev", "test", "eval", "valid"):
            return _ALIASES[head]
    return None
