"""What every network that streams is held to, whatever it gives out; its tests' modules have the fixtures."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from contract import Case, documented, parameters, sound
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.models import registry
from resonet.models.layers import LogMel


def whole(network: Any, pcm: torch.Tensor) -> torch.Tensor:
    """Output of whole recordings, [batch, frames, width]."""
    with torch.no_grad():
        return network.views(pcm)[0]


def chunked(network: Any, pcm: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    """The same through the streaming form, in chunks of so many frames, the last size again and again."""
    padded = torch.nn.functional.pad(pcm, (0, -pcm.shape[1] % network.stride + network.delay * network.stride))
    state, parts, at = torch.zeros(len(pcm), network.state_size), [], 0
    with torch.no_grad():
        while at < padded.shape[1]:
            size = network.stride * (sizes.pop(0) if len(sizes) > 1 else sizes[0])
            frames, state = network(padded[:, at : at + size], state)
            parts.append(frames)
            at += size
    return torch.cat(parts, 1)[:, network.delay :]


def multiply_adds(network: Any, samples: int) -> float:
    """Of a chunk of so many samples."""
    from torch.utils.flop_counter import FlopCounterMode

    state = torch.zeros(1, network.state_size)
    # Without oneDNN recurrent layers are matrix products that the counter sees.
    with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, samples), state)
    return counter.get_total_flops() / 2


def check_sizes(name: str, kind: str, outputs: int, work: Callable[[Any], float] | None = None) -> None:
    """Every preset has the parameters and multiply-adds a second of sound that its family's docstring says."""
    module = registry.family(name, kind)
    table = documented(module)
    assert set(table) == set(module.Config.presets)
    sizes = []
    for preset, (weights, wanted) in table.items():
        network = module.Network(registry.configure(module, preset), outputs).eval()
        sizes.append(parameters(network))
        assert sizes[-1] == pytest.approx(weights, rel=0.01)
        if weights > 10e6:  # the larger ones differ in numbers alone
            continue
        found = work(network) if work else multiply_adds(network, LogMel.SAMPLE_RATE * 8) / 8
        assert found == pytest.approx(wanted, rel=0.01)
    assert all(one < other for one, other in pairwise(sizes)), "presets go from small to large"


class StreamingContract:
    """Lengths, padding, batches, chunks, ONNX, state_dict, receptive field."""

    export: Any  # the function of train.export, as a static method
    output = "log_probs"

    def test_lengths(self, network: Any) -> None:
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

    def test_padding_changes_nothing(self, network: Any) -> None:
        pcm = sound(1, 20 * network.stride)
        alone = whole(network, pcm)
        padded = whole(network, torch.nn.functional.pad(pcm, (0, 9 * network.stride + 77)))
        torch.testing.assert_close(padded[:, :20], alone, atol=1e-4, rtol=0)

    def test_neighbours_in_a_batch_change_nothing(self, network: Any) -> None:
        pcm = sound(3, 20 * network.stride) * torch.tensor([[1.0], [8.0], [0.01]])
        together = whole(network, pcm)
        alone = torch.cat([whole(network, row.unsqueeze(0)) for row in pcm])
        torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)

    def test_chunks_change_nothing(self, network: Any) -> None:
        pcm = sound(2, 41 * network.stride - 333)
        expected = whole(network, pcm)
        random = torch.randint(1, 12, (60,)).tolist()
        for sizes in (random, [1], [16], [100]):
            torch.testing.assert_close(chunked(network, pcm, list(sizes)), expected, atol=1e-4, rtol=0)

    def test_gradients_reach_every_parameter(self, case: Case, network: Any) -> None:
        if network.fit != "gradient":
            assert not any(p.requires_grad for p in network.parameters())
            return
        network = case.network(dropout=0.0, drop_block=0.0).train()
        results = self.learning(network, sound(2, 30 * network.stride))
        torch.stack([(x * torch.randn_like(x)).sum() for x in results]).sum().backward()
        without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert without == []

    def learning(self, network: Any, pcm: torch.Tensor) -> list[torch.Tensor]:
        """All that losses read."""
        return network.views(pcm)

    def test_a_chunk_in_onnx_is_a_chunk_in_pytorch(self, network: Any) -> None:
        onnxruntime = pytest.importorskip("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(self.export(network), options, providers=["CPUExecutionProvider"])
        for frames, batch in ((1, 1), (2, 3), (7, 2), (19, 1), (33, 2)):
            pcm, state = sound(batch, frames * network.stride), torch.randn(batch, network.state_size) * 0.1
            with torch.no_grad():
                expected = network(pcm, state)
            found = session.run([self.output, "next_state"], {"pcm": pcm.numpy(), "state": state.numpy()})
            for one, other in zip(found, expected, strict=True):
                # Not nearer: how far two orders of summation part differs by processor.
                torch.testing.assert_close(torch.from_numpy(one), other, atol=3e-4, rtol=1e-4)

    def test_a_state_dict_makes_the_same_network(self, case: Case, network: Any) -> None:
        network.features.set_statistics(torch.linspace(-6, -4, network.features.mels), torch.full((1,), 2.5))
        file = io.BytesIO()
        torch.save(network.state_dict(), file)
        file.seek(0)
        other = fresh(case)
        with torch.no_grad():
            for parameter in other.parameters():
                parameter.zero_()
        other.load_state_dict(torch.load(file, weights_only=True))
        pcm = sound(1, 9 * network.stride)
        assert torch.equal(whole(other, pcm), whole(network, pcm))

    def test_receptive_field(self, case: Case) -> None:
        """One frame of sound bears on as many outputs as the family says: no more, no fewer than that less rounding."""
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


def fresh(case: Case) -> Any:
    """A network of the case as its constructor leaves it."""
    module = registry.family(case.family, case.kind)
    return module.Network(case.config(), case.outputs).eval()
