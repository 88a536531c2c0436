"""Ranked lists of hits: average precision, reciprocal rank, precision and recall of the first, and of those accepted.

A list is told by which of its hits are right, best first. A hit that finds what one before it has found already is not,
so that there are never more right hits than things to find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """Hits that were accepted, the right ones among them, and how many there are to find; sums over lists add up."""

    accepted: int = 0
    right: int = 0
    said: int = 0

    @property
    def precision(self) -> float | None:
        """Share of the accepted that is right; None where nothing was accepted."""
        return self.right / self.accepted if self.accepted else None

    @property
    def recall(self) -> float | None:
        """Share found of what there is; None where there is nothing."""
        return self.right / self.said if self.said else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of both; None where nothing was accepted and there is nothing to find."""
        return 2 * self.right / (self.accepted + self.said) if self.accepted + self.said else None

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.accepted + other.accepted, self.right + other.right, self.said + other.said)


def average_precision(right: Sequence[bool], said: int) -> float:
    """Mean over the things to find of the precision down to the hit that found it, 0 for those that none did.

    The mean over queries is MAP. Raises ValueError: there is nothing to find.
    """
    if said < 1:
        raise ValueError("average precision needs something to find")
    found, total = 0, 0.0
    for rank, good in enumerate(right, 1):
        if good:
            found += 1
            total += found / rank
    return total / said


def reciprocal_rank(right: Sequence[bool]) -> float:
    """1 / the rank of the first right hit, 0 without one; the mean over queries is MRR."""
    return next((1 / rank for rank, good in enumerate(right, 1) if good), 0.0)


def precision_at(right: Sequence[bool], count: int = 10) -> float:
    """Right ones among the first `count`, over `count`, however few hits there are: with one thing to find it is 0.1 at
    best."""
    return sum(right[:count]) / count


def recall_at(right: Sequence[bool], said: int, count: int = 10) -> float:
    """Share of the things to find that the first `count` hits have found.

    Raises ValueError: there is nothing to find.
    """
    if said < 1:
        raise ValueError("recall needs something to find")
    return sum(right[:count]) / said
