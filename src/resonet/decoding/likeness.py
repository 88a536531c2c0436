"""How well vectors tell speakers apart: cosines of all pairs, and the equal error rate over them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Rows of the matrix of cosines that are computed at once: 30 MB for ten thousand vectors.
_ROWS = 1000


def pairs(vectors: NDArray[np.float32], speakers: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cosines of all pairs of vectors [n, size] of length 1: those of one speaker, and those of two."""
    number = {speaker: i for i, speaker in enumerate(sorted(set(speakers)))}
    who = np.array([number[speaker] for speaker in speakers])
    same, other = [np.empty(0, np.float32)], [np.empty(0, np.float32)]
    for start in range(0, len(vectors), _ROWS):
        cosines = vectors[start : start + _ROWS] @ vectors[start:].T
        row, column = np.triu_indices(len(cosines), 1, cosines.shape[1])
        alike = who[start + row] == who[start + column]
        found = cosines[row, column]
        same.append(found[alike])
        other.append(found[~alike])
    return np.concatenate(same), np.concatenate(other)


def equal_error_rate(same: ArrayLike, other: ArrayLike) -> tuple[float, float]:
    """The share of pairs that are judged wrong where misses and false alarms are equally frequent, and the score there.

    Args:
        same: scores of pairs that belong together; other: of those that do not. Higher is more alike.

    Between two scores the rates are joined by straight lines; the rate is 0.5 where either has no pair.
    """
    together, apart = (np.sort(np.asarray(x, np.float64).ravel()) for x in (same, other))
    if not len(together) or not len(apart):
        return 0.5, 0.0
    scores = np.unique(np.concatenate([together, apart]))
    misses = np.searchsorted(together, scores) / len(together)  # those below the score
    alarms = 1 - np.searchsorted(apart, scores) / len(apart)  # those at it or above
    crossing = int(np.argmax(misses >= alarms)) if (misses >= alarms).any() else len(scores)
    if crossing == 0:
        return float(misses[0]), float(scores[0])
    if crossing == len(scores):  # only beyond the highest score are there no alarms left
        misses, alarms = np.append(misses, 1.0), np.append(alarms, 0.0)
        scores = np.append(scores, scores[-1])
    before, after = alarms[crossing - 1] - misses[crossing - 1], misses[crossing] - alarms[crossing]
    share = before / (before + after) if before + after > 0 else 0.0
    rate = misses[crossing - 1] + share * (misses[crossing] - misses[crossing - 1])
    return float(rate), float(scores[crossing - 1] + share * (scores[crossing] - scores[crossing - 1]))
