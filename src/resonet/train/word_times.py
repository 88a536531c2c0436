"""When each word of each utterance is said, by forced alignment; kept beside the decoded recordings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle, replacing
from resonet.data.waveforms import Waveforms
from resonet.decoding.align import align_batch, spans
from resonet.errors import DataError
from resonet.runtime.acoustic import Acoustic, default_threads

_TOGETHER = 64  # utterances recognized and aligned at once
# A unit's spike comes a little after its beginning, and its sound goes on after it: in frames of 40 ms, up to the next
# word's spike.
_BEFORE, _AFTER = 1, 3


def word_times(
    waves: Waveforms, words: Sequence[Sequence[Sequence[int]]], bundle: Bundle, cache: Path
) -> list[NDArray[np.float32]]:
    """First and last second of every word of every utterance, float32 [words, 2] each.

    Args:
        words: for every utterance the units of each of its words, as the recognizer numbers them.

    Raises DataError: an utterance is too short for its words.
    """
    key = hashlib.sha256(f"{bundle.manifest.members['model.onnx'].sha256}|{waves.key}|{list(map(len, words))}".encode())
    file = cache / f"words-{key.hexdigest()[:16]}.npy"
    counts = np.cumsum([len(w) for w in words])[:-1]
    if file.is_file():
        times = np.load(file, allow_pickle=False)
        if len(times) == sum(map(len, words)):
            return np.split(times, counts)
    found = list(_aligned(waves, words, Acoustic(bundle, default_threads()), bundle.manifest.output_shift))
    with replacing(file) as out:
        np.save(out, np.concatenate(found), allow_pickle=False)
    return found


def _aligned(
    waves: Waveforms, words: Sequence[Sequence[Sequence[int]]], acoustic: Acoustic, shift: float
) -> Iterator[NDArray[np.float32]]:
    order = sorted(range(len(waves)), key=waves.length)
    found: dict[int, NDArray[np.float32]] = {}
    for i in range(0, len(order), _TOGETHER):
        rows = order[i : i + _TOGETHER]
        scores = acoustic.scores([waves.sound(r) for r in rows])
        units = [[u for word in words[r] for u in word] for r in rows]
        try:
            paths = align_batch(scores, units)
        except DataError as error:
            raise DataError(f"words cannot be aligned: {error.message}", "run `resonet doctor` on the data") from error
        for row, path, score in zip(rows, paths, scores, strict=True):
            found[row] = _times(path, [len(w) for w in words[row]], len(score)) * np.float32(shift)
    for row in range(len(waves)):
        yield found[row]


def _times(path: NDArray[np.int32], lengths: list[int], frames: int) -> NDArray[np.float32]:
    """First frame of each word and the one after its last, float32 [words, 2]."""
    units = spans(path, sum(lengths))
    last = np.cumsum(lengths)
    start, end = units[last - lengths, 0], units[last - 1, 1]
    following = np.append(start[1:], frames)
    before = np.append(0, end[:-1])
    return np.stack([np.maximum(start - _BEFORE, before), np.minimum(end + _AFTER, following)], 1).astype(np.float32)
