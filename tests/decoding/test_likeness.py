"""Pairs of vectors and their equal error rate, by hand and against a slow form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.decoding import likeness
from resonet.decoding.likeness import equal_error_rate, pairs


def test_pairs_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8], [0.8, 0.6], [-1, 0]], np.float32)
    speakers = ["b", "a", "b", "a", "c"]
    for rows in (1000, 2, 1):
        monkeypatch.setattr(likeness, "_ROWS", rows)
        same, other = pairs(vectors, speakers)
        np.testing.assert_allclose(sorted(same), [0.6, 0.6], atol=1e-6)
        np.testing.assert_allclose(sorted(other), [-1, -0.8, -0.6, 0, 0, 0.8, 0.8, 0.96], atol=1e-6)
    assert [len(x) for x in pairs(vectors[:0], [])] == [0, 0]
    assert [len(x) for x in pairs(vectors[:1], ["a"])] == [0, 0]


@pytest.mark.parametrize(
    ("same", "other", "rate"),
    [
        ([3, 4], [1, 2], 0.0),
        ([1, 2], [3, 4], 1.0),
        ([1, 3], [2, 0], 0.5),
        ([1, 2, 3, 5], [0, 0.5, 4, 0.7], 0.25),
        ([1, 1], [1, 1], 0.5),
        ([5], [1, 2, 3, 4], 0.0),
        ([2.5], [1, 2, 3, 4], 0.5),
        ([2, 2, 5], [2, 1, 1, 0, 0], 2 / 13),
        ([], [1], 0.5),
        ([1], [], 0.5),
    ],
)
def test_rates_by_hand(same: list[float], other: list[float], rate: float) -> None:
    assert equal_error_rate(same, other)[0] == pytest.approx(rate)


Scores = st.lists(st.integers(-20, 20), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None, database=None)
@given(Scores, Scores)
def test_only_the_order_of_scores_counts(same: list[int], other: list[int]) -> None:
    rate, threshold = equal_error_rate(same, other)
    assert 0 <= rate <= 1 and min(same + other) <= threshold <= max(same + other)
    one, two = np.array(same), np.array(other)
    assert equal_error_rate(3 * one - 7, 3 * two - 7) == pytest.approx((rate, 3 * threshold - 7))
    # Misses and false alarms change places.
    assert equal_error_rate(-two, -one)[0] == pytest.approx(rate)
    assert equal_error_rate(np.tile(one, 3), np.tile(two, 2))[0] == pytest.approx(rate)


def test_it_is_what_a_straight_line_between_two_kinds_gives() -> None:
    rng = np.random.default_rng(0)
    rate, threshold = equal_error_rate(rng.normal(2, 1, 20000), rng.normal(0, 1, 30000))
    assert rate == pytest.approx(0.1587, abs=0.005)  # Gauss's tail beyond one deviation
    assert threshold == pytest.approx(1, abs=0.03)
