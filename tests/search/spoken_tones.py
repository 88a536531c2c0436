"""Recordings of words that are rows of tones, and the tiny bundles that hear them (tests/runtime/small_spotters.py)."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonet import audio
from resonet.bundle import write

WORDS = {"boat": ("B", "OW", "T"), "keys": ("K", "IY", "S"), "knock": ("N", "AA", "K")}


def small_bundles() -> Any:
    """The module that makes tiny bundles, of the tests of the runtime."""
    pytest.importorskip("onnx")
    path = Path(__file__).parents[1] / "runtime" / "small_spotters.py"
    spec = importlib.util.spec_from_file_location("small_spotters", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def embedder(small: Any, path: Path, members: dict[str, bytes] | None = None, **fields: Any) -> Path:
    """A bundle of kind embedder whose frames are the energies of the tones."""
    manifest = {
        "kind": "embedder",
        "family": "tones",
        "sample_rate": small.RATE,
        "frame_shift": 0.01,
        "subsampling": 4,
        "runtime": {key: value for key, value in small.FORM.items() if key != "subsampling"},
        **fields,
    }
    return write(path, manifest, {"model.onnx": small.embedder_graph(), **(members or {})})


def sentence(small: Any, *words: str, pause: float = 0.7, each: float = 0.12) -> np.ndarray:
    """Words with pauses before, between and behind them; a phone lasts `each` seconds."""
    parts = [piece for word in words for piece in (small.said(*WORDS[word], each=each), small.quiet(pause))]
    return np.concatenate([small.quiet(0.3), *parts])


def record(small: Any, path: Path, *words: str, **form: float) -> Path:
    """A recording of a sentence."""
    audio.write(path, sentence(small, *words, **form), small.RATE)
    return path
