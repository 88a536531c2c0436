"""The exported graph is checked against the network, and the network stays what it was."""

from __future__ import annotations

import pytest
import tone_speech
import torch
from tone_speech import PLAIN

from resonet.errors import TrainError
from resonet.models import registry
from resonet.train import export


def network() -> torch.nn.Module:
    module = registry.family("resnet_ctc")
    return module.Network(registry.configure(module, "1m", tone_speech.recipe(PLAIN).network), 6)


def test_training_can_go_on_after_an_export() -> None:
    trained = network().train()
    before = {k: v.clone() for k, v in trained.state_dict().items()}
    graph = export.recognizer(trained)
    assert graph[:1] == b"\x08" and trained.training
    assert all(torch.equal(v, before[k]) for k, v in trained.state_dict().items())


def test_a_graph_that_differs_is_no_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(TrainError, match="the exported graph differs from the network by"):
        export.recognizer(network())
