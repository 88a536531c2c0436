from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.decoding.align import align, align_batch, spans
from resonet.errors import DataError


def posteriors(frames: int, units: int, seed: int) -> np.ndarray:
    return (
        np.log(np.random.default_rng(seed).dirichlet(np.ones(units), frames)).astype(np.float32).reshape(frames, units)
    )


def emitted(path: np.ndarray, ids: list[int]) -> list[int]:
    return [0 if place < 0 else ids[place] for place in path.tolist()]


def best_by_hand(scores: np.ndarray, ids: list[int]) -> float:
    return max(
        sum(float(scores[frame, unit]) for frame, unit in enumerate(path))
        for path in itertools.product(range(scores.shape[1]), repeat=len(scores))
        if [unit for unit, _ in itertools.groupby(path) if unit] == ids
    )


@settings(max_examples=80, deadline=None)
@given(ids=st.lists(st.integers(1, 3), max_size=4), extra=st.integers(0, 3), seed=st.integers(0, 10_000))
def test_alignment_is_the_best_of_all_paths(ids, extra, seed):
    frames = len(ids) + sum(a == b for a, b in itertools.pairwise(ids)) + extra
    if frames > 6:
        return
    scores = posteriors(frames, 4, seed)
    path = align(scores, ids)
    units = emitted(path, ids)
    assert [unit for unit, _ in itertools.groupby(units) if unit] == ids
    if frames:
        got = sum(float(scores[frame, unit]) for frame, unit in enumerate(units))
        assert got == pytest.approx(best_by_hand(scores, ids), abs=1e-4)


def test_a_batch_aligns_as_single_utterances_do():
    rng = np.random.default_rng(0)
    ids = [rng.integers(1, 6, n).tolist() for n in (0, 9, 3, 12, 0)]
    scores = [posteriors(frames, 6, i) for i, frames in enumerate((5, 40, 7, 25, 0))]
    for path, one, text in zip(align_batch(scores, ids), scores, ids, strict=True):
        np.testing.assert_array_equal(path, align(one, text))
    assert align_batch([], []) == []


def test_spans_of_units():
    path = np.array([-1, 0, 0, -1, 1, 2, 2, -1], np.int32)
    assert spans(path, 3).tolist() == [[1, 3], [4, 5], [5, 7]]


def test_what_cannot_be_aligned_is_named():
    with pytest.raises(DataError, match="2 frames, too few for its 2 units"):
        align(posteriors(2, 4, 0), [1, 1])
    with pytest.raises(DataError, match="does not have"):
        align(posteriors(5, 4, 0), [1, 4])


def test_impossible_frames_still_give_a_path():
    assert emitted(align(np.full((3, 4), -np.inf, np.float32), [2, 3]), [2, 3]).count(0) <= 1
