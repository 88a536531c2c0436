"""A recognizer bundle whose network nobody runs: searching reads its lexicon alone."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from resonet.bundle import write
from resonet.text.lexicon import Lexicon

PHONES = ("T", "R", "EH", "N", "K", "EY", "S")
LEXICON = {"trent": ["T R EH N T", "T R EH N"], "case": ["K EY S"], "tea": ["T EY"], "a": ["EY"]}


def recognizer(path: Path, network: bytes = b"a network", phones: tuple[str, ...] = PHONES, **fields: Any) -> Path:
    """The bundle; `units` in the fields may be others than the phones."""
    lexicon = Lexicon(phones)
    for word, ways in LEXICON.items():
        for way in ways:
            lexicon.add(word, way.split())
    manifest = {
        "kind": "recognizer",
        "family": "none",
        "sample_rate": 16000,
        "frame_shift": 0.01,
        "subsampling": 4,
        "units": {"type": "phones", "list": ["<blank>", *phones], "blank": 0},
        "languages": ["en"],
        "runtime": {"delay": 1, "state": 1},
        **fields,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(path, manifest, {"model.onnx": network, "lexicon.bin": lexicon.to_bytes()})


def meta(network: bytes = b"a network", name: str = "small", units: tuple[str, ...] = PHONES) -> dict[str, Any]:
    """What an index says that was made with it."""
    return {
        "recognizer": {"name": name, "sha256": hashlib.sha256(network).hexdigest()},
        "shift": 0.04,
        "units": ["<blank>", *units],
    }
