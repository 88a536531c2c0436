"""When each word of each utterance is said, by forced alignment; kept beside the decoded recordings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import replacing
from resonet.data.aligner import Aligner, Said
from resonet.data.waveforms import Waveforms

# Seconds: a unit's spike comes a little after its beginning, and its sound goes on after it.
_BEFORE, _AFTER = 0.04, 0.12


def word_times(
    waves: Waveforms, texts: Sequence[str], aligner: Aligner, cache: Path, language: str
) -> list[NDArray[np.float32]]:
    """First and last second of every word of every normalised text, float32 [words, 2] each; zeros where the recognizer
    cannot lay the text over its recording."""
    key = hashlib.sha256("\n".join([aligner.sha256, waves.key, *texts]).encode())
    file = cache / f"words-{key.hexdigest()[:16]}.npy"
    counts = [len(text.split()) for text in texts]
    if file.is_file():
        times = np.load(file, allow_pickle=False)
        if times.shape == (sum(counts), 2):
            return np.split(times, np.cumsum(counts)[:-1])
    order = sorted(range(len(waves)), key=waves.length)  # those of like length go through the network together
    found = dict(zip(order, aligner.align(map(waves.sound, order), [texts[i] for i in order], language), strict=True))
    kept = [_times(found[i], counts[i], waves.length(i) / 16000) for i in range(len(waves))]
    with replacing(file) as out:
        np.save(out, np.concatenate(kept), allow_pickle=False)
    return kept


def _times(said: tuple[Said, ...] | None, count: int, seconds: float) -> NDArray[np.float32]:
    """float32 [count, 2], wider than the spikes as far as the neighbours leave room."""
    if said is None or len(said) != count:
        return np.zeros((count, 2), np.float32)
    start, end = (np.array([getattr(word, side) for word in said], np.float32) for side in ("start", "end"))
    before, following = np.append(np.float32(0), end[:-1]), np.append(start[1:], np.float32(seconds))
    return np.stack([np.maximum(start - _BEFORE, before), np.minimum(end + _AFTER, following)], 1)
