"""Loudness of signals whose values are known."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from resonet import audio

SAMPLES = Path(__file__).parents[2] / "samples"


def test_sine_of_half_scale() -> None:
    got = audio.measure((0.5 * np.sin(np.arange(16000) / 5)).astype(np.float32), 16000)
    assert got.rms_dbfs == pytest.approx(-9.03, abs=0.02)
    assert got.peak == pytest.approx(0.5, abs=1e-3)
    assert got.clipped_fraction == 0
    assert got.snr_db < 3


def test_clipping() -> None:
    samples = np.zeros(1000, np.float32)
    samples[:50] = 1
    samples[50:100] = -1
    assert audio.measure(samples, 16000).clipped_fraction == pytest.approx(0.1)


@pytest.mark.parametrize("time", [0, 1, 100, 16000])
def test_silence(time: int) -> None:
    got = audio.measure(np.zeros(time, np.float32), 16000)
    assert got == audio.Loudness(-120.0, 0.0, 0.0, 0.0)
    json.dumps(asdict(got), allow_nan=False)


@pytest.mark.parametrize("wanted", [10, 20, 30])
def test_signal_to_noise_ratio(wanted: int) -> None:
    random = np.random.default_rng(0)
    samples = random.normal(size=80000)
    burst = np.zeros(80000)
    burst[20000:70000] = random.normal(size=50000) * 10 ** (wanted / 20)
    got = audio.measure((0.01 * (samples + burst)).astype(np.float32), 16000)
    assert got.snr_db == pytest.approx(wanted, abs=1.5)


def test_a_sample_is_loud_and_clean() -> None:
    got = audio.measure(audio.read(SAMPLES / "english-1.opus"), 16000)
    assert -40 < got.rms_dbfs < -10
    assert got.snr_db > 15
    assert got.clipped_fraction < 1e-3


@settings(deadline=None)
@given(
    arrays.arrays(np.float32, st.integers(0, 4000), elements=st.floats(-4, 4, width=32)),
    st.sampled_from([8000, 16000, 48000]),
)
def test_every_figure_stays_in_its_bounds(samples: np.ndarray, rate: int) -> None:
    got = audio.measure(samples, rate)
    assert -120 <= got.rms_dbfs <= 20 * np.log10(max(got.peak, 1e-6)) + 1e-3
    assert got.peak == np.abs(samples).max(initial=0)
    assert 0 <= got.clipped_fraction <= 1
    assert 0 <= got.snr_db <= 100


@given(st.floats(-70, 0))
def test_quiet_recordings_are_raised_and_loud_ones_left(level: float) -> None:
    from resonet.audio.loudness import amplification

    tone = (10 ** (level / 20) * 2**0.5 * np.sin(np.arange(16000) / 5)).astype(np.float32)
    tone[8000:] *= 0.01
    gain = 20 * np.log10(amplification(tone, 16000))
    assert gain == pytest.approx(min(30.0, max(0.0, -20.0 - level)), abs=0.2)


def test_there_is_nothing_to_raise_in_silence() -> None:
    from resonet.audio.loudness import amplification

    assert amplification(np.zeros(16000, np.float32), 16000) == 1.0
    assert amplification(np.zeros(5, np.float32), 16000) == amplification(np.zeros(0, np.float32), 16000) == 1.0
