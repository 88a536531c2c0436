"""Bootstrap, confidence and speed against cases that can be worked out."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.evaluate.metrics import bootstrap
from resonet.evaluate.metrics.confidence import calibration, error_detection_auc
from resonet.evaluate.metrics.speed import Speed, Stopwatch


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=40), st.integers(0, 5))
@settings(max_examples=50, deadline=None)
def test_the_interval_contains_the_rate(rows: list[tuple[int, int]], seed: int) -> None:
    errors, units = zip(*rows, strict=True)
    found = bootstrap.interval(errors, units, draws=100, seed=seed)
    assert found.low <= found.rate <= found.high
    assert found.rate == pytest.approx(sum(errors) / sum(units))


def test_the_interval_is_that_of_theory() -> None:
    # 400 one-word utterances, a quarter wrong: binomial, standard error sqrt(0.25 * 0.75 / 400) = 0.0217.
    errors = np.arange(400) % 4 == 0
    found = bootstrap.interval(errors, np.ones(400), draws=4000)
    assert found.low == pytest.approx(0.25 - 1.96 * 0.02165, abs=0.005)
    assert found.high == pytest.approx(0.25 + 1.96 * 0.02165, abs=0.005)
    assert found.drawn == "utterances"
    assert bootstrap.interval(errors, np.ones(400), draws=4000) == found  # the same seed, the same draws


def test_speakers_are_drawn_whole_where_enough_are_known() -> None:
    # Half of 20 speakers always fail: the interval must be that of 20 coins, not of 400 words.
    errors = np.repeat(np.arange(20) % 2, 20)
    speakers = [f"s{i // 20}" for i in range(400)]
    by_speaker = bootstrap.interval(errors, np.ones(400), speakers)
    by_utterance = bootstrap.interval(errors, np.ones(400))
    assert by_speaker.drawn == "speakers"
    assert by_speaker.high - by_speaker.low > 3 * (by_utterance.high - by_utterance.low)
    assert bootstrap.interval(errors, np.ones(400), ["one"] * 400).drawn == "utterances"
    # Nobody knows who they are: each is somebody else.
    strangers = bootstrap.interval(errors[:390], np.ones(390), [*(f"s{i}" for i in range(10)), *[""] * 380])
    assert strangers.high - strangers.low < 2 * (by_utterance.high - by_utterance.low)


def test_many_utterances_are_drawn_in_parts_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = np.arange(50) % 3
    whole = bootstrap.interval(errors, np.full(50, 5), draws=200)
    monkeypatch.setattr(bootstrap, "_MOST_CELLS", 500)
    assert bootstrap.interval(errors, np.full(50, 5), draws=200) == whole


def test_a_paired_difference_sees_what_two_intervals_do_not() -> None:
    generator = np.random.default_rng(3)
    first = generator.integers(0, 10, 200)
    second = np.maximum(first - (np.arange(200) % 5 == 0), 0)
    gap = bootstrap.difference(first, second, np.full(200, 10))
    assert gap.low <= gap.difference <= gap.high < 0
    assert gap.better > 0.99
    a, b = (bootstrap.interval(x, np.full(200, 10)) for x in (first, second))
    assert a.low < b.high  # unpaired, the two overlap
    same = bootstrap.difference(first, first, np.full(200, 10))
    assert (same.low, same.difference, same.high) == (0, 0, 0)


def test_a_rate_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one reference word"):
        bootstrap.interval([1], [0])


def test_auc_by_counting_pairs() -> None:
    scores, right = np.array([0.9, 0.8, 0.8, 0.3, 0.1]), np.array([True, True, False, True, False])
    pairs = [(r, w) for r in scores[right] for w in scores[~right]]
    expected = sum(1.0 if r > w else 0.5 if r == w else 0.0 for r, w in pairs) / len(pairs)
    assert error_detection_auc(scores, right) == pytest.approx(expected)


def test_calibration_by_hand() -> None:
    # Bin 0.9..1: three words of confidence 0.95, two right. Bin 0.2..0.3: one wrong word.
    found = calibration([0.95, 0.95, 0.95, 0.25], [True, True, False, False])
    assert found.calibration_error == pytest.approx((3 * abs(0.95 - 2 / 3) + abs(0.25 - 0)) / 4)
    assert found.gap == pytest.approx(0.95 - 0.6)
    assert [(b.words, b.accuracy) for b in found.bins] == [(1, 0.0), (3, pytest.approx(2 / 3))]
    assert found.accuracy == 0.5


def test_calibration_without_errors_has_no_auc() -> None:
    found = calibration([1.0, 1.0], [True, True])
    assert (found.auc, found.gap, found.calibration_error) == (None, None, 0.0)
    with pytest.raises(ValueError, match="outside"):
        calibration([1.5], [True])
    with pytest.raises(ValueError, match="at least one word"):
        calibration([], [])


def test_the_watch_counts_cpu_and_clock_and_stands_still_outside() -> None:
    watch = Stopwatch()
    with watch:
        sum(i * i for i in range(200_000))
    before = watch.speed(10.0)
    time.sleep(0.02)
    assert watch.speed(10.0) == dataclasses.replace(before, peak_mb=watch.speed(10.0).peak_mb)
    with watch:
        time.sleep(0.02)
    speed = watch.speed(10.0)
    assert speed.wall_seconds >= before.wall_seconds + 0.02
    assert speed.cpu_seconds >= before.cpu_seconds > 0
    assert speed.real_time_factor == speed.wall_seconds / 10
    assert speed.peak_mb > 10
    assert Speed(0, 1, 1, 0).real_time_factor == 0
