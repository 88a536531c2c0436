"""Trainings of a second or two: a network of some thousand weights on the recordings of samples/tiny."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "samples" / "tiny"

# A network that takes milliseconds a step.
SMALL = [
    "--set", "network={width: 32, bottleneck: 16, front: 4, dilations: [1, 2], ahead: [1, 0]}",
    "--set", "threads=1",
    "--set", "precision=float32",
    "--set", "batch_seconds=40",
    "--set", "augmentation.speeds=[1.0]",
]  # fmt: skip
