"""The contract of recognizers, over every file in models/recognizers: what runs it may rely on all of this."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

import pytest
import torch
from contract import UNITS, Case, cases, documented, parameters, sound
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.models import registry
from resonet.models.layers import LogMel

CASES = cases("recognizers")


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture(scope="module")
def network(case: Case) -> Any:
    return case.network()


def whole(network: Any, pcm: torch.Tensor) -> torch.Tensor:
    """Log-probs of whole recordings, [batch, frames, units]."""
    with torch.no_grad():
        return network.scores(pcm)[0]


def chunked(network: Any, pcm: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    """The same through the streaming form, in chunks of so many frames, the last size again and again."""
    padded = torch.nn.functional.pad(pcm, (0, -pcm.shape[1] % network.stride + network.delay * network.stride))
    state, parts, at = torch.zeros(len(pcm), network.state_size), [], 0
    with torch.no_grad():
        while at < padded.shape[1]:
            size = network.stride * (sizes.pop(0) if len(sizes) > 1 else sizes[0])
            scores, state = network(padded[:, at : at + size], state)
            parts.append(scores)
            at += size
    return torch.cat(parts, 1)[:, network.delay :]


def test_shapes(network: Any) -> None:
    pcm = sound(2, 7 * network.stride - 5)
    scores = whole(network, pcm)
    assert scores.shape == (2, 7, UNITS) and scores.dtype == torch.float32
    torch.testing.assert_close(scores.exp().sum(-1), torch.ones(2, 7))
    chunk, state = network(pcm[:, : 3 * network.stride], torch.zeros(2, network.state_size))
    assert chunk.shape == (2, 3, UNITS) and state.shape == (2, network.state_size)
    views = network.scores(pcm, masks=(lambda x: x, lambda x: x * 0))
    assert [view.shape for view in views] == [(2, 7, UNITS)] * 2
    torch.testing.assert_close(views[0], scores, atol=1e-4, rtol=0)
    assert network.fit == "gradient" and network.streams and network.delay >= 0
    assert network.stride % LogMel.SHIFT == 0


def test_lengths(network: Any) -> None:
    @settings(max_examples=12, deadline=None, database=None)
    @given(st.integers(1, 400), st.integers(0, LogMel.SHIFT - 1))
    def check(frames: int, less: int) -> None:
        samples = frames * LogMel.SHIFT - less
        wanted = -(-samples // network.stride)
        assert network.output_lengths(torch.tensor([samples])).tolist() == [wanted]
        assert network.padded(torch.zeros(1, samples)).shape[1] == (wanted + network.delay) * network.stride
        if frames % 3 == 0:  # the arithmetic above is free, a network is not
            assert whole(network, torch.zeros(1, samples)).shape[1] == wanted

    check()
    lengths = torch.arange(1, 400 * LogMel.SHIFT + 1)
    torch.testing.assert_close(network.output_lengths(lengths), (lengths - 1) // network.stride + 1)


def test_padding_changes_nothing(network: Any) -> None:
    pcm = sound(1, 20 * network.stride)
    alone = whole(network, pcm)
    padded = whole(network, torch.nn.functional.pad(pcm, (0, 9 * network.stride + 77)))
    torch.testing.assert_close(padded[:, :20], alone, atol=1e-4, rtol=0)


def test_neighbours_in_a_batch_change_nothing(network: Any) -> None:
    pcm = sound(3, 20 * network.stride) * torch.tensor([[1.0], [8.0], [0.01]])
    together = whole(network, pcm)
    alone = torch.cat([whole(network, row.unsqueeze(0)) for row in pcm])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


def test_chunks_change_nothing(network: Any) -> None:
    pcm = sound(2, 41 * network.stride - 333)
    expected = whole(network, pcm)
    random = torch.randint(1, 12, (60,)).tolist()
    for sizes in (random, [1], [16], [100]):
        torch.testing.assert_close(chunked(network, pcm, list(sizes)), expected, atol=1e-4, rtol=0)


def test_gradients_reach_every_parameter(case: Case) -> None:
    network = case.network(dropout=0.0, drop_block=0.0).train()
    scores = network.scores(sound(2, 30 * network.stride))[0]
    (scores * torch.randn_like(scores)).sum().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []


def test_a_chunk_in_onnx_is_a_chunk_in_pytorch(network: Any) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    from resonet.train import export

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(export.recognizer(network), options, providers=["CPUExecutionProvider"])
    for frames, batch in ((1, 1), (2, 3), (7, 2), (19, 1), (33, 2)):
        pcm, state = sound(batch, frames * network.stride), torch.randn(batch, network.state_size) * 0.1
        with torch.no_grad():
            expected = network(pcm, state)
        found = session.run(["log_probs", "next_state"], {"pcm": pcm.numpy(), "state": state.numpy()})
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(torch.from_numpy(one), other, atol=1e-4, rtol=1e-4)


def test_a_state_dict_makes_the_same_network(case: Case, network: Any) -> None:
    network.features.set_statistics(torch.linspace(-6, -4, network.features.mels), torch.full((1,), 2.5))
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    other = case.network()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    other.load_state_dict(torch.load(file, weights_only=True))
    pcm = sound(1, 9 * network.stride)
    assert torch.equal(whole(other, pcm), whole(network, pcm))


def test_receptive_field(case: Case) -> None:
    """One frame of sound bears on as many outputs as the family says: no more, and no fewer than that less rounding."""
    network = case.network(mean_window=16).double()
    field = network.receptive_field
    frames, place = (field or 60) + 30, network.delay + 10
    pcm = sound(1, frames * network.stride).double()
    changed = pcm.clone()
    changed[:, place * network.stride : (place + 1) * network.stride] *= -3
    differ = (whole(network, pcm) - whole(network, changed)).abs().amax((0, 2)) > 1e-11
    first, last = (int(differ.nonzero()[i]) for i in (0, -1))
    assert first >= place - network.delay
    if field is None:
        assert last > place + 10
    else:
        assert field - 2 <= last - first + 1 <= field


@pytest.mark.filterwarnings("ignore:TF32")
@pytest.mark.parametrize("name", registry.families("recognizers"))
def test_sizes_are_as_documented(name: str) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    module = registry.family(name, "recognizers")
    table = documented(module)
    assert set(table) == set(module.Config.presets)
    sizes = []
    for preset, (weights, work) in table.items():
        network = module.Network(registry.configure(module, preset), UNITS).eval()
        sizes.append(parameters(network))
        assert sizes[-1] == pytest.approx(weights, rel=0.01)
        if weights > 10e6:  # the larger ones differ in numbers alone
            continue
        # Without oneDNN recurrent layers are matrix products that the counter sees.
        with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, LogMel.SAMPLE_RATE * 8), torch.zeros(1, network.state_size))
        assert counter.get_total_flops() / 2 / 8 == pytest.approx(work, rel=0.01)
    assert all(one < other for one, other in pairwise(sizes)), "presets go from small to large"


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
