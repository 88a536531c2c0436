"""Clips and their labels: who was taken for whom, precision and recall, and the curve over thresholds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Row:
    """One label: clips of it, clips that were given it, and those that are both."""

    label: str
    clips: int
    heard: int
    right: int

    @property
    def recall(self) -> float | None:
        """Share of its clips that were given it; None without clips."""
        return self.right / self.clips if self.clips else None

    @property
    def precision(self) -> float | None:
        """Share of the clips given it that are of it; None where it was never given."""
        return self.right / self.heard if self.heard else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of both; None without clips."""
        return 2 * self.right / (self.clips + self.heard) if self.clips else None


@dataclass(frozen=True)
class Point:
    """What a threshold gives: share of the words' clips missed, share of the other clips that raised an alarm."""

    threshold: float
    miss: float
    alarm: float


def confusion(said: Sequence[str], heard: Sequence[str], labels: Sequence[str]) -> NDArray[np.int64]:
    """Clips by label (rows) and by what they were taken for (columns), int64 [labels, labels].

    Raises:
        ValueError: as many said as heard are needed. KeyError: a label that is not in `labels`.
    """
    if len(said) != len(heard):
        raise ValueError(f"{len(said)} labels, but {len(heard)} answers")
    index = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), np.int64)
    for one, other in zip(said, heard, strict=True):
        counts[index[one], index[other]] += 1
    return counts


def rows(counts: NDArray[np.int64], labels: Sequence[str]) -> tuple[Row, ...]:
    """Each label of a confusion matrix."""
    return tuple(
        Row(label, int(counts[i].sum()), int(counts[:, i].sum()), int(counts[i, i])) for i, label in enumerate(labels)
    )


def det(
    said: Sequence[str], heard: Sequence[str], scores: Sequence[float], others: Collection[str]
) -> tuple[Point, ...]:
    """Detection of words over the threshold on the score of an answer, thresholds falling.

    A clip of a word is missed unless it was given this word with the threshold or more. A clip of `others` (`unknown`,
    `silence`) raises an alarm where it was given any word with the threshold or more. Empty where either kind lacks.
    """
    words = np.array([label not in others for label in said], bool)
    if not words.any() or words.all():
        return ()
    sure = np.asarray(scores, np.float64)
    right = words & np.array([a == b for a, b in zip(said, heard, strict=True)], bool)
    alarm = ~words & np.array([label not in others for label in heard], bool)
    found = []
    for threshold in (np.inf, *np.unique(sure[right | alarm])[::-1]):
        over = sure >= threshold
        found.append(
            Point(
                float(threshold),
                1 - float((right & over).sum() / words.sum()),
                float((alarm & over).sum() / (~words).sum()),
            )
        )
    return tuple(found)


def equal_error(points: Sequence[Point]) -> float | None:
    """The rate at which misses and alarms are alike, between the two points around it; None where they never meet."""
    for before, after in pairwise(points):
        if after.alarm >= after.miss:
            gap_before, gap_after = before.miss - before.alarm, after.miss - after.alarm
            share = gap_before / (gap_before - gap_after) if gap_before != gap_after else 0.0
            return before.miss + share * (after.miss - before.miss)
    return None
