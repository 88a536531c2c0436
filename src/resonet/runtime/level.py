"""What keeps the sound of a voice even: a limiter, soft ends of sentences, and pauses that hiss as the voice does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resonet.runtime.acoustic import Samples

CEILING = 10 ** (-1 / 20)  # -1 dBFS: lossy formats overshoot, and that much room is usual for it
_HALF = 0.01  # seconds by which the limiter looks to either side, twice: for the lowest gain, and to smooth it
# A stretch counts as quiet, and its colour is copied into pauses, below this level.
_QUIET = 10 ** (-45 / 20)
_WINDOW = 512  # samples of a spectrum of it


class Limiter:
    """Holds sound at or below -1 dBFS by turning it down around its peaks, smoothly; what has none is left as it is.

    The sound comes out 20 ms later than it goes in, until `finish`; the result is the same whatever the pieces.
    """

    def __init__(self, sample_rate: int) -> None:
        self._half = max(1, round(_HALF * sample_rate))
        bell = np.hanning(2 * self._half + 3)[1:-1]
        self._bell = bell / bell.sum()
        # In front of what is to come out lies what came before it, as it bears on the gain.
        self._held = np.zeros(2 * self._half, np.float32)

    def push(self, samples: Samples) -> Samples:
        """Takes float32 [time]; gives what is now certain."""
        self._held = np.concatenate([self._held, samples])
        reach = 2 * self._half
        count = max(0, len(self._held) - 2 * reach)
        if not count:
            return self._held[:0]
        sound = self._held[: count + 2 * reach]
        out = sound[reach : reach + count] * self._gain(sound)
        self._held = self._held[count:]
        return out.astype(np.float32, copy=False)

    def finish(self) -> Samples:
        """The rest; the limiter is then as new."""
        reach = 2 * self._half
        out = self.push(np.zeros(reach, np.float32))
        self._held = np.zeros(reach, np.float32)
        return out

    def _gain(self, sound: Samples) -> NDArray[np.float64] | np.float32:
        """The gain of all samples but the outer `2 * half`: the lowest within `half` that any needs, averaged likewise.

        Every average over it spans lowest values that already heed the sample in its middle, so that none exceeds the
        ceiling.
        """
        loudness = np.abs(sound)
        if loudness.max(initial=0.0) <= CEILING:
            return np.float32(1)
        needed = np.minimum(1.0, CEILING / np.maximum(loudness, CEILING).astype(np.float64))
        return np.convolve(_lowest(needed, 2 * self._half + 1), self._bell, "valid")


class Floor:
    """Noise like that of a voice at rest.

    Args:
        power: of a sample at equally spaced frequencies from 0 to half the rate.
    """

    def __init__(self, power: NDArray[np.float64], sample_rate: int) -> None:
        # A second of noise with that spectrum and phases by chance; its end goes on as it begins.
        bins = sample_rate // 2 + 1
        size = np.sqrt(sample_rate * np.interp(np.linspace(0, 1, bins), np.linspace(0, 1, len(power)), power))
        spectrum = size * np.exp(1j * np.random.default_rng(0).uniform(0, 2 * np.pi, bins))
        spectrum[0] = 0
        self._loop = np.fft.irfft(spectrum, sample_rate).astype(np.float32)

    @classmethod
    def of(cls, end: Samples, sample_rate: int) -> Floor | None:
        """The floor under the `end` of a sentence, float32 [time]; None where that is too short or too loud to tell."""
        starts = range(0, len(end) - _WINDOW + 1, _WINDOW // 2)
        if len(starts) < 2:
            return None
        frames = np.stack([end[i : i + _WINDOW] for i in starts]).astype(np.float64)
        frames -= frames.mean(1, keepdims=True)
        # The quieter half: what was said last still rings in the others.
        frames = frames[np.argsort((frames**2).sum(1))[: len(frames) // 2]]
        if np.sqrt((frames**2).mean()) > _QUIET:
            return None
        window = np.hanning(_WINDOW)
        power = (np.abs(np.fft.rfft(frames * window)) ** 2).mean(0) / (window**2).sum()
        return cls(np.convolve(np.pad(power, 2, "edge"), np.full(5, 0.2), "valid"), sample_rate)

    def sound(self, start: int, samples: int) -> Samples:
        """So many samples of it, float32 [time]; `start` counts on from one call to the next."""
        return self._loop[(start + np.arange(samples)) % len(self._loop)]


def fade_in(samples: Samples, length: int) -> Samples:
    """The sound with a start that rises from zero over `length` samples (less where it is shorter)."""
    length = min(length, len(samples))
    samples = samples.copy()
    samples[:length] *= np.arange(length, dtype=np.float32) / max(1, length)
    return samples


def fade_out(samples: Samples, length: int) -> Samples:
    """The sound with an end that falls to zero."""
    return fade_in(samples[::-1], length)[::-1]


def _lowest(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """The lowest of every `width` values in a row, [n - width + 1]; by doubling the width that is looked at."""
    reach, lowest = 1, values
    while 2 * reach <= width:
        lowest = np.minimum(lowest[:-reach], lowest[reach:])
        reach *= 2
    rest = width - reach
    return np.minimum(lowest[: len(lowest) - rest], lowest[rest:])
