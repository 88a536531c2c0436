"""Mel-cepstral distortion (MCD): how far the spectral envelopes of two recordings of a text are from each other, in dB.

    MCD = 10 / ln 10 * sqrt(2 * sum over m = 1..34 of (c(m) - c'(m))^2), a mean over the frames of the cheapest path

Tools differ, and MCDs of two tools cannot be compared. The five choices here:

    cepstra    mel-cepstral analysis (Fukada et al. 1992, doi 10.1109/ICASSP.1992.225953; SPTK's mcep gives the same) at
               24 kHz (other rates are resampled), Hann windows of 25 ms, FFT of 1024, a frame every 5 ms
    order      34, without c(0): loudness does not count
    alpha      0.46, near the mel scale at 24 kHz
    alignment  dynamic time warping on the same c(1..34), Euclidean, steps 1 0, 0 1 and 1 1 of one weight (warping.py);
               also where two recordings are aligned already, so that all figures are of one kind
    silence    frames at both ends more than 40 dB under the loudest are left out; pauses inside count, and so that an
               empty band is not infinitely far from a quiet one, recordings are brought to -23 dBFS and get a floor of
               white noise 67 dB below
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from resonet.audio import resample
from resonet.evaluate.metrics import warping

SAMPLE_RATE, SHIFT, WINDOW, FFT = 24000, 120, 600, 1024
ORDER, ALPHA = 34, 0.46
SILENCE_DB = -40.0
LONGEST = warping.LONGEST * SHIFT / SAMPLE_RATE  # seconds of a recording, without the silence at its ends

_ROUNDS = 15  # of the fit, after which it is 0.001 dB from where it ends
_LOUDNESS, _FLOOR = 10 ** (-23 / 10), 10 ** (-90 / 10)  # power of a sample
_SILENT = 1e-10  # -100 dBFS
_EULER = 0.5772  # how far the mean of a noise's log power lies below the log of its mean


@dataclass(frozen=True)
class Distortion:
    """The MCD in dB, and the alignment it was taken on: frames of 5 ms of either recording, counted from its start."""

    decibels: float
    path: warping.Path


def compare(first: NDArray[np.float32], second: NDArray[np.float32], sample_rate: int) -> Distortion | None:
    """The distortion of two recordings, float32 [time]; None where one is silent or too long (LONGEST)."""
    found = []
    for sound in (first, second):
        sound = resample(np.asarray(sound, np.float32), sample_rate, SAMPLE_RATE)
        begin, end = without_silence(sound)
        if not 0 < end - begin <= warping.LONGEST:
            return None
        power = float(np.mean(np.square(sound[begin * SHIFT : end * SHIFT], dtype=np.float64)))
        loud = sound * np.float32(np.sqrt(_LOUDNESS / max(power, 1e-20)))
        found.append((begin, mel_cepstra(loud, begin, end)[:, 1:]))
    (begin_a, a), (begin_b, b) = found
    rows, columns = warping.path(a, b)
    return Distortion(float(distances(a[rows], b[columns]).mean()), (rows + begin_a, columns + begin_b))


def distances(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distortion in dB of each pair of frames, c(1..) of either: [frames, order] -> [frames]."""
    return 10 / np.log(10) * np.sqrt(2 * np.square(first - second).sum(axis=1))


def mel_cepstra(samples: NDArray[np.float32], begin: int = 0, end: int | None = None) -> NDArray[np.float64]:
    """c(0..34) of frames `begin` to `end` of float32 [time] at 24 kHz: float64 [frames, 35]. Frame i is the window
    around sample 120 i, with silence outside the recording.

    The log power spectrum of the envelope is log|H|^2 = 2 sum c(m) cos(m w~), w~ the warped frequency; c is where the
    mean over all bins of exp(R) - R, R = log(power / |H|^2), is least. Each round adds the least squares fit of
    exp(R) - 1: scoring by Fisher, whose matrix is the same for all frames.
    """
    count = frames(len(samples)) if end is None else end
    cosines, fit, window = _tables()
    padded = np.pad(np.asarray(samples, np.float64), (WINDOW // 2, WINDOW))
    found = []
    for start in range(begin, count, 1000):
        windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::SHIFT][start : min(count, start + 1000)]
        power = np.log(np.square(np.abs(np.fft.rfft(windows * window, FFT))) + _FLOOR)
        c = (power + _EULER) @ fit
        for _ in range(_ROUNDS):
            # Bounded, so that a lone peak far over the first guess does not throw the fit off.
            c += (np.exp(np.minimum(power - c @ cosines, 3.0)) - 1) @ fit
        found.append(c)
    return np.concatenate(found) if found else np.empty((0, ORDER + 1))


def frames(samples: int) -> int:
    """Frames of a recording of so many samples at 24 kHz."""
    return -(-samples // SHIFT)


def without_silence(samples: NDArray[np.float32]) -> tuple[int, int]:
    """The first frame that is not silence, and the one after the last (24 kHz); 0, 0 where all is silence."""
    count = frames(len(samples))
    padded = np.pad(np.square(samples, dtype=np.float64), (WINDOW // 2, WINDOW))
    sums = np.concatenate([[0.0], np.cumsum(padded)])
    starts = np.arange(count) * SHIFT
    power = sums[starts + WINDOW] - sums[starts]
    if not count or power.max() <= WINDOW * _SILENT:
        return 0, 0
    loud = np.flatnonzero(power > power.max() * 10 ** (SILENCE_DB / 10))
    return int(loud[0]), int(loud[-1]) + 1


@cache
def _tables() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """2 cos(m w~) [order + 1, bins]; the least squares fit to it [bins, order + 1]; the window [WINDOW], of power 1."""
    w = np.linspace(0, np.pi, FFT // 2 + 1)
    warped = w + 2 * np.arctan2(ALPHA * np.sin(w), 1 - ALPHA * np.cos(w))
    cosines = 2 * np.cos(np.outer(np.arange(ORDER + 1), warped))
    weights = np.ones(len(w))
    weights[[0, -1]] = 0.5  # they stand for themselves, all others for two bins of the whole circle
    fit = np.linalg.solve((cosines * weights) @ cosines.T, cosines * weights).T
    window = np.hanning(WINDOW + 2)[1:-1]
    return cosines, fit, window / np.sqrt(np.square(window).sum())
