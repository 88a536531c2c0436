"""Where a recording holds speech, by energy over an adaptive noise floor.

The fallback where a bundle brings no network for it. It knows no speech from any other sound that comes and goes; what
it gives is silence and steady noise left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resonet.audio.resample import resample

_RATE = 16000
_HOP = 160  # 10 ms
_FRAME = 320
# Hz. Each band has a floor of its own and the band that stands out most decides: white noise hides consonants but not
# the first formant, traffic the other way round. Mains hum stays below.
_BANDS = ((200, 500), (500, 1000), (1000, 2000), (2000, 4000))
_SMOOTH = 5  # frames: 50 ms bring a band of noise to within 2 dB of its mean
# Speech has dips of 15 dB and more between syllables, so that its own tenth percentile over this long is near the
# noise, while steady noise stays within 3 dB of its percentile.
_FLOOR_BLOCK = 50  # frames: 0.5 s
_FLOOR_REACH = 3  # blocks to each side: 3.5 s in all
_ONSET_DB = 9.0
_KEEP_DB = 5.0
_QUIET_DB = -80.0  # dBFS in a band: at and below it nothing is speech, but hiss of 16 bits
_LEAST_FRAMES = 6  # over the onset threshold: clicks are shorter
_HANGOVER = 20  # frames kept before and after: unvoiced beginnings and fading ends
_BRIDGE = 10  # frames: a shorter gap, past the hangovers, is part of the speech
_CHUNK = 3000  # frames: half a minute at a time keeps the spectra of hours-long recordings small


def speech_regions(samples: NDArray[np.float32], sample_rate: int) -> list[tuple[float, float]]:
    """Regions (start, end) in seconds of float32 [time], -1..1, in order and apart from each other.

    Digital silence, an empty recording and steady noise give none.
    """
    samples = np.asarray(samples, dtype=np.float32)
    duration = len(samples) / sample_rate
    if sample_rate != _RATE:
        samples = resample(samples, sample_rate, _RATE)
    excess = _excess(_levels(samples))
    if not len(excess):
        return []
    loud = excess > _ONSET_DB
    regions = _runs(excess > _KEEP_DB)
    counts = np.concatenate([[0], np.cumsum(loud)])
    regions = regions[counts[regions[:, 1]] - counts[regions[:, 0]] >= _LEAST_FRAMES]
    if not len(regions):
        return []
    regions = regions + np.array([-_HANGOVER, _HANGOVER])
    apart = regions[1:, 0] - regions[:-1, 1] > _BRIDGE
    starts = regions[np.concatenate([[True], apart]), 0]
    ends = regions[np.concatenate([apart, [True]]), 1]
    seconds = _HOP / _RATE
    return [
        (max(0.0, float(start) * seconds), min(duration, float(end) * seconds))
        for start, end in zip(starts, ends, strict=True)
    ]


def _levels(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Level of each band in dBFS over 50 ms, every 10 ms: float32 [bands, frames]."""
    count = max(0, (len(samples) - _FRAME) // _HOP + 1)
    if not count:
        return np.empty((len(_BANDS), 0), dtype=np.float32)
    window = np.hanning(_FRAME).astype(np.float32)
    window /= np.sqrt(np.sum(window**2) * _FRAME / 2)
    edges = [[round(hz * _FRAME / _RATE) for hz in band] for band in _BANDS]
    power = np.zeros((len(_BANDS), count), dtype=np.float32)
    for start in range(0, count, _CHUNK):
        stop = min(start + _CHUNK, count)
        part = samples[start * _HOP : (stop - 1) * _HOP + _FRAME]
        frames = np.lib.stride_tricks.sliding_window_view(part, _FRAME)[::_HOP] * window
        spectrum = np.fft.rfft(frames, axis=1)
        energy = spectrum.real**2 + spectrum.imag**2
        for band, (low, high) in enumerate(edges):
            power[band, start:stop] = energy[:, low:high].sum(axis=1)
    padded = np.pad(power, ((0, 0), (_SMOOTH // 2, _SMOOTH // 2)), mode="edge")
    smooth = [np.convolve(row, np.full(_SMOOTH, 1 / _SMOOTH), mode="valid") for row in padded]
    return (10 * np.log10(np.array(smooth) + 1e-12)).astype(np.float32)


def _excess(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the band that stands out most is over its noise floor, in dB: float32 [frames]."""
    if not levels.shape[1]:
        return levels[0]
    return np.max([level - np.maximum(_noise_floor(level), _QUIET_DB - _KEEP_DB) for level in levels], axis=0)


def _noise_floor(level: NDArray[np.float32]) -> NDArray[np.float32]:
    """The noise level around each frame: the tenth percentile of 3.5 s, between block centres by interpolation."""
    count = -(-len(level) // _FLOOR_BLOCK)
    filled = np.pad(level, (0, count * _FLOOR_BLOCK - len(level)), mode="edge").reshape(count, _FLOOR_BLOCK)
    around = np.pad(filled, ((_FLOOR_REACH, _FLOOR_REACH), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(around, 2 * _FLOOR_REACH + 1, axis=0)
    floor = np.empty(count, dtype=np.float32)
    for start in range(0, count, 1024):
        floor[start : start + 1024] = np.percentile(windows[start : start + 1024], 10, axis=(1, 2))
    centres = (np.arange(count) + 0.5) * _FLOOR_BLOCK
    return np.interp(np.arange(len(level)), centres, floor).astype(np.float32)


def _runs(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Stretches of True as int64 [runs, 2]: first frame, and the one after the last."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)], axis=1).astype(np.int64)
