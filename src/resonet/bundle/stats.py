"""`stats.json` of a bundle: how the training data was distributed. Later recordings are measured against it (drift)."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, ValidationError, model_validator

from resonet.bundle.manifest import explain
from resonet.bundle.runtime_fields import Part
from resonet.errors import BundleError


class Histogram(Part):
    """Counts between edges: `counts[i]` values lie in `edges[i] <= x < edges[i + 1]`.

    The first and last bin also hold what lies beyond them, so that no value is lost.
    """

    unit: str
    edges: tuple[float, ...] = Field(min_length=2)
    counts: tuple[int, ...]

    @model_validator(mode="after")
    def _fits(self) -> Histogram:
        if len(self.counts) != len(self.edges) - 1 or min(self.counts) < 0:
            raise ValueError("a histogram needs one count, 0 or more, between each two edges")
        if any(left >= right for left, right in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("the edges of a histogram must rise")
        return self

    @classmethod
    def of(cls, values: ArrayLike, edges: Sequence[float], unit: str) -> Histogram:
        """Counts `values` (any shape; NaN and infinity are left out) between `edges`."""
        flat = np.asarray(values, dtype=np.float64).ravel()
        bins = np.searchsorted(np.asarray(edges), flat[np.isfinite(flat)], side="right") - 1
        counts = np.bincount(np.clip(bins, 0, len(edges) - 2), minlength=len(edges) - 1)
        return cls(unit=unit, edges=tuple(float(edge) for edge in edges), counts=tuple(int(count) for count in counts))


def _edges(start: float, stop: float, step: float) -> tuple[float, ...]:
    return tuple(round(start + i * step, 6) for i in range(round((stop - start) / step) + 1))


# Fixed, so that two bundles, or a bundle and today's recordings, can be compared bin by bin.
LOUDNESS_EDGES = _edges(-80, 0, 2)  # dBFS
SNR_EDGES = _edges(-10, 70, 2)  # dB
DURATION_EDGES = _edges(0, 30, 0.5)  # seconds
CONFIDENCE_EDGES = _edges(0, 1, 0.05)


class Stats(Part):
    """`stats.json`: the training utterances, what could be measured; `units` counts each unit of the transcripts."""

    utterances: int = Field(0, ge=0)
    hours: float = Field(0.0, ge=0)
    loudness: Histogram | None = None
    snr: Histogram | None = None
    duration: Histogram | None = None
    confidence: Histogram | None = None
    units: dict[str, int] = Field({})

    @classmethod
    def parse(cls, content: bytes, where: str) -> Stats:
        """Reads `stats.json`; fields that a newer minor format added are ignored. Raises BundleError."""
        try:
            fields = json.loads(content.decode("utf-8"))
            known = {name: value for name, value in fields.items() if name in cls.model_fields}
            return cls.model_validate_json(json.dumps(known))
        except ValidationError as error:
            raise BundleError(f"{where}: stats.json does not fit its format: {explain(error)}") from error
        except (ValueError, AttributeError, RecursionError) as error:
            raise BundleError(f"{where}: stats.json is unreadable: {error}") from error
