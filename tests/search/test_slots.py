"""Posteriors as strings of slots: which there are, what they weigh, what it costs to match them, the ways through."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.search.posteriors import pack, read
from resonet.search.slots import slots_in, slots_of

UNITS = 12


def heard(*frames: dict[int, float]) -> np.ndarray:
    """Log-probs of frames, each with the probabilities of some units; the blank has what is left."""
    probs = np.full((len(frames), UNITS), 1e-6)
    for row, frame in zip(probs, frames, strict=True):
        row[list(frame)] = list(frame.values())
        row[0] = max(1e-6, 1 - sum(frame.values()))
    return np.log(probs).astype(np.float32)


def clearly(units: Sequence[int]) -> np.ndarray:
    return heard(*[frame for unit in units for frame in ({unit: 0.99}, {})])


def test_frames_of_one_unit_are_a_slot() -> None:
    found = slots_in(heard({}, {3: 0.9}, {3: 0.5, 4: 0.3}, {5: 0.9}, {}, {}, {5: 0.6}, {}))
    assert found.start.tolist() == [1, 3, 6] and found.end.tolist() == [3, 4, 7]
    assert np.allclose(found.weight, [1, 0.9, 0.6], atol=0.1)
    told = [(s, u) for s, u in zip(found.slot.tolist(), found.unit.tolist(), strict=True)]
    assert {(0, 3), (0, 4), (1, 5), (2, 5)} <= set(told)


def test_silence_has_none() -> None:
    assert len(slots_in(heard({}, {}, {3: 0.02}))) == 0 and slots_in(heard({}, {})).ways() == []


def test_likely_ways_come_first() -> None:
    found = slots_in(heard({3: 0.99}, {}, {4: 0.6, 5: 0.39}, {}, {6: 0.5}))
    ways = found.ways()
    assert ways[0][:2] == [3, 4] and [3, 5, 6] in ways and [3, 4] in ways and [3, 4, 6] in ways


def test_alike_slots_cost_little() -> None:
    query, other = slots_in(clearly([3, 4])), slots_in(clearly([3, 4, 5]))
    cost = other.costs(query)
    assert cost.shape == (2, 3) and cost[0, 0] < 0.2 and cost[1, 1] < 0.2
    assert min(cost[0, 1], cost[0, 2], cost[1, 0], cost[1, 2]) > 3


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.integers(1, UNITS - 1), max_size=6), min_size=1, max_size=5))
def test_segments_keep_to_themselves(texts: list[list[int]]) -> None:
    blobs = [pack(clearly(text)) for text in texts]
    found = slots_of(read(blobs), UNITS)
    assert found.first.tolist() == [0, *np.cumsum([len(text) for text in texts])]
    for i, text in enumerate(texts):
        alone = slots_in(clearly(text)) if text else None
        some = slice(found.first[i], found.first[i + 1])
        assert found.start[some].tolist() == (alone.start.tolist() if alone else [])
        assert found.end[some].tolist() == (alone.end.tolist() if alone else [])
