"""Decoded recordings on disk, so that a training pass reads samples instead of decoding Opus again.

A list of utterances has a folder, and there one file a speed: int16 PCM of all utterances end to end, mapped into
memory. Ten hours at three speeds are 3.5 GB; for voices they lie there at 24 kHz, trimmed and at one level. By default
the folders lie in `waveforms` of the user's cache folder (~/.cache/resonet on Linux; the recipe's `cache` names another
place). Before another one is made, those that were
opened least recently are removed until 50 GB are left, none that was opened within a day; all may be removed by hand.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain, groupby
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from resonet.audio import read
from resonet.data.utterance import Utterance
from resonet.errors import AudioError, DataError

SAMPLE_RATE = 16000
Progress = Callable[[Iterable, int], Iterable]
# What is done to each utterance, float32 [time] and its rate, before it is written.
Treatment = Callable[[NDArray[np.float32], int], NDArray[np.float32]]

# Bytes of decoded recordings that may lie there when more are made: a hundred hours at three speeds, and some.
_ROOM = 50e9
# Seconds for which a folder that was opened stays: a training may be reading it.
_RECENT = 24 * 3600.0


class Waveforms:
    """The PCM of a list of utterances at some speeds.

    Args:
        utterances: as `resonet.data.load.utterances` gives them.
        folder: where the decoded files lie; made on first use, taken again while the utterances are the same.
        speeds: playing speeds (1.1: 10 % faster and higher); 1.0 must be among them.
        progress: wraps an iterable to show progress, e.g. tqdm; called with (iterable, total).
        rate: samples a second.
        treatment: what is done to each utterance first; a named function, by whose name what it made is found again.

    Attributes:
        key: 16 hexadecimal digits that change with the utterances or their files.

    Raises:
        DataError: a recording cannot be read (the sentence names it); the disk is full.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        folder: Path,
        speeds: Sequence[float] = (1.0,),
        progress: Progress | None = None,
        rate: int = SAMPLE_RATE,
        treatment: Treatment | None = None,
    ) -> None:
        self.utterances = list(utterances)
        self.speeds = tuple(speeds)
        self.rate = rate
        self._treatment = treatment
        form = "" if rate == SAMPLE_RATE and treatment is None else f"{rate} {getattr(treatment, '__name__', '')}"
        self.key = _key(self.utterances, form)
        self._folder = folder / self.key
        if missing := [s for s in self.speeds if not self._is_whole(s)]:
            make_room(folder)
            self._decode(missing, progress)
        with suppress(OSError):  # a cache that others have made may be read only
            os.utime(self._folder)
        self._maps: dict[float, NDArray[np.int16]] = {}
        self._offsets: dict[float, NDArray[np.int64]] = {}
        for speed in self.speeds:
            offsets = self._offsets[speed] = np.asarray(json.loads(self._file(speed, "json").read_text()), np.int64)
            self._maps[speed] = (  # an empty file cannot be mapped
                np.memmap(self._file(speed, "pcm"), np.int16, "r") if offsets[-1] else np.empty(0, np.int16)
            )

    def __len__(self) -> int:
        return len(self.utterances)

    def samples(self, index: int, speed: float = 1.0) -> NDArray[np.int16]:
        """int16 [time] at `rate`."""
        start, end = self._offsets[speed][index : index + 2]
        return self._maps[speed][start:end]

    def sound(self, index: int, speed: float = 1.0) -> NDArray[np.float32]:
        """float32 [time] at `rate`, -1..1."""
        return np.multiply(self.samples(index, speed), 1 / 32767, dtype=np.float32)

    def length(self, index: int, speed: float = 1.0) -> int:
        """Samples of an utterance."""
        return int(self._offsets[speed][index + 1] - self._offsets[speed][index])

    def _file(self, speed: float, suffix: str) -> Path:
        return self._folder / f"speed-{speed:g}.{suffix}"

    def _is_whole(self, speed: float) -> bool:
        """Whether the samples lie there as their offsets say: a power cut may have shortened them."""
        try:
            offsets = json.loads(self._file(speed, "json").read_text())
            return self._file(speed, "pcm").stat().st_size == 2 * offsets[-1]
        except (OSError, ValueError, LookupError, TypeError):
            return False

    def _decode(self, speeds: list[float], progress: Progress | None) -> None:
        offsets: dict[float, list[int]] = {s: [0] for s in speeds}
        # Another training may be decoding the same recordings: each writes files of its own, the last rename stays.
        parts = {s: self._file(s, f"{os.getpid()}.part") for s in speeds}
        files = {}
        # A long recording of many utterances is read once.
        recordings = [list(same) for _, same in groupby(self.utterances, key=lambda u: u.audio)]
        pool = ThreadPoolExecutor(2)  # libsndfile and soxr release the GIL
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            files = {s: open(part, "wb") for s, part in parts.items()}  # noqa: SIM115 (closed below, several at once)
            done: Iterable = chain.from_iterable(pool.map(lambda same: self._decoded(same, speeds), recordings))
            for variants in progress(done, len(self.utterances)) if progress else done:
                for speed, pcm in zip(speeds, variants, strict=True):
                    files[speed].write(pcm.tobytes())
                    offsets[speed].append(offsets[speed][-1] + len(pcm))
            for speed, file in files.items():  # the offsets go last: samples without them are decoded again
                file.close()
                parts[speed].replace(self._file(speed, "pcm"))
                parts[speed].write_text(json.dumps(offsets[speed]))
                parts[speed].replace(self._file(speed, "json"))
        except OSError as error:
            raise DataError(
                f"The decoded recordings cannot be written to {self._folder}: {error.strerror}",
                "name another folder with --set cache=FOLDER",
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for speed, file in files.items():
                with suppress(OSError):  # closing writes what is left, which may not fit either
                    file.close()
                parts[speed].unlink(missing_ok=True)

    def _decoded(self, utterances: list[Utterance], speeds: list[float]) -> list[list[NDArray[np.int16]]]:
        """The PCM of utterances of one recording, each at each speed."""
        rate = self.rate
        try:
            recording = read(utterances[0].audio, rate)
        except AudioError as error:
            raise DataError(error.message, "run `resonet doctor` on the data, or take the recording out") from error
        found = []
        for u in utterances:
            end = None if u.end is None else round(u.end * rate)
            samples = recording[round(u.start * rate) : end]
            if self._treatment is not None:
                samples = self._treatment(samples, rate)
            variants = []
            for speed in speeds:
                played = samples if speed == 1.0 else soxr.resample(samples, rate * speed, rate)
                variants.append((np.clip(played, -1, 1) * 32767).astype(np.int16))
            found.append(variants)
        return found


def make_room(folder: Path, room: float = _ROOM) -> None:
    """Removes the sets of decoded recordings that were opened least recently until the others take `room` bytes.

    One that was opened within a day stays. Nothing else in the folder is touched.
    """
    with suppress(OSError):  # no folder yet, or another training was faster
        sets = [place for place in folder.iterdir() if re.fullmatch("[0-9a-f]{16}", place.name) and place.is_dir()]
        sizes = {place: sum(file.stat().st_size for file in place.glob("speed-*")) for place in sets}
        opened = {place: place.stat().st_mtime for place in sets}
        for place in sorted(sets, key=opened.__getitem__):
            if sum(sizes.values()) <= room or time.time() - opened[place] < _RECENT:
                return
            with suppress(OSError):  # held open by another program, or with files of somebody else in it
                for file in sorted(place.glob("speed-*")):  # .json before .pcm: half removed counts as missing
                    file.unlink()
                place.rmdir()
            del sizes[place]


def _key(utterances: Sequence[Utterance], form: str) -> str:
    """16 hexadecimal digits that change with the utterances or their files, and with the form they are kept in."""
    key = hashlib.sha256(form.encode())
    for u in utterances:
        try:
            stat = os.stat(u.audio)
        except OSError as error:
            raise DataError(f"{u.audio} cannot be read: {error.strerror}", "run `resonet doctor` on the data") from None
        key.update(f"{u.audio}|{u.start}|{u.end}|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
    return key.hexdigest()[:16]
