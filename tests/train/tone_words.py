"""Clips of words that a tiny network learns in seconds: every word is two tones, every speaker has his own pitch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
WORDS = {"lights": (400, 1700), "music": (1700, 400), "stop": (900, 3000)}


def say(word: str, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """float32 [time]: the two tones of a word somewhere in a second of faint noise."""
    time = np.arange(round(0.2 * RATE)) / RATE
    said = np.concatenate([0.2 * np.sin(2 * np.pi * hertz * pitch * time) for hertz in WORDS[word]])
    clip = 1e-3 * rng.normal(size=RATE)
    start = int(rng.integers(1000, RATE - len(said) - 1000))
    clip[start : start + len(said)] += said
    return clip.astype(np.float32)


def record(folder: Path, words: tuple[str, ...] = tuple(WORDS), speakers: int = 8, takes: int = 2) -> Path:
    """A folder of folders; the names of the clips say who speaks."""
    rng = np.random.default_rng(0)
    for word in words:
        (folder / word).mkdir(parents=True)
        for speaker in range(speakers):
            for take in range(takes):
                clip = say(word, 0.9 + 0.2 * speaker / speakers, rng)
                soundfile.write(folder / word / f"{speaker:08x}_nohash_{take}.wav", clip, RATE)
    return folder
