"""`stats.json`: histograms lose no value, and read back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from resonet.bundle import Histogram, Stats
from resonet.bundle.manifest import dump
from resonet.bundle.stats import CONFIDENCE_EDGES, DURATION_EDGES, LOUDNESS_EDGES, SNR_EDGES
from resonet.errors import BundleError


def test_values_beyond_the_edges_count_in_the_outer_bins() -> None:
    histogram = Histogram.of([-5, 0, 0.5, 1, 2, 9, np.nan, np.inf], [0, 1, 2], "s")
    assert histogram.counts == (3, 3) and histogram.edges == (0.0, 1.0, 2.0)
    assert Histogram.of([], [0, 1], "s").counts == (0,)


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6)))
def test_no_value_is_lost(values: list[float]) -> None:
    for edges in (LOUDNESS_EDGES, SNR_EDGES, DURATION_EDGES, CONFIDENCE_EDGES):
        assert sum(Histogram.of(values, edges, "").counts) == len(values)


def test_round_trip_and_newer_fields() -> None:
    stats = Stats(utterances=2, hours=0.5, snr=Histogram.of([20, 30], SNR_EDGES, "dB"), units={"a": 3})
    assert Stats.parse(dump(stats), "x") == stats
    newer = {**json.loads(dump(stats)), "pitch": 3}
    assert Stats.parse(json.dumps(newer).encode(), "x") == stats


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff", b'{"hours": "x"}', b'{"snr": {"unit": "", "edges": [0], "counts": []}}']
)
def test_bad_stats(content: bytes) -> None:
    with pytest.raises(BundleError, match=r"x: stats\.json"):
        Stats.parse(content, "x")


@pytest.mark.parametrize(("edges", "counts"), [((0, 1), (1, 2)), ((1, 0), (1,)), ((0, 1), (-1,))])
def test_bad_histograms(edges: tuple[float, ...], counts: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError):
        Histogram(unit="s", edges=edges, counts=counts)
