"""Spotting measures against cases worked by hand."""

from __future__ import annotations

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
    nothing = curve(lambda threshold: [], [0.5], [], 0.0)
    assert (nothing.recall_at(1.0), nothing.recalls.tolist(), nothing.hours) == (0.0, [0.0], 0.0)
    assert curve(lambda threshold: [], [], SAID, 10.0).recall_at(1.0) == 0.0


def test_seconds_that_are_scored() -> None:
    assert scored_seconds(10.0, []) == 10.0
    assert scored_seconds(10.0, [(-1.0, 1.0), (0.5, 2.0), (9.0, 20.0), (9.5, 9.6)]) == 7.0


def above(found: list[Candidate]):
    """Events at a threshold, of a spotter that gives single detections."""
    return lambda threshold: [e for e in found if e.score >= threshold]


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
    found = curve(above(events), [0.95, 0.9, 0.8, 0.7, 0.6, 0.3], SAID, 1800.0)
    assert found.thresholds.tolist() == [0.3, 0.6, 0.7, 0.8, 0.9, 0.95]
    assert found.hits.tolist() == [2, 2, 1, 1, 1, 0]
    assert found.alarms.tolist() == [3, 2, 2, 1, 0, 0]
    assert (found.said, found.hours) == (3, 0.5)
    assert found.recalls.tolist() == pytest.approx([2 / 3, 2 / 3, 1 / 3, 1 / 3, 1 / 3, 0])
    # Alarms that half an hour may have: none, one, two, three.
    assert [found.recall_at(n) for n in (0.5, 2.0, 4.0, 6.0)] == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])


def test_every_threshold_is_judged_for_itself() -> None:
    """A probability that stays up for two seconds is one event at a low threshold, and two where it dips below."""

    def events(threshold: float) -> list[Candidate]:
        return [Candidate(10.4, "yes", 0.9), Candidate(12.4, "yes", 0.8)][: 2 if threshold > 0.5 else 1]

    found = curve(events, [0.4, 0.6], SAID, 3600.0)
    assert (found.hits.tolist(), found.alarms.tolist()) == ([1, 1], [0, 1])
    # The lower threshold has fewer false alarms, but what counts is that there are never more above it.
    assert found.recall_at(0.0) == 0.0 and found.recall_at(1.0) == pytest.approx(1 / 3)


def test_streams_are_joined() -> None:
    one = curve(above([Candidate(10.5, "yes", 0.9), Candidate(50.0, "no", 0.2)]), [0.1, 0.5], SAID, 100.0)
    two = curve(above([Candidate(50.0, "no", 0.8)]), [0.1, 0.5], SAID[:1], 50.0)
    both = joined([one, two])
    assert (both.said, both.seconds) == (4, 150.0)
    assert (both.hits.tolist(), both.alarms.tolist()) == ([1, 1], [2, 1])
    assert joined([one, two], 100.0).seconds == 100.0


def test_a_threshold_for_each_word() -> None:
    # In an hour; scores of yes: hits 5 and 1, alarms 3 and 2; of no: hits 30, 20, 10, alarms 25 and 15.
    grid = [0, 1, 2, 3, 5, 10, 15, 20, 25, 30]
    scores = ((10.2, 5), (30.2, 1), (50, 3), (60, 2))
    yes = curve(
        above([Candidate(t, "yes", score) for t, score in scores]), grid, [s for s in SAID if s.word == "yes"], 3600.0
    )
    spoken = [Spoken("no", t, t + 0.4) for t in (20.0, 70.0, 80.0)]
    scores = ((20.1, 30), (70.1, 20), (80.1, 10), (90, 25), (95, 15))
    no = curve(above([Candidate(t, "no", score) for t, score in scores]), grid, spoken, 3600.0)
    # None: 5 and 30. One: 20 too. Two: 10 too. Three: nothing more. Four: 1 too.
    found = [recall_with_own_thresholds([yes, no], n) for n in (0.5, 1, 2, 3, 4, 9)]
    assert found == pytest.approx([2 / 5, 3 / 5, 4 / 5, 4 / 5, 1, 1])
    # One threshold for both would have to be above 25.
    assert joined([yes, no], 3600.0).recall_at(0.0) == 1 / 5
    assert recall_with_own_thresholds([], 1.0) == 0.0


places = st.floats(0, 100, allow_nan=False)
events = st.lists(
    st.builds(Candidate, time=places, word=st.sampled_from(["yes", "no"]), score=st.floats(0.01, 1)), max_size=40
)


@settings(deadline=None)
@given(events, st.lists(st.tuples(places, places).map(lambda p: (min(p), max(p))), max_size=3), st.floats(0, 1))
def test_the_curve_agrees_with_the_judgement_at_every_threshold(found, unscored, threshold: float) -> None:
    line = curve(above(found), [0.0, threshold, 1.1], SAID, 100.0, unscored)
    judged = judge(above(found)(threshold), SAID, 100.0, unscored)
    assert line.alarms[1] == len(judged.false_alarms)
    assert line.recalls[1] == pytest.approx(judged.recall)
    assert line.alarms[2] == line.hits[2] == 0
    for per_hour in (0.0, 40.0, 200.0, 1e6):
        place = next((i for i in range(3) if (line.alarms[i:] <= per_hour * line.hours).all()), None)
        assert place is not None and line.recall_at(per_hour) == pytest.approx(line.recalls[place])
