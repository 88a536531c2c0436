"""Measures of ranked lists against cases worked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.evaluate.metrics.ranking import Counts, average_precision, precision_at, recall_at, reciprocal_rank


def test_average_precision_by_hand() -> None:
    # Right at ranks 1, 3 and 6 of 6, and there are 4 to find:
    # (1/1 + 2/3 + 3/6 + 0) / 4 = 2.1667 / 4
    assert average_precision([True, False, True, False, False, True], 4) == pytest.approx((1 + 2 / 3 + 1 / 2) / 4)
    assert average_precision([True, True], 2) == 1.0
    assert average_precision([False, True], 1) == 0.5
    assert average_precision([], 3) == 0.0


def test_reciprocal_rank_by_hand() -> None:
    assert reciprocal_rank([False, False, True, True]) == pytest.approx(1 / 3)
    assert reciprocal_rank([True]) == 1.0
    assert reciprocal_rank([False]) == reciprocal_rank([]) == 0.0


def test_the_first_ten_by_hand() -> None:
    # 12 hits, right at ranks 1, 2 and 11; 5 to find: 2 of the first 10 are right, and they are 2 of 5.
    right = [True, True, *[False] * 8, True, False]
    assert precision_at(right) == pytest.approx(0.2)
    assert recall_at(right, 5) == pytest.approx(0.4)
    assert precision_at(right, 2) == 1.0
    # A list of one hit has nine places without: 1 of 10.
    assert precision_at([True]) == pytest.approx(0.1)
    assert recall_at([True], 1) == 1.0


def test_counts_add_up() -> None:
    # 3 accepted with 2 right of 4, and 1 accepted with none right of 1: precision 2/4, recall 2/5, F1 4/9.
    both = Counts(3, 2, 4) + Counts(1, 0, 1)
    assert both == Counts(4, 2, 5)
    assert (both.precision, both.recall, both.f1) == (0.5, pytest.approx(0.4), pytest.approx(4 / 9))
    # F1 is the harmonic mean of the other two: 2 * .5 * .4 / .9.
    assert both.f1 == pytest.approx(2 * 0.5 * 0.4 / 0.9)
    assert (Counts().precision, Counts().recall, Counts().f1) == (None, None, None)
    assert (Counts(0, 0, 3).precision, Counts(0, 0, 3).recall, Counts(0, 0, 3).f1) == (None, 0.0, 0.0)


def test_nothing_to_find_is_no_measure() -> None:
    with pytest.raises(ValueError, match="something to find"):
        average_precision([False], 0)
    with pytest.raises(ValueError, match="something to find"):
        recall_at([False], 0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.booleans(), max_size=15), st.integers(0, 5))
def test_they_lie_between_nothing_and_all(right: list[bool], missed: int) -> None:
    said = sum(right) + missed
    if said:
        best = average_precision(sorted(right, reverse=True), said)
        assert 0 <= average_precision(right, said) <= best <= 1
        assert best == pytest.approx(sum(right) / said)
        assert 0 <= recall_at(right, said) <= 1
