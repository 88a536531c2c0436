"""Reading of recordings: whole, in blocks of bounded memory, or raw from a pipe; always mono float32 at one rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from resonet.audio.decode import decoder
from resonet.audio.resample import Resampler
from resonet.audio.source import Source, name_of, reason
from resonet.errors import AudioError, UsageError

_RAW_BYTES = 2**19


@dataclass(frozen=True)
class AudioInfo:
    """What a recording is: duration in seconds, sample rate in Hz, channels, format as `wav/pcm_16`, `ogg/opus`."""

    duration: float
    sample_rate: int
    channels: int
    format: str


def read(source: Source, sample_rate: int = 16000) -> NDArray[np.float32]:
    """A whole recording as float32 [time] at `sample_rate` Hz, -1..1: the mean of its channels, resampled.

    Args:
        source: a path, the bytes of a file, or an open binary stream (a seekable one is read from its beginning;
            another, a pipe say, to its end).
        sample_rate: of the result, in Hz.

    Returns:
        float32 [time]; empty if the recording is.

    Raises:
        AudioError: missing, a folder, empty, unknown, damaged, cut off, or with NaN or infinite samples.
        MissingExtra: M4A, AAC, MP4, WebM, WMA without the extra [av].
        UsageError: an impossible `sample_rate`.
    """
    return _joined(_resampled(source, sample_rate))


def blocks(source: Source, sample_rate: int = 16000, seconds: float = 30.0) -> Iterator[NDArray[np.float32]]:
    """The recording of `read` in blocks of `seconds` (the last may be shorter), in memory bounded by the block.

    The blocks joined are what `read` gives. Raises what `read` raises, when the iteration reaches the fault.
    """
    yield from _cut(_resampled(source, sample_rate), _block_length(sample_rate, seconds))


def read_raw(stream: BinaryIO, rate: int, sample_rate: int = 16000) -> NDArray[np.float32]:
    """All of a stream of raw PCM (s16le, mono, `rate` Hz) as float32 [time] at `sample_rate` Hz.

    Half a sample at the end is dropped. AudioError if the stream fails; UsageError for an impossible rate.
    """
    return _joined(_resampled_raw(stream, rate, sample_rate))


def blocks_raw(
    stream: BinaryIO, rate: int, sample_rate: int = 16000, seconds: float = 30.0
) -> Iterator[NDArray[np.float32]]:
    """The stream of `read_raw` in blocks of `seconds`, as `blocks` does it."""
    yield from _cut(_resampled_raw(stream, rate, sample_rate), _block_length(sample_rate, seconds))


def info(source: Source) -> AudioInfo:
    """Duration, sample rate, channels and format; the duration as the header says, else by decoding once.

    Raises what `read` raises, except for faults that only decoding shows.
    """
    with decoder(source) as sound:
        frames = sum(map(len, sound.pieces)) if sound.frames is None else sound.frames
        return AudioInfo(frames / sound.sample_rate, sound.sample_rate, sound.channels, sound.format)


def _resampled(source: Source, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    with decoder(source) as sound:
        resampler = Resampler(sound.sample_rate, sample_rate)
        for piece in sound.pieces:
            yield resampler.push(piece)
        yield resampler.push(np.empty(0, dtype=np.float32), last=True)


def _resampled_raw(stream: BinaryIO, rate: int, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    resampler = Resampler(rate, sample_rate)
    rest = b""
    while True:
        try:
            got = stream.read(_RAW_BYTES)
        except (OSError, ValueError) as error:
            raise AudioError(f"{name_of(stream)} cannot be read: {reason(error)}") from None
        if not got:
            break
        # A pipe may hand out an odd number of bytes: the first half of a sample waits for the second.
        got = rest + got
        even = len(got) & ~1
        rest = got[even:]
        yield resampler.push(np.frombuffer(got[:even], dtype="<i2").astype(np.float32) / np.float32(32768))
    yield resampler.push(np.empty(0, dtype=np.float32), last=True)


def _block_length(sample_rate: int, seconds: float) -> int:
    length = round(seconds * sample_rate)
    if length < 1:
        raise UsageError(f"a block of {seconds} s holds no sample", "give more seconds")
    return length


def _joined(pieces: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.concatenate([np.empty(0, dtype=np.float32), *pieces])


def _cut(pieces: Iterable[NDArray[np.float32]], length: int) -> Iterator[NDArray[np.float32]]:
    """Pieces of any length as blocks of `length` samples and a shorter last one."""
    waiting: list[NDArray[np.float32]] = []
    held = 0
    for piece in pieces:
        while held + len(piece) >= length:
            taken = length - held
            yield np.concatenate([*waiting, piece[:taken]])
            waiting, held, piece = [], 0, piece[taken:]
        if len(piece):
            waiting.append(piece)
            held += len(piece)
    if held:
        yield np.concatenate(waiting)
