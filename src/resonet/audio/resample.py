"""Change of sample rate by the SoX resampler (soxr, HQ: pass band to 91 % of the lower Nyquist rate, linear phase)."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from resonet.errors import UsageError

# A file's header may say anything; 1 kHz keeps the growth to 16 kHz at 16 times, 1,536 kHz is 8 times 192 kHz.
LOWEST_RATE = 1_000
HIGHEST_RATE = 1_536_000


class Resampler:
    """A recording in pieces from one sample rate to another; the pieces joined equal `resample` of the whole.

    Not to be shared between threads: it holds the filter's state.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        """Rates in Hz; UsageError outside 1,000 to 1,536,000 Hz."""
        for rate in (from_rate, to_rate):
            if not LOWEST_RATE <= rate <= HIGHEST_RATE:
                raise UsageError(
                    f"{rate} Hz is no sample rate for speech", f"give {LOWEST_RATE:,} to {HIGHEST_RATE:,} Hz"
                )
        self._stream = None if from_rate == to_rate else soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32")

    def push(self, samples: NDArray[np.float32], last: bool = False) -> NDArray[np.float32]:
        """float32 [time] in, float32 [other time] out, a few milliseconds late; `last` brings out what is left."""
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        return samples if self._stream is None else self._stream.resample_chunk(samples, last=last)


def resample(samples: NDArray[np.float32], from_rate: int, to_rate: int) -> NDArray[np.float32]:
    """float32 [time] at `from_rate` Hz to float32 [round(time * to_rate / from_rate)] at `to_rate` Hz.

    Equal rates give the same array. UsageError for more than one dimension or rates outside 1,000 to 1,536,000 Hz.
    """
    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim != 1:
        raise UsageError(f"samples of shape {samples.shape} cannot be resampled", "give one dimension: time")
    return Resampler(from_rate, to_rate).push(samples, last=True)
