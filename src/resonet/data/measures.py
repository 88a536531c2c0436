"""Decodes every recording once, in a few threads, and measures its utterances: length, level, clipping, noise, hash."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.data.recordings import Recording, inspect
from resonet.data.utterance import Utterance
from resonet.errors import ResonetError

# libsndfile decodes without the interpreter lock; more threads than that only take cores from others.
THREADS = 2

# Seconds. A decoder may give a little less than the header promises (padding of MP3); more than that is a cut-off file.
SHORTFALL = 0.1

# Seconds decoded at a time, so that an utterance of a recording of many hours costs little memory.
_BLOCK = 30.0

# dB under the level of the speech: frames below it are a pause. With that much noise they are still told from it by the
# others: dB over the quietest twentieth, but not within so many of the speech.
_PAUSE, _NOISE, _LEAST = 30.0, 6.0, 12.0


@dataclass(frozen=True)
class Speech:
    """Speech in a recording. level: dBFS of it. noise: dB by which the quietest twentieth of all frames lies below.
    seconds: from its beginning to its end. before, after: seconds at either side of it. pause: the longest inside."""

    level: float
    noise: float
    seconds: float
    before: float
    after: float
    pause: float


@dataclass(frozen=True)
class Measured:
    """One utterance as decoded. seconds: its length. sample_rate: Hz, as stored.

    level: dBFS of the mean power. peak: 0..1. clipped: fraction of samples at full scale. snr: dB, estimated.
    loudest: dBFS of the loudest 20 ms. edge: dB by which the louder of the first and last 60 ms stays below that.
    speech: None where there is none, or nothing was read.
    sound: a hash of the samples, "" where they were not read. fault: a sentence, why it cannot be used, else "".
    level, peak, snr, loudest and edge are NaN where they were not measured.
    """

    utterance: Utterance
    seconds: float
    sample_rate: int = 0
    channels: int = 0
    level: float = float("nan")
    peak: float = float("nan")
    clipped: float = 0.0
    snr: float = float("nan")
    loudest: float = float("nan")
    edge: float = float("nan")
    speech: Speech | None = None
    sound: str = ""
    fault: str = ""


def measure_all(utterances: Sequence[Utterance], quick: bool = False, threads: int = THREADS) -> Iterator[Measured]:
    """Measures each utterance, those of one recording together; `quick` reads the headers alone.

    Never raises for a bad recording: the fault is in what is yielded.
    """
    by_recording: dict[Path, list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        by_recording[utterance.audio].append(utterance)
    with ThreadPoolExecutor(threads) as pool:
        for group in pool.map(_from_header if quick else _decoded, by_recording.values()):
            yield from group


def _from_header(group: Sequence[Utterance]) -> list[Measured]:
    recording = inspect(group[0].audio, hashed=False)
    return [_with_span(utterance, recording) for utterance in group]


def _with_span(utterance: Utterance, recording: Recording) -> Measured:
    end = recording.seconds if utterance.end is None else utterance.end
    fault = recording.fault
    if not fault and end > recording.seconds + SHORTFALL:
        fault = f"{recording.path} ends after {recording.seconds:.3f} s where {end:.3f} s are needed"
    return Measured(
        utterance,
        seconds=end - utterance.start,
        sample_rate=recording.sample_rate,
        channels=recording.channels,
        fault=fault,
    )


def _decoded(group: Sequence[Utterance]) -> list[Measured]:
    known = {measured.utterance.id: measured for measured in _from_header(group)}
    good = sorted((m for m in known.values() if not m.fault), key=lambda m: m.utterance.start)
    if good:
        rate = good[0].sample_rate
        spans = [(round(m.utterance.start * rate), round((m.utterance.start + m.seconds) * rate)) for m in good]
        done = 0
        try:
            for measured, samples in zip(good, _cut(group[0].audio, rate, spans), strict=True):
                known[measured.utterance.id] = _measure(measured, samples)
                done += 1
        except ResonetError as error:
            for measured in good[done:]:
                fault = Measured(measured.utterance, measured.seconds, rate, measured.channels, fault=str(error))
                known[measured.utterance.id] = fault
    return list(known.values())


def _measure(measured: Measured, samples: NDArray[np.float32]) -> Measured:
    rate = measured.sample_rate
    found = len(samples) / rate
    u = measured.utterance
    if found < measured.seconds - SHORTFALL:
        fault = f"{u.audio} is cut off: {found:.3f} s of {measured.seconds:.3f} s can be decoded"
        return Measured(u, found, rate, measured.channels, fault=fault)
    loudness = audio.measure(samples, rate)
    loudest, edge = _edges(samples, rate)
    return Measured(
        u,
        seconds=found,
        sample_rate=rate,
        channels=measured.channels,
        level=loudness.rms_dbfs,
        peak=loudness.peak,
        clipped=loudness.clipped_fraction,
        snr=loudness.snr_db,
        loudest=loudest,
        edge=edge,
        speech=_speech(samples, rate),
        sound=hashlib.blake2b(np.ascontiguousarray(samples).data, digest_size=16).hexdigest(),
    )


def _edges(samples: NDArray[np.float32], rate: int) -> tuple[float, float]:
    """`loudest` and `edge` of Measured; NaN below 0.2 s, where an edge says nothing."""
    size = max(1, rate // 50)
    frames = len(samples) // size
    if frames < 10:
        return float("nan"), float("nan")
    power = np.square(samples[: frames * size].reshape(frames, size)).mean(axis=1)
    levels = 10 * np.log10(power + 1e-12)
    loudest = float(levels.max())
    return loudest, loudest - float(max(levels[:3].max(), levels[-3:].max()))


def _speech(samples: NDArray[np.float32], rate: int) -> Speech | None:
    start, end, level = audio.speech_span(samples, rate)
    if end <= start:
        return None
    size = max(1, rate // 100)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    levels = 10 * np.log10(frames.var(axis=1) + 1e-12)
    floor = float(np.percentile(levels, 5))
    loud = levels >= max(level - _PAUSE, min(floor + _NOISE, level - _LEAST))
    there = np.flatnonzero(loud[start // size : end // size])
    pause = int(np.diff(there).max(initial=1)) - 1
    return Speech(
        level=level,
        noise=level - floor,
        seconds=(end - start) / rate,
        before=start / rate,
        after=max(0, len(samples) - end) / rate,
        pause=pause * size / rate,
    )


def _cut(path: Path, rate: int, spans: Sequence[tuple[int, int]]) -> Iterator[NDArray[np.float32]]:
    """float32 [time] for each span of samples; the spans sorted by their start. They may overlap."""
    blocks = audio.blocks(path, rate, _BLOCK)
    held = np.empty(0, np.float32)
    offset = 0
    for start, end in spans:
        drop = min(len(held), start - offset)
        held, offset = held[drop:], offset + drop
        parts = [held]
        there = offset + len(held)
        while there < end and (block := next(blocks, None)) is not None:
            # What lies before the span is let go at once.
            keep = block[max(0, start - there) :]
            offset += max(0, len(block) - len(keep))
            parts.append(keep)
            there += len(block)
        held = np.concatenate(parts)
        yield held[start - offset : end - offset]
