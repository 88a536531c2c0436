"""Sounds and tables for the corpora that the tests make."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

RATE = 16000


def tone(seconds: float = 0.5, level: float = 0.1, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """Noise that differs with the seed: float32 [time]."""
    samples = np.random.default_rng(seed).normal(0, level, round(seconds * rate))
    return np.clip(samples, -0.9, 0.9).astype(np.float32)


def jsonl(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
