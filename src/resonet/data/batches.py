"""Batches by seconds of audio, alike in length, the same for the same seed and pass: a run resumes by counting."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


@dataclass(frozen=True)
class Draw:
    """One utterance of a batch: its number, and the speed it is played at in this pass."""

    index: int
    speed: float


def draw_batches(
    lengths: Callable[[int, float], int],
    count: int,
    *,
    limit: int,
    seed: int,
    number: int,
    speeds: tuple[float, ...] = (1.0,),
    ascending: bool = False,
) -> list[list[Draw]]:
    """The batches of pass `number` over `count` utterances.

    Args:
        lengths: samples of (utterance, speed).
        limit: samples a batch at most, padding included; an utterance longer than that is a batch of its own.
        ascending: short batches first (curriculum of the first pass); otherwise batches come in random order.

    Sorting by length with up to 10 % of jitter keeps padding small and mixes utterances differently in each pass.
    """
    rng = np.random.default_rng([seed, number])
    drawn = [Draw(i, float(speeds[s])) for i, s in enumerate(rng.integers(len(speeds), size=count))]
    long = np.array([lengths(d.index, d.speed) for d in drawn])
    order = np.argsort(long * rng.uniform(0.9, 1.1, size=count))
    batches: list[list[Draw]] = []
    batch: list[Draw] = []
    longest = 0
    for i in order:
        longest = max(longest, int(long[i]))
        if batch and longest * (len(batch) + 1) > limit:
            batches.append(batch)
            batch, longest = [], int(long[i])
        batch.append(drawn[i])
    if batch:
        batches.append(batch)
    if not ascending:
        batches = [batches[i] for i in rng.permutation(len(batches))]
    return batches


def pad(arrays: list[NDArray[np.float32]]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """float32 [batch, longest] with zeros after the shorter ones, and int64 [batch] lengths."""
    lengths = np.array([len(a) for a in arrays], np.int64)
    out = np.zeros((len(arrays), max(1, int(lengths.max()))), np.float32)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return out, lengths


def ahead(items: Iterable[T], depth: int = 3) -> Iterator[T]:
    """The items, made by a thread that stays `depth` ahead, so that the network never waits for a batch."""
    line: queue.Queue = queue.Queue(depth)
    stopped = threading.Event()
    end = object()

    def put(item: object) -> bool:
        while not stopped.is_set():
            try:
                line.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(end)
        except BaseException as error:  # handed over and raised where the items are used
            put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        while (item := line.get()) is not end:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
