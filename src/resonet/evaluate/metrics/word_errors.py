"""Word and character errors: WER, CER, and which word became which.

Errors are those of the cheapest alignment in which substitution, deletion and insertion cost one each (Levenshtein);
jiwer does it, rapidfuzz inside. Rates of a set are all its errors over all its reference words, not means of rates.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from resonet.errors import MissingExtra

Kind = Literal["equal", "substitute", "delete", "insert"]


@dataclass(frozen=True)
class Counts:
    """Errors of one text or of many: `units` are the words (or characters) of the reference."""

    units: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def errors(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors per reference unit, 0..; with an empty reference 0 when nothing was heard, else infinite."""
        if self.units:
            return self.errors / self.units
        return float("inf") if self.errors else 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.units + other.units,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )


@dataclass(frozen=True)
class Step:
    """One word of an alignment: what was said and what was heard; "" where there is none."""

    kind: Kind
    said: str
    heard: str


@dataclass(frozen=True)
class Aligned:
    """One utterance: counts of words and of characters, and the words side by side."""

    words: Counts
    characters: Counts
    steps: tuple[Step, ...]


def plain(text: str) -> str:
    """The scoring form, in which case and punctuation are free: upper case, NFC; letters, digits, apostrophes and
    single spaces."""
    text = unicodedata.normalize("NFC", text).upper()
    return " ".join(re.sub(r"[^\w' ]|_", " ", text.replace("’", "'")).split())


def align(references: Sequence[str], hypotheses: Sequence[str]) -> list[Aligned]:
    """Aligns each reference with its hypothesis, both brought to the scoring form.

    Raises:
        ValueError: as many references as hypotheses are needed.
        MissingExtra: jiwer is not installed.
    """
    try:
        import jiwer
    except ImportError:
        raise MissingExtra("Counting word errors", "evaluate") from None
    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references, but {len(hypotheses)} hypotheses")
    if not references:
        return []
    said, heard = [plain(text) for text in references], [plain(text) for text in hypotheses]
    words = jiwer.process_words(said, heard)
    characters = jiwer.process_characters(said, heard)
    aligned = []
    for i, chunks in enumerate(words.alignments):
        steps = tuple(_steps(chunks, words.references[i], words.hypotheses[i]))
        aligned.append(Aligned(_count(chunks), _count(characters.alignments[i]), steps))
    return aligned


def total(counts: Sequence[Counts]) -> Counts:
    """The sum of many counts."""
    return sum(counts, Counts())


def _steps(chunks: Sequence, said: Sequence[str], heard: Sequence[str]) -> list[Step]:
    steps = []
    for chunk in chunks:
        left = said[chunk.ref_start_idx : chunk.ref_end_idx]
        right = heard[chunk.hyp_start_idx : chunk.hyp_end_idx]
        # jiwer joins runs of one kind; one of the sides is empty for deletions and insertions.
        for j in range(max(len(left), len(right))):
            steps.append(Step(chunk.type, left[j] if left else "", right[j] if right else ""))
    return steps


def _count(chunks: Sequence) -> Counts:
    sizes = {"equal": 0, "substitute": 0, "delete": 0, "insert": 0}
    for chunk in chunks:
        sizes[chunk.type] += max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
    units = sizes["equal"] + sizes["substitute"] + sizes["delete"]
    return Counts(units, sizes["substitute"], sizes["delete"], sizes["insert"])
