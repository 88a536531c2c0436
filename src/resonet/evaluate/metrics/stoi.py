"""Short-time objective intelligibility (STOI, Taal et al. 2011): 0..1, of a recording beside a cleaner one.

Only where the two are aligned sample by sample, which for a voice is copy synthesis. The package pystoi does it, at
10 kHz; it is in no extra, since it brings SciPy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resonet.evaluate.metrics.aligned import missing, pair

PACKAGE = "pystoi"


def stoi(reference: NDArray[np.float32], other: NDArray[np.float32], sample_rate: int) -> float | None:
    """The STOI of two float32 [time]; the longer one is cut. None under half a second, and for silence.

    Raises:
        UsageError: pystoi is not installed.
    """
    try:
        from pystoi import stoi as measure
    except ImportError:
        raise missing("STOI", PACKAGE) from None
    both = pair(reference, other, sample_rate)
    return None if both is None else float(measure(*both, sample_rate))
