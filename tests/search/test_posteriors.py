from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from resonet.errors import SearchIndexError
from resonet.search import posteriors

SCORES = npst.arrays(
    np.float32,
    st.tuples(st.integers(1, 30), st.integers(2, 50)),
    elements=st.floats(-20, 5, width=32),
)


def log_softmax(scores: np.ndarray) -> np.ndarray:
    scores = scores - scores.max(axis=1, keepdims=True)
    return (scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))).astype(np.float32)


@settings(deadline=None, max_examples=40)
@given(SCORES)
def test_comes_back_within_half_a_step_of_ratio(scores: np.ndarray) -> None:
    log_probs = log_softmax(scores)
    again = posteriors.unpack(posteriors.pack(log_probs), log_probs.shape[1])
    assert again.shape == log_probs.shape and again.dtype == np.float32
    np.testing.assert_allclose(np.exp(again).sum(axis=1), 1, atol=1e-4)
    below, below_again = (x.max(axis=1, keepdims=True) - x for x in (log_probs, again))
    kept = np.argsort(-log_probs, axis=1, kind="stable")[:, :6]
    near = np.take_along_axis(below, kept, 1) < 5.9
    was, now = (np.take_along_axis(x, kept, 1)[near] for x in (below, below_again))
    np.testing.assert_allclose(now, was, atol=0.26)
    assert (below_again.min(axis=1) == 0).all() and (below_again <= 9.501).all()
    assert (np.take_along_axis(below, again.argmax(axis=1)[:, None], 1) < 0.26).all()


def test_many_units_take_two_bytes_each() -> None:
    rng = np.random.default_rng(0)
    log_probs = log_softmax(rng.normal(size=(20, 5000)).astype(np.float32) * 6)
    again = posteriors.unpack(posteriors.pack(log_probs), 5000)
    assert (np.take_along_axis(log_probs, again.argmax(axis=1)[:, None], 1)[:, 0] > log_probs.max(axis=1) - 0.26).all()


def test_several_are_read_as_one() -> None:
    rng = np.random.default_rng(1)
    several = [log_softmax(rng.normal(size=(n, 12)).astype(np.float32) * 4) for n in (5, 1, 9)]
    blobs = [posteriors.pack(several[0]), b"", posteriors.pack(several[1]), posteriors.pack(several[2])]
    kept = posteriors.read(blobs)
    assert kept.starts.tolist() == [0, 5, 5, 6, 15] and kept.frames == 15
    whole = np.concatenate([posteriors.unpack(blob, 12) for blob in blobs if blob])
    chosen = [7, 0, 3]
    np.testing.assert_allclose(kept.ratios(chosen) + kept.best(12), whole[:, chosen].T, atol=1e-6)
    assert (np.diff(kept.frame) >= 0).all() and len(kept.ratio) == len(kept.unit)


def test_nothing_is_nothing() -> None:
    assert posteriors.pack(np.empty((0, 5), np.float32)) == b""
    assert posteriors.unpack(b"", 5).shape == (0, 5)
    assert posteriors.read([]).frames == 0


def test_silence_costs_little() -> None:
    log_probs = np.full((250, 40), np.log(0.001 / 39), np.float32)
    log_probs[:, 0] = np.log(0.999)
    assert len(posteriors.pack(log_probs)) < 30


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=60))
def test_what_is_no_blob_is_told(blob: bytes) -> None:
    with suppress(SearchIndexError):
        assert posteriors.unpack(blob, 40).shape[1] == 40


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_blob_is_told_or_read(place: int, value: int) -> None:
    rng = np.random.default_rng(2)
    blob = bytearray(posteriors.pack(log_softmax(rng.normal(size=(40, 40)).astype(np.float32) * 4)))
    blob[place % len(blob)] = value
    with suppress(SearchIndexError):
        posteriors.unpack(bytes(blob), 40)


def test_other_units_are_told() -> None:
    log_probs = log_softmax(np.eye(30, dtype=np.float32) * 9)
    with pytest.raises(SearchIndexError, match="posteriors"):
        posteriors.unpack(posteriors.pack(log_probs), 20)
