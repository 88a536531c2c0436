"""Normalized cross entropy against cases worked by hand, and its lowest value against a search by hand."""

from __future__ import annotations

from math import log, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.evaluate.metrics.cross_entropy import PRIOR, lowest, normalized


def test_the_prior_is_that_of_quesst() -> None:
    # 0.0008 * 100 / (0.0008 * 100 + 0.9992) = 0.08 / 1.0792; its scoring tool is called with 0.0741289.
    assert pytest.approx(0.0741289, abs=1e-7) == PRIOR


def test_with_an_even_prior_by_hand() -> None:
    # Prior 1/2, log odds 0, entropy 1 bit. Targets with odds 3 and 1, others with odds 1/3 and 1/7:
    #   targets: log2(1 + 1/3) = log2(4/3), log2(2) = 1              mean (0.41504 + 1) / 2
    #   others:  log2(1 + 1/3) = log2(4/3), log2(1 + 1/7) = log2(8/7) mean (0.41504 + 0.19265) / 2
    scores = np.log([3, 1, 1 / 3, 1 / 7])
    expected = 0.5 * (log2(4 / 3) + 1) / 2 + 0.5 * (log2(4 / 3) + log2(8 / 7)) / 2
    assert normalized(scores, [True, True, False, False], prior=0.5) == pytest.approx(expected)
    assert expected == pytest.approx(0.5057, abs=1e-4)


def test_with_a_prior_of_a_quarter_by_hand() -> None:
    # Prior 1/4: odds 1/3, entropy 1/4 log2 4 + 3/4 log2 (4/3) = 0.81128 bits. One target with ratio 9: posterior odds
    # 3, log2(1 + 1/3). One other with ratio 1: posterior odds 1/3, log2(1 + 1/3).
    #   C = (1/4 + 3/4) * 0.41504, over 0.81128
    entropy = 0.25 * log2(4) + 0.75 * log2(4 / 3)
    assert normalized([log(9), 0.0], [True, False], prior=0.25) == pytest.approx(log2(4 / 3) / entropy)


def test_knowing_nothing_is_one_and_knowing_all_nothing() -> None:
    targets = [True, False, False]
    assert normalized([0, 0, 0], targets) == pytest.approx(1.0)
    assert normalized([50, -50, -50], targets) == pytest.approx(0.0, abs=1e-9)
    assert normalized([-5, 5, 5], targets) > 1  # harmful: sure, and wrong


def test_counts_stand_for_many_trials() -> None:
    scores, targets = [2.0, -1.0, -3.0, -3.0, -3.0], [True, False, False, False, False]
    assert normalized([2.0, -1.0, -3.0], targets[:3], [1, 1, 3]) == pytest.approx(normalized(scores, targets))
    assert lowest([2.0, -1.0, -3.0], targets[:3], [1, 1, 3])[0] == pytest.approx(lowest(scores, targets)[0])


def test_the_lowest_by_hand() -> None:
    # Scores of two values, at an even prior: of the targets 3 of 4 have 1, of the others 1 of 4. The best ratios are
    # those of the counts: (3/4)/(1/4) = 3 where the score is 1, 1/3 where it is 0: a + b = ln 3, b = -ln 3, a = 2 ln 3.
    #   C = 3/4 log2(4/3) + 1/4 log2(4) = the entropy of a quarter, 0.81128 bits, over 1 bit
    scores = [1, 1, 1, 0, 1, 0, 0, 0]
    value, a, b = lowest(scores, [True] * 4 + [False] * 4, prior=0.5)
    assert value == pytest.approx(0.75 * log2(4 / 3) + 0.25 * 2, abs=1e-9)
    assert (a, b) == (pytest.approx(2 * log(3), abs=1e-4), pytest.approx(-log(3), abs=1e-4))


def test_the_lowest_does_not_care_for_the_scale() -> None:
    generator = np.random.default_rng(0)
    scores = np.concatenate([generator.normal(2, 1, 50), generator.normal(0, 1, 400)])
    targets = np.arange(450) < 50
    value, a, b = lowest(scores, targets)
    assert normalized(a * scores + b, targets) == pytest.approx(value)
    assert lowest(1e-4 * scores + 300, targets)[0] == pytest.approx(value, abs=1e-7)
    # A fine search around the best finds nothing better.
    for da in (-0.05, 0, 0.05):
        for db in (-0.1, 0, 0.1):
            assert normalized((a + da) * scores + b + db, targets) >= value - 1e-12


def test_scores_that_part_all_and_scores_that_say_nothing() -> None:
    assert lowest([5, 4, 1, 0], [True, True, False, False])[0] == pytest.approx(0, abs=1e-6)
    assert lowest([3, 3, 3], [True, False, False])[0] == pytest.approx(1)
    # Turned around they tell as much: a is negative.
    value, a, _ = lowest([0, 1, 4, 5], [True, True, False, False])
    assert value == pytest.approx(0, abs=1e-6) and a < 0


def test_both_kinds_of_trials_are_needed() -> None:
    for targets in ([True, True], [False, False]):
        with pytest.raises(ValueError, match="trials with"):
            normalized([1, 2], targets)
    with pytest.raises(ValueError, match="prior"):
        normalized([1, 2], [True, False], prior=1.0)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-30, 30), min_size=1, max_size=8),
    st.lists(st.floats(-30, 30), min_size=1, max_size=8),
    st.floats(0.01, 0.99),
)
def test_the_lowest_is_never_above_what_is_there(targets: list[float], others: list[float], prior: float) -> None:
    scores, there = [*targets, *others], [True] * len(targets) + [False] * len(others)
    value = lowest(scores, there, prior=prior)[0]
    assert -1e-9 <= value <= 1 + 1e-9
    assert value <= normalized(scores, there, prior=prior) + 1e-6
