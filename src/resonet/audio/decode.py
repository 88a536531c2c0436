"""From any audio file to mono pieces at its own sample rate: libsndfile, and FFmpeg (extra [av]) for the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from resonet.audio.headers import foreign, patch
from resonet.audio.resample import HIGHEST_RATE, LOWEST_RATE
from resonet.audio.source import Source, Steady, name_of, opened, reason
from resonet.errors import AudioError, MissingExtra

# Values of one piece over all channels (1 MiB as float32): the memory of a decoder does not grow with the file.
_PIECE = 2**18
# libsndfile gives SF_COUNT_MAX where a header leaves the length open (FLAC from a pipe).
_OPEN_END = 2**62
# Float files may pass 1, and some hold 16-bit numbers as floats; beyond this it is no sound.
_LOUDEST = 1e6


@dataclass(frozen=True)
class Decoder:
    """An open recording: `frames` as the header says, None if it does not; `pieces` float32 [time], channels' mean."""

    sample_rate: int
    channels: int
    format: str
    frames: int | None
    pieces: Iterator[NDArray[np.float32]]


@contextmanager
def decoder(source: Source) -> Iterator[Decoder]:
    """Opens the source. Raises AudioError (also while `pieces` runs) and MissingExtra for containers of FFmpeg."""
    name = name_of(source)
    with opened(source) as file:
        suffix = Path(name).suffix.lower() if isinstance(source, (str, Path)) or hasattr(source, "name") else ""
        head = file.read(16)
        file.seek(0)
        container = foreign(head, suffix)
        with _ffmpeg(file, name, container) if container else _sndfile(file, name) as opened_decoder:
            yield opened_decoder


class _Forward(soundfile.SoundFile):
    """A sound file read from start to end: soundfile seeks after each read of a seekable file, which on MP3 starts the
    decoder anew (samples differ by up to 0.1 where pieces meet) and on FLAC of open length fails."""

    def seekable(self) -> bool:
        return False


@contextmanager
def _sndfile(file: BinaryIO, name: str) -> Iterator[Decoder]:
    steady = Steady(file, patch(file, name))
    try:
        sound = _Forward(steady)
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: header-less formats want arguments
        steady.raise_interrupt()
        text = _libsndfile_says(error)
        if "not recognised" in text.lower() or isinstance(error, TypeError):
            raise AudioError(
                f"{name} is not a recording that can be read", "WAV, FLAC, OGG, Opus and MP3 are; M4A and WebM by [av]"
            ) from None
        raise AudioError(f"{name} cannot be read: {text}", "the file may be damaged or cut off") from None
    with sound:
        _check_rate(sound.samplerate, name)
        kind = f"{sound.format}/{sound.subtype}".lower()
        frames = sound.frames if 0 <= sound.frames < _OPEN_END else None
        yield Decoder(sound.samplerate, sound.channels, kind, frames, _sndfile_pieces(sound, steady, name))


def _sndfile_pieces(sound: soundfile.SoundFile, file: Steady, name: str) -> Iterator[NDArray[np.float32]]:
    count = max(1, _PIECE // sound.channels)
    buffer = np.empty((count, sound.channels), dtype=np.float32)
    done = 0
    while True:
        try:
            got = sound.read(count, dtype="float32", always_2d=True, out=buffer)
        except soundfile.SoundFileError as error:
            file.raise_interrupt()
            # What was decoded of this piece is lost, but libsndfile knows how far it came.
            raise AudioError(
                f"{name} is damaged or cut off after {_reached(sound, done):.3f} s: {_libsndfile_says(error)}",
                "copy or download it again",
            ) from None
        file.raise_interrupt()
        if file.failure is not None:
            raise AudioError(f"{name} cannot be read: {reason(file.failure)}")
        if not len(got):
            break
        yield _mono(got.T, name, done / sound.samplerate)
        done += len(got)
    # MP3 without a Xing header and Ogg of several links state a length that is only an estimate.
    if sound.format not in ("MP3", "OGG") and done < sound.frames < _OPEN_END:
        raise AudioError(
            f"{name} is cut off: its header claims {sound.frames / sound.samplerate:.3f} s "
            f"and it ends after {done / sound.samplerate:.3f} s",
            "copy or download it again",
        )


def _reached(sound: soundfile.SoundFile, done: int) -> float:
    """Seconds decoded before an error, at least those of `done` frames."""
    with suppress(soundfile.SoundFileError):
        done = max(done, sound.tell())
    return done / sound.samplerate


def _mono(channels: NDArray[np.float32], name: str, start: float) -> NDArray[np.float32]:
    """float32 [channels, time] to the mean [time], a new array; one channel of NaN or infinity shows in the mean."""
    mono = channels[0].astype(np.float32, copy=True)
    with np.errstate(all="ignore"):
        for channel in channels[1:]:
            mono += channel
        if len(channels) > 1:
            mono /= len(channels)
        sound = bool(np.max(np.abs(mono), initial=0.0) <= _LOUDEST)
    if not sound:
        raise AudioError(
            f"{name} holds NaN, infinite or absurdly large samples after {start:.3f} s",
            "write it anew as 16-bit PCM from its source",
        )
    return mono


def _check_rate(rate: int, name: str) -> None:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(
            f"{name} has a sample rate of {rate:,} Hz",
            f"{LOWEST_RATE:,} to {HIGHEST_RATE:,} Hz can be read; its header may be damaged",
        )


def _libsndfile_says(error: Exception) -> str:
    text = getattr(error, "error_string", None) or str(error)
    return text.removeprefix("Error : ").strip().rstrip(".").replace("\n", " ") or "libsndfile gives no reason"


@contextmanager
def _ffmpeg(file: BinaryIO, name: str, container: str) -> Iterator[Decoder]:
    try:
        import av
    except ImportError:
        raise MissingExtra(f"{name}: reading {container}", "av") from None
    try:
        movie = av.open(file)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise AudioError(f"{name} is not a recording that can be read: {reason(error)}") from None
    with movie:
        if not movie.streams.audio:
            raise AudioError(f"{name} holds no sound")
        stream = movie.streams.audio[0]
        stream.thread_type = "AUTO"
        rate = stream.rate
        _check_rate(rate, name)
        # Only MP4 and its kin state a length that can be held against them; elsewhere it is a guess from the bit rate.
        exact = "mp4" in movie.format.name and stream.duration is not None and stream.time_base is not None
        frames = int(stream.duration * stream.time_base * rate) if exact else None
        kind = f"{container.removeprefix('.')}/{stream.codec_context.name}"
        yield Decoder(rate, stream.channels, kind, frames, _ffmpeg_pieces(movie, stream, rate, frames, name))


def _ffmpeg_pieces(movie: Any, stream: Any, rate: int, frames: int | None, name: str) -> Iterator[NDArray[np.float32]]:
    import av

    planar = av.AudioResampler(format="fltp", rate=rate)  # keeps the channels: their mean is taken here
    done = 0
    waiting: list[NDArray[np.float32]] = []
    try:
        for frame in movie.decode(stream):
            for plane in planar.resample(frame):
                waiting.append(_mono(plane.to_ndarray(), name, done / rate))
                done += len(waiting[-1])
            if sum(map(len, waiting)) >= _PIECE:
                yield np.concatenate(waiting)
                waiting.clear()
        for plane in planar.resample(None):
            waiting.append(_mono(plane.to_ndarray(), name, done / rate))
            done += len(waiting[-1])
    except (av.FFmpegError, OSError, ValueError) as error:
        raise AudioError(
            f"{name} is damaged or cut off after {done / rate:.3f} s: {reason(error)}", "copy or download it again"
        ) from None
    if waiting:
        yield np.concatenate(waiting)
    # Half a second: encoders pad, and edit lists trim, by less than that.
    if frames is not None and done < frames - 0.5 * rate:
        raise AudioError(
            f"{name} is cut off: its header claims {frames / rate:.3f} s and it ends after {done / rate:.3f} s",
            "copy or download it again",
        )
