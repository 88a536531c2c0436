"""The loudspeaker, fed block by block while the sound is still being made; needs the extra [microphone]."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.audio import devices
from resonet.audio.resample import Resampler
from resonet.errors import AudioError

_AHEAD = 16  # blocks that may wait: making them and playing them never wait for each other until then
_PIECE = 0.1  # seconds that are given to the device at once: so soon it falls silent when it is told to


class Loudspeaker:
    """Plays what is pushed, in a thread of its own; made by `opened`."""

    def __init__(self, stream: Any, resampler: Resampler, rate: int) -> None:
        self._stream, self._resampler = stream, resampler
        self._piece = round(_PIECE * rate)
        self._waiting: queue.Queue[NDArray[np.float32] | None] = queue.Queue(_AHEAD)
        self._failure: Exception | None = None
        self._silent = False
        self._thread = Thread(target=self._play, daemon=True)
        self._thread.start()

    def push(self, samples: NDArray[np.float32]) -> None:
        """Plays float32 [time], -1..1, after what was pushed before; waits where much is still to be heard."""
        self._put(self._resampler.push(samples))

    def finish(self) -> None:
        """Waits until all was heard."""
        self._put(self._resampler.push(np.empty(0, np.float32), last=True))
        self._put(None)
        while self._thread.is_alive():
            self._thread.join(0.5)  # without a limit, Windows would not see Ctrl-C
        self._check()
        self._stream.stop()

    def silence(self) -> None:
        """Plays no more."""
        self._silent = True
        with suppress(queue.Full):  # a full queue leaves nobody waiting for it
            self._waiting.put_nowait(None)
        self._thread.join(1.0)

    def _put(self, block: NDArray[np.float32] | None) -> None:
        while True:
            self._check()
            try:
                self._waiting.put(block, timeout=0.5)
            except queue.Full:
                continue
            return

    def _check(self) -> None:
        if self._failure is not None:
            raise AudioError(f"the loudspeaker failed: {devices.first_line(self._failure)}")

    def _play(self) -> None:
        try:
            while not self._silent and (block := self._waiting.get()) is not None:
                for start in range(0, len(block), self._piece):
                    if self._silent:
                        return
                    self._stream.write(np.ascontiguousarray(block[start : start + self._piece, None]))
        except Exception as error:  # told by the thread that pushes
            self._failure = error


@contextmanager
def opened(sample_rate: int) -> Iterator[Loudspeaker]:
    """The default loudspeaker for sound of that rate; falls silent at once where the block fails (Ctrl-C).

    A device that does not offer the rate is opened at its own. Raises MissingExtra without sounddevice, AudioError
    without PortAudio or a device that can be opened.
    """
    sounddevice = devices.sounddevice("playing", "the loudspeaker")
    try:
        rate = _rate(sounddevice, sample_rate)
        stream = sounddevice.OutputStream(samplerate=rate, channels=1, dtype="float32")
        stream.start()
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioError(f"the loudspeaker cannot be opened: {devices.first_line(error)}") from None
    speaker = Loudspeaker(stream, Resampler(sample_rate, rate), rate)
    try:
        yield speaker
        speaker.finish()
    finally:
        speaker.silence()
        stream.abort()
        stream.close()


def _rate(sounddevice: Any, wanted: int) -> int:
    """The wanted rate if the default loudspeaker takes it, else the device's own."""
    try:
        sounddevice.check_output_settings(samplerate=wanted, channels=1, dtype="float32")
    except sounddevice.PortAudioError:
        return int(sounddevice.query_devices(kind="output")["default_samplerate"])
    return wanted
