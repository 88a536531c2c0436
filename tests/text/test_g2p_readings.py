"""Readings of words by the reader of unknown ones, against the sums over all paths."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.text.g2p import GraphemeToPhone


class Network:
    """Gives the same log-probabilities whatever the letters are."""

    def __init__(self, log_probs: np.ndarray) -> None:
        self.log_probs = log_probs

    def run(self, names: list[str], given: dict[str, np.ndarray]) -> list[np.ndarray]:
        return [self.log_probs[None]]


def reader(log_probs: np.ndarray) -> GraphemeToPhone:
    made = GraphemeToPhone.__new__(GraphemeToPhone)
    made._session = Network(log_probs)
    made._letters, made._units, made._slots = {"a": 1, "b": 2}, ["", "P", "Q"], 2
    return made


def by_all_paths(log_probs: np.ndarray) -> dict[tuple[int, ...], float]:
    total: dict[tuple[int, ...], float] = {}
    for path in product(range(log_probs.shape[1]), repeat=len(log_probs)):
        phones = tuple(unit for unit, _ in groupby(path) if unit)
        total[phones] = total.get(phones, 0.0) + float(
            np.exp(sum(row[u] for row, u in zip(log_probs, path, strict=True)))
        )
    return total


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 1.0))
def test_the_likeliest_readings_are_those_of_all_paths(seed: int, least: float) -> None:
    probabilities = np.random.default_rng(seed).dirichlet([0.4] * 3, 4)
    log_probs = np.log(probabilities + 1e-9)
    total = by_all_paths(log_probs)
    total.pop(())
    best = sorted(total.values(), reverse=True)
    readings = reader(log_probs).readings("ab", 3, least)
    scores = [total[tuple("PQ".index(phone) + 1 for phone in reading)] for reading in readings]
    assert scores == pytest.approx([p for p in best[:3] if p >= best[0] * least], rel=1e-6)


def test_letters_of_another_alphabet_have_no_reading() -> None:
    assert reader(np.zeros((4, 3))).readings("...", 3, 0.3) == []
