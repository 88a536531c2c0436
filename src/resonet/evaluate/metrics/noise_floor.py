"""How quiet the pauses of a recording are: the hiss and hum under a voice, and a network copies it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.audio.loudness import SILENCE_DBFS

FRAME = 0.020  # seconds
PERCENTILE = 10
UNDER = 30.0  # dB under the loudest twentieth of the frames: closures of plosives, and pauses that are short
FEWEST = 5  # frames of pause: 0.1 s


def noise_floor(samples: NDArray[np.float32], sample_rate: int) -> float | None:
    """The 10th percentile of the level of the frames of 20 ms in pauses, in dB of full scale (RMS; -120 is digital
    silence).

    A frame is in a pause where `audio.speech_regions` finds no speech, or where it is 30 dB quieter than loud frames
    (recordings of a corpus are often cut so close that they have no other pauses). None with less than 0.1 s of them.
    """
    sound = np.asarray(samples, np.float32)
    length = max(1, round(FRAME * sample_rate))
    count = len(sound) // length
    if count < FEWEST:
        return None
    power = np.square(sound[: count * length].reshape(count, length), dtype=np.float64).mean(axis=1)
    pause = power < np.percentile(power, 95) * 10 ** (-UNDER / 10)
    middles = (np.arange(count) + 0.5) * FRAME
    outside = np.ones(count, bool)
    for start, end in audio.speech_regions(sound, sample_rate):
        outside &= (middles < start) | (middles > end)
    found = power[pause | outside]
    if len(found) < FEWEST:
        return None
    return max(SILENCE_DBFS, 10 * float(np.log10(max(float(np.percentile(found, PERCENTILE)), 1e-30))))
