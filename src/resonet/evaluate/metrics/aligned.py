"""What the measures of two aligned sounds (STOI, PESQ) have in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resonet.errors import UsageError

_LEAST = 0.5  # seconds

Samples = NDArray[np.float32]


def pair(reference: Samples, other: Samples, sample_rate: int) -> tuple[Samples, Samples] | None:
    """Both cut to the shorter one; None under half a second, and where one is silent."""
    length = min(len(reference), len(other))
    cut = np.asarray(reference[:length], np.float32), np.asarray(other[:length], np.float32)
    return cut if length >= _LEAST * sample_rate and all(np.any(x) for x in cut) else None


def missing(measure: str, package: str) -> UsageError:
    """That the package which computes a measure is not installed."""
    return UsageError(f"{measure} needs the package {package}", f"pip install {package}")
