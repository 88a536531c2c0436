"""How sure an error rate is: confidence intervals by resampling (Bisani and Ney, ICASSP 2004).

What is drawn anew are speakers, with all they said, since errors of one speaker go together; where fewer than ten are
known, utterances are drawn (an interval from a handful of speakers would mean nothing, one from utterances is a little
too narrow, and the result says which it is).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 1000
LEVEL = 0.95
FEWEST_SPEAKERS = 10
_MOST_CELLS = 4_000_000  # drawn at once: 32 MB


@dataclass(frozen=True)
class Interval:
    """An error rate (0..1 and above) with the bounds of its confidence interval, and what was drawn for it."""

    rate: float
    low: float
    high: float
    drawn: str  # "speakers" or "utterances"


@dataclass(frozen=True)
class Difference:
    """Rate of the second minus rate of the first over the same utterances, its interval, and in how many draws
    (0..1) the second was better."""

    difference: float
    low: float
    high: float
    better: float


def interval(
    errors: ArrayLike,
    units: ArrayLike,
    speakers: Sequence[str] | None = None,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Percentile interval of sum(errors) / sum(units).

    Args:
        errors, units: [utterances], errors and reference words of each.
        speakers: [utterances]; "" is a speaker nobody knows, each time another.
        draws, level, seed: how many resamplings, which share of them lies inside, and the seed that repeats them.

    Raises:
        ValueError: no reference words at all.
    """
    table = np.stack([np.asarray(errors, float), np.asarray(units, float)], axis=1)
    if table[:, 1].sum() <= 0:
        raise ValueError("an error rate needs at least one reference word")
    grouped, drawn = _grouped(table, speakers)
    sums = _resample(grouped, draws, seed)
    rates = sums[:, 0] / np.maximum(sums[:, 1], 1)
    rate = float(table[:, 0].sum() / table[:, 1].sum())
    low, high = _bounds(rates, level)
    # In very small or skewed sets the percentiles can miss the rate itself; an interval that does would confuse.
    return Interval(rate, min(low, rate), max(high, rate), drawn)


def difference(
    first: ArrayLike,
    second: ArrayLike,
    units: ArrayLike,
    speakers: Sequence[str] | None = None,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> Difference:
    """As `interval`, for two systems on the same utterances: both are drawn together, so that hard draws cancel out.

    Args:
        first, second: [utterances], the errors of either system.
    """
    table = np.stack([np.asarray(x, float) for x in (first, second, units)], axis=1)
    if table[:, 2].sum() <= 0:
        raise ValueError("an error rate needs at least one reference word")
    grouped, _ = _grouped(table, speakers)
    sums = _resample(grouped, draws, seed)
    gaps = (sums[:, 1] - sums[:, 0]) / np.maximum(sums[:, 2], 1)
    point = float((table[:, 1].sum() - table[:, 0].sum()) / table[:, 2].sum())
    low, high = _bounds(gaps, level)
    return Difference(point, min(low, point), max(high, point), float(np.mean(gaps < 0)))


def _grouped(table: NDArray[np.float64], speakers: Sequence[str] | None) -> tuple[NDArray[np.float64], str]:
    if speakers is not None and len({name for name in speakers if name}) >= FEWEST_SPEAKERS:
        # An unknown speaker is somebody new each time.
        names = [name or f"\0{i}" for i, name in enumerate(speakers)]
        unique, index = np.unique(names, return_inverse=True)
        sums = np.zeros((len(unique), table.shape[1]))
        np.add.at(sums, index, table)
        return sums, "speakers"
    return table, "utterances"


def _resample(table: NDArray[np.float64], draws: int, seed: int) -> NDArray[np.float64]:
    """Sums of `draws` resamplings of the rows, [draws, columns]: a matrix product of counts and rows."""
    generator = np.random.default_rng(seed)
    rows = len(table)
    chances = np.full(rows, 1 / rows)
    step = max(1, _MOST_CELLS // rows)
    sums = [
        generator.multinomial(rows, chances, size=min(step, draws - done)) @ table for done in range(0, draws, step)
    ]
    return np.concatenate(sums)


def _bounds(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
