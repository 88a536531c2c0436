"""Keyword search in running speech: term-weighted values and the curve over thresholds (NIST, STD 2006 and OpenKWS).

Every second of speech is a trial. A keyword that was said N times in T seconds has at a threshold

    P_miss = 1 - right / N,   P_FA = wrong / (T - N),   value = 1 - P_miss - beta * P_FA

and the term-weighted value (TWV) is the mean over the keywords that were said at all. Each right hit so adds 1 / N to
the value of its keyword, each false alarm takes beta / (T - N), and nothing accepted is worth 0.

    ATWV    at the decisions of the system itself
    MTWV    at the best one threshold on the scores
    OTWV    at the best threshold for each keyword
    STWV    with false alarms for nothing: what is in the list of hits at all

MTWV <= OTWV <= STWV, always; ATWV <= MTWV where the system's decisions are one threshold on its scores, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Of the evaluations: cost of a false alarm over the value of a right hit, and how likely a keyword is in a second.
COST_OVER_VALUE, CHANCE = 0.1, 1e-4
BETA = COST_OVER_VALUE * (1 / CHANCE - 1)  # 999.9
# Seconds between the centres of a hit and of what was said. The scorer of NIST takes this much before the start and
# after the end of it, which is wider for long phrases.
TOLERANCE = 0.5


@dataclass(frozen=True)
class Keyword:
    """The hits of a keyword in the speech that was searched.

    Fields:
        said: how often it is there.
        scores: float64 [hits]. right: bool [hits], whether it is one of `said` (`paired`); a second hit of the same is
            not. accepted: bool [hits], the system's own decisions.
    """

    said: int
    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    accepted: NDArray[np.bool_]


@dataclass(frozen=True)
class Point:
    """What a threshold gives: P_miss and P_FA, each the mean over keywords."""

    threshold: float
    miss: float
    alarm: float


@dataclass(frozen=True)
class TermWeighted:
    """The values of a system on some keywords.

    Fields:
        keywords, said: keywords that were said, and how often in all. seconds: of speech that was searched (T).
        threshold: of `mtwv`; infinite where accepting nothing is best.
        values: float64 [keywords], what each is worth at the system's own decisions; `atwv` is their mean.
        points: thresholds falling, from one above all scores to the lowest score (DET).
        alarm_cost: mean over keywords of what one false alarm takes from the keyword's value.
    """

    keywords: int
    said: int
    seconds: float
    atwv: float
    mtwv: float
    threshold: float
    otwv: float
    stwv: float
    values: NDArray[np.float64]
    points: tuple[Point, ...]
    alarm_cost: float


def paired(centres: ArrayLike, scores: ArrayLike, said: ArrayLike, tolerance: float = TOLERANCE) -> NDArray[np.int64]:
    """Which of the places where a keyword was said each hit has found, one to one, in one recording.

    As many hits as can be have a place, and of those that compete the ones with higher scores; so it is above every
    threshold as well.

    Args:
        centres, scores: [hits], seconds and any scores. said: [places], the centres of what was said.

    Returns:
        int64 [hits]: the index of the place, -1 for none.
    """
    at, there = np.asarray(centres, np.float64), np.asarray(said, np.float64)
    # A millisecond more: times are printed with three decimals.
    apart = np.abs(at[:, None] - there)
    near = [row[: int((gaps <= tolerance + 1e-3).sum())] for row, gaps in zip(apart.argsort(1), apart, strict=True)]
    taken: dict[int, int] = {}

    def settle(hit: int, tried: set[int]) -> bool:
        """Finds a place for the hit, moving earlier ones where they have another (augmenting paths)."""
        for place in near[hit].tolist():
            if place not in tried:
                tried.add(place)
                if place not in taken or settle(taken[place], tried):
                    taken[place] = hit
                    return True
        return False

    for hit in np.argsort(-np.asarray(scores, np.float64), kind="stable").tolist():
        settle(hit, set())
    found = np.full(len(at), -1, np.int64)
    for place, hit in taken.items():
        found[hit] = place
    return found


def weigh(keywords: Sequence[Keyword], seconds: float, beta: float = BETA) -> TermWeighted:
    """The values of a system.

    Args:
        keywords: those that were never said count nowhere.
        seconds: of speech that was searched.

    Raises:
        ValueError: no keyword was said, or one more often than there are seconds.
    """
    there = [k for k in keywords if k.said]
    if not there:
        raise ValueError("term-weighted values need a keyword that was said")
    if seconds <= max(k.said for k in there):
        raise ValueError(f"a keyword was said {max(k.said for k in there)} times in {seconds} s")
    costs = np.array([beta / (seconds - k.said) for k in there])
    worth = [np.where(k.right, 1 / k.said, -cost) for k, cost in zip(there, costs, strict=True)]
    values = np.array([w[k.accepted].sum() for k, w in zip(there, worth, strict=True)])
    thresholds, sums = _above(np.concatenate([k.scores for k in there]), np.concatenate(worth))
    best = int(np.argmax(sums))  # the highest threshold among equals
    return TermWeighted(
        keywords=len(there),
        said=sum(k.said for k in there),
        seconds=seconds,
        atwv=float(values.mean()),
        mtwv=float(sums[best] / len(there)),
        threshold=float(thresholds[best]),
        otwv=float(np.mean([_above(k.scores, w)[1].max() for k, w in zip(there, worth, strict=True)])),
        stwv=float(np.mean([k.right.sum() / k.said for k in there])),
        values=values,
        points=_points(there, worth, beta),
        alarm_cost=float(costs.mean()),
    )


def _points(keywords: Sequence[Keyword], worth: Sequence[NDArray[np.float64]], beta: float) -> tuple[Point, ...]:
    scores, right = np.concatenate([k.scores for k in keywords]), np.concatenate([k.right for k in keywords])
    flat = np.concatenate(worth)
    thresholds, hits = _above(scores, np.where(right, flat, 0.0))
    _, alarms = _above(scores, np.where(right, 0.0, -flat))
    count = len(keywords)
    return tuple(
        Point(float(t), 1 - float(h) / count, float(a) / beta / count)
        for t, h, a in zip(thresholds, hits, alarms, strict=True)
    )


def _above(
    scores: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The thresholds that can matter, falling from infinity, and the sum of the weights at or above each."""
    order = np.argsort(-scores, kind="stable")
    falling, sums = scores[order], np.cumsum(weights[order])
    last = np.flatnonzero(np.append(np.diff(falling) != 0, True)) if len(falling) else np.empty(0, np.int64)
    return np.append(np.inf, falling[last]), np.append(0.0, sums[last])
