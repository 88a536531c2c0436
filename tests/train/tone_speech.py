"""Speech that a tiny network learns in seconds: every letter is a tone, a space is silence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from resonet.data.utterance import Utterance
from resonet.text.units import Units
from resonet.train.recipe import Recipe, parse
from resonet.train.tasks.recognize import Recognize

RATE = 16000
TONES = {"a": 400, "b": 900, "c": 1700, "d": 3000}
UNITS = Units.characters("abcd")
TEXTS = ("ab cd", "dcab", "ba dc a", "cabd")

# Some thousand weights and milliseconds a step; nothing is drawn at random but the first weights.
PLAIN: dict[str, Any] = {
    "passes": 4,
    "network": {
        "mels": 20, "mean_window": 50, "front": 4, "width": 32, "bottleneck": 16,
        "dilations": [1, 1], "ahead": [1, 0], "dropout": 0.0, "drop_block": 0.0,
    },
    "augmentation": {
        "speeds": [1.0], "gain_db": 0.0, "silence": 0.0, "warp": False, "frequency_masks": 0, "time_share": 0.0,
    },
    "optimiser": {"rate": 0.01, "warm_up": 0.0},
    "batch_seconds": 3.0,
    "precision": "float32",
    "average": 0.9,
}  # fmt: skip
# All that is drawn while training: speed, level, silence, masks, warp, dropout, whole blocks.
RANDOM: dict[str, Any] = {
    **PLAIN,
    "network": {**PLAIN["network"], "dropout": 0.1, "drop_block": 0.2},
    "augmentation": {"frequency_width": 4, "time_width": 8, "start_after": 0.0, "silence": 0.1},
}


def say(text: str, seconds: float = 0.2) -> np.ndarray:
    """float32 [time]: the tones of the letters over a little noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    parts = [0.1 * np.sin(2 * np.pi * TONES[c] * time) if c in TONES else 0 * time for c in text]
    sound = np.concatenate(parts)
    return (sound + 1e-3 * np.random.default_rng(len(text)).normal(size=len(sound))).astype(np.float32)


def speak(folder: Path, texts: Sequence[str] = TEXTS) -> list[Utterance]:
    """Writes the recordings; their ids are u0, u1 ..."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for i, text in enumerate(texts):
        sound = say(text)
        soundfile.write(folder / f"u{i}.wav", sound, RATE)
        found.append(Utterance(f"u{i}", folder / f"u{i}.wav", text, speaker="s", end=len(sound) / RATE))
    return found


def recipe(content: dict[str, Any] = PLAIN, *settings: str) -> Recipe:
    return parse({k: dict(v) if isinstance(v, dict) else v for k, v in content.items()}, list(settings), "test")


def task(folder: Path, recipe: Recipe, texts: Sequence[str] = TEXTS, kind: type[Recognize] = Recognize) -> Recognize:
    """The task of the texts, which are train and dev at once."""
    said = speak(folder / "sound", texts)
    return kind(recipe, said, said, UNITS, UNITS.encode, folder / "cache")
