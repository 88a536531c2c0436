"""Speech regions: none in silence and steady noise, all of what comes and goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet import audio

SAMPLES = Path(__file__).parents[2] / "samples"
RATE = 16000


def white(seconds: float, level: float = 0.01, seed: int = 0) -> np.ndarray:
    return (level * np.random.default_rng(seed).normal(size=round(seconds * RATE))).astype(np.float32)


def bursts(seconds: float, spans: list[tuple[float, float]], level: float = 0.1, hz: float = 700) -> np.ndarray:
    """Tones in spans of seconds, nothing between."""
    time = np.arange(round(seconds * RATE)) / RATE
    on = np.zeros(len(time), bool)
    for start, end in spans:
        on |= (time >= start) & (time < end)
    return (level * np.sin(2 * np.pi * hz * time) * on).astype(np.float32)


@pytest.mark.parametrize("time", [0, 1, 100, 319, 320, 800, RATE * 10])
def test_digital_silence(time: int) -> None:
    assert audio.speech_regions(np.zeros(time, np.float32), RATE) == []


@pytest.mark.parametrize("level", [1e-5, 1e-3, 0.1, 0.5])
def test_steady_noise(level: float) -> None:
    assert audio.speech_regions(white(60, level), RATE) == []


def test_offset_and_hum_are_no_speech() -> None:
    hum = 0.2 + 0.2 * np.sin(2 * np.pi * 50 * np.arange(10 * RATE) / RATE)
    assert audio.speech_regions(hum.astype(np.float32), RATE) == []


def test_hiss_of_sixteen_bits() -> None:
    assert audio.speech_regions((np.round(white(10, 1)) / 32768).astype(np.float32), RATE) == []


@pytest.mark.parametrize("background", [0.0, 1e-4, 0.01])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_bursts_are_found(background: float, rate: int) -> None:
    spans = [(1.0, 2.0), (4.0, 4.3), (7.5, 9.0)]
    samples = bursts(10, spans) + white(10, background)
    got = audio.speech_regions(audio.resample(samples, RATE, rate), rate)
    assert len(got) == len(spans)
    for (start, end), (wanted_start, wanted_end) in zip(got, spans, strict=True):
        assert wanted_start - 0.35 < start <= wanted_start
        assert wanted_end <= end < wanted_end + 0.35


def test_short_gaps_are_bridged_and_clicks_left_out() -> None:
    assert len(audio.speech_regions(bursts(6, [(1, 2), (2.2, 3)]), RATE)) == 1
    click = white(5, 1e-4)
    click[RATE] = 0.9
    assert audio.speech_regions(click, RATE) == []


@settings(max_examples=30, deadline=None)
@given(
    starts=st.lists(st.floats(0, 9), max_size=5),
    level=st.floats(0.001, 1),
    background=st.sampled_from([0.0, 1e-4, 1e-2]),
)
def test_regions_are_in_order_and_inside(starts: list[float], level: float, background: float) -> None:
    samples = bursts(10, [(start, start + 0.5) for start in starts], level) + white(10, background)
    regions = audio.speech_regions(samples, RATE)
    times = [time for region in regions for time in region]
    assert times == sorted(times)
    assert all(0 <= start < end <= 10 for start, end in regions)


def test_reading_is_kept_whole_and_noise_around_it_is_not() -> None:
    speech = audio.read(SAMPLES / "english-1.opus")
    quiet = white(5, 0.001)
    seconds = len(speech) / RATE
    regions = audio.speech_regions(np.concatenate([quiet, speech + white(seconds, 0.001)[: len(speech)], quiet]), RATE)
    assert 4.5 < regions[0][0] < 6.5
    assert 4 + seconds < regions[-1][1] < 5.5 + seconds
    frames = speech[: len(speech) // 160 * 160].reshape(-1, 160)
    power = np.square(frames).mean(axis=1)
    loud = np.flatnonzero(power > np.percentile(power, 95) / 100) * 0.01 + 5
    inside = np.zeros(len(loud), bool)
    for start, end in regions:
        inside |= (loud >= start) & (loud < end)
    assert inside.mean() > 0.995
