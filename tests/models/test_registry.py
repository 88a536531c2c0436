"""A family is one file: what lies in the folder is found, described and refused by name."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch

from resonet.errors import UsageError
from resonet.models import registry
from resonet.models.streaming import StreamingRecognizer

MINE = '''
"""The smallest recognizer there can be: one linear layer over four frames."""

from typing import ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import nn

from resonet.models.layers import LogMel
from resonet.models.streaming import StreamingRecognizer


class Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    mels: int = 8
    subsampling: int = 4
    presets: ClassVar[dict[str, dict]] = {"1k": {}}


class Network(StreamingRecognizer):
    receptive_field = 77

    def __init__(self, config, units):
        super().__init__()
        self.config, self.features = config, LogMel(config.mels)
        self.output = nn.Linear(4 * config.mels, units)

    def network(self, features, tape):
        return torch.log_softmax(self.output(features.unflatten(1, (-1, 4)).flatten(2)), -1)
'''


def test_a_new_file_is_a_new_family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = importlib.import_module("resonet.models.recognizers")
    (tmp_path / "mine.py").write_text(MINE)
    before = registry.families()
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    assert set(registry.families()) - set(before) == {"mine"}
    module = registry.family("mine")
    network = module.Network(registry.configure(module, "1k", {"mels": 10}), 5).eval()
    pcm = torch.randn(2, 3000) * 0.1
    with torch.no_grad():
        (scores,) = network.scores(pcm)
        chunk, state = network(network.padded(pcm), torch.zeros(2, network.state_size))
    assert scores.shape == (2, 5, 5) and state.shape == (2, network.state_size)
    torch.testing.assert_close(chunk, scores)


def test_what_a_recognizer_has_to_have() -> None:
    class Half(StreamingRecognizer):
        receptive_field = 1

    with pytest.raises(TypeError, match=r"abstract method '?network"):
        Half()  # type: ignore[abstract]


def test_what_there_is() -> None:
    assert {"resnet_ctc", "crnn"} <= set(registry.families())
    assert "g2p_resnet" in registry.families("language")


def test_unknown_names_say_what_is_near() -> None:
    with pytest.raises(UsageError, match="did you mean 'resnet_ctc'"):
        registry.family("resnet_ct")
    with pytest.raises(UsageError, match=r"known: .*crnn"):
        registry.family("zzz")
    with pytest.raises(UsageError, match="known: 1m, 4m"):
        registry.configure(registry.family("crnn"), "2m")
