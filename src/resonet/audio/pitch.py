"""The pitch of a voice over time (F0), from the periodicity of the sound.

Per frame: the difference function of YIN (de Cheveigné and Kawahara 2002, doi 10.1121/1.1458024) over a window around
the frame's middle, in McLeod's normalisation (McLeod and Wyvill 2005),

    n(t) = 2 sum x(j) x(j+t) / sum (x(j)^2 + x(j+t)^2)

which is 1 for a lag t of whole periods. Its highest peaks are candidates; the cheapest path through the recording
decides between them and "no voice" (Boersma 1993), with his costs. A median filter takes single frames that jumped.

What is left of octave errors lies beyond the range of the speaker: `Range.of` tells that range from a first pass over
some recordings, `of_speaker` makes both passes. An hour of speech takes some ten seconds of one core.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonet.audio.resample import resample
from resonet.errors import UsageError

LOWEST, HIGHEST = 60.0, 500.0  # Hz: men, women and children who speak; not shouts, not song
SHIFT = 0.005

_RATE = 8000  # enough for the lowest harmonics, by which periods are told
# Halves 1.5 kHz: the peaks of the correlation are then so round that three samples tell their tops.
_SOFTER = np.convolve([0.25, 0.5, 0.25], [0.25, 0.5, 0.25])
_PERIODS = 2.5  # of the lowest pitch in a window: two lie side by side at every lag that is looked at
_CANDIDATES = 6
_PIECE = 4096  # frames at a time: 20 MB, however long the recording
# Costs after Boersma, in units of correlation: of being voiced at all, of an octave down, and for each 10 ms of an
# octave's jump and of a change between voice and none. The first two are higher than his 0.45 and 0.01, as nothing
# tapers these windows: on 62 clips of 19 readers 0.9 % of the voiced frames then lie over 200 cents from what Praat
# finds (most of them creak, an octave below a speaker's range), and 7.4 % of all are voiced for one of the two alone.
_THRESHOLD, _OCTAVE, _JUMP, _CHANGE = 0.6, 0.02, 0.35, 0.2
_QUIET = 6e-4  # of the power of loud frames: under it (-32 dB) periods count less and less
_MEDIAN = 0.025  # seconds
_ENOUGH = 20  # frames with voice: of fewer no range is told

Track = NDArray[np.float32]


@dataclass(frozen=True)
class Range:
    """Where the pitch of a speaker lies, Hz, and mean and deviation of its natural logarithm inside."""

    low: float = LOWEST
    high: float = HIGHEST
    mean: float = 5.0
    deviation: float = 0.25

    @classmethod
    def of(cls, tracks: Sequence[Track]) -> Range:
        """From tracks of a speaker: from 0.7 of the lower to 1.8 of the upper quartile (after De Looze and Hirst 2008),
        inside the widest; that one where hardly anything is voiced."""
        voiced = np.concatenate([f0[f0 > 0] for f0 in tracks]) if tracks else np.empty(0, np.float32)
        if len(voiced) < _ENOUGH:
            return cls()
        lower, upper = np.percentile(voiced, [25, 75])
        low, high = max(LOWEST, 0.7 * float(lower)), min(HIGHEST, 1.8 * float(upper))
        log = np.log(voiced[(voiced >= low) & (voiced <= high)])
        return cls(low, high, float(log.mean()), max(0.05, float(log.std())))


def track(
    samples: NDArray[np.float32],
    sample_rate: int,
    *,
    shift: float = SHIFT,
    first: float = 0.0,
    frames: int | None = None,
    low: float = LOWEST,
    high: float = HIGHEST,
) -> Track:
    """F0 in Hz, 0 where nothing is voiced: float32 [frames].

    Args:
        samples: float32 [time], -1..1.
        shift: seconds from frame to frame. first: seconds to the middle of the first.
        frames: how many; all whose middle lies in the recording by default.
        low, high: bounds in Hz.

    Raises:
        UsageError: bounds outside 20 to 1,000 Hz or in the wrong order, or a shift under 1 ms.
    """
    if not 20 <= low < high <= 1000:
        raise UsageError(f"{low:g} to {high:g} Hz is no range of a voice", "give 20 to 1000 Hz, the lower one first")
    if not shift >= 0.001:
        raise UsageError(f"a shift of {shift:g} s is too short", "give 0.001 s or more")
    sound = np.asarray(samples, np.float32)
    if frames is None:
        frames = max(0, int(np.ceil((len(sound) / sample_rate - first) / shift - 1e-9)))
    sound = resample(sound, sample_rate, _RATE) if frames and len(sound) else sound[:0]
    if not len(sound):
        return np.zeros(frames, np.float32)
    sound = np.convolve(sound, _SOFTER, "same").astype(np.float32)
    middles = np.round((first + np.arange(frames) * shift) * _RATE).astype(np.int64)
    hertz, strengths = _candidates(sound, middles, low, high)
    return _median(_path(hertz, strengths, shift), max(3, round(_MEDIAN / shift / 2) * 2 + 1))


def of_speaker(recordings: Sequence[NDArray[np.float32]], sample_rate: int, *, shift: float = SHIFT) -> list[Track]:
    """The tracks of recordings of one speaker, inside the range that a first pass found."""
    found = [track(sound, sample_rate, shift=shift) for sound in recordings]
    bounds = Range.of(found)
    low, high = bounds.low, bounds.high
    # A wrong octave costs one frame in a hundred; a second pass over all is only worth while where one is seen.
    return [
        f0 if not ((f0 > 0) & ((f0 < low) | (f0 > high))).any()
        else track(sound, sample_rate, shift=shift, low=low, high=high)
        for sound, f0 in zip(recordings, found, strict=True)
    ]  # fmt: skip


def contour(f0: Track, bounds: Range) -> NDArray[np.float32]:
    """Log pitch in deviations from the speaker's mean, unvoiced frames between their voiced neighbours: float32
    [frames], -4..4."""
    voiced = np.flatnonzero(f0 > 0)
    if not len(voiced):
        return np.zeros(len(f0), np.float32)
    log = (np.log(f0[voiced]) - bounds.mean) / bounds.deviation
    return np.interp(np.arange(len(f0)), voiced, np.clip(log, -4, 4)).astype(np.float32)


def _candidates(
    sound: NDArray[np.float32], middles: NDArray[np.int64], low: float, high: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pitches in Hz and their strengths, float32 [frames, candidates] each; the first is "no voice" (0 Hz)."""
    length = round(_PERIODS * _RATE / low)
    shortest, longest = max(2, int(_RATE / high)), int(np.ceil(_RATE / low))
    padded = np.pad(sound, (length, length + int(max(0, middles[-1] - len(sound)))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, length)
    starts = middles + length - length // 2
    loud = np.array([np.mean(np.square(sound[i : i + length])) for i in range(0, len(sound), length)])
    quiet = _QUIET * length * float(np.percentile(loud, 95)) + 1e-9
    hertz = np.zeros((len(middles), 1 + _CANDIDATES), np.float32)
    strengths = np.full((len(middles), 1 + _CANDIDATES), -1.0, np.float32)
    strengths[:, 0] = _THRESHOLD
    for begin in range(0, len(middles), _PIECE):
        some = slice(begin, begin + _PIECE)
        correlation = _correlation(windows[starts[some]], longest + 1, quiet)
        hertz[some, 1:], strengths[some, 1:] = _peaks(correlation, shortest, longest)
    return hertz, strengths


def _correlation(windows: NDArray[np.float32], lags: int, quiet: float) -> NDArray[np.float32]:
    """n(t) of windows [frames, length] for lags 0..lags: float32 [frames, lags + 1]."""
    frames = windows - windows.mean(axis=1, keepdims=True)
    length = frames.shape[1]
    spectrum = np.fft.rfft(frames, _fast(length + lags), axis=1)
    product = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, axis=1)[:, : lags + 1]
    energy = np.cumsum(np.square(frames), axis=1, dtype=np.float64)
    until = np.arange(length - 1, length - lags - 2, -1)  # the last sample that has a partner at this lag
    before = np.concatenate([np.zeros((len(frames), 1)), energy[:, :lags]], axis=1)
    both = energy[:, until] + energy[:, -1:] - before
    return (2 * product / (both + quiet)).astype(np.float32)


def _peaks(
    correlation: NDArray[np.float32], shortest: int, longest: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The strongest local maxima at lags from shortest to longest: Hz and strength, [frames, candidates]."""
    left, here, right = (correlation[:, shortest + i : longest + 1 + i] for i in (-1, 0, 1))
    peak = (here > left) & (here >= right) & (here > 0)
    lags = np.arange(shortest, longest + 1, dtype=np.float32)
    value = np.where(peak, here - _OCTAVE * np.log2(lags / shortest), -1)
    count = min(_CANDIDATES, value.shape[1])
    best = np.argpartition(-value, count - 1, axis=1)[:, :count]
    rows = np.arange(len(value))[:, None]
    a, b, c = left[rows, best], here[rows, best], right[rows, best]
    bend = np.minimum(a - 2 * b + c, -1e-9)
    offset = np.clip((a - c) / (2 * bend), -0.5, 0.5)  # of a parabola's top through the three
    strength = np.where(value[rows, best] > -1, value[rows, best] - (a - c) * offset / 4, -1)
    hertz = np.where(strength > -1, _RATE / (lags[best] + offset), 0)
    missing = ((0, 0), (0, _CANDIDATES - count))
    return np.pad(hertz, missing).astype(np.float32), np.pad(strength, missing, constant_values=-1).astype(np.float32)


def _path(hertz: NDArray[np.float32], strengths: NDArray[np.float32], shift: float) -> Track:
    """The best path through the candidates (Viterbi): Hz [frames]."""
    count = hertz.shape[1]
    scale = 0.01 / shift
    # Candidate 0 has no pitch; its octave is never asked for.
    octaves = np.log2(np.maximum(hertz, 1.0))
    jumps = np.full((count, count), _CHANGE * scale, np.float32)
    jumps[0, 0] = 0.0
    voiced = jumps[1:, 1:]
    total = strengths[0].copy()
    back = np.zeros(hertz.shape, np.int8)
    for i in range(1, len(hertz)):
        np.abs(octaves[i, 1:, None] - octaves[i - 1, 1:], out=voiced)
        voiced *= _JUMP * scale
        reached = total - jumps
        back[i] = best = reached.argmax(axis=1)
        total = reached[np.arange(count), best] + strengths[i]
        total -= total.max()
    state = int(total.argmax())
    found = np.zeros(len(hertz), np.float32)
    for i in range(len(hertz) - 1, -1, -1):
        found[i] = hertz[i, state]
        state = int(back[i, state])
    return found


def _median(f0: Track, size: int) -> Track:
    """The median over `size` voiced frames around each voiced one; voice and none stay what they are."""
    half = size // 2
    padded = np.pad(np.where(f0 > 0, f0, np.nan), half, constant_values=np.nan)
    windows = np.sort(np.lib.stride_tricks.sliding_window_view(padded, size), axis=1)  # NaN goes last
    there = np.count_nonzero(~np.isnan(windows), axis=1)
    rows = np.arange(len(f0))
    middle = (windows[rows, np.maximum(there - 1, 0) // 2] + windows[rows, there // 2]) / 2
    return np.where(f0 > 0, middle, 0).astype(np.float32)


def _fast(size: int) -> int:
    """The next length that the Fourier transform is quick for: a power of two, or three quarters of one."""
    power = 1 << (size - 1).bit_length()
    return 3 * power // 4 if 3 * power // 4 >= size else power
