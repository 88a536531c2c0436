"""Recording from the microphone until Enter is pressed; needs the extra [microphone]."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.audio.resample import resample
from resonet.errors import AudioError, MissingExtra


def record(sample_rate: int = 16000) -> NDArray[np.float32]:
    """Records the default microphone until Enter: float32 [time] at `sample_rate` Hz, -1..1. Ctrl-C passes through.

    A device that does not offer the rate is opened at its own and resampled. Raises MissingExtra without sounddevice,
    AudioError without PortAudio or a device that can be opened.
    """
    try:
        import sounddevice
    except ImportError:
        raise MissingExtra("recording from the microphone", "microphone") from None
    except OSError:  # sounddevice is there, the PortAudio library is not
        raise AudioError(
            "the microphone cannot be opened: the PortAudio library is not installed",
            "on Debian and Ubuntu: apt install libportaudio2",
        ) from None

    blocks: list[NDArray[np.float32]] = []

    def keep(data: NDArray[np.float32], _frames: int, _time: Any, _status: Any) -> None:
        blocks.append(data[:, 0].copy())  # the driver uses its buffer again

    try:
        rate = _rate(sounddevice, sample_rate)
        with sounddevice.InputStream(samplerate=rate, channels=1, dtype="float32", callback=keep):
            print("Recording; press Enter to stop.", file=sys.stderr)
            sys.stdin.readline()
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioError(f"the microphone cannot be opened: {_first_line(error)}") from None
    return resample(np.concatenate([np.empty(0, dtype=np.float32), *blocks]), rate, sample_rate)


def _rate(sounddevice: Any, wanted: int) -> int:
    """The wanted rate if the default microphone takes it, else the device's own."""
    try:
        sounddevice.check_input_settings(samplerate=wanted, channels=1, dtype="float32")
    except sounddevice.PortAudioError:
        return int(sounddevice.query_devices(kind="input")["default_samplerate"])
    return wanted


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
