"""From what stands on the command line (files, folders, `-`) to recordings with the names that results carry."""

from __future__ import annotations

import shutil
import sys
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import BinaryIO

from resonet.errors import AudioError, ResonetError, UsageError

_BLOCK = 1 << 20  # bytes of standard input held at a time


@dataclass(frozen=True)
class Recording:
    """One recording to work on.

    Fields:
        name: as given on the command line, or the folder given joined with the way below it; `-` for standard input.
        path: the file that is read.
        below: the way from the folder that was given to the file; only the file's name where a file was given.
    """

    name: str
    path: Path
    below: PurePath


def gather(
    arguments: Sequence[str], rate: int | None, scratch: Path, on_error: Callable[[ResonetError], None]
) -> list[Recording]:
    """The recordings that `arguments` name, in their order; folders are searched.

    Standard input (`-`) is copied into the folder `scratch`, because a recording of hours is read in blocks and some
    formats are read from their end. `rate` in Hz says that it is raw 16-bit mono. A folder without recordings is
    told to `on_error` and left out; files are not looked at yet.
    """
    from resonet import audio

    if arguments.count("-") > 1:
        raise UsageError("standard input (-) can be read only once")
    if rate is not None and "-" not in arguments:
        raise UsageError("--rate goes with raw PCM on standard input, and no recording is named -")
    found: list[Recording] = []
    for argument in arguments:
        if argument == "-":
            found.append(Recording("-", _spool(scratch, rate), PurePath("stdin")))
        elif Path(argument).is_dir():
            try:
                files = audio.find([argument])
            except ResonetError as error:
                on_error(error)
                continue
            found += [Recording(str(path), path, path.relative_to(argument)) for path in files]
        else:
            found.append(Recording(argument, Path(argument), PurePath(PurePath(argument).name)))
    return found


def under_its_name(error: ResonetError, recording: Recording) -> ResonetError:
    """The error about a copy of standard input, told of standard input."""
    if recording.name == "-":
        error.message = error.message.replace(str(recording.path), "standard input")
    return error


def _spool(scratch: Path, rate: int | None) -> Path:
    """Copies standard input to a file; raw PCM (s16le, mono) gets the header that it lacks."""
    stream: BinaryIO = sys.stdin.buffer
    if stream.isatty():
        raise UsageError("standard input is the terminal", "pipe a recording into it, or name a file")
    path = scratch / "stdin"
    if rate is None:
        with path.open("wb") as copy:
            shutil.copyfileobj(stream, copy, _BLOCK)
        return path
    with wave.open(str(path), "wb") as pcm:
        pcm.setparams((1, 2, rate, 0, "NONE", "not compressed"))
        while block := stream.read(_BLOCK):
            if len(block) % 2:  # only the last block can be short: half a sample at the very end
                raise AudioError("standard input ends in half a sample", "raw PCM is signed 16-bit little-endian mono")
            pcm.writeframesraw(block)
    return path
