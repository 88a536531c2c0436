"""The contract of networks on text, over every file in models/language."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from contract import UNITS, Case, cases, documented, parameters
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.models import registry

CASES = cases("language")


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture(scope="module")
def network(case: Case) -> Any:
    return case.network()


def words(batch: int, length: int) -> torch.Tensor:
    return torch.randint(1, 29, (batch, length))


@torch.no_grad()
def scores(network: Any, letters: torch.Tensor) -> torch.Tensor:
    return network(letters)


def test_lengths(network: Any) -> None:
    @settings(max_examples=10, deadline=None, database=None)
    @given(st.integers(1, 400))
    def check(length: int) -> None:
        found = scores(network, words(1, length))
        assert found.shape == (1, int(network.output_lengths(torch.tensor(length))), UNITS)

    check()
    torch.testing.assert_close(scores(network, words(2, 5)).exp().sum(-1).mean(), torch.tensor(1.0))
    assert network.fit == "gradient" and not network.streams


def test_padding_and_neighbours_change_nothing(network: Any) -> None:
    rows = [words(1, length) for length in (3, 7, 12)]
    together = torch.zeros(3, 12, dtype=torch.long)
    for row, word in zip(together, rows, strict=True):
        row[: word.shape[1]] = word[0]
    found = scores(network, together)
    for row, word in zip(found, rows, strict=True):
        alone = scores(network, word)[0]
        torch.testing.assert_close(row[: len(alone)], alone, atol=1e-4, rtol=0)


def test_gradients_reach_every_parameter(case: Case) -> None:
    network = case.network(dropout=0.0).train()
    found = network(words(40, 9))
    (found * torch.randn_like(found)).sum().backward()
    assert [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_onnx_is_pytorch(network: Any) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    from resonet.train import export

    graph = export.g2p(network, "'abcdefghijklmnopqrstuvwxyz-", tuple(f"U{i}" for i in range(UNITS)))
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["alphabet"].startswith("'abc")
    for length, batch in ((1, 1), (2, 5), (6, 3), (13, 1), (30, 2)):
        letters = words(batch, length)
        letters[0, length // 2 + 1 :] = 0
        (found,) = session.run(None, {"letters": letters.numpy()})
        torch.testing.assert_close(torch.from_numpy(found), scores(network, letters), atol=1e-4, rtol=1e-4)


def test_a_state_dict_makes_the_same_network(case: Case, network: Any) -> None:
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    other = case.network()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    other.load_state_dict(torch.load(file, weights_only=True))
    letters = words(3, 8)
    assert torch.equal(scores(other, letters), scores(network, letters))


def test_receptive_field(network: Any) -> None:
    letters = words(1, 60)
    changed = letters.clone()
    changed[0, 30] = letters[0, 30] % 28 + 1
    differ = (scores(network, letters) - scores(network, changed)).abs().amax((0, 2)) > 0
    slots = int(network.output_lengths(torch.tensor(1)))
    places = differ.nonzero().flatten()
    seen = int(places[-1] - places[0]) + 1
    assert network.receptive_field - 2 <= seen <= network.receptive_field + slots - 1


@pytest.mark.parametrize("name", registry.families("language"))
def test_sizes_are_as_documented(name: str) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    module = registry.family(name, "language")
    table = documented(module)
    assert set(table) == set(module.Config.presets)
    for preset, (weights, work) in table.items():
        network = module.Network(registry.configure(module, preset), UNITS).eval()
        assert parameters(network) == pytest.approx(weights, rel=0.01)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network(torch.ones(1, 10, dtype=torch.long))
        assert counter.get_total_flops() / 2 / 10 == pytest.approx(work, rel=0.01)
