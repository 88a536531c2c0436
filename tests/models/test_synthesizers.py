"""The contract of synthesizers: shapes, durations, padding, batches, ONNX, controls, gradients, sizes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from contract import documented, parameters
from torch.utils.flop_counter import FlopCounterMode

from resonet.models import registry
from resonet.train import export

FAMILIES = registry.families("synthesizers")
UNITS, SPEAKERS, LANGUAGES = 80, 2, 2
SMALL: dict[str, dict[str, Any]] = {
    "resnet_mel": {
        "width": 24, "encoder": (1, 2), "prosody_width": 16, "prosody": (1, 2), "decoder_width": 24, "decoder": (1, 4),
        "final_width": 16, "final": (1,), "dropout": 0.1,
    }
}  # fmt: skip


@pytest.fixture(scope="module", params=FAMILIES)
def network(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    module = registry.family(request.param, "synthesizers")
    network = module.Network(module.Config(**SMALL.get(request.param, {})), UNITS, SPEAKERS, LANGUAGES)
    for parameter in network.parameters():
        if parameter.dim() > 1 and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2)
    torch.nn.init.normal_(network.predict.weight, std=0.3)
    return network.eval()


def sentence(length: int, speaker: int = 1) -> dict[str, torch.Tensor]:
    plain = torch.ones(1, length)
    return {
        "units": torch.randint(1, UNITS, (1, length)), "speaker": torch.tensor([speaker]),
        "language": torch.tensor([0]), "speed": plain, "pitch": plain * 0, "energy": plain * 0,
    }  # fmt: skip


@torch.no_grad()
def said(network: Any, **inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return network(*inputs.values())


def rows(lengths: list[int]) -> dict[str, torch.Tensor]:
    """A batch for `teach` with 1 to 7 frames a unit."""
    longest = max(lengths)
    there = torch.arange(longest) < torch.tensor(lengths).unsqueeze(1)
    return {
        "units": torch.randint(1, UNITS, (len(lengths), longest)) * there, "lengths": torch.tensor(lengths),
        "speaker": torch.arange(len(lengths)) % SPEAKERS, "language": torch.arange(len(lengths)) % LANGUAGES,
        "durations": torch.randint(1, 8, (len(lengths), longest)) * there,
        "pitch": torch.randn(len(lengths), longest) * there, "energy": torch.randn(len(lengths), longest) * there,
    }  # fmt: skip


@pytest.mark.parametrize("length", [1, 2, 17, 90])
def test_every_unit_gets_its_frames(network: Any, length: int) -> None:
    mel, durations = said(network, **sentence(length))
    assert durations.shape == (1, length) and durations.dtype == torch.int64
    assert durations.min() >= 1 and durations.max() <= 75
    assert mel.shape == (1, int(durations.sum()), 80) and mel.dtype == torch.float32


def test_onnx_is_pytorch(network: Any) -> None:
    session = onnxruntime.InferenceSession(export.acoustic(network))
    for length in (1, 3, 8, 31, 120):
        inputs = sentence(length)
        mel, durations = said(network, **inputs)
        found = session.run(["mel", "durations"], {k: v.numpy() for k, v in inputs.items()})
        np.testing.assert_array_equal(found[1], durations)
        np.testing.assert_allclose(found[0], mel, atol=1e-4, rtol=0)


def test_controls_do_what_they_say(network: Any) -> None:
    plain = sentence(20)
    mel, durations = said(network, **plain)
    slow = said(network, **{**plain, "speed": plain["speed"] * 0.5})[1]
    assert (slow >= durations).all() and slow.sum() > 1.5 * durations.sum()
    slow = said(network, **{**plain, "speed": plain["speed"] * 1e-6})[1]
    assert (slow == 75).all()
    # One unit alone may be changed, and a speaker's deviation decides how far a semitone is.
    one = plain["speed"].clone()
    one[0, 7] = 0.1
    assert int((said(network, **{**plain, "speed": one})[1] != durations).sum()) <= 1
    for name in ("pitch", "energy"):
        other, same = said(network, **{**plain, name: plain[name] + 2})
        assert torch.equal(same, durations) and not torch.allclose(other, mel, atol=1e-3)


def test_padding_and_neighbours_change_nothing(network: Any) -> None:
    """Rows of odd and even numbers of frames, alone and together."""
    batch = rows([5, 12, 9])
    with torch.no_grad():
        together = network.teach(**batch)
        for i, length in enumerate(batch["lengths"].tolist()):
            row = {k: v[i : i + 1] if k in ("lengths", "speaker", "language") else v[i : i + 1, :length]
                   for k, v in batch.items()}  # fmt: skip
            alone = network.teach(**row)
            frames = int(row["durations"].sum())
            assert alone.mel.shape[1] == frames
            torch.testing.assert_close(together.mel[i : i + 1, :frames], alone.mel, atol=1e-4, rtol=0)
            for name in ("log_durations", "pitch", "energy"):
                one, other = getattr(together, name)[i : i + 1, :length], getattr(alone, name)
                torch.testing.assert_close(one, other, atol=1e-4, rtol=0)


def test_training_says_what_speaking_says(network: Any) -> None:
    """With the durations, pitch and energy that it predicts itself, `teach` gives the graph's spectrogram."""
    inputs = sentence(15)
    mel, durations = said(network, **inputs)
    with torch.no_grad():
        encoded = network.encode(inputs["units"], inputs["speaker"], inputs["language"])
        _, pitch, energy = network.predicted(encoded, inputs["speaker"])
        taught = network.teach(
            inputs["units"], torch.tensor([15]), inputs["speaker"], inputs["language"], durations, pitch, energy
        )
    torch.testing.assert_close(taught.mel, mel, atol=1e-4, rtol=0)


def test_speakers_and_languages_differ(network: Any) -> None:
    inputs = sentence(10)
    mel, _ = said(network, **inputs)
    for name in ("speaker", "language"):
        other, _ = said(network, **{**inputs, name: 1 - inputs[name]})
        assert other.shape != mel.shape or not torch.allclose(other, mel, atol=1e-2)


def test_gradients_reach_every_parameter(network: Any) -> None:
    network.train()
    taught = network.teach(**rows([9, 14, 11, 7]))
    sum((x * torch.randn_like(x)).sum() for x in vars(taught).values()).backward()
    without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    network.zero_grad()
    # What predicts prosody only reads the encoder.
    network.teach(**rows([9])).pitch.sum().backward()
    assert network.units.weight.grad is None or not network.units.weight.grad.any()
    network.zero_grad()
    network.eval()
    assert without == []


@pytest.mark.parametrize("name", FAMILIES)
def test_sizes_are_as_documented(name: str) -> None:
    module = registry.family(name, "synthesizers")
    table = documented(module)
    assert set(table) == set(module.Config.presets)
    sizes = []
    for preset, (weights, wanted) in table.items():
        network = module.Network(registry.configure(module, preset), UNITS, SPEAKERS, LANGUAGES).eval()
        sizes.append(parameters(network))
        assert sizes[-1] == pytest.approx(weights, rel=0.01)
        if weights < 3e6:  # the larger ones differ in numbers alone
            with torch.no_grad():
                network.predict.weight.zero_()
                network.predict.bias[0] = np.log(6.25)  # 15 units a second, rounded: 6 frames each
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                mel, _ = network(*sentence(150).values())
            assert counter.get_total_flops() / 2 / (mel.shape[1] * 256 / 24000) == pytest.approx(wanted, rel=0.02)
    assert all(one < other for one, other in pairwise(sizes))
