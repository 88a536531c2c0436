"""The pitch tracker: tones whose pitch is known, sound without one, and the range and contours of a speaker."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.audio import pitch
from resonet.errors import UsageError

RATE = 24000


def voice(hertz: np.ndarray | float, seconds: float = 0.5, noise: float = 0.003, lowest: int = 1) -> np.ndarray:
    """Harmonics from the `lowest` up, falling off as those of a voice do."""
    count = round(seconds * RATE)
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, count)) / RATE
    sound = sum(np.sin(k * phase + k) / k for k in range(lowest, 20))
    return (0.1 * sound + np.random.default_rng(0).normal(0, noise, count)).astype(np.float32)


@pytest.mark.parametrize("hertz", [65.0, 110.0, 180.0, 250.0, 400.0, 480.0])
@pytest.mark.parametrize("lowest", [1, 2])
def test_steady_tones(hertz: float, lowest: int) -> None:
    f0 = pitch.track(voice(hertz, lowest=lowest), RATE)
    inner = f0[10:-10]
    assert (inner > 0).all()
    assert np.abs(1200 * np.log2(inner / hertz)).max() < 15


def test_a_glide_is_followed() -> None:
    hertz = np.geomspace(100, 300, RATE)
    f0 = pitch.track(voice(hertz, 1.0), RATE)
    wanted = hertz[(np.arange(len(f0)) * pitch.SHIFT * RATE).astype(int)]
    assert np.abs(1200 * np.log2(f0[10:-10] / wanted[10:-10])).max() < 40


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, RATE).astype(np.float32)
    assert np.mean(pitch.track(noise, RATE) > 0) < 0.02
    assert not pitch.track(np.zeros(RATE, np.float32), RATE).any()
    both = np.concatenate([voice(150.0), np.zeros(RATE // 2, np.float32)])
    f0 = pitch.track(both, RATE)
    assert (f0[10:90] > 0).all()
    assert not f0[110:].any()


def test_voiced_stretches_end_where_they_end() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, RATE // 2).astype(np.float32)
    voiced = pitch.track(np.concatenate([noise, voice(180.0), noise]), RATE) > 0
    assert voiced[:97].mean() < 0.1 and voiced[203:].mean() < 0.1
    assert voiced[103:197].all()


def test_sound_far_below_the_rest_is_no_voice() -> None:
    f0 = pitch.track(np.concatenate([voice(150.0, noise=0), voice(150.0, noise=0) / 300]), RATE)
    assert (f0[10:90] > 0).all() and not f0[110:].any()


def test_frames_are_where_they_are_asked_for() -> None:
    sound = voice(120.0)
    assert len(pitch.track(sound, RATE)) == 100
    shift = 256 / RATE
    f0 = pitch.track(sound, RATE, shift=shift, first=shift / 2, frames=50)
    assert len(f0) == 50
    assert not f0[48:].any()  # past the end
    assert len(pitch.track(np.empty(0, np.float32), RATE)) == 0
    assert len(pitch.track(np.ones(3, np.float32), RATE)) == 1
    assert f0.dtype == np.float32


def test_pieces_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = voice(np.geomspace(100, 200, RATE), 1.0)
    whole = pitch.track(sound, RATE)
    monkeypatch.setattr(pitch, "_PIECE", 7)
    np.testing.assert_allclose(pitch.track(sound, RATE), whole, rtol=1e-5)


def test_the_range_of_a_speaker() -> None:
    tracks = [np.array([0, 100] + [120] * 30 + [140], np.float32), np.array([60, 0, 240, 480], np.float32)]
    found = pitch.Range.of(tracks)
    assert (found.low, found.high) == (pytest.approx(84), pytest.approx(216))
    inside = np.log([100, *[120] * 30, 140])  # what lies an octave beside says nothing about the speaker
    assert (found.mean, found.deviation) == (pytest.approx(inside.mean(), abs=1e-5), pytest.approx(0.05))
    glide = pitch.Range.of([np.geomspace(150, 240, 100).astype(np.float32)])
    assert glide.deviation == pytest.approx(np.log(np.geomspace(150, 240, 100)).std(), rel=1e-3)
    assert pitch.Range.of([]) == pitch.Range() == pitch.Range.of([np.zeros(100, np.float32)])
    assert (pitch.Range().low, pitch.Range().high) == (pitch.LOWEST, pitch.HIGHEST)


def test_the_range_of_a_speaker_mends_octaves() -> None:
    # Every other period louder: half the pitch fits as well or better.
    creak = voice(200.0) + 0.3 * voice(100.0)[: RATE // 2]
    recordings = [voice(200.0), voice(220.0), voice(190.0), voice(210.0), voice(230.0), creak]
    assert 95 < np.median(pitch.track(creak, RATE)[10:-10]) < 105
    f0 = pitch.of_speaker(recordings, RATE)[-1]
    assert 195 < np.median(f0[f0 > 0]) < 205


@given(st.lists(st.floats(-1, 1, width=32), max_size=2000), st.sampled_from([8000, 22050, 48000]))
@settings(max_examples=30, deadline=None)
def test_any_sound_gives_pitches_in_bounds(values: list[float], rate: int) -> None:
    f0 = pitch.track(np.array(values, np.float32), rate, low=80, high=300)
    assert np.isfinite(f0).all()
    assert ((f0 == 0) | ((f0 > 75) & (f0 < 310))).all()


def test_bounds_that_make_no_sense() -> None:
    for wrong in ({"low": 300, "high": 100}, {"low": 5}, {"high": 5000}, {"shift": 0.0}, {"shift": float("nan")}):
        with pytest.raises(UsageError):
            pitch.track(np.zeros(100, np.float32), RATE, **wrong)


def test_a_contour_goes_on_between_voiced_frames() -> None:
    bounds = pitch.Range(100, 400, mean=np.log(200.0), deviation=np.log(2.0) / 2)
    found = pitch.contour(np.array([0, 200, 0, 0, 400, 0], np.float32), bounds)
    np.testing.assert_allclose(found, [0, 0, 2 / 3, 4 / 3, 2, 2], atol=1e-5)
    assert not pitch.contour(np.zeros(5, np.float32), bounds).any()
    assert pitch.contour(np.array([100, 5000], np.float32), bounds)[1] == 4  # an outlier does not spoil its unit


def test_an_hour_takes_some_minutes_at_most() -> None:
    sound = voice(150 + 50 * np.sin(np.arange(20 * RATE) / RATE), 20.0)
    started = time.process_time()
    pitch.track(sound, RATE)
    assert (time.process_time() - started) * 3600 / 20 < 240
