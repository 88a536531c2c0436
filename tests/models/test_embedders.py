"""The contract of embedders, over every file in models/embedders, and of their pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from contract import UNITS, Case, cases, sound
from streaming_contract import StreamingContract, check_sizes, multiply_adds, whole

from resonet.decoding.pool import pool
from resonet.models import registry
from resonet.models.embedders import resnet_pool
from resonet.models.layers import LogMel
from resonet.train import export

CASES = cases("embedders")


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture(scope="module")
def network(case: Case) -> Any:
    return case.network()


class TestStreaming(StreamingContract):
    export = staticmethod(export.embedder)
    output = "frames"

    def learning(self, network: Any, pcm: torch.Tensor) -> list[torch.Tensor]:
        return list(network.encode(pcm))


@torch.no_grad()
def test_shapes(network: Any) -> None:
    pcm = sound(2, 9 * network.stride - 5)
    frames, phones = network.encode(pcm)
    assert frames.shape == (2, 9, network.config.dims + 1) and phones.shape == (2, 9, UNITS)
    torch.testing.assert_close(frames, whole(network, pcm), atol=1e-5, rtol=0)
    torch.testing.assert_close(phones.exp().sum(-1), torch.ones(2, 9))
    assert float(frames[..., -1].abs().max()) < resnet_pool.BOUND
    masked, _ = network.encode(pcm, torch.tensor([0, 14]), lambda x: x * 0)
    torch.testing.assert_close(masked[0], masked[1])
    assert network.delay * network.stride <= 0.12 * LogMel.SAMPLE_RATE and network.stride == 640


def test_pooling_is_that_of_the_run_half(network: Any) -> None:
    frames = torch.randn(4, 50, network.config.dims + 1)
    frames[..., -1] = 3 * torch.tanh(frames[..., -1])
    starts, ends = torch.tensor([0.0, 3.25, 10.0, 41.9]), torch.tensor([50.0, 20.5, 10.7, 50.0])
    found = network.pool(frames, starts, ends)
    assert found.shape == (4, network.config.parts * network.config.dims)
    for row, start, end, vector in zip(frames, starts, ends, found, strict=True):
        expected = pool(row.numpy(), [float(start)], [float(end)], network.config.parts)[0]
        np.testing.assert_allclose(vector, expected, atol=1e-4)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(4))


def test_gradients_pass_through_pooling(network: Any) -> None:
    frames = torch.randn(2, 12, network.config.dims + 1, requires_grad=True)
    vectors = network.pool(frames, torch.tensor([2.0, 3.5]), torch.tensor([8.0, 12.0]))
    (vectors * torch.randn_like(vectors)).sum().backward()
    assert frames.grad is not None
    touched = frames.grad.abs().amax(2) > 1e-5
    assert touched[0].nonzero().flatten().tolist() == [2, 3, 4, 5, 6, 7]
    assert touched[1].nonzero().flatten().tolist() == list(range(3, 12))
    assert network.pool(frames.bfloat16(), torch.tensor([0, 0]), torch.tensor([5, 6])).dtype == torch.float32


def test_phones_stay_in_training(network: Any) -> None:
    onnx = pytest.importorskip("onnx")
    graph = onnx.load_from_string(export.embedder(network)).graph
    names = {i.name for i in graph.initializer}
    assert "output.weight" in names and not any("phone" in name for name in names)


@pytest.mark.filterwarnings("ignore:TF32")
def test_a_stream_computes_nothing_twice(network: Any) -> None:
    """But for a narrowing TimeConv, which multiplies its context again."""
    assert multiply_adds(network, network.stride) * 25 < 1.35 * multiply_adds(network, 25 * network.stride)


@pytest.mark.filterwarnings("ignore:TF32")
@pytest.mark.parametrize("name", registry.families("embedders"))
def test_sizes_are_as_documented(name: str) -> None:
    check_sizes(name, "embedders", UNITS)


def test_settings_that_do_not_fit() -> None:
    from resonet.errors import UsageError

    with pytest.raises(UsageError, match="one entry a block"):
        registry.configure(resnet_pool, "small", {"ahead": (1, 2)})
