"""The shipped bundle: it hears no words where there are none, and loses none of those that there are."""

from __future__ import annotations

from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest

from resonet import audio
from resonet.runtime import Recognizer

ROOT = Path(__file__).parents[2]
RATE = 16000


@pytest.fixture(scope="module")
def shipped() -> Recognizer:
    return Recognizer.load(ROOT / "bundles" / "en-small" / "resonet_bundle_en_small" / "en-small.resonet", threads=1)


def test_digital_silence_has_no_words(shipped: Recognizer) -> None:
    assert shipped.transcribe(np.zeros(10 * RATE, np.float32), RATE).words == ()


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("dbfs", [-15, -30, -60])
def test_white_noise_has_no_words(shipped: Recognizer, dbfs: int, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 10 ** (dbfs / 20), 10 * RATE).astype(np.float32)
    assert shipped.transcribe(noise, RATE).words == ()


def test_noise_without_voices_has_no_words(shipped: Recognizer) -> None:
    clips = sorted((ROOT / "samples" / "noise").glob("*.opus"))
    assert len(clips) == 3
    assert [t.text for _, t in shipped.transcribe_many(clips)] == [""] * 3


@pytest.mark.parametrize("pause", [0.0, 0.6])
def test_recordings_joined_have_the_words_of_each(shipped: Recognizer, pause: float) -> None:
    """Not all alike, since a frame may begin elsewhere; but where a cut lost some, the number of words would fall."""
    readings = [audio.read(ROOT / "samples" / f"english-{i}.opus") for i in (1, 2, 3, 4)]
    alone = [word for samples in readings for word in shipped.transcribe(samples, RATE).text.split()]
    silence = np.zeros(int(pause * RATE), np.float32)
    joined = shipped.transcribe(np.concatenate([part for r in readings for part in (r, silence)]), RATE).text.split()
    assert abs(len(joined) - len(alone)) <= 4
    assert SequenceMatcher(None, joined, alone, autojunk=False).ratio() > 0.75
