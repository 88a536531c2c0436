"""Leaving out frames in which a model is sure to hear nothing: most of its frames, at no cost in accuracy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def collapse(log_probs: NDArray[np.float32], blank_skip: float) -> tuple[NDArray[np.intp], NDArray[np.bool_], float]:
    """Takes out the frames whose blank has a probability above `blank_skip`; 1.0 takes out none.

    Args:
        log_probs: float32 [frames, units], natural log.
        blank_skip: a probability.

    Returns:
        `kept` [n]: the frames left; `after_blank` [n]: whether frames were taken out just before each of them (a blank
        parts two equal units even then); the summed log probability of the blanks taken out.
    """
    silent = log_probs[:, 0] > (np.log(blank_skip) if blank_skip < 1.0 else np.inf)
    kept = np.flatnonzero(~silent)
    after_blank = np.diff(kept, prepend=-1) > 1
    return kept, after_blank, float(log_probs[silent, 0].sum(dtype=np.float64))
