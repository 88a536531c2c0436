"""Term-weighted values against cases worked by hand; what hits are paired with; what must always hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.evaluate.metrics.term_weighted import BETA, Keyword, paired, weigh


def keyword(said: int, *hits: tuple[float, bool, bool]) -> Keyword:
    """Hits as (score, right, accepted)."""
    rows = np.array(hits, float).reshape(-1, 3)
    return Keyword(said, rows[:, 0], rows[:, 1].astype(bool), rows[:, 2].astype(bool))


def test_the_weight_of_a_false_alarm() -> None:
    # 0.1 * (1 / 0.0001 - 1) = 0.1 * 9999
    assert pytest.approx(999.9) == BETA


def test_two_keywords_by_hand() -> None:
    # T = 10,001 s, beta 999.9.
    # "dog" was said 2 times. Hits: .9 right, .6 wrong, .5 right; the system says yes to the first two.
    #   one right hit is worth 1/2, a false alarm costs 999.9 / (10,001 - 2) = 0.1 exactly
    #   at its decisions: 1/2 - 0.1 = 0.4
    # "cat" was said once. Hits: .8 wrong, .7 right; yes to both.
    #   right 1, alarm 999.9 / 10,000 = 0.09999; at its decisions 1 - 0.09999 = 0.90001
    dog = keyword(2, (0.9, True, True), (0.6, False, True), (0.5, True, False))
    cat = keyword(1, (0.8, False, True), (0.7, True, True))
    found = weigh([dog, cat], 10_001)
    assert found.values == pytest.approx([0.4, 0.90001])
    assert found.atwv == pytest.approx((0.4 + 0.90001) / 2)
    # One threshold for both, sums of the two (MTWV is half of them):
    #   .9: 0.5                 .8: 0.5 - 0.09999 = 0.40001    .7: 1.40001
    #   .6: 1.30001             .5: 1.80001, the best
    assert (found.mtwv, found.threshold) == (pytest.approx(0.900005), 0.5)
    # Each its own: dog best at .5 with 1 - 0.1 = 0.9, cat best at .7 with 0.90001.
    assert found.otwv == pytest.approx((0.9 + 0.90001) / 2)
    # All three right hits are in the lists.
    assert found.stwv == 1.0
    assert (found.keywords, found.said, found.seconds) == (2, 3, 10_001)
    assert found.alarm_cost == pytest.approx((0.1 + 0.09999) / 2)


def test_the_curve_by_hand() -> None:
    # The keywords of above: misses are the mean of 1 - right/N, alarms the mean of wrong/(T - N).
    dog = keyword(2, (0.9, True, True), (0.6, False, True), (0.5, True, False))
    cat = keyword(1, (0.8, False, True), (0.7, True, True))
    points = weigh([dog, cat], 10_001).points
    assert [p.threshold for p in points] == [np.inf, 0.9, 0.8, 0.7, 0.6, 0.5]
    assert [p.miss for p in points] == pytest.approx([1, 0.75, 0.75, 0.25, 0.25, 0])
    cat_alarm, dog_alarm = 1 / 10_000 / 2, 1 / 9_999 / 2
    both = cat_alarm + dog_alarm
    assert [p.alarm for p in points] == pytest.approx([0, 0, cat_alarm, cat_alarm, both, both])


def test_an_hour_and_ten_hours_of_the_facts() -> None:
    # One false alarm: 999.9 / 36,000 s = 0.028 of a keyword's value in ten hours, 999.9 / 3,600 = 0.28 in one. The
    # keyword was said once and found.
    for hours, cost in ((10, 0.0278), (1, 0.278)):
        found = weigh([keyword(1, (0.9, True, True), (0.8, False, True))], 3600 * hours)
        assert found.atwv == pytest.approx(1 - cost, abs=1e-3)
        assert found.mtwv == 1.0


def test_false_alarms_can_outweigh_all_hits() -> None:
    # T = 1,000: an alarm costs 999.9 / 999 = 1.0009, more than the only right hit is worth.
    found = weigh([keyword(1, (0.9, False, True), (0.5, True, True))], 1000)
    assert found.atwv == pytest.approx(1 - 999.9 / 999)
    assert (found.mtwv, found.threshold, found.otwv, found.stwv) == (0.0, np.inf, 0.0, 1.0)


def test_keywords_never_said_count_nowhere() -> None:
    one = keyword(1, (0.9, True, True))
    found = weigh([one, keyword(0, (0.9, False, True))], 5000)
    assert (found.atwv, found.keywords) == (1.0, 1)


def test_equal_scores_are_accepted_together() -> None:
    # Whoever accepts the right hit at .5 accepts the alarm, too: 1 - 999.9 / 9,999 = 0.9.
    found = weigh([keyword(1, (0.5, True, True), (0.5, False, True))], 10_000)
    assert found.mtwv == pytest.approx(1 - BETA / 9_999)
    assert [p.threshold for p in found.points] == [np.inf, 0.5]


def test_without_hits_or_keywords() -> None:
    found = weigh([keyword(3)], 3600)
    assert (found.atwv, found.mtwv, found.otwv, found.stwv, len(found.points)) == (0, 0, 0, 0, 1)
    with pytest.raises(ValueError, match="was said"):
        weigh([keyword(0)], 3600)
    with pytest.raises(ValueError, match="5 times in 5 s"):
        weigh([keyword(5)], 5)


def test_hits_are_paired_within_half_a_second() -> None:
    # Said at 10 s and 20 s. Found at 10.5 (just near enough), 10.6 (too far), 20.2 and, with a lower score, 20.0.
    assert paired([10.5, 10.6, 20.2, 20.0], [0.1, 0.9, 0.9, 0.5], [10.0, 20.0]).tolist() == [0, -1, 1, -1]


def test_a_hit_makes_room_for_another() -> None:
    # Said at 1.0 and 1.6. The surest hit, at 1.31, is near both and takes the nearer by a hair, 1.6 (0.29 away); the
    # other hit at 1.9 is near 1.6 alone: the first moves to 1.0, so that both are right.
    assert paired([1.31, 1.9], [0.9, 0.8], [1.0, 1.6]).tolist() == [0, 1]
    # And one that finds no room does not take it from a surer one.
    assert paired([1.31, 1.9, 1.8], [0.9, 0.8, 0.7], [1.0, 1.6]).tolist() == [0, 1, -1]


def test_nothing_to_pair() -> None:
    assert paired([], [], [1.0]).tolist() == []
    assert paired([1.0], [0.5], []).tolist() == [-1]


hits = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4)), max_size=7)


@settings(max_examples=50, deadline=None)
@given(hits, st.lists(st.integers(0, 12), max_size=5))
def test_above_every_threshold_as_many_are_paired_as_can_be(found: list[tuple[int, int]], said: list[int]) -> None:
    # Places and hits on a grid of a quarter second; what the hits above a threshold could have alone is counted by
    # giving each place, in order of time, the first free hit near it: the most, for windows of equal width.
    centres, scores = [c / 4 for c, _ in found], [s for _, s in found]
    places = sorted(s / 4 for s in said)
    pairs = paired(centres, scores, places)
    assert len({p for p in pairs.tolist() if p >= 0}) == sum(pairs >= 0)
    assert all(p < 0 or abs(centres[i] - places[p]) <= 0.501 for i, p in enumerate(pairs.tolist()))
    for threshold in range(6):
        free = sorted(c for c, s in zip(centres, scores, strict=True) if s >= threshold)
        most = 0
        for place in places:
            near = next((c for c in free if abs(c - place) <= 0.5), None)
            if near is not None:
                free.remove(near)
                most += 1
        assert sum((pairs >= 0) & (np.array(scores, int) >= threshold)) == most


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=6)),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 9),
)
def test_the_values_are_in_order(drawn: list[tuple[int, list[tuple[int, bool]]]], threshold: int) -> None:
    made = []
    for said, rows in drawn:
        left, own = said, []
        for score, right in rows:
            left -= right
            own.append((score / 10, right and left >= 0, score >= threshold))
        made.append(keyword(said, *own))
    found = weigh(made, 20_000)
    # Decisions by one threshold: no better than the best one, that no better than one for each, and so on.
    assert found.atwv <= found.mtwv + 1e-12
    assert 0 <= found.mtwv <= found.otwv + 1e-12 <= found.stwv + 2e-12 <= 1 + 3e-12
    # The curve tells the same: 1 - miss - beta * alarm is the value at a threshold.
    assert max(1 - p.miss - BETA * p.alarm for p in found.points) == pytest.approx(found.mtwv)
