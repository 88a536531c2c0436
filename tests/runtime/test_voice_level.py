"""The limiter and the noise of pauses, by themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.runtime.level import CEILING, Floor, Limiter, fade_in, fade_out

RATE = 24000


def limited(samples: np.ndarray, cuts: list[int]) -> np.ndarray:
    limiter = Limiter(RATE)
    pieces = np.split(samples, sorted(cut % (len(samples) + 1) for cut in cuts))
    return np.concatenate([*(limiter.push(piece) for piece in pieces), limiter.finish()])


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(0, 4000),
    cuts=st.lists(st.integers(0, 4000), max_size=6),
    loud=st.floats(0.01, 30),
    seed=st.integers(0, 9),
)
def test_the_limiter_holds_whatever_the_pieces(length: int, cuts: list[int], loud: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = (loud * rng.normal(0, 0.1, length) * (rng.random(length) < 0.3)).astype(np.float32)
    whole = limited(samples, [])
    assert len(whole) == length and whole.dtype == np.float32
    assert np.abs(whole).max(initial=0.0) <= CEILING * (1 + 1e-6)
    np.testing.assert_allclose(limited(samples, cuts), whole, atol=1e-6)
    if np.abs(samples).max(initial=0.0) <= CEILING:
        np.testing.assert_array_equal(whole, samples)


def test_the_limiter_turns_down_only_around_a_peak_and_smoothly() -> None:
    time = np.arange(RATE) / RATE
    samples = (0.5 * np.sin(2 * np.pi * 200 * time)).astype(np.float32)
    samples[12000] = 3.0
    gain = limited(samples, []) / np.where(samples == 0, 1, samples)
    quiet = np.abs(np.arange(RATE) - 12000) > 0.02 * RATE + 2
    np.testing.assert_array_equal(limited(samples, [])[quiet], samples[quiet])
    # From 1 down to 0.3 within 20 ms: no step is larger than a bell of that width makes.
    assert np.abs(np.diff(gain[samples != 0])).max() < 0.01


def test_a_limiter_can_be_used_again() -> None:
    limiter = Limiter(RATE)
    for _ in range(2):
        loud = np.full(1000, 2.0, np.float32)
        assert np.abs(np.concatenate([limiter.push(loud), limiter.finish()])).max() <= CEILING * (1 + 1e-6)


def colour(samples: np.ndarray, low: float, high: float) -> float:
    """Share of the power between two frequencies."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    bins = np.linspace(0, RATE / 2, len(power))
    return float(power[(bins >= low) & (bins < high)].sum() / power.sum())


def test_the_floor_has_the_level_and_colour_of_what_it_was_made_of() -> None:
    rng = np.random.default_rng(1)
    noise = np.convolve(rng.normal(0, 1e-3, 5000), np.ones(8) / 8, "same").astype(np.float32)
    floor = Floor.of(noise, RATE)
    assert floor is not None
    made = floor.sound(0, RATE)
    assert 20 * np.log10(made.std() / noise.std()) == pytest.approx(0, abs=2.5)
    assert colour(made, 0, 1500) == pytest.approx(colour(noise, 0, 1500), abs=0.1)
    # It goes on where it stopped, over the end of its loop too.
    np.testing.assert_array_equal(floor.sound(100, 50), made[100:150])
    np.testing.assert_array_equal(floor.sound(RATE - 10, 20), np.concatenate([made[-10:], made[:10]]))
    step = np.abs(np.diff(floor.sound(RATE - 10, 20))).max()
    assert step < 6 * np.abs(np.diff(made)).std()


def test_no_floor_from_what_is_too_short_or_too_loud() -> None:
    assert Floor.of(np.zeros(100, np.float32), RATE) is None
    assert Floor.of(np.sin(np.arange(5000)).astype(np.float32), RATE) is None
    silent = Floor.of(np.zeros(5000, np.float32), RATE)
    assert silent is not None and not silent.sound(0, 1000).any()


def test_fades() -> None:
    ones = np.ones(10, np.float32)
    np.testing.assert_allclose(fade_in(ones, 4), [0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(fade_out(ones, 4), [1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0])
    assert ones.all() and len(fade_in(ones[:0], 4)) == 0
    np.testing.assert_allclose(fade_in(ones[:2], 4), [0, 0.5])
