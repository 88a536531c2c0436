"""Where the speech of a recording begins and ends, and how loud it is, whatever lies around it."""

from __future__ import annotations

import numpy as np
import pytest

from resonet.audio import speech_span

RATE = 24000


def recording(before: float, speech: float, after: float, level: float = 0.1, floor: float = 1e-4) -> np.ndarray:
    rng = np.random.default_rng(0)
    parts = [rng.normal(0, s, round(t * RATE)) for t, s in ((before, floor), (speech, level), (after, floor))]
    return np.concatenate(parts).astype(np.float32)


@pytest.mark.parametrize("floor", [0.0, 1e-4, 1e-3])
def test_ends_and_level(floor: float) -> None:
    start, end, level = speech_span(recording(0.5, 2.0, 0.7, floor=floor), RATE)
    assert start / RATE == pytest.approx(0.5, abs=0.02) and end / RATE == pytest.approx(2.5, abs=0.02)
    assert level == pytest.approx(-20, abs=0.3)


def test_a_recording_without_pauses_is_kept_whole() -> None:
    samples = recording(0, 1.0, 0)
    start, end, level = speech_span(samples, RATE)
    assert start <= 240 and end >= len(samples) - 240 and level == pytest.approx(-20, abs=0.5)


def test_silence_and_nothing() -> None:
    for samples in (np.zeros(RATE, np.float32), np.zeros(0, np.float32), np.zeros(50, np.float32)):
        assert speech_span(samples, RATE) == (0, 0, -120.0)
