"""What recognition gives: a transcript with its words and segments (docs/formats.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Word:
    """One word: start and end in seconds from the start of the recording, confidence 0..1."""

    word: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Segment:
    """A stretch between pauses: start and end in seconds, and its text."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Transcript:
    """The text of one recording; `duration` in seconds, `language` as a BCP 47 tag."""

    text: str
    words: tuple[Word, ...]
    segments: tuple[Segment, ...]
    duration: float
    language: str

    def as_dict(self, file: str) -> dict[str, Any]:
        """The JSON object of `resonet transcribe --format json`; times with three decimals."""
        return {
            "file": file,
            "text": self.text,
            "duration": round(self.duration, 3),
            "language": self.language,
            "segments": [{"start": round(s.start, 3), "end": round(s.end, 3), "text": s.text} for s in self.segments],
            "words": [
                {
                    "word": w.word,
                    "start": round(w.start, 3),
                    "end": round(w.end, 3),
                    "confidence": round(w.confidence, 3),
                }
                for w in self.words
            ],
        }
