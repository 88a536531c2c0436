"""What decoding gives: words with their frames."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DecodedWord:
    """One word of a hypothesis, in frames of the acoustic model.

    `start` is the frame of its first unit, `end` the one after its last. `score` <= 0 says how well it fits what was
    heard: the mean over these frames of the log probability of its units less that of the best unit of the frame.
    `lm` is the log probability that the language model gives the word after those before it (0 without a model).
    """

    word: str
    start: int
    end: int
    score: float
    lm: float = 0.0


@dataclass(frozen=True)
class Hypothesis:
    """A decoded utterance; `score` is the natural log of its weight (acoustics, language model, word bonus)."""

    words: tuple[DecodedWord, ...]
    score: float

    @property
    def text(self) -> str:
        """The words joined by spaces."""
        return " ".join(word.word for word in self.words)
