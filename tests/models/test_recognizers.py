"""The contract of recognizers, over every file in models/recognizers: what runs it may rely on all of this."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from contract import UNITS, Case, cases, sound
from streaming_contract import StreamingContract, check_sizes, whole

from resonet.models import registry
from resonet.models.layers import LogMel
from resonet.train import export

CASES = cases("recognizers")


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture(scope="module")
def network(case: Case) -> Any:
    return case.network()


class TestStreaming(StreamingContract):
    export = staticmethod(export.recognizer)


def test_shapes(network: Any) -> None:
    pcm = sound(2, 7 * network.stride - 5)
    (scores,) = network.scores(pcm)
    assert scores.shape == (2, 7, UNITS) and scores.dtype == torch.float32
    torch.testing.assert_close(scores, whole(network, pcm))
    torch.testing.assert_close(scores.exp().sum(-1), torch.ones(2, 7))
    chunk, state = network(pcm[:, : 3 * network.stride], torch.zeros(2, network.state_size))
    assert chunk.shape == (2, 3, UNITS) and state.shape == (2, network.state_size)
    views = network.scores(pcm, masks=(lambda x: x, lambda x: x * 0))
    assert [view.shape for view in views] == [(2, 7, UNITS)] * 2
    torch.testing.assert_close(views[0], scores, atol=1e-4, rtol=0)
    assert network.fit == "gradient" and network.streams and network.delay >= 0
    assert network.stride % LogMel.SHIFT == 0


@pytest.mark.filterwarnings("ignore:TF32")
@pytest.mark.parametrize("name", registry.families("recognizers"))
def test_sizes_are_as_documented(name: str) -> None:
    check_sizes(name, "recognizers", UNITS)


def test_a_checkpoint_of_resnet_ctc_keeps_its_names() -> None:
    """Bundles are written once, but a training may go on for days: these names must not change."""
    names = set(Case("recognizers", "resnet_ctc").network().state_dict())
    assert {"features.mean", "features.scale", "output.weight", "output.bias"} <= names
    front = {"convs.0", "convs.1", "inner", "outer", "project", "norm"}
    assert {n.removeprefix("front.").rpartition(".")[0] for n in names if n.startswith("front.")} == front
    block = {n.removeprefix("blocks.7.") for n in names if n.startswith("blocks.7.")}
    assert block == {f"{part}.{kind}" for part in ("down", "up", "norm") for kind in ("weight", "bias")}


def test_settings_that_do_not_fit() -> None:
    from resonet.errors import UsageError

    module = registry.family("resnet_ctc")
    with pytest.raises(UsageError, match="one entry a block"):
        registry.configure(module, "1m", {"ahead": (1, 2)})
    with pytest.raises(UsageError, match=r"network.subsampling"):
        registry.configure(module, "1m", {"subsampling": 6})
    with pytest.raises(UsageError, match=r"network.widht is no setting of resnet_ctc \(did you mean 'network.width'"):
        registry.configure(module, "1m", {"widht": 6})
