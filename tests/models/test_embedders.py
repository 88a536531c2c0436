"""The contract of embedders, over every file in models/embedders: those of stretches, with their pooling, stream; those
of whole utterances, which know voices and languages, do not."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from contract import UNITS, Case, cases, sound, tones
from hypothesis import given, settings
from hypothesis import strategies as st
from streaming_contract import StreamingContract, check_sizes, fresh, multiply_adds, whole
from torch import nn

from resonet.decoding.pool import pool
from resonet.models import registry
from resonet.models.embedders import resnet_pool, resnet_speaker
from resonet.models.layers import LogMel
from resonet.train import export

CASES = cases("embedders")


def streams(case: Case) -> bool:
    return bool(registry.family(case.family, case.kind).Network.streams)


@pytest.fixture(scope="module", params=[c for c in CASES if streams(c)], ids=str)
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
    from torch.utils.flop_counter import FlopCounterMode

    def a_second(network: Any) -> float:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, 8 * LogMel.SAMPLE_RATE))
        return counter.get_total_flops() / 2 / 8

    module = registry.family(name, "embedders")
    check_sizes(name, "embedders", UNITS, None if module.Network.streams else a_second)


def test_settings_that_do_not_fit() -> None:
    from resonet.errors import UsageError

    with pytest.raises(UsageError, match="one entry a block"):
        registry.configure(resnet_pool, "small", {"ahead": (1, 2)})
    with pytest.raises(UsageError, match="one entry a stage"):
        registry.configure(resnet_speaker, "small", {"blocks": (1, 2)})


@pytest.fixture(scope="module", params=[c for c in CASES if not streams(c)], ids=str)
def whole_case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture(scope="module")
def whole_network(whole_case: Case) -> Any:
    return whole_case.network()


class TestWholeUtterances:
    """What knows voices and languages: one vector and one distribution an utterance, whatever is beside it."""

    def test_any_length_has_a_voice_and_languages(self, whole_network: Any) -> None:
        @settings(max_examples=12, deadline=None, database=None)
        @given(st.integers(1, 400), st.integers(0, LogMel.SHIFT - 1))
        @torch.no_grad()
        def check(frames: int, more: int) -> None:
            pcm = sound(2, frames * LogMel.SHIFT + more)
            voices, languages = whole_network(pcm)
            assert voices.shape == (2, whole_network.config.size) and languages.shape == (2, UNITS)
            torch.testing.assert_close(voices.norm(dim=1), torch.ones(2))
            torch.testing.assert_close(languages.exp().sum(1), torch.ones(2))
            whole_frames = whole_network(pcm[:, : frames * LogMel.SHIFT])
            torch.testing.assert_close(voices, whole_frames[0], atol=1e-5, rtol=0)

        check()

    @torch.no_grad()
    def test_a_batch_is_its_rows(self, whole_network: Any) -> None:
        pcm = sound(3, 20000) * torch.tensor([[1.0], [8.0], [0.1]])
        for together, alone in zip(
            whole_network(pcm), zip(*(whole_network(row[None]) for row in pcm), strict=True), strict=True
        ):
            torch.testing.assert_close(together, torch.cat(alone), atol=1e-4, rtol=0)

    @torch.no_grad()
    def test_what_is_heard_makes_a_difference(self, whole_network: Any) -> None:
        one, other = sound(2, 24000)[:, None]
        assert float((whole_network(one)[0] @ whole_network(other)[0].T).squeeze()) < 0.9999
        silence = whole_network(torch.zeros(1, 8000))
        assert all(bool(x.isfinite().all()) for x in silence)
        plain, hidden = (whole_network.encode(torch.cat([one, other]), mask=m)[0] for m in (None, lambda x: x * 0))
        torch.testing.assert_close(plain[:1], whole_network(one)[0], atol=1e-4, rtol=0)
        torch.testing.assert_close(hidden[0], hidden[1])
        warped = whole_network.encode(one, torch.tensor([0]))[0]
        assert float((warped - whole_network(one)[0]).abs().max()) > 1e-5

    def test_gradients_reach_every_parameter(self, whole_case: Case) -> None:
        network = whole_case.network(dropout=0.0).train()
        voices, languages = network.encode(sound(4, 24000))
        (voices * torch.randn_like(voices)).sum().add((languages * torch.randn_like(languages)).sum()).backward()
        without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert without == []

    def test_onnx_is_pytorch(self, whole_network: Any) -> None:
        onnxruntime = pytest.importorskip("onnxruntime")
        session = onnxruntime.InferenceSession(export.identity(whole_network), providers=["CPUExecutionProvider"])
        for samples, batch in ((160, 1), (8000, 2), (12345, 3), (48000, 1), (70007, 2)):
            pcm = sound(batch, samples)
            found = session.run(["voice", "languages"], {"pcm": pcm.numpy()})
            with torch.no_grad():
                for one, other in zip(found, whole_network(pcm), strict=True):
                    torch.testing.assert_close(torch.from_numpy(one), other, atol=1e-4, rtol=1e-4)

    def test_a_state_dict_makes_the_same_network(self, whole_case: Case, whole_network: Any) -> None:
        file = io.BytesIO()
        torch.save(whole_network.state_dict(), file)
        file.seek(0)
        other = fresh(whole_case)
        other.load_state_dict(torch.load(file, weights_only=True))
        pcm = sound(1, 16000)
        with torch.no_grad():
            assert torch.equal(other(pcm)[0], whole_network(pcm)[0])

    def test_all_of_it_counts(self, whole_case: Case) -> None:
        network = whole_case.network()
        assert network.receptive_field is None and network.fit == "gradient"
        pcm = sound(1, 32000)
        changed = pcm.clone()
        changed[:, 1000:3000] *= -3
        with torch.no_grad():
            assert float((network(pcm)[0] - network(changed)[0]).abs().max()) > 1e-5

    def test_it_learns_tones(self, whole_case: Case) -> None:
        """A few steps are enough to tell two kinds of sound apart by their vectors and by the second output."""
        network = fresh(whole_case).train()
        pcm, targets = tones(8, 4)
        steps = torch.optim.AdamW(network.parameters(), 1e-2)
        for _ in range(25):
            voices, languages = network(pcm)
            alike = targets[:, None] == targets
            apart = ((voices @ voices.T - alike.float()) ** 2).mean()
            loss = apart + nn.functional.nll_loss(languages, targets)
            steps.zero_grad()
            loss.backward()
            steps.step()
        with torch.no_grad():
            voices, languages = network.eval()(pcm)
        assert float((languages.argmax(1) == targets).float().mean()) > 0.9
        cosines = voices @ voices.T
        assert float(cosines[alike].mean()) > float(cosines[~alike].mean()) + 0.3
