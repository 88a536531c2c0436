"""Writing of recordings, at once or while they are made; whole or not at all."""

from __future__ import annotations

import io
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from resonet.audio.source import reason
from resonet.errors import AudioError

_FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
# libsndfile's Vorbis encoder puts a whole write on the stack and dies on long ones.
_PIECE = 2**16
_LONGEST_WAV = 2**32 - 2**16  # bytes: its header counts them in 32 bits


def write(path: str | Path, samples: NDArray[np.float32], sample_rate: int) -> None:
    """Writes float32 [time] or [time, channels], -1..1 (cut off beyond), in the format that the name's suffix says.

    .wav and .flac with 16 bits, .ogg (Vorbis), .opus (8, 12, 16, 24 or 48 kHz only) and .mp3. Goes to a temporary
    name in the same folder, then is renamed: no half file is left. AudioError for another suffix, NaN or infinite
    samples, or a file that cannot be written (no such folder, a full disk).
    """
    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim not in (1, 2):
        raise AudioError(f"the samples for {path} are no sound", "give finite values as [time] or [time, channels]")
    with writing(path, sample_rate, 1 if samples.ndim == 1 else samples.shape[1]) as recording:
        recording.push(samples)


@contextmanager
def writing(path: str | Path, sample_rate: int, channels: int = 1) -> Iterator[Writer]:
    """A recording whose samples are pushed as they come, in memory bounded by one push; otherwise as `write`.

    The file gets its name when the block ends well, and nothing is left behind when it does not.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise AudioError(f"{path} has no suffix that can be written", f"use one of {', '.join(_FORMATS)}")
    # Named before it is there: Ctrl-C may come between the two.
    temporary = path.with_name(f".resonet-{secrets.token_hex(8)}.part")
    try:
        with _told(path):
            file = open(temporary, "x+b", buffering=0)  # noqa: SIM115
        with file:
            with _told(path):
                writer = Writer(path, file, sample_rate, channels)
            try:
                yield writer
            except BaseException:
                writer.abandon()
                raise
            with _told(path):
                writer.close()
        with _told(path):
            os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink()


def as_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Samples -1..1 (cut off beyond) as 16-bit PCM, to the nearest step; reading gives back what 16 bits can hold."""
    return np.clip(np.rint(samples * np.float32(32768)), -32768, 32767).astype(np.int16)


class Writer:
    """Takes the samples of one recording; made by `writing`. `samples` counts those of a channel so far."""

    def __init__(self, path: Path, file: BinaryIO, sample_rate: int, channels: int) -> None:
        self._path, self._channels = path, channels
        self._wav = path.suffix.lower() == ".wav"
        self._file = _Steady(file)
        kind, subtype = _FORMATS[path.suffix.lower()]
        with _uninterrupted():
            self._sound = soundfile.SoundFile(self._file, "w", sample_rate, channels, subtype, format=kind)
        self.samples = 0

    def push(self, samples: NDArray[np.float32]) -> None:
        """Appends float32 [time] or [time, channels], -1..1 (cut off beyond). Raises AudioError as `write` does."""
        samples = np.asarray(samples, dtype=np.float32)
        width = 1 if samples.ndim == 1 else samples.shape[-1]
        if samples.ndim not in (1, 2) or width != self._channels or not np.isfinite(samples).all():
            hint = "give finite values as [time] or [time, channels]"
            raise AudioError(f"the samples for {self._path} are no sound", hint)
        with _told(self._path):
            for start in range(0, len(samples), _PIECE):
                piece = samples[start : start + _PIECE]
                # libsndfile would round floats down, not to the nearest.
                rounded = as_int16(piece) if self._sound.subtype == "PCM_16" else np.clip(piece, -1, 1)
                with _uninterrupted():
                    self._sound.write(rounded)
                self._file.check()
        self.samples += len(samples)
        if self._wav and 2 * self._channels * self.samples > _LONGEST_WAV:
            raise AudioError(f"{self._path} would have more than 4 GB, which .wav cannot hold", "use .flac")

    def close(self) -> None:
        """Writes what the encoder still holds; for `writing`."""
        with _uninterrupted():
            self._sound.close()
        self._file.check()
        if not self.samples and not self._wav:  # libsndfile would write files that nobody reads
            raise AudioError(
                f"{self._path} cannot be written: there are no samples", "only .wav holds a recording without any"
            )

    def abandon(self) -> None:
        """Lets the encoder go without a word about what it could not write; for `writing`, when its block failed."""
        with suppress(soundfile.SoundFileError), _uninterrupted():
            self._sound.close()


class _Steady:
    """A file for libsndfile, whose callbacks must not raise: Python would print a traceback and go on.

    A failure is kept, and everything after it pretended; `check` raises it. Ctrl-C has to wait: `_uninterrupted`.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = self._size = 0
        self._failure: OSError | ValueError | None = None

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, count: int = -1) -> bytes:
        try:
            self._file.seek(self._at)
            got = self._file.read(count)
        except (OSError, ValueError) as error:
            self._failure = self._failure or error
            got = b""
        self._at += len(got)
        return got

    def write(self, data: bytes) -> int:
        try:
            if self._failure is None:
                self._file.seek(self._at)
                rest = memoryview(data)
                while rest:
                    rest = rest[self._file.write(rest) :]
        except (OSError, ValueError) as error:  # the latter of a file that is closed: the encoder went last
            self._failure = error
        self._at += len(data)
        self._size = max(self._size, self._at)
        return len(data)

    def check(self) -> None:
        if self._failure is not None:
            raise self._failure


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Puts off Ctrl-C and SIGTERM to the end of the block: raised in a callback of libsndfile, they would be lost."""
    if threading.current_thread() is not threading.main_thread():  # where no signal raises anything
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    before = {int(number): signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, lambda *call: came.append(call))
        yield
    finally:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, handler)
        for number, frame in came[:1]:
            put_off = before[number]
            assert callable(put_off)
            put_off(number, frame)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What the system or libsndfile refuses, as one AudioError."""
    try:
        yield
    except (OSError, ValueError, TypeError, soundfile.SoundFileError) as error:
        text = getattr(error, "error_string", None) or reason(error)
        raise AudioError(f"{path} cannot be written: {text.removeprefix('Error : ').rstrip('.')}") from None
