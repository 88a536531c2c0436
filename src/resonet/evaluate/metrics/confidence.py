"""Whether the confidence of a word says something about its being right.

`auc` asks whether wrong words rank below right ones, `calibration_error` whether 0.8 means four in five (Guo et al.,
2017, arXiv 1706.04599), `gap` how far the means lie apart. Deleted words have no confidence and do not count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

BINS = 10


@dataclass(frozen=True)
class Bin:
    """The words whose confidence lies in low..high: how many, their mean confidence, the share of right ones."""

    low: float
    high: float
    words: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """What the confidences of `words` words are worth.

    auc: chance that a right word has more confidence than a wrong one, ties half (0.5 is guessing); None unless there
    are both. calibration_error: mean distance of confidence and accuracy over bins, weighted by words, 0..1. gap: mean
    confidence of right words minus that of wrong words; None as for auc. bins: those of ten equal ones that hold words.
    """

    words: int
    accuracy: float
    auc: float | None
    calibration_error: float
    gap: float | None
    bins: tuple[Bin, ...]


def calibration(confidences: ArrayLike, right: ArrayLike) -> Calibration:
    """Measures `confidences` float [words], 0..1, against `right` bool [words].

    Raises:
        ValueError: no words, lengths that differ, or a confidence outside 0..1.
    """
    scores, truth = np.asarray(confidences, float), np.asarray(right, bool)
    if scores.shape != truth.shape or scores.ndim != 1 or not len(scores):
        raise ValueError("confidences and right need one entry a word, and at least one word")
    if not (np.all(scores >= 0) and np.all(scores <= 1)):
        raise ValueError("a confidence lies outside 0..1")
    mixed = bool(truth.any() and not truth.all())
    bins = _bins(scores, truth)
    return Calibration(
        words=len(scores),
        accuracy=float(truth.mean()),
        auc=error_detection_auc(scores, truth) if mixed else None,
        calibration_error=sum(b.words * abs(b.confidence - b.accuracy) for b in bins) / len(scores),
        gap=float(scores[truth].mean() - scores[~truth].mean()) if mixed else None,
        bins=bins,
    )


def error_detection_auc(confidences: ArrayLike, right: ArrayLike) -> float:
    """Area under the curve of finding errors by low confidence, from ranks (Mann-Whitney); needs right and wrong."""
    scores, truth = np.asarray(confidences, float), np.asarray(right, bool)
    ordered = np.sort(scores)
    # Mean rank of equal scores: halfway between the places before and behind them.
    ranks = (np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right") + 1) / 2
    n_right, n_wrong = int(truth.sum()), int((~truth).sum())
    return float((ranks[truth].sum() - n_right * (n_right + 1) / 2) / (n_right * n_wrong))


def _bins(scores: np.ndarray, truth: np.ndarray) -> tuple[Bin, ...]:
    index = np.minimum((scores * BINS).astype(int), BINS - 1)
    found = []
    for b in range(BINS):
        inside = index == b
        if inside.any():
            low, high = b / BINS, (b + 1) / BINS
            mean, accuracy = float(scores[inside].mean()), float(truth[inside].mean())
            found.append(Bin(low, high, int(inside.sum()), mean, accuracy))
    return tuple(found)
