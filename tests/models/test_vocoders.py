"""The contract of vocoders: lengths, chunks, ONNX, gradients, sizes; and that their transform is an exact inverse."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from contract import documented, parameters
from torch.utils.flop_counter import FlopCounterMode

from resonet.bundle.mel import MelConfig
from resonet.models import registry
from resonet.models.vocoders import resnet_istft
from resonet.train import export

FAMILIES = registry.families("vocoders")
SMALL: dict[str, dict[str, Any]] = {"resnet_istft": {"width": 24, "inner": 40, "dilations": (1, 3)}}


@pytest.fixture(scope="module", params=FAMILIES)
def network(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    module = registry.family(request.param, "vocoders")
    network = module.Network(module.Config(**SMALL.get(request.param, {})))
    for parameter in network.parameters():  # the contrast of a trained one, so that neighbours matter
        torch.nn.init.normal_(parameter, std=0.1) if parameter.dim() > 1 else None
    for block in network.blocks:
        torch.nn.init.ones_(block.layer_scale)
    return network.eval()


def mels(frames: int) -> torch.Tensor:
    return torch.randn(1, frames, 80) * 2 - 5


@torch.no_grad()
def chunked(speak: Any, mel: torch.Tensor, context: int, size: int) -> torch.Tensor:
    """Sound in chunks of `size` frames with `context` more on each inner side."""
    parts = []
    for start in range(0, mel.shape[1], size):
        first, last = max(0, start - context), min(mel.shape[1], start + size + context)
        pcm = speak(mel[:, first:last])
        parts.append(pcm[:, (start - first) * 256 :][:, : min(size, mel.shape[1] - start) * 256])
    return torch.cat(parts, 1)


@pytest.mark.parametrize("frames", [1, 2, 3, 9, 64])
def test_a_frame_is_a_hop_of_samples(network: Any, frames: int) -> None:
    with torch.no_grad():
        assert network(mels(frames)).shape == (1, 256 * frames)


def test_chunks_are_the_whole(network: Any) -> None:
    mel = mels(150)
    with torch.no_grad():
        whole = network(mel)
    session = onnxruntime.InferenceSession(export.vocoder(network))

    def onnx(part: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(session.run(None, {"mel": part.numpy()})[0])

    peak = float(whole.abs().max())
    for size in (1, 7, 40):
        for speak in (network, onnx):
            assert float((chunked(speak, mel, network.context, size) - whole).abs().max()) < 1e-4 * peak
    # With less context they are not: the figure is hardly larger than it must be.
    assert float((chunked(network, mel, network.context - 4, 40) - whole).abs().max()) > 1e-5 * peak
    assert network.receptive_field == 2 * network.context + 1


def test_rows_of_a_batch_are_alone(network: Any) -> None:
    mel = torch.cat([mels(20), mels(20)])
    with torch.no_grad():
        torch.testing.assert_close(network(mel), torch.cat([network(mel[:1]), network(mel[1:])]), atol=1e-5, rtol=1e-4)


def test_gradients_reach_every_parameter(network: Any) -> None:
    network.train()
    network(mels(20)).square().mean().backward()
    without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    network.zero_grad()
    network.eval()
    assert without == []


@pytest.mark.parametrize("name", FAMILIES)
def test_sizes_are_as_documented(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.jit, "is_tracing", lambda: True)  # as exported, with matrices for the transform
    module = registry.family(name, "vocoders")
    table = documented(module)
    assert set(table) == set(module.Config.presets)
    sizes = []
    for preset, (weights, wanted) in table.items():
        network = module.Network(registry.configure(module, preset)).eval()
        sizes.append(parameters(network))
        assert sizes[-1] == pytest.approx(weights, rel=0.01)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network(mels(375))
        assert counter.get_total_flops() / 2 / 4 == pytest.approx(wanted, rel=0.02)
    assert all(one < other for one, other in pairwise(sizes))


def test_the_transform_undoes_a_spectrum_to_the_last_sample() -> None:
    synthesis = resnet_istft.Synthesis(MelConfig())
    window = torch.hann_window(1024)
    for frames in (1, 2, 5, 40):
        pcm = torch.randn(2, frames * 256)
        spectrum = torch.fft.rfft(torch.nn.functional.pad(pcm, (384, 384)).unfold(1, 1024, 256) * window)
        torch.testing.assert_close(synthesis(spectrum.real, spectrum.imag), pcm, atol=1e-5, rtol=0)


def test_magnitudes_begin_as_the_mel_spectrogram() -> None:
    """White noise of known level: the spread mel is its spectrum within a decibel or two."""
    network = resnet_istft.Network(resnet_istft.Config(**SMALL["resnet_istft"]))
    noise = np.random.default_rng(0).normal(0, 0.1, 24000 * 4).astype(np.float32)
    mel = torch.from_numpy(MelConfig().spectrogram(noise))
    with torch.no_grad():
        magnitude = network.spread(mel).exp().mean(0)[4:500]
    wanted = 0.1 * (1024 * 0.375) ** 0.5 * (torch.pi / 4) ** 0.5
    assert float((magnitude.log() - np.log(wanted)).abs().max()) < 0.3


def test_another_window_is_refused() -> None:
    with pytest.raises(ValueError, match="even number of hops"):
        resnet_istft.Synthesis(MelConfig(hop=300))
