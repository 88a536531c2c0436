"""Recordings on their way to a network: what a caller gave as samples, and which files are read together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.errors import AudioError, ResonetError, UsageError

Samples = NDArray[np.float32]
Source = str | Path | bytes | BinaryIO | NDArray[np.floating]

# Seconds: a longer recording is streamed from the disk; of shorter ones as much sound as that is read together.
LONG, TOGETHER = 60.0, 300.0
BLOCK = 30  # seconds


def sound_of(source: Source, sample_rate: int | None, wanted: int) -> Iterator[Samples]:
    """The sound of a recording at the `wanted` rate in blocks of 30 seconds, float32 [time].

    Args:
        source: a path, the bytes of a file, an open file, or samples float32 [time] in -1..1.
        sample_rate: of the samples, Hz.

    Raises:
        AudioError: not to be read, or no sound; UsageError: samples without a rate.
    """
    if not isinstance(source, np.ndarray):
        return audio.blocks(source, wanted, BLOCK)
    if sample_rate is None:
        raise UsageError("samples were given without their sample_rate")
    if source.ndim != 1 or source.dtype.kind != "f" or not np.isfinite(source).all():
        raise AudioError("the samples are not one channel of finite numbers", "give float32 [time], -1..1")
    samples = audio.resample(source.astype(np.float32), sample_rate, wanted)
    return (samples[start : start + BLOCK * wanted] for start in range(0, len(samples), BLOCK * wanted))


def groups(paths: Iterable[str | Path]) -> Iterator[list[Path]]:
    """Short recordings in groups, long or unreadable ones alone, in order."""
    group: list[Path] = []
    seconds = 0.0
    for path in map(Path, paths):
        try:
            duration = audio.info(path).duration
        except ResonetError:
            duration = LONG + 1  # reading it will say what is wrong
        if (group and seconds + duration > TOGETHER) or duration > LONG:
            if group:
                yield group
            group, seconds = [], 0.0
        if duration > LONG:
            yield [path]
        else:
            group.append(path)
            seconds += duration
    if group:
        yield group
