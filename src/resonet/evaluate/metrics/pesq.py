"""Perceptual evaluation of speech quality (PESQ, ITU-T P.862.2, wide band): about 1 (bad) to 4.6, beside the original.

Only where the two are aligned sample by sample, which for a voice is copy synthesis. It knows 16 kHz at most: nothing
above 8 kHz counts. The package pesq does it; it is in no extra, since it has to be compiled.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resonet.audio import resample
from resonet.evaluate.metrics.aligned import missing, pair

PACKAGE = "pesq"
SAMPLE_RATE = 16000


def pesq(reference: NDArray[np.float32], other: NDArray[np.float32], sample_rate: int) -> float | None:
    """The PESQ of two float32 [time]; the longer one is cut. None under half a second, for
    silence, and where no speech is found.

    Raises:
        UsageError: pesq is not installed.
    """
    try:
        from pesq import PesqError
        from pesq import pesq as measure
    except ImportError:
        raise missing("PESQ", PACKAGE) from None
    both = pair(reference, other, sample_rate)
    if both is None:
        return None
    heard = [resample(x, sample_rate, SAMPLE_RATE) for x in both]
    try:
        found = float(measure(SAMPLE_RATE, *heard, "wb"))
    except (PesqError, ValueError):
        return None
    return found if np.isfinite(found) else None
