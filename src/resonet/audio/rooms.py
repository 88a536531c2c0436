"""Rooms: how a recording sounds where it was not made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def convolve(samples: NDArray[np.float32], response: NDArray[np.float32]) -> NDArray[np.float32]:
    """The samples in a room, cut to their own length; by FFT."""
    size = 1 << (len(samples) + len(response) - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)
    return wet[: len(samples)].astype(np.float32)


def direct_first(response: NDArray[np.float32]) -> NDArray[np.float32]:
    """The impulse response from its direct sound on, at energy 1, so that words keep their times and levels."""
    response = response[int(np.argmax(np.abs(response))) :]
    return response / np.sqrt(np.sum(np.square(response)) + 1e-9)
