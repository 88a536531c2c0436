"""The measures of voices, each against figures worked out by hand or another way."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet import audio
from resonet.errors import UsageError
from resonet.evaluate.metrics import f0, mcd, sdr, warping
from resonet.evaluate.metrics.noise_floor import noise_floor
from resonet.evaluate.metrics.pesq import pesq
from resonet.evaluate.metrics.speaking_rate import speaking_rate
from resonet.evaluate.metrics.stoi import stoi

RATE = 24000


def column(*values: float) -> np.ndarray:
    return np.array(values, float)[:, None]


def steps(first: np.ndarray, second: np.ndarray) -> list[tuple[int, int]]:
    return [(int(i), int(j)) for i, j in zip(*warping.path(first, second), strict=True)]


def test_a_path_by_hand() -> None:
    assert steps(column(1, 2, 3), column(1, 2, 3)) == [(0, 0), (1, 1), (2, 2)]
    assert steps(column(1, 5), column(1, 1, 1, 5)) == [(0, 0), (0, 1), (0, 2), (1, 3)]
    assert steps(column(0, 9, 9, 1), column(0, 9, 1)) == [(0, 0), (1, 1), (2, 1), (3, 2)]
    assert steps(column(7), column(1, 2)) == [(0, 0), (0, 1)]


@given(
    st.lists(st.floats(-9, 9), min_size=1, max_size=8),
    st.lists(st.floats(-9, 9), min_size=1, max_size=8),
)
@settings(max_examples=60, deadline=None)
def test_no_path_is_cheaper(a: list[float], b: list[float]) -> None:
    found = steps(column(*a), column(*b))
    assert (found[0], found[-1]) == ((0, 0), (len(a) - 1, len(b) - 1))
    moves = {(i - k, j - m) for (k, m), (i, j) in pairwise(found)}
    assert moves <= {(1, 1), (1, 0), (0, 1)}
    best = np.full((len(a) + 1, len(b) + 1), np.inf)
    best[0, 0] = 0
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            best[i, j] = abs(x - y) + min(best[i - 1, j - 1], best[i - 1, j], best[i, j - 1])
    assert sum(abs(a[i] - b[j]) for i, j in found) == pytest.approx(best[-1, -1], abs=1e-9)


def test_frames_that_cannot_be_aligned() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        warping.path(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="0 and 1 frames"):
        warping.path(np.zeros((0, 3)), np.zeros((1, 3)))


def test_distortion_of_one_frame_by_hand() -> None:
    a, b = np.zeros((1, mcd.ORDER)), np.zeros((1, mcd.ORDER))
    b[0, 0] = 0.3
    b[0, 5] = -0.4
    # 10 / ln 10 * sqrt(2) * 0.5, and 6.1419 is the factor that papers give
    assert mcd.distances(a, b)[0] == pytest.approx(6.1419 * 0.5, abs=1e-4)


def test_cepstra_find_the_envelope_again() -> None:
    wanted = np.zeros(mcd.ORDER + 1)
    wanted[:5] = [-1.0, 0.5, -0.3, 0.2, 0.1]
    w = 2 * np.pi * np.arange(4096) / 4096
    z = np.exp(1j * w)
    warped = (1 / z - mcd.ALPHA) / (1 - mcd.ALPHA / z)
    response = np.fft.ifft(np.exp(sum(c * warped**m for m, c in enumerate(wanted)))).real
    sound = np.zeros(1200, np.float32)
    sound[600:700] = response[:100]  # the middle of frame 5, where the window is all but 1
    found = mcd.mel_cepstra(sound, 5, 6)[0]
    gain = -0.5 * math.log(np.square(np.hanning(mcd.WINDOW + 2)[1:-1]).sum())
    assert found[0] == pytest.approx(wanted[0] + gain, abs=0.02)
    assert np.abs(found[1:] - wanted[1:]).max() < 0.02


def test_distortion_knows_no_loudness_no_tempo_and_no_silence_around() -> None:
    sound = speech()
    assert mcd.compare(sound, sound, RATE).decibels == 0
    assert mcd.compare(sound, sound / 4, RATE).decibels < 0.05
    late = np.concatenate([np.zeros(6000, np.float32), sound, np.zeros(3000, np.float32)])
    found = mcd.compare(sound, late, RATE)
    assert found.decibels < 0.3  # the first windows see the silence
    assert (found.path[1] - found.path[0])[50] == 50  # 6,000 samples are 50 frames
    assert mcd.compare(sound, speech(seed=3), RATE).decibels > 2


def test_silence_has_no_distortion() -> None:
    silence = np.zeros(RATE, np.float32)
    assert mcd.compare(silence, speech(), RATE) is None
    assert mcd.compare(np.empty(0, np.float32), speech(), RATE) is None


def test_pitch_errors_by_hand() -> None:
    every = (np.arange(20), np.arange(20))
    first = np.full(20, 100.0, np.float32)
    first[:10] = 200
    found = f0.errors(first, 2 * first, every)
    assert (found.rmse_cents, found.voicing) == (pytest.approx(1200), 0)
    assert found.correlation == pytest.approx(1)
    other = first.copy()
    other[:4] = 0
    assert f0.errors(first, other, every).voicing == pytest.approx(0.2)
    assert f0.errors(first, other, every).rmse_cents == 0
    assert f0.errors(first, np.full(20, 100, np.float32), every).correlation is None  # a monotone
    few = f0.errors(first, np.zeros(20, np.float32), every)
    assert (few.rmse_cents, few.correlation, few.voicing) == (None, None, 1)
    with pytest.raises(ValueError, match="no frames"):
        f0.errors(first, first, (np.array([], int), np.array([], int)))


def test_signal_to_distortion_by_hand() -> None:
    s = np.array([1, -1, 1, -1], np.float32)
    assert sdr.sdr(s, s + np.float32(0.1)) == pytest.approx(20, abs=1e-4)  # 4 / (4 * 0.01)
    assert sdr.sdr(s, s) == sdr.BEST
    assert sdr.sdr(s, s / 2) == pytest.approx(10 * math.log10(4), abs=1e-4)
    assert sdr.si_sdr(s, s / 2) == sdr.BEST
    assert sdr.si_sdr(s, s / 2 + np.float32(3)) > 90  # the mean is taken off
    # Half of what is in the second is the first, half lies across it.
    assert sdr.si_sdr(s, s + np.array([1, 1, -1, -1], np.float32)) == pytest.approx(0, abs=1e-4)
    with pytest.raises(ValueError, match="silent"):
        sdr.sdr(np.zeros(4, np.float32), s)


def test_noise_in_pauses() -> None:
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 10 ** (-60 / 20), 3 * RATE).astype(np.float32)
    sound = noise.copy()
    sound[RATE : 2 * RATE] += speech()[:RATE]
    assert noise_floor(sound, RATE) == pytest.approx(-60, abs=0.7)  # the 10th percentile lies a little under
    digital = np.concatenate([np.zeros(RATE, np.float32), speech(), np.zeros(RATE, np.float32)])
    assert noise_floor(digital, RATE) == audio.loudness.SILENCE_DBFS
    assert noise_floor(speech()[:1000], RATE) is None


def test_rate_of_speech() -> None:
    sound = np.zeros(4 * RATE, np.float32)
    sound[RATE : 3 * RATE] = speech(2.0)
    found = speaking_rate("It's four - words, long.", sound, RATE)
    assert (found.words, found.characters) == (4, 16)
    assert found.seconds == pytest.approx(2, abs=0.5)  # `speech_regions` leaves 0.2 s around
    assert found.words_a_minute == pytest.approx(60 * 4 / found.seconds)
    empty = speaking_rate("", np.zeros(RATE, np.float32), RATE)
    assert (empty.words_a_minute, empty.characters_a_second) == (0, 0)


@pytest.mark.parametrize(("measure", "package"), [(stoi, "pystoi"), (pesq, "pesq")])
def test_packages_that_only_copy_synthesis_asks_for(measure, package: str) -> None:
    try:
        __import__(package)
    except ImportError:
        with pytest.raises(UsageError, match=f"needs the package {package}.*pip install {package}"):
            measure(speech(), speech(), RATE)
        return
    sound = speech(2.0)
    noisy = sound + np.random.default_rng(0).normal(0, 0.1, len(sound)).astype(np.float32)
    assert measure(sound, sound, RATE) > measure(sound, noisy, RATE)
    assert measure(np.zeros(RATE, np.float32), np.zeros(RATE, np.float32), RATE) is None
    assert measure(sound[:100], sound[:100], RATE) is None


def speech(seconds: float = 1.0, seed: int = 0, hertz: float = 150.0) -> np.ndarray:
    """Something like speech: harmonics under two formants that wander, louder and softer four times a second."""
    generator = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    formants = [f * (1 + 0.2 * np.sin(2 * np.pi * generator.uniform(0.5, 2) * t + generator.uniform(0, 6)))
                for f in generator.uniform([400, 1200], [800, 2200])]  # fmt: skip
    sound = np.zeros(len(t))
    for k in range(1, 30):
        near = sum(np.exp(-np.square((k * hertz - f) / 200)) for f in formants)
        sound += (0.02 + near) * np.sin(2 * np.pi * k * hertz * t + k)
    return (0.05 * sound * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))).astype(np.float32)
