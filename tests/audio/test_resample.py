"""Resampling: length, tone, joined pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet import audio
from resonet.errors import UsageError

RATES = st.sampled_from([8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000, 192000])


@settings(max_examples=80, deadline=None)
@given(time=st.integers(0, 20000), from_rate=RATES, to_rate=RATES)
def test_length(time: int, from_rate: int, to_rate: int) -> None:
    got = audio.resample(np.zeros(time, np.float32), from_rate, to_rate)
    assert abs(len(got) - time * to_rate / from_rate) <= 1
    assert got.dtype == np.float32


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 5000), max_size=8),
    from_rate=RATES,
    to_rate=RATES,
)
def test_pieces_equal_the_whole(lengths: list[int], from_rate: int, to_rate: int) -> None:
    samples = np.random.default_rng(1).normal(size=sum(lengths)).astype(np.float32)
    resampler = audio.Resampler(from_rate, to_rate)
    parts = np.split(samples, np.cumsum(lengths)[:-1]) if lengths else []
    pieces = [resampler.push(part) for part in parts]
    pieces.append(resampler.push(np.empty(0, np.float32), last=True))
    np.testing.assert_allclose(np.concatenate(pieces), audio.resample(samples, from_rate, to_rate), atol=1e-5)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 192000])
def test_a_tone_stays_itself(rate: int) -> None:
    hz = 1000
    got = audio.resample(np.sin(2 * np.pi * hz * np.arange(rate) / rate).astype(np.float32), rate, 16000)
    wanted = np.sin(2 * np.pi * hz * np.arange(16000) / 16000)
    np.testing.assert_allclose(got[500:-500], wanted[500:-500], atol=2e-3)


def test_equal_rates_change_nothing() -> None:
    samples = np.arange(5, dtype=np.float32)
    np.testing.assert_array_equal(audio.resample(samples, 44100, 44100), samples)


@pytest.mark.parametrize(("from_rate", "to_rate"), [(0, 16000), (-1, 16000), (16000, 5), (16000, 10**9)])
def test_impossible_rates(from_rate: int, to_rate: int) -> None:
    with pytest.raises(UsageError, match="Hz"):
        audio.resample(np.zeros(9, np.float32), from_rate, to_rate)


def test_more_than_one_dimension() -> None:
    with pytest.raises(UsageError, match="shape"):
        audio.resample(np.zeros((9, 2), np.float32), 8000, 16000)
