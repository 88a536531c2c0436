"""Augmentation: each change is what it is called, of the strength that was asked for, and can be repeated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.audio.rooms import convolve
from resonet.data.augment import Augmentation, Places, spec_augment

RATE = 16000
OFF = {"gain_db": 0.0, "silence": 0.0, "noise_probability": 0.0, "room_probability": 0.0, "noise_only": 0.0}


def places(**settings) -> Places:
    return Places(Augmentation(**{**OFF, **settings}))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def speech(samples: int = RATE, level: float = 0.05) -> np.ndarray:
    return (rng(9).normal(size=samples) * level).astype(np.float32)


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A folder with one noise, half a second long."""
    folder = tmp_path / "noise"
    folder.mkdir()
    soundfile.write(folder / "n.wav", (np.sin(np.arange(RATE // 2) * 0.7) * 0.2).astype(np.float32), RATE, "FLOAT")
    return folder


@pytest.fixture
def rooms(tmp_path: Path) -> Path:
    """A folder with one room: the direct sound after 50 samples, an echo 100 samples later."""
    folder = tmp_path / "rooms"
    folder.mkdir()
    response = np.zeros(400, np.float32)
    response[50], response[150] = 0.8, 0.4
    soundfile.write(folder / "r.wav", response, RATE, "FLOAT")
    return folder


def test_channels_change_the_colour_but_not_the_level() -> None:
    samples = speech(4 * RATE)
    kept = [places(channel_probability=1.0, channel_hz=3400.0)(samples, rng(seed)) for seed in range(12)]
    high = [float(np.mean(np.abs(np.fft.rfft(s)[-len(samples) // 20 :]))) for s in kept]  # the last 800 Hz
    full = float(np.mean(np.abs(np.fft.rfft(samples)[-len(samples) // 20 :])))
    assert all(len(s) == len(samples) and rms(s) == pytest.approx(rms(samples), rel=0.02) for s in kept)
    assert min(high) < full / 10 < full / 2 < max(high)
    np.testing.assert_array_equal(kept[0], places(channel_probability=1.0)(samples, rng(0)))
    assert len(places(channel_probability=1.0)(np.empty(0, np.float32), rng())) == 0


def test_nothing_asked_for_is_nothing_done() -> None:
    samples = speech()
    np.testing.assert_array_equal(places()(samples, rng()), samples)
    assert places(noise_only=1.0).wordless(100, rng()) is None  # no noise is known


@settings(deadline=None, database=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 99))
def test_convolve_is_numpy_s(length: int, taps: int, seed: int) -> None:
    samples, response = rng(seed).normal(size=(2, 300)).astype(np.float32)
    samples, response = samples[:length], response[:taps]
    expected = np.convolve(samples, response)[:length]
    np.testing.assert_allclose(convolve(samples, response), expected, atol=1e-4)


def test_a_room_keeps_times_and_levels(rooms: Path) -> None:
    click = np.zeros(1000, np.float32)
    click[10] = 0.5
    wet = places(rooms=str(rooms), room_probability=1.0)(click, rng())
    assert len(wet) == 1000 and int(np.argmax(wet)) == 10
    assert wet[110] == pytest.approx(0.5 * wet[10], rel=1e-3)
    assert np.sqrt(np.sum(wet**2)) == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize("snr", [0.0, 10.0, 20.0])
def test_noise_is_as_loud_as_asked_for(noise: Path, snr: float) -> None:
    samples = speech()
    put = places(noise=str(noise), noise_probability=1.0, noise_snr=(snr, snr))
    added = put(samples, rng()) - samples
    assert 20 * np.log10(rms(samples) / rms(added)) == pytest.approx(snr, abs=0.2)
    levels = {
        round(rms(places(noise=str(noise), noise_probability=1.0)(samples, rng(i)) - samples), 6) for i in range(9)
    }
    assert len(levels) == 9  # drawn anew each time


def test_noise_and_rooms_come_as_often_as_asked_for(noise: Path, rooms: Path) -> None:
    samples = speech(200)
    for chosen in ({"noise": str(noise), "noise_probability": 0.3}, {"rooms": str(rooms), "room_probability": 0.3}):
        put, random = places(**chosen), rng()
        changed = sum(not np.array_equal(put(samples, random), samples) for _ in range(1000))
        assert 240 < changed < 360


def test_silence_is_added_around() -> None:
    samples = speech(1600)
    lengths = []
    for seed in range(50):
        longer = places(silence=0.1)(samples, rng(seed))
        start = int(np.flatnonzero(longer)[0])
        np.testing.assert_array_equal(longer[start : start + 1600], samples)
        assert not longer[:start].any() and not longer[start + 1600 :].any()
        assert start <= 1600 and len(longer) <= 1600 + 3200
        lengths.append(len(longer))
    assert np.mean(lengths) == pytest.approx(3200, rel=0.15)


def test_gain_stays_between_quiet_and_clipped() -> None:
    samples = speech(level=0.01)
    levels = []
    for seed in range(200):
        louder = places(gain_db=30.0)(samples, rng(seed))
        assert np.abs(louder).max() <= 1
        levels.append(20 * np.log10(rms(louder)))
    assert min(levels) == pytest.approx(-45, abs=0.1)
    assert -8 < max(levels) <= -5.9  # some of white noise at -6 dBFS is clipped
    assert np.std(levels) > 5
    assert not places(gain_db=10.0)(np.zeros(100, np.float32), rng()).any()


def test_the_same_draw_gives_the_same_sound(noise: Path, rooms: Path) -> None:
    put = Places(Augmentation(noise=str(noise), rooms=str(rooms), noise_probability=0.9, room_probability=0.9))
    one, two, other = (put(speech(), rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, two)
    assert one.dtype == np.float32
    assert len(one) != len(other) or not np.array_equal(one, other)


def test_now_and_then_there_are_no_words(noise: Path) -> None:
    put, random = places(noise=str(noise), noise_only=0.2), rng()
    found = [put.wordless(2 * RATE, random) for _ in range(500)]
    sounds = [f for f in found if f is not None]
    assert 70 < len(sounds) < 130
    assert all(len(s) == 2 * RATE and s.dtype == np.float32 and np.abs(s).max() <= 1 for s in sounds)
    silent = sum(not s.any() for s in sounds)
    assert 0 < silent < 0.3 * len(sounds)  # digital silence is one of them
    tones = [s for s in sounds if s.any() and np.allclose(s[: RATE // 2], s[RATE // 2 : RATE], atol=1e-6)]
    assert len(tones) > 0.5 * len(sounds)  # the noise is repeated where it is too short


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def test_spec_augment_hides_the_shares_asked_for(torch) -> None:
    settings = Augmentation(frequency_masks=2, frequency_width=20, time_share=0.25, time_width=40)
    features = torch.ones(200, 400, 80)
    hidden = spec_augment(settings, rng())(features)
    assert bool(features.eq(1).all()) and set(hidden.unique().tolist()) == {0.0, 1.0}
    times, bands = hidden.amax(2).eq(0), hidden.amax(1).eq(0)
    # Masks may lie over each other: 1 - exp(-0.25) of the frames, and two bands of 10 on average.
    assert float(times.float().mean()) == pytest.approx(1 - np.exp(-0.25), abs=0.03)
    assert float(bands.sum(1).float().mean()) == pytest.approx(19, abs=2)
    assert int(bands.sum(1).max()) <= 40
    inside = hidden[~times.unsqueeze(2).expand_as(hidden) & ~bands.unsqueeze(1).expand_as(hidden)]
    assert bool(inside.eq(1).all())
    assert not torch.equal(hidden[0], hidden[1])
    stronger = spec_augment(settings, rng(), strength=2.5)(features).amax(2).eq(0)
    assert float(stronger.float().mean()) == pytest.approx(1 - np.exp(-0.625), abs=0.04)


def test_spec_augment_repeats_and_can_be_switched_off(torch) -> None:
    features = torch.randn(3, 100, 80)
    one, two = (spec_augment(Augmentation(), rng(5))(features) for _ in range(2))
    assert torch.equal(one, two)
    nothing = Augmentation(frequency_masks=0, time_share=0.0)
    assert torch.equal(spec_augment(nothing, rng())(features), features)


def test_spec_augment_on_few_bands_and_frames(torch) -> None:
    for shape in ((2, 1, 80), (2, 30, 8), (1, 1, 1)):
        hidden = spec_augment(Augmentation(), rng())(torch.ones(shape))
        assert hidden.shape == shape and set(hidden.unique().tolist()) <= {0.0, 1.0}
