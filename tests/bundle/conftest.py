"""A small recognizer bundle, a folder of bundles, and packages that bring some."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resonet import bundle as bundles

FIELDS: dict[str, Any] = {
    "kind": "recognizer",
    "name": "tiny",
    "family": "resnet_ctc",
    "created": "2026-01-31T12:00:00Z",
    "sample_rate": 16000,
    "frame_shift": 0.01,
    "subsampling": 4,
    "units": {"type": "characters", "list": ["<blank>", "|", "a"], "blank": 0},
    "languages": ["en"],
    "licence": [{"set": "some", "spdx": "CC-BY-4.0", "url": "https://example.org"}],
    "data": {"name": "some", "sha256": "ab" * 32},
    "commit": "abc",
    "metrics": [{"name": "wer", "value": 36.5, "set": "some/test", "command": "resonet evaluate"}],
    "decoding": {"lm_weight": 0.5, "word_bonus": 1.0, "beam": 32},
    "runtime": {"resonet": "0.1", "delay": 4, "state": 3},
}
MEMBERS = {"model.onnx": b"a graph " * 40, "lm.bin": b"\0\1\2" * 50, "card.md": "Größe: klein\n".encode()}
# What each kind cannot do without.
OF_KIND: dict[str, tuple[dict[str, Any], dict[str, bytes]]] = {
    "recognizer": ({}, {}),
    "classifier": (
        {"labels": ["yes", "no"], "runtime": {"resonet": "0.1", "delay": 4, "state": 3, "window": 1.0}},
        {"model.onnx": b"x"},
    ),
    "voice": (
        {
            "sample_rate": 24000,
            "speakers": ["ann"],
            "runtime": {"resonet": "0.1", "context": 5, "speakers": {"ann": {"language": "en"}}},
        },
        {"acoustic.onnx": b"x", "vocoder.onnx": b"x", "mel.json": b"{}"},
    ),
    "embedder": ({}, {"model.onnx": b"x"}),
    "g2p": ({}, {"g2p.onnx": b"x"}),
}


@pytest.fixture
def fields() -> dict[str, Any]:
    """Manifest fields of a valid recognizer, to change at will."""
    return copy.deepcopy(FIELDS)


@pytest.fixture
def members() -> dict[str, bytes]:
    return dict(MEMBERS)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Writes a bundle: make(path, kind, **other fields)."""

    def make(path: Path | str = "tiny.resonet", kind: str = "recognizer", **changed: Any) -> Path:
        path = tmp_path / path
        path.parent.mkdir(parents=True, exist_ok=True)
        extra, content = OF_KIND[kind]
        given = {**copy.deepcopy(FIELDS), "kind": kind, "name": bundles.name_from(path.stem), **extra, **changed}
        return bundles.write(path, given, content or MEMBERS)

    return make


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user folder, no package that brings bundles, and no settings of the one who runs the tests."""
    monkeypatch.setenv("RESONET_HOME", str(tmp_path / "home"))
    for kind in bundles.KINDS:
        monkeypatch.delenv(f"RESONET_BUNDLE_{kind.upper()}", raising=False)
    monkeypatch.setattr("resonet.bundle.places._entry_points", list)
    return tmp_path / "home"
