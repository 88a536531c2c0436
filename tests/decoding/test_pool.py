"""Pooled embeddings against sums over single frames, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from resonet.decoding.pool import pool


def frames(n: int, dims: int = 3, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dims + 1)).astype(np.float32)


def slow(rows: NDArray[np.float32], start: float, end: float, parts: int) -> NDArray[np.float64]:
    """The same from its definition: how much of each frame lies in each part."""
    found = []
    for i in range(parts):
        first, last = start + (end - start) * i / parts, start + (end - start) * (i + 1) / parts
        held = [max(0.0, min(last, t + 1) - max(first, t)) * np.exp(rows[t, -1]) for t in range(len(rows))]
        found.append(sum(h * row[:-1] for h, row in zip(held, rows, strict=True)) / max(sum(held), 1e-9))
    vector = np.concatenate(found)
    return vector / max(np.linalg.norm(vector), 1e-9)


def test_one_segment_by_hand():
    """Two parts of one and a half frames: the middle frame goes half to each."""
    rows = np.array([[1.0, 0, 0], [0, 4, 0], [3, 0, np.log(2)]], np.float32)
    first = np.array([1.0, 0.5 * 4]) / 1.5
    second = np.array([2 * 3.0, 0.5 * 4]) / 2.5
    expected = np.concatenate([first, second])
    np.testing.assert_allclose(pool(rows, [0], [3], 2)[0], expected / np.linalg.norm(expected), rtol=1e-6)


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_running_sums_are_sums(parts: int):
    rows = frames(40)
    rng = np.random.default_rng(1)
    starts = rng.uniform(-3, 38, 60)
    ends = starts + rng.uniform(0.01, 25, 60)
    expected = np.stack([slow(rows, s, e, parts) for s, e in zip(starts, ends, strict=True)])
    found = pool(rows, starts, ends, parts)
    assert found.shape == (60, parts * 3) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_a_shifted_recording_gives_the_same():
    rows = frames(30)
    later = np.concatenate([frames(500, seed=2), rows])
    np.testing.assert_allclose(pool(later, [503.25], [521.5], 5), pool(rows, [3.25], [21.5], 5), atol=1e-6)


def test_the_last_minute_of_an_hour_is_as_exact_as_the_first():
    rows = frames(90_000, dims=8)
    rows[:, -1] = np.clip(rows[:, -1] * 3, -3, 3)  # the bound of the network
    alone = pool(rows[-200:], [100.5], [120.0], 5)
    np.testing.assert_allclose(pool(rows, [89_900.5], [89_920.0], 5), alone, atol=1e-6)


def test_nothing_is_nothing():
    rows = frames(10)
    assert not pool(rows, [12, -8, 4], [15, -1, 4], 5).any()
    assert pool(rows[:0], [0, 1], [1, 2], 5).shape == (2, 15)
    assert pool(rows, [], [], 5).shape == (0, 15)
    half = pool(rows, [8.0], [12.0], 2)  # the second part lies after the end
    assert half[0, :3].any() and not half[0, 3:].any()
