"""How loud, how clipped and how noisy a recording is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# In place of minus infinity for digital silence, which JSON cannot hold; 16 bits end at -96 dBFS.
SILENCE_DBFS = -120.0
# Lossy codecs round the flat tops of clipped sound off and overshoot: full scale minus 1 %.
_CLIPPED = 0.99
_FRAME_SECONDS = 0.025
_BEST_SNR = 100.0


@dataclass(frozen=True)
class Loudness:
    """Level of a recording.

    rms_dbfs: root mean square in dB of full scale (a full square wave is 0), -120 for digital silence.
    peak: largest absolute sample.
    clipped_fraction: samples at or beyond 99 % of full scale, 0..1.
    snr_db: loud frames over the quietest tenth, 0..100 dB; an estimate that needs pauses in the recording.
    """

    rms_dbfs: float
    peak: float
    clipped_fraction: float
    snr_db: float


def measure(samples: NDArray[np.float32], sample_rate: int) -> Loudness:
    """Loudness of float32 [time], -1..1; an empty recording counts as silence."""
    samples = np.asarray(samples, dtype=np.float32)
    if not len(samples):
        return Loudness(SILENCE_DBFS, 0.0, 0.0, 0.0)
    power = float(np.einsum("t,t->", samples, samples, dtype=np.float64)) / len(samples)
    return Loudness(
        rms_dbfs=max(SILENCE_DBFS, _decibel(power)),
        peak=max(float(samples.max()), -float(samples.min())),
        clipped_fraction=(
            float(np.count_nonzero(samples >= _CLIPPED) + np.count_nonzero(samples <= -_CLIPPED)) / len(samples)
        ),
        snr_db=_signal_to_noise(samples, sample_rate),
    )


def _signal_to_noise(samples: NDArray[np.float32], sample_rate: int) -> float:
    """Ratio of the mean power of the louder half of the frames, noise taken off, to the quietest tenth, in dB.

    Frame percentiles as in the NIST STNR; with pauses shorter than a tenth of the recording it reads too low.
    """
    length = max(1, round(_FRAME_SECONDS * sample_rate))
    count = len(samples) // length
    if count < 4:
        return 0.0
    frames = samples[: count * length].reshape(count, length)
    # The mean of each frame goes, so that an offset of the sound card does not count as noise.
    powers = np.sort(frames.var(axis=1, dtype=np.float32).astype(np.float64))
    if powers[-1] <= 1e-12:
        return 0.0
    noise = max(1e-12, float(powers[: max(1, count // 10)].mean()))
    loud = float(powers[count // 2 :].mean())
    return float(np.clip(_decibel(max(loud - noise, 1e-12) / noise), 0.0, _BEST_SNR))


def _decibel(power: float) -> float:
    return 10.0 * float(np.log10(max(power, 1e-30)))
