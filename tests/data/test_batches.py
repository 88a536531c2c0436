"""Batches: nothing is lost, nothing comes twice, no batch is too large, and a pass can be had again."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.data.batches import Draw, ahead, draw_batches, pad

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=60)
SPEEDS = (0.9, 1.0, 1.1)


def drawn(lengths: list[int], limit: int = 500, seed: int = 0, number: int = 1, **options) -> list[list[Draw]]:
    options.setdefault("speeds", SPEEDS)
    return draw_batches(
        lambda i, speed: round(lengths[i] / speed), len(lengths), limit=limit, seed=seed, number=number, **options
    )


@settings(deadline=None, database=None)
@given(LENGTHS, st.integers(1, 2000), st.integers(0, 5), st.booleans())
def test_every_utterance_once_and_within_the_limit(lengths: list[int], limit: int, number: int, rising: bool) -> None:
    batches = drawn(lengths, limit, number=number, ascending=rising)
    assert sorted(d.index for batch in batches for d in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(round(lengths[d.index] / d.speed) for d in batch)
        assert len(batch) == 1 or longest * len(batch) <= limit
        assert {d.speed for d in batch} <= set(SPEEDS)


@settings(deadline=None, database=None)
@given(LENGTHS, st.integers(0, 3), st.integers(0, 3))
def test_the_same_seed_and_pass_give_the_same_batches(lengths: list[int], seed: int, number: int) -> None:
    assert drawn(lengths, seed=seed, number=number) == drawn(lengths, seed=seed, number=number)


def test_passes_and_seeds_differ() -> None:
    lengths = [50 + i for i in range(100)]
    first = drawn(lengths)
    assert first != drawn(lengths, number=2) and first != drawn(lengths, seed=1)
    speeds = [d.speed for batch in first for d in batch]
    assert all(speeds.count(s) > 15 for s in SPEEDS)


def test_rising_batches_go_from_short_to_long_with_a_little_jitter() -> None:
    lengths = np.random.default_rng(0).integers(100, 1600, 400).tolist()
    means = [np.mean([lengths[d.index] for d in b]) for b in drawn(lengths, 16_000, ascending=True, speeds=(1.0,))]
    assert all(late > 0.8 * early for early, late in itertools.pairwise(means))
    assert means[-1] > 2 * means[0]
    random = [np.mean([lengths[d.index] for d in b]) for b in drawn(lengths, 16_000, speeds=(1.0,))]
    assert random != sorted(random)


def test_little_is_padding() -> None:
    lengths = np.random.default_rng(0).integers(100, 1600, 400).tolist()
    batches = drawn(lengths, 16_000, speeds=(1.0,))
    padded = sum(len(b) * max(lengths[d.index] for d in b) for b in batches)
    assert sum(lengths) / padded > 0.85


def test_pad() -> None:
    out, lengths = pad([np.ones(2, np.float32), np.full(4, 2, np.float32), np.zeros(0, np.float32)])
    assert out.tolist() == [[1, 1, 0, 0], [2, 2, 2, 2], [0, 0, 0, 0]] and out.dtype == np.float32
    assert lengths.tolist() == [2, 4, 0] and lengths.dtype == np.int64
    assert pad([np.zeros(0, np.float32)])[0].shape == (1, 1)


def test_ahead_keeps_the_order_and_runs_before() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for i in range(20):
            made.append(i)
            yield i

    line = ahead(items(), depth=2)
    assert made == []
    assert next(line) == 0
    until = time.monotonic() + 10
    while len(made) < 4 and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.05)
    assert made == [0, 1, 2, 3]  # two wait, and one is made and finds no room
    assert list(line) == list(range(1, 20))


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt(), MemoryError()])
def test_ahead_hands_errors_over_after_what_came_before(error: BaseException) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise error

    line = ahead(items())
    assert next(line) == 1
    with pytest.raises(type(error)):
        next(line)


def test_ahead_ends_its_thread_when_nobody_listens() -> None:
    before = set(threading.enumerate())
    line = ahead(iter(range(1000)))
    next(line)
    (thread,) = set(threading.enumerate()) - before
    line.close()  # type: ignore[attr-defined]
    thread.join(5)
    assert not thread.is_alive()
