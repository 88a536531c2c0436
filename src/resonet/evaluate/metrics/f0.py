"""How well the melody of a recording follows another's: pitch and voicing, frame by frame.

Frames are those that the alignment of the mel-cepstra pairs (mcd.py): 5 ms apart, silence at the ends left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonet.evaluate.metrics.warping import Path

FEWEST = 10  # pairs of voiced frames: of fewer nothing is told


@dataclass(frozen=True)
class PitchErrors:
    """Of aligned frames. None where hardly any are voiced in both.

    rmse_cents: root mean square of 1200 log2(f / f') over the frames voiced in both (an octave is 1200).
    correlation: of log f and log f' over the same; None for a monotone, too.
    voicing: share (0..1) of all frames in which one is voiced and the other is not.
    """

    rmse_cents: float | None
    correlation: float | None
    voicing: float


def errors(first: NDArray[np.float32], second: NDArray[np.float32], path: Path) -> PitchErrors:
    """Compares two tracks, Hz and 0 where nothing is voiced, [frames] of 5 ms, along a path.

    Raises:
        ValueError: a path without frames.
    """
    rows, columns = path
    if not len(rows):
        raise ValueError("there are no frames to compare")
    # A track may end a frame before the cepstra do.
    f, g = (np.pad(x, (0, max(0, int(i.max()) + 1 - len(x))))[i] for x, i in ((first, rows), (second, columns)))
    voicing = float(np.mean((f > 0) != (g > 0)))
    both = (f > 0) & (g > 0)
    if np.count_nonzero(both) < FEWEST:
        return PitchErrors(None, None, voicing)
    a, b = np.log2(f[both].astype(np.float64)), np.log2(g[both].astype(np.float64))
    spread = a.std() * b.std()
    correlation = float(np.mean((a - a.mean()) * (b - b.mean())) / spread) if spread > 1e-9 else None
    return PitchErrors(float(1200 * np.sqrt(np.mean(np.square(a - b)))), correlation, voicing)
