"""Thresholds for fewer false alarms than the hours at hand can show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonet.runtime.thresholds import expected, from_odds, odds

SCALE = np.arange(-3.0, 12.0, 0.05)


def counts(scores: np.ndarray) -> np.ndarray:
    return (scores[None, :] >= SCALE[:, None]).sum(1)


def test_an_hour_that_was_not_heard_keeps_to_it() -> None:
    """Thresholds for half an alarm, from hours with scores that thin out exponentially, judged on many other hours."""
    rng = np.random.default_rng(0)

    def hours(number: int) -> np.ndarray:
        return rng.exponential(1.0, rng.poisson(60 * number)) - 1

    found, counted = [], []
    for _ in range(60):
        alarms = counts(hours(1))
        later = hours(50)
        found.append((later >= expected(SCALE, alarms, 0.5)).sum() / 50)
        counted.append((later >= SCALE[np.flatnonzero(alarms > 0)[-1] + 1]).sum() / 50)
    # Just above the highest score of an hour, another hour has one alarm; what was asked for is half of one.
    assert 0.3 < np.mean(found) < 0.7
    assert np.mean(counted) > 0.8


def test_many_alarms_are_counted() -> None:
    alarms = counts(np.random.default_rng(1).exponential(1.0, 500))
    threshold = expected(SCALE, alarms, 10.0)
    place = round((threshold + 3) / 0.05)
    assert alarms[place] <= 10 < alarms[place - 1]


@given(st.lists(st.floats(-3, 13), max_size=80), st.floats(0, 100))
def test_never_lower_than_what_was_heard(scores: list[float], allowed: float) -> None:
    alarms = counts(np.array(scores))
    threshold = expected(SCALE, alarms, allowed)
    within = alarms[np.minimum(np.searchsorted(SCALE, threshold - 1e-9), len(SCALE) - 1)]
    assert within <= allowed or threshold >= SCALE[-1]


def test_without_any_alarm_the_lowest_will_do() -> None:
    assert expected(SCALE, np.zeros(len(SCALE), int), 0.5) == SCALE[0]


def test_odds() -> None:
    assert from_odds(odds(0.3)) == pytest.approx(0.3)
