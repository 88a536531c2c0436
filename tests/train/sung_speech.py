"""A voice that tiny networks learn in seconds: every letter is a chord of harmonics like a vowel; two readers sing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 24000
# The middle of a hump in the spectrum, Hz.
HUMPS = {"a": 600, "e": 1300, "i": 2400, "o": 900, "u": 400, "s": 5500, "m": 250}
READERS = {"ann": 210.0, "bob": 110.0, "cid": 160.0}
WORDS = ("mama", "sumo", "oase", "esu", "misa", "uso", "ami", "some")
# Networks of some thousand weights.
SETTINGS = (
    "language=la", "threads=1", "precision=float32", "passes=4", "batch_seconds=8", "validate_every=1000",
    "checkpoint_every=1000", "optimiser.rate=0.003",
    "network={width: 24, encoder: [1], prosody_width: 16, prosody: [1], decoder_width: 24, decoder: [1, 2], "
    "final_width: 16, final: [1]}",
    "voice.aligner={passes: 8, batch_seconds: 8, optimiser: {rate: 0.01}}",
    "voice.vocoding={passes: 1, batch_seconds: 2, segment: 16, network: {width: 16, inner: 32, dilations: [1, 2]}, "
    "adversaries: 0.5, predicted_from: 0.5}",
)  # fmt: skip


def sing(text: str, pitch: float, seed: int = 0) -> np.ndarray:
    """float32 [time]: 0.12 s a letter, a short rest between words, silence at the ends."""
    rng = np.random.default_rng(seed)
    parts = [np.zeros(RATE // 5)]
    for letter in text:
        long = round(RATE * (0.12 if letter in HUMPS else 0.05))
        time = np.arange(long) / RATE
        sound = np.zeros(long)
        for k in range(1, int(9000 / pitch)):
            level = np.exp(-(((k * pitch - HUMPS.get(letter, 0)) / 400) ** 2)) if letter in HUMPS else 0.0
            sound += level * np.sin(2 * np.pi * k * pitch * time)
        parts.append(sound * np.hanning(long) ** 0.3 * 0.1)
    parts.append(np.zeros(RATE // 5))
    sound = np.concatenate(parts)
    return (sound + 1e-4 * rng.normal(size=len(sound))).astype(np.float32)


def corpus(folder: Path, count: int = 12, readers: tuple[str, ...] = ("ann", "bob")) -> Path:
    """Recordings and `metadata.csv` of file, text and speaker; returns the folder."""
    (folder / "wavs").mkdir(parents=True)
    rng = np.random.default_rng(1)
    lines = ["audio|text|speaker|split"]
    for i in range(count):
        text = " ".join(rng.choice(WORDS, size=3))
        reader = readers[i % len(readers)]
        soundfile.write(folder / "wavs" / f"u{i}.wav", sing(text, READERS[reader], i), RATE)
        split = "dev" if i >= count - 2 else "train"
        lines.append(f"wavs/u{i}.wav|{text.capitalize()}.|{reader}|{split}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
