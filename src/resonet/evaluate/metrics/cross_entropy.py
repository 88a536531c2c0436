"""Normalized cross entropy of detection scores (Cnxe), as MediaEval judged query by example (SWS 2013, QUESST 2014).

A trial is a query and a recording, which holds it (a target) or not. With log likelihood ratios s (natural log) as
scores and the prior P of a target, whose log odds are p,

    C = P * mean over targets of log2(1 + exp(-s - p)) + (1 - P) * mean over the others of log2(1 + exp(s + p))

bits are left to tell about a trial; who knows nothing but the prior is left with its entropy, and Cnxe is C over that:
0 perfect, 1 useless, above 1 harmful. minCnxe is the lowest that any a * s + b in the place of s could have.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# QUESST 2014: a target in 0.0008 of the trials, a miss as dear as 100 false alarms: 0.0741 is the prior of the same
# decisions at equal costs.
PRIOR = 0.0008 * 100 / (0.0008 * 100 + (1 - 0.0008))
_STEPS = 100
# Of a and b beyond this the scores part targets from others, and the entropy only falls on towards 0.
_SMALL = 1e-12


def normalized(scores: ArrayLike, targets: ArrayLike, counts: ArrayLike | None = None, prior: float = PRIOR) -> float:
    """Cnxe of log likelihood ratios.

    Args:
        scores: [trials], natural log. targets: bool [trials].
        counts: [trials], how many trials each stands for; one by default.
        prior: of a target, 0..1.

    Raises:
        ValueError: no targets, or nothing else.
    """
    s, weights, sign = _prepared(scores, targets, counts, prior)
    return _entropy(sign * (s + _odds(prior)), weights, prior)


def lowest(
    scores: ArrayLike, targets: ArrayLike, counts: ArrayLike | None = None, prior: float = PRIOR
) -> tuple[float, float, float]:
    """minCnxe, 0..1, and the a and b that give it; arguments and errors as of `normalized`.

    Scores may be of any kind. Where they part all targets from all others there is no best a: it is 0 in the limit.
    """
    s, weights, sign = _prepared(scores, targets, counts, prior)
    middle, spread = float(np.average(s, weights=weights)), float(np.ptp(s)) or 1.0
    x = np.stack([(s - middle) / spread, np.ones_like(s)])  # [2, trials]: alike in size, for even steps
    start = _odds(prior)
    w = np.zeros(2)
    value = _entropy(sign * start, weights, prior)
    for _ in range(_STEPS):
        margin = sign * (w @ x + start)
        wrong = 1 / (1 + np.exp(np.clip(margin, -500, 500)))
        slope = -x @ (weights * sign * wrong)
        bend = (x * (weights * wrong * (1 - wrong))) @ x.T + _SMALL * np.eye(2)
        step = np.linalg.solve(bend, slope)
        size = 1.0
        while size > 1e-6:
            now = _entropy(sign * ((w - size * step) @ x + start), weights, prior)
            if now < value:
                break
            size /= 2
        else:
            break
        gained, value, w = value - now, now, w - size * step
        if gained < _SMALL:
            break
    slope_of, offset = float(w[0] / spread), float(w[1] - w[0] * middle / spread)
    return value, slope_of, offset


def _prepared(
    scores: ArrayLike, targets: ArrayLike, counts: ArrayLike | None, prior: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Scores, weights that sum to the prior over targets and to the rest over others, and +1 for targets, else -1."""
    s, there = np.asarray(scores, np.float64), np.asarray(targets, bool)
    each = np.ones(len(s)) if counts is None else np.asarray(counts, np.float64)
    sums = each[there].sum(), each[~there].sum()
    if not 0 < prior < 1:
        raise ValueError(f"a prior lies between 0 and 1, not at {prior}")
    if min(sums) <= 0:
        raise ValueError("cross entropy needs trials with the query and trials without")
    weights = each * np.where(there, prior / sums[0], (1 - prior) / sums[1])
    return s, weights, np.where(there, 1.0, -1.0)


def _entropy(margins: NDArray[np.float64], weights: NDArray[np.float64], prior: float) -> float:
    """Over that of the prior; margins: log odds for what is true."""
    nothing = -(prior * np.log(prior) + (1 - prior) * np.log(1 - prior))
    return float(weights @ np.logaddexp(0.0, -margins)) / float(nothing)


def _odds(prior: float) -> float:
    return float(np.log(prior / (1 - prior)))
