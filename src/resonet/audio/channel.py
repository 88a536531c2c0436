"""Channels: how a recording sounds through another microphone, telephone or codec."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16000
_KNOTS = 9  # of a response from 60 Hz to 8 kHz, equally far apart in octaves
_SLOPE = 400.0  # Hz from the end of the band to nothing


def through(
    samples: NDArray[np.float32], rng: np.random.Generator, *, deviation: float, narrowest: float
) -> NDArray[np.float32]:
    """Samples of 16 kHz through a random channel, at their own level; float32 [time].

    Its response is a smooth curve, normal of `deviation` dB; half of the channels end between `narrowest` and 8,000 Hz,
    as telephones, old players and low sample rates do; white noise 20 to 60 dB below the speech lies over it.
    """
    if not len(samples):
        return samples
    size = 1 << (len(samples) - 1).bit_length()
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    knots = np.geomspace(60, SAMPLE_RATE / 2, _KNOTS)
    response = np.interp(np.log(np.maximum(hertz, 60)), np.log(knots), rng.normal(size=_KNOTS) * deviation)
    gain = 10 ** (response / 20)
    if rng.random() < 0.5:
        end = rng.uniform(narrowest, SAMPLE_RATE / 2)
        gain *= np.clip((end + _SLOPE - hertz) / _SLOPE, 0, 1) ** 2
    heard = np.fft.irfft(np.fft.rfft(samples, size) * gain, size)[: len(samples)]
    level = np.sqrt(np.mean(np.square(samples)))
    heard *= level / (np.sqrt(np.mean(np.square(heard))) + 1e-9)
    heard += rng.normal(size=len(samples)) * (level * 10 ** (-rng.uniform(20, 60) / 20))
    return heard.astype(np.float32)
