"""From what speaks for a keyword at a place to how likely it is said there, and whether to stand by that.

A logistic function of a few features gives the probability. A search answers to the term-weighted value (NIST's keyword
search evaluations): of each keyword the share of its places that were found, less 999.9 times the share of false alarms
among the seconds searched. So what is accepted depends on how often a keyword is said: the sum of its probabilities
tells that, and gives its threshold (Miller et al. 2007). Scores are the probabilities bent so that every keyword's
threshold lies at one half.

The weights are fitted by benchmarks/search_calibration.py on development recordings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonet.errors import DataError

Numbers = NDArray[np.float64]

# What a false alarm costs against what a place found is worth: 0.1 * (1 / 0.0001 - 1).
BETA = 999.9
# Seconds of recordings that count as searched at least: in few minutes no false alarm would be worth any place.
_LEAST_SECONDS = 3600.0
# How often a keyword that somebody asks for is said at least, where its threshold is set: without it, one that is said
# nowhere would have a threshold so low that its best place were always accepted.
_LEAST_SAID = 0.3
# Counts below this tell nothing more, nor do leads of a place over the other ones beyond this, or borders further off
# than this (seconds, both together).
_LEAST_COUNT, _MOST_LEAD, _MOST_OFF = 1e-9, 8.0, 0.6
# Seconds that a unit lasts.
_UNIT = 0.08
# Ridge on all weights but the first, as in decoding/confidence.py.
_RIDGE, _STEPS = 1.0, 60

NAMES = (
    "one", "count", "count a unit", "units", "in the text", "count in the text", "other text", "borders", "length",
    "path", "rank", "lead",
)  # fmt: skip


@dataclass(frozen=True)
class Evidence:
    """What speaks for a keyword at its candidate places; all [places].

    Fields:
        start, end: seconds in the recording.
        count: how often the posteriors expect it there. path: log ratio of its best path to the best of all, a unit.
        units: of the way of saying it that fits best; 0 where none is known.
        said: how sure the text is of it, 0..1; nan where the text has something else.
        other: confidence of the words that the text has instead, as a mean over the time of the place.
        borders: seconds from start and end of the place to where words of the text begin and end.
    """

    start: Numbers
    end: Numbers
    count: Numbers
    path: Numbers
    units: Numbers
    said: Numbers
    other: Numbers
    borders: Numbers


@dataclass(frozen=True)
class Calibration:
    """Weights of the features (`NAMES`)."""

    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.weights) != len(NAMES):
            raise DataError(f"a calibration of keywords has {len(self.weights)} weights, not {len(NAMES)}")

    def probabilities(self, evidence: Evidence) -> Numbers:
        """That the keyword is said at each place; [places]."""
        return _logistic(features(evidence) @ np.array(self.weights))

    @classmethod
    def fit(cls, keywords: Sequence[Evidence], right: Sequence[NDArray[np.bool_]]) -> Calibration:
        """Maximum likelihood by Newton's method; `right` tells of each place of each keyword whether it is said there.

        Raises:
            DataError: fewer than ten places are right, or fewer than ten wrong.
        """
        x = np.concatenate([np.empty((0, len(NAMES))), *map(features, keywords)])
        y = np.concatenate([np.empty(0), *right]).astype(np.float64)
        if len(x) != len(y):
            raise DataError(f"{len(x)} places but {len(y)} verdicts on them")
        if y.sum() < 10 or (1 - y).sum() < 10:
            raise DataError(f"nothing can be learnt from {y.sum():.0f} right places among {len(y)}", "give ten or more")
        # Features on one scale, so that the ridge weighs on all alike.
        scale = np.append(1.0, np.maximum(x[:, 1:].std(axis=0), 1e-9))
        z, ridge = x / scale, np.diag([1e-6, *[_RIDGE] * (len(NAMES) - 1)])
        weights = np.zeros(len(NAMES))
        for _ in range(_STEPS):
            p = _logistic(z @ weights)
            step = np.linalg.solve((z * (p * (1 - p))[:, None]).T @ z + ridge, z.T @ (y - p) - ridge @ weights)
            weights += step * min(1.0, 5.0 / float(np.abs(step).max() + 1e-12))
            if np.abs(step).max() < 1e-8:
                break
        return cls(tuple((weights / scale).tolist()))


FITTED = Calibration(
    (-0.7856, 0.1116, -0.4375, 1.8909, 0.9825, -0.2856, -3.9076, -6.7855, -0.4555, 0.7404, -0.7579, 0.2786)
)


def judge(
    evidence: Evidence, seconds: float, elsewhere: float = 0.0, calibration: Calibration = FITTED
) -> tuple[Numbers, Numbers]:
    """Probability and score of each place of one keyword, [places] each; a score of 0.5 and more is to be accepted.

    Args:
        seconds: of all recordings that were searched.
        elsewhere: how often it is said at places that are not judged here.
    """
    probabilities = calibration.probabilities(evidence)
    return probabilities, normalised(probabilities, seconds, elsewhere)


def threshold(expected: float, seconds: float) -> float:
    """The probability from which a place of a keyword is worth its risk; expected: how often it is said."""
    expected, seconds = max(expected, _LEAST_SAID), max(seconds, _LEAST_SECONDS)
    return BETA * expected / (seconds + (BETA - 1) * expected)


def normalised(probabilities: Numbers, seconds: float, elsewhere: float = 0.0) -> Numbers:
    """Probabilities of the places of one keyword as scores that all keywords share: its threshold becomes 0.5."""
    least = min(threshold(float(probabilities.sum()) + elsewhere, seconds), 0.9999)
    return np.clip(probabilities, 0.0, 1.0) ** (np.log(0.5) / np.log(least))


def features(evidence: Evidence) -> Numbers:
    """[places, features]: see `NAMES`. Rank and lead compare a place with the others of the keyword."""
    count = np.log(np.maximum(evidence.count, _LEAST_COUNT))
    units = np.maximum(evidence.units, 1.0)
    in_text = ~np.isnan(evidence.said)
    sure = np.clip(np.nan_to_num(evidence.said), 1e-4, 1 - 1e-4)
    odds = np.log(sure / (1 - sure))
    rank = np.empty(len(count))
    rank[np.argsort(-count, kind="stable")] = np.arange(len(count))
    best_other = np.full(len(count), np.log(_LEAST_COUNT))
    if len(count) > 1:
        second, first = np.partition(count, -2)[-2:]
        best_other = np.where(rank == 0, second, first)
    return np.stack(
        [
            np.ones(len(count)),
            count,
            count / units,
            np.log(units),
            np.where(in_text, odds, 0.0),
            np.where(in_text, count, 0.0),
            np.where(in_text, 0.0, evidence.other),
            np.where(in_text, 0.0, np.minimum(evidence.borders, _MOST_OFF)),
            np.log(np.maximum(evidence.end - evidence.start, 0.04) / (units * _UNIT)),
            np.maximum(evidence.path, -8.0),
            np.log1p(rank),
            np.clip(count - best_other, -_MOST_LEAD, _MOST_LEAD),
        ],
        axis=1,
    )


def _logistic(x: Numbers) -> Numbers:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -30.0, 30.0)))
