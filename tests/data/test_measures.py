"""Utterances are cut out of recordings that are decoded in blocks: the very samples, wherever the cuts fall."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.data import measures

RATE = 1000


@pytest.fixture(scope="module")
def recording():
    with tempfile.TemporaryDirectory() as folder:
        samples = np.random.default_rng(0).integers(-9999, 9999, 5000).astype(np.int16)
        soundfile.write(Path(folder, "a.wav"), samples, RATE)
        yield Path(folder, "a.wav"), samples.astype(np.float32) / 32768


@settings(max_examples=80, deadline=None)
@given(
    spans=st.lists(st.tuples(st.integers(0, 5200), st.integers(0, 3000)), min_size=1, max_size=6),
    block=st.sampled_from([0.05, 0.7, 2.0, 30.0]),
)
def test_cuts_are_slices(recording, spans: list[tuple[int, int]], block: float) -> None:
    path, samples = recording
    ordered = sorted((start, start + length) for start, length in spans)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "_BLOCK", block)
        cuts = list(measures._cut(path, RATE, ordered))
    for (start, end), cut in zip(ordered, cuts, strict=True):
        np.testing.assert_array_equal(cut, samples[start:end])
