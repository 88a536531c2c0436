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


SMALL = {
    "classifiers/tc_resnet": {"stem": 8, "channels": (8, 12), "strides": (2, 2)},
    "classifiers/hmm": {"states": 3, "mixtures": 1, "window": 0.2},
    "embedders/resnet_pool": {"front": 4, "width": 16, "bottleneck": 8, "dilations": (1,), "ahead": (1,)},
    "embedders/resnet_speaker": {"widths": (4, 6), "blocks": (1, 1), "frame": 8, "size": 8, "attention": 4},
}


@pytest.mark.parametrize("family", SMALL)
def test_every_kind_has_its_graph(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    onnx = pytest.importorskip("onnx")
    kind, _, name = family.partition("/")
    module = registry.family(name, kind)
    trained = module.Network(module.Config(**SMALL[family]), 4).train()
    write = {"tc_resnet": export.classifier, "hmm": export.classifier, "resnet_speaker": export.identity}.get(
        name, export.embedder
    )
    graph = onnx.load_from_string(write(trained)).graph
    assert trained.training, "training can go on"
    wanted = {"classifiers": ["log_probs"], "embedders": ["frames"] if trained.streams else ["voice", "languages"]}
    assert [o.name for o in graph.output] == wanted[kind] + ["next_state"] * trained.streams
    assert [i.name for i in graph.input] == (["pcm", "state"] if trained.streams else ["pcm"])
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(TrainError, match="the exported graph differs from the network by"):
        write(trained)
