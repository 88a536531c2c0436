"""Signal to distortion: how much of a waveform is left in another that should be the same.

Only for recordings that are aligned sample by sample, and even then harsh on vocoders, which choose phases of their
own: speech that sounds right may have -20 dB.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BEST = 100.0  # dB: in place of infinity, which JSON cannot hold; likewise -100 for nothing in common


def sdr(reference: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """10 log10(|s|^2 / |s - s'|^2) in dB, of float32 [time] each; the longer one is cut.

    Raises:
        ValueError: the reference is silent.
    """
    s, e = _pair(reference, other)
    return _decibels(float(s @ s), float((s - e) @ (s - e)))


def si_sdr(reference: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The same for any loudness (Le Roux et al. 2019, doi 10.1109/ICASSP.2019.8683855): s is scaled by
    <s', s> / |s|^2 first, the means of both taken off.

    Raises:
        ValueError: the reference is silent.
    """
    s, e = _pair(reference, other)
    s, e = s - s.mean(), e - e.mean()
    target = (e @ s) / max(float(s @ s), 1e-30) * s
    return _decibels(float(target @ target), float((target - e) @ (target - e)))


def _pair(
    reference: NDArray[np.float32], other: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    length = min(len(reference), len(other))
    s, e = np.asarray(reference[:length], np.float64), np.asarray(other[:length], np.float64)
    if not s.any():
        raise ValueError("a silent reference has no signal to find again")
    return s, e


def _decibels(signal: float, noise: float) -> float:
    if noise <= 0:
        return BEST
    return float(np.clip(10 * np.log10(max(signal, 1e-300) / noise), -BEST, BEST))
