"""A recognizer with random weights: its words mean nothing, but they are the same on every way to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from resonet.bundle import write
from resonet.runtime import Recognizer
from resonet.text.lexicon import Lexicon
from resonet.text.units import Units


@pytest.fixture(scope="session")
def bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch")
    from resonet.models import registry
    from resonet.train import export

    torch.manual_seed(3)
    family = registry.family("resnet_ctc")
    config = registry.configure(family, "1m", {"width": 48, "bottleneck": 24, "front": 4})
    units = Units.characters()
    network = family.Network(config, len(units))
    torch.nn.init.normal_(network.output.weight, std=1.0)  # uneven outputs, so that words come out at all
    words = ["a", "be", "see", "dee", "hello", "world", "there", "is", "it", "on", "no", "yes", "quick", "fox"]
    return write(
        tmp_path_factory.mktemp("bundle") / "random.resonet",
        {
            "kind": "recognizer",
            "name": "random",
            "family": "resnet_ctc",
            "sample_rate": 16000,
            "frame_shift": 0.01,
            "subsampling": 4,
            "units": {"type": units.type, "list": list(units.symbols), "blank": 0},
            "languages": ["en"],
            "runtime": {"delay": network.delay, "state": network.state_size},
            "decoding": {"confidence": [3.0, 0, 0, 0, 0, 0, 0]},
        },
        {"model.onnx": export.recognizer(network), "lexicon.bin": Lexicon.spelled(words, units).to_bytes()},
    )


@pytest.fixture(scope="session")
def recognizer(bundle_path: Path) -> Recognizer:
    return Recognizer.load(bundle_path, threads=1)
