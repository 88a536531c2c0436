"""Recordings and segments as an index has them, and how the rows of its tables say them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from resonet.text.transcript import Word

# A word's times in milliseconds from the start of its segment, its confidence in 255ths.
WORD = np.dtype([("start", "<u4"), ("length", "<u2"), ("confidence", "u1")])

# Their columns, in the order of the functions below.
RECORDING = "select id, path, size, modified, fingerprint, duration, language, speaker, date from recordings"
SEGMENT = "select id, recording, start, finish, text, words, sounds, windows, voice from segments"


@dataclass(frozen=True)
class Recording:
    """A recording of the index.

    Fields:
        path: absolute. size (bytes), modified (ns since 1970), fingerprint: by which a changed or moved file is known.
        duration: seconds. date: YYYY-MM-DD; language, speaker, date may be empty.
        id: its number in the index; 0 where it has none yet.
    """

    path: str
    size: int
    modified: int
    fingerprint: str
    duration: float
    language: str = ""
    speaker: str = ""
    date: str = ""
    id: int = 0


@dataclass(frozen=True)
class Segment:
    """A stretch of speech between pauses.

    Fields:
        start, end: seconds in its recording; so are the times of `words`.
        sounds: packed posteriors (posteriors.py). windows: vectors of stretches of it (windows.py). voice: float16
            vector of who speaks. Each may be empty.
        recording, id: numbers in the index; 0 where it has none yet.
    """

    start: float
    end: float
    words: tuple[Word, ...]
    sounds: bytes = b""
    windows: bytes = b""
    voice: bytes = b""
    recording: int = 0
    id: int = 0

    @property
    def text(self) -> str:
        """Its words with spaces between them."""
        return " ".join(word.word for word in self.words)


def recording_of(row: tuple[Any, ...]) -> Recording:
    number, path, size, modified, fingerprint, duration, language, speaker, date = row
    return Recording(path, size, modified, fingerprint, duration, language, speaker, date, number)


def words_of(segment: Segment) -> bytes:
    rows = np.zeros(len(segment.words), WORD)
    for row, word in zip(rows, segment.words, strict=True):
        row["start"] = max(0, round((word.start - segment.start) * 1000))
        row["length"] = min(65535, max(0, round((word.end - word.start) * 1000)))
        row["confidence"] = round(min(1.0, max(0.0, word.confidence)) * 255)
    return rows.tobytes()


def segment_of(row: tuple[Any, ...]) -> Segment:
    number, recording, start, end, text, packed, sounds, windows, voice = row
    times = np.frombuffer(packed, WORD)
    words = tuple(
        Word(word, start + begun / 1000, start + (begun + length) / 1000, confidence / 255)
        for word, (begun, length, confidence) in zip(text.split(" ") if text else (), times.tolist(), strict=True)
    )
    return Segment(start, end, words, sounds, windows, voice, recording, number)
