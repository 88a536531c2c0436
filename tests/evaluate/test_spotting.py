"""Spotting measures against cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.evaluate.metrics.spotting import (
    Candidate,
    Spoken,
    curve,
    joined,
    judge,
    recall_with_own_thresholds,
    scored_seconds,
)

# A stream of 100 s with three commands.
SAID = [Spoken("yes", 10.0, 10.5), Spoken("no", 20.0, 20.4), Spoken("yes", 30.0, 30.6)]


def test_hits_misses_repeats_and_false_alarms() -> None:
    events = [
        Candidate(9.9, "yes", 0.9),  # before it begins: a false alarm
        Candidate(10.6, "yes", 0.7),  # hit, 0.1 s after its end
        Candidate(10.9, "yes", 0.9),  # again: a repeat
        Candidate(20.3, "yes", 0.8),  # another word at a command: a false alarm
        Candidate(20.9, "no", 0.6),  # hit, at the very end of what is allowed
        Candidate(31.2, "yes", 0.9),  # 0.6 s after the end: a false alarm, and the third is missed
        Candidate(70.0, "stop", 0.5),  # out of nowhere
    ]
    found = judge(reversed(events), SAID, 100.0)
    assert [(s.start, e.time) for s, e in found.hits] == [(10.0, 10.6), (20.0, 20.9)]
    assert found.misses == (SAID[2],)
    assert [e.time for e in found.false_alarms] == [9.9, 20.3, 31.2, 70.0]
    assert (found.repeats, found.seconds) == (1, 100.0)
    assert found.recall == pytest.approx(2 / 3)
    assert found.false_alarms_per_hour == pytest.approx(4 * 36)
    assert found.delays == pytest.approx((0.1, 0.5))


def test_what_is_not_scored_counts_nowhere() -> None:
    # Two stretches that overlap, over the second command and before it; 20.9 is outside them but belongs to it.
    unscored = [(15.0, 20.2), (14.0, 16.0)]
    events = [Candidate(14.5, "go", 0.9), Candidate(20.9, "no", 0.9), Candidate(20.8, "go", 0.9)]
    found = judge(events, SAID, 100.0, unscored)
    assert [s.start for s in found.misses] == [10.0, 30.0]
    assert [e.time for e in found.false_alarms] == [20.8]
    assert found.seconds == pytest.approx(93.8)


def test_two_commands_one_after_the_other_need_two_events() -> None:
    said = [Spoken("go", 1.0, 1.4), Spoken("go", 1.6, 2.0)]
    one = judge([Candidate(1.7, "go", 1.0)], said, 10.0)
    assert ([s.start for s, _ in one.hits], [s.start for s in one.misses]) == ([1.0], [1.6])
    both = judge([Candidate(1.7, "go", 1.0), Candidate(2.1, "go", 1.0)], said, 10.0)
    assert len(both.hits) == 2 and both.repeats == 0


def test_nothing_at_all() -> None:
    found = judge([], [], 0.0)
    assert (found.recall, found.false_alarms_per_hour, found.delays) == (0.0, 0.0, ())
    assert curve([], [], 0.0).recall(0.5) == 0.0
    assert curve([], SAID, 10.0).threshold_for(1.0) == 0.0


def test_seconds_that_are_scored() -> None:
    assert scored_seconds(10.0, []) == 10.0
    assert scored_seconds(10.0, [(-1.0, 1.0), (0.5, 2.0), (9.0, 20.0), (9.5, 9.6)]) == 7.0


def test_a_curve_by_hand() -> None:
    # Half an hour. Scores: hits 0.9, 0.6 and none; false alarms 0.8, 0.7, 0.3.
    events = [
        Candidate(10.5, "yes", 0.9),
        Candidate(10.9, "yes", 0.4),
        Candidate(20.5, "no", 0.6),
        Candidate(50.0, "no", 0.8),
        Candidate(60.0, "go", 0.7),
        Candidate(70.0, "go", 0.3),
    ]
    found = curve(events, SAID, 1800.0)
    assert found.hits.tolist() == [0.9, 0.6, -np.inf]
    assert found.alarms.tolist() == [0.8, 0.7, 0.3]
    assert (found.lowest, found.hours) == (0.3, 0.5)
    assert [found.recall(t) for t in (0.95, 0.9, 0.6, 0.0)] == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3])
    assert found.recall(0.5, "yes") == 0.5 and found.recall(0.5, "no") == 1.0
    # No false alarm: above 0.8, halfway to 0.9. Two an hour, one in half an hour: above 0.7, halfway to 0.8.
    assert found.threshold_for(0.5) == found.threshold_for(1.99) == pytest.approx(0.85)
    assert found.threshold_for(2.0) == pytest.approx(0.75)
    assert found.threshold_for(4.0) == pytest.approx((0.3 + 0.6) / 2)
    assert found.threshold_for(6.0) == 0.3
    assert [found.recall_at(n) for n in (0.5, 2.0, 4.0)] == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    assert found.points() == [
        (0.9, 0.0, pytest.approx(2 / 3)),
        (0.8, 2.0, pytest.approx(2 / 3)),
        (0.7, 4.0, pytest.approx(2 / 3)),
        (0.6, 4.0, pytest.approx(1 / 3)),
        (0.3, 6.0, pytest.approx(1 / 3)),
    ]
    # A false alarm above everything else: no threshold that was seen will do.
    loud = curve([Candidate(50.0, "no", 1.0)], SAID, 1800.0)
    assert loud.threshold_for(0.0) > 1.0 and loud.recall_at(0.0) == 0.0


def test_streams_are_joined() -> None:
    one = curve([Candidate(10.5, "yes", 0.9), Candidate(50.0, "no", 0.2)], SAID, 100.0)
    two = curve([Candidate(50.0, "no", 0.8)], SAID[:1], 50.0)
    both = joined([one, two])
    assert both.words == ("yes", "no", "yes", "yes")
    assert both.alarms.tolist() == [0.8, 0.2]
    assert (both.seconds, both.lowest) == (150.0, 0.2)


def test_a_threshold_for_each_word() -> None:
    # In an hour; scores of yes: hits 5 and 1, alarms 3 and 2; of no: hits 30, 20, 10, alarms 25 and 15.
    yes = curve(
        [Candidate(10.2, "yes", 5), Candidate(30.2, "yes", 1), Candidate(50, "yes", 3), Candidate(60, "yes", 2)],
        [s for s in SAID if s.word == "yes"],
        3600.0,
    )
    spoken = [Spoken("no", t, t + 0.4) for t in (20.0, 70.0, 80.0)]
    scores = ((20.1, 30), (70.1, 20), (80.1, 10), (90, 25), (95, 15))
    no = curve([Candidate(t, "no", score) for t, score in scores], spoken, 3600.0)
    # None: 5 and 30. One: 20 too. Two: 10 too. Three: nothing more. Four: 1 too.
    found = [recall_with_own_thresholds([yes, no], n) for n in (0.5, 1, 2, 3, 4, 9)]
    assert found == pytest.approx([2 / 5, 3 / 5, 4 / 5, 4 / 5, 1, 1])
    # One threshold for both would have to be above 25.
    assert joined([yes, no]).recall_at(0.0) == 1 / 5
    assert recall_with_own_thresholds([], 1.0) == 0.0


places = st.floats(0, 100, allow_nan=False)
events = st.lists(
    st.builds(Candidate, time=places, word=st.sampled_from(["yes", "no"]), score=st.floats(0.01, 1)), max_size=40
)


@settings(deadline=None)
@given(events, st.lists(st.tuples(places, places).map(lambda p: (min(p), max(p))), max_size=3), st.floats(0, 1))
def test_the_curve_agrees_with_the_judgement_at_every_threshold(found, unscored, threshold: float) -> None:
    line = curve(found, SAID, 100.0, unscored)
    judged = judge([e for e in found if e.score >= threshold], SAID, 100.0, unscored)
    assert line.false_alarms(threshold) == len(judged.false_alarms)
    assert line.recall(threshold) == pytest.approx(judged.recall)
    for per_hour in (0.0, 40.0, 200.0):
        assert line.false_alarms(line.threshold_for(per_hour)) <= per_hour * line.hours + 1e-6
