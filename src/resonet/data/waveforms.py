"""Decoded recordings on disk, so that a training pass reads samples instead of decoding Opus again.

One file a speed: int16 PCM of all utterances end to end, mapped into memory. Ten hours at three speeds are 3.5 GB.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from resonet.audio import read
from resonet.data.utterance import Utterance
from resonet.errors import AudioError, DataError

SAMPLE_RATE = 16000
Progress = Callable[[Iterable, int], Iterable]


class Waveforms:
    """The PCM of a list of utterances at some speeds.

    Args:
        utterances: as `resonet.data.load.utterances` gives them.
        folder: where the decoded files lie; made on first use, taken again while the utterances are the same.
        speeds: playing speeds (1.1: 10 % faster and higher); 1.0 must be among them.
        progress: wraps an iterable to show progress, e.g. tqdm; called with (iterable, total).

    Raises:
        DataError: a recording cannot be read (the sentence names it); the disk is full.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        folder: Path,
        speeds: Sequence[float] = (1.0,),
        progress: Progress | None = None,
    ) -> None:
        self.utterances = list(utterances)
        self.speeds = tuple(speeds)
        key = hashlib.sha256()
        for u in self.utterances:
            stat = os.stat(u.audio)
            key.update(f"{u.audio}|{u.start}|{u.end}|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
        self._folder = folder / key.hexdigest()[:16]
        self._folder.mkdir(parents=True, exist_ok=True)
        self._maps: dict[float, NDArray[np.int16]] = {}
        self._offsets: dict[float, NDArray[np.int64]] = {}
        if missing := [s for s in self.speeds if not self._file(s, "json").exists()]:
            self._decode(missing, progress)
        for speed in self.speeds:
            self._offsets[speed] = np.asarray(json.loads(self._file(speed, "json").read_text()), np.int64)
            self._maps[speed] = np.memmap(self._file(speed, "pcm"), np.int16, "r")

    def __len__(self) -> int:
        return len(self.utterances)

    def samples(self, index: int, speed: float = 1.0) -> NDArray[np.int16]:
        """int16 [time] at 16 kHz."""
        start, end = self._offsets[speed][index : index + 2]
        return self._maps[speed][start:end]

    def sound(self, index: int, speed: float = 1.0) -> NDArray[np.float32]:
        """float32 [time] at 16 kHz, -1..1."""
        return np.multiply(self.samples(index, speed), 1 / 32767, dtype=np.float32)

    def length(self, index: int, speed: float = 1.0) -> int:
        """Samples of an utterance."""
        return int(self._offsets[speed][index + 1] - self._offsets[speed][index])

    def _file(self, speed: float, suffix: str) -> Path:
        return self._folder / f"speed-{speed:g}.{suffix}"

    def _decode(self, speeds: list[float], progress: Progress | None) -> None:
        offsets: dict[float, list[int]] = {s: [0] for s in speeds}
        files = {s: open(self._file(s, "part"), "wb") for s in speeds}  # noqa: SIM115 (closed below, several at once)
        try:
            with ThreadPoolExecutor(2) as pool:  # libsndfile and soxr release the GIL
                done: Iterable = pool.map(lambda u: _speeds(u, speeds), self.utterances)
                for variants in progress(done, len(self.utterances)) if progress else done:
                    for speed, pcm in zip(speeds, variants, strict=True):
                        files[speed].write(pcm.tobytes())
                        offsets[speed].append(offsets[speed][-1] + len(pcm))
        except OSError as error:
            raise DataError(
                f"The decoded recordings cannot be written to {self._folder}: {error.strerror}",
                "name another folder with --set cache=FOLDER",
            ) from error
        finally:
            for file in files.values():
                file.close()
        for speed in speeds:  # the offsets go last: a file without them is decoded again
            self._file(speed, "part").replace(self._file(speed, "pcm"))
            part = self._file(speed, "offsets")
            part.write_text(json.dumps(offsets[speed]))
            part.replace(self._file(speed, "json"))


def _speeds(utterance: Utterance, speeds: list[float]) -> list[NDArray[np.int16]]:
    """The PCM of one utterance at each speed."""
    try:
        samples = read(utterance.audio, SAMPLE_RATE)
    except AudioError as error:
        raise DataError(error.message, "run `resonet doctor` on the data, or take the recording out") from error
    if utterance.start or utterance.end is not None:
        end = None if utterance.end is None else round(utterance.end * SAMPLE_RATE)
        samples = samples[round(utterance.start * SAMPLE_RATE) : end]
    variants = []
    for speed in speeds:
        played = samples if speed == 1.0 else soxr.resample(samples, SAMPLE_RATE * speed, SAMPLE_RATE)
        variants.append((np.clip(played, -1, 1) * 32767).astype(np.int16))
    return variants
