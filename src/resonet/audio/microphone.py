"""The microphone, recorded until Enter is pressed or heard block by block; needs the extra [microphone]."""

from __future__ import annotations

import queue
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.audio import devices
from resonet.audio.resample import Resampler, resample
from resonet.errors import AudioError


def record(sample_rate: int = 16000) -> NDArray[np.float32]:
    """Records the default microphone until Enter: float32 [time] at `sample_rate` Hz, -1..1. Ctrl-C passes through.

    A device that does not offer the rate is opened at its own and resampled. Raises MissingExtra without sounddevice,
    AudioError without PortAudio or a device that can be opened.
    """
    sounddevice = devices.sounddevice("recording from the microphone", "the microphone")
    blocks: list[NDArray[np.float32]] = []

    def keep(data: NDArray[np.float32], _frames: int, _time: Any, _status: Any) -> None:
        blocks.append(data[:, 0].copy())  # the driver uses its buffer again

    try:
        rate = _rate(sounddevice, sample_rate)
        with sounddevice.InputStream(samplerate=rate, channels=1, dtype="float32", callback=keep):
            print("Recording; press Enter to stop.", file=sys.stderr)
            sys.stdin.readline()
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioError(f"the microphone cannot be opened: {devices.first_line(error)}") from None
    return resample(np.concatenate([np.empty(0, dtype=np.float32), *blocks]), rate, sample_rate)


def blocks(sample_rate: int = 16000, seconds: float = 0.08) -> Iterator[NDArray[np.float32]]:
    """The default microphone as it is heard: float32 [time] at `sample_rate` Hz, about `seconds` at a time, for ever.

    Ends with the iteration (or Ctrl-C, which passes through). Raises as `record` does, and AudioError where the
    device goes away.
    """
    sounddevice = devices.sounddevice("recording from the microphone", "the microphone")
    heard: queue.SimpleQueue[NDArray[np.float32]] = queue.SimpleQueue()

    def keep(data: NDArray[np.float32], _frames: int, _time: Any, _status: Any) -> None:
        heard.put(data[:, 0].copy())

    try:
        rate = _rate(sounddevice, sample_rate)
        resampler = Resampler(rate, sample_rate)
        with sounddevice.InputStream(
            samplerate=rate, channels=1, dtype="float32", callback=keep, blocksize=round(seconds * rate)
        ) as stream:
            while True:
                try:
                    block = heard.get(timeout=0.5)  # without a limit, Windows would not see Ctrl-C
                except queue.Empty:
                    if not stream.active:
                        raise AudioError("the microphone has gone away") from None
                    continue
                yield resampler.push(block)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioError(f"the microphone cannot be opened: {devices.first_line(error)}") from None


def _rate(sounddevice: Any, wanted: int) -> int:
    """The wanted rate if the default microphone takes it, else the device's own."""
    try:
        sounddevice.check_input_settings(samplerate=wanted, channels=1, dtype="float32")
    except sounddevice.PortAudioError:
        return int(sounddevice.query_devices(kind="input")["default_samplerate"])
    return wanted
