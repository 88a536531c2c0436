"""Optimisers, schedules, clipping and first weights, each reached by its name in a recipe."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import get_args

import pytest
import torch
from torch import nn

from resonet.models.layers import TimeConv
from resonet.train import optim
from resonet.train.recipe import Optimiser, Recipe

NAMES = get_args(Optimiser.model_fields["name"].annotation)
SCHEDULES = get_args(Optimiser.model_fields["schedule"].annotation)
RATES = {"sgd": 0.15, "momentum": 0.01, "rmsprop": 0.003, "adam": 0.02, "adamw": 0.02, "novograd": 0.03, "muon": 0.01}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", NAMES)
def test_every_optimiser_and_schedule_learns(name: str, schedule: str) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    x, y = torch.randn(32, 4), torch.randn(32, 2)
    settings = Optimiser(name=name, schedule=schedule, rate=RATES[name], warm_up=0.1)
    stepper = optim.optimiser(network, settings)
    losses = []
    for i in range(40):
        for group in stepper.param_groups:
            group["lr"] = optim.rate(settings, i / 40)
        loss = (network(x) - y).square().mean()
        losses.append(float(loss.detach()))
        loss.backward()
        before = [p.clone() for p in network.parameters()]
        stepper.step()
        stepper.zero_grad()
        assert all(not torch.equal(p, b) for p, b in zip(network.parameters(), before, strict=True))
    assert losses[-1] < 0.9 * losses[0]


def test_weight_decay_is_for_matrices() -> None:
    network = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8))
    matrices, vectors = optim.optimiser(network, Optimiser(weight_decay=0.3)).param_groups
    assert [p.dim() for p in matrices["params"]] == [2] and matrices["weight_decay"] == 0.3
    assert [p.dim() for p in vectors["params"]] == [1, 1, 1] and vectors["weight_decay"] == 0


@pytest.mark.parametrize("inputs, outputs", [(6, 9), (9, 6)])
def test_muon_steps_a_convolution_in_all_directions(inputs: int, outputs: int) -> None:
    """A first step from zero is a matrix, narrow side by wide side and taps, of singular values near the step size."""
    torch.manual_seed(0)
    conv = TimeConv(inputs, outputs, kernel=3)
    conv.silence()
    stepper = optim.optimiser(conv, Optimiser(name="muon", rate=0.1 / 16))
    conv(torch.randn(2, 20, inputs)).square().add(conv.bias).sum().backward()
    conv.weight.grad = torch.randn_like(conv.weight)
    stepper.step()
    taps = conv.weight.detach()
    matrix = taps.view(3, inputs, outputs).transpose(0, 1) if conv.widen else taps.view(inputs, 3, outputs)
    matrix = matrix.reshape(inputs, -1) if conv.widen else matrix.transpose(0, 2).reshape(outputs, -1)
    values = torch.linalg.svdvals(matrix) / (0.1 * math.sqrt(3 * max(1, outputs / inputs)))
    assert values.shape == (6,) and values.min() > 0.6 and values.max() < 1.3
    assert conv.bias.abs().max() > 0  # stepped by AdamW


@pytest.mark.parametrize("inputs, outputs", [(4, 9), (9, 4)])
def test_muon_steps_a_linear_layer_like_a_convolution_of_one_tap(inputs: int, outputs: int) -> None:
    linear, conv = nn.Linear(inputs, outputs), TimeConv(inputs, outputs, kernel=1)
    nn.init.zeros_(linear.weight)
    conv.silence()
    gradient = torch.randn(outputs, inputs)
    linear.weight.grad, conv.weight.grad = gradient.clone(), gradient.T.clone()
    for layer in (nn.Sequential(linear), conv):
        optim.optimiser(layer, Optimiser(name="muon", rate=0.01)).step()
    torch.testing.assert_close(conv.weight, linear.weight.T)


def test_muon_goes_on_from_groups_as_another_version_wrote_them() -> None:
    conv = TimeConv(4, 4, kernel=3)
    stepper = optim.optimiser(conv, Optimiser(name="muon", rate=0.01))
    state = stepper.state_dict()
    for group in state["param_groups"]:
        group["taps"] = "of before"
    stepper.load_state_dict(state)
    conv.weight.grad = torch.randn_like(conv.weight)
    stepper.step()
    assert "momentum" in stepper.state[conv.weight]  # and not AdamW's two moments
    assert "exp_avg" not in stepper.state[conv.weight]


def test_novograd_by_hand() -> None:
    """Two steps of the paper's algorithm 1: v1 = |g1|^2, m1 = g1 / sqrt(v1) + d w, then the moving forms of both."""
    weight = nn.Parameter(torch.tensor([1.0, -2.0]))
    stepper = optim.NovoGrad([weight], lr=0.1, betas=(0.9, 0.5), eps=0.0, weight_decay=0.01)
    weight.grad = torch.tensor([3.0, 4.0])
    stepper.step()
    momentum = [3 / 5 + 0.01, 4 / 5 - 0.02]
    after = [1 - 0.1 * momentum[0], -2 - 0.1 * momentum[1]]
    torch.testing.assert_close(weight.detach(), torch.tensor(after))
    weight.grad = torch.tensor([0.0, 1.0])
    stepper.step()
    root = math.sqrt(0.5 * 25 + 0.5 * 1)
    momentum = [0.9 * momentum[0] + 0 / root + 0.01 * after[0], 0.9 * momentum[1] + 1 / root + 0.01 * after[1]]
    torch.testing.assert_close(
        weight.detach(), torch.tensor([after[0] - 0.1 * momentum[0], after[1] - 0.1 * momentum[1]])
    )


def test_novograd_goes_on_from_its_state() -> None:
    def steps(network: nn.Module, stepper: torch.optim.Optimizer, count: int) -> None:
        for _ in range(count):
            network(torch.ones(1, 3)).square().sum().backward()
            stepper.step()
            stepper.zero_grad()

    def fresh() -> tuple[nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        network = nn.Linear(3, 2)
        return network, optim.optimiser(network, Optimiser(name="novograd", rate=0.1))

    network, stepper = fresh()
    steps(network, stepper, 6)
    first, before = fresh()
    steps(first, before, 3)
    second, after = fresh()
    second.load_state_dict(first.state_dict())
    after.load_state_dict(before.state_dict())
    steps(second, after, 3)
    assert torch.equal(second.weight, network.weight)  # type: ignore[arg-type]


def test_schedules_rise_and_fall() -> None:
    for schedule in SCHEDULES:
        settings = Optimiser(rate=2.0, schedule=schedule, warm_up=0.1)
        rates = [optim.rate(settings, i / 200) for i in range(201)]
        assert 0 < rates[0] < 0.1 and rates[20] == pytest.approx(2.0) and max(rates) <= 2.0
        assert all(a <= b for a, b in pairwise(rates[:21]))
        assert all(a >= b for a, b in pairwise(rates[20:]))
        assert rates[-1] > 0
    at_end = {s: optim.rate(Optimiser(rate=1.0, schedule=s), 1.0) for s in SCHEDULES}
    assert at_end["constant"] == 1 and at_end["linear"] == at_end["cosine"] == 1e-4
    assert at_end["eden"] == pytest.approx(37**-0.5)
    half = 0.05 + 0.95 / 2
    assert optim.rate(Optimiser(rate=1.0, schedule="cosine"), half) == pytest.approx(0.5)
    assert optim.rate(Optimiser(rate=1.0, warm_up=0.0), 0.0) == 1.0


def test_clip_scales_to_a_multiple_of_the_median() -> None:
    weight = nn.Parameter(torch.zeros(2))
    clip = optim.Clip(2.0)
    for norm in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 100.0):
        weight.grad = torch.tensor([norm, 0.0])
        assert clip([weight]) == norm  # too few norms are known to clip anything
        assert float(weight.grad[0]) == norm
    weight.grad = torch.tensor([0.0, 60.0])
    assert clip([weight]) == 60.0
    torch.testing.assert_close(weight.grad, torch.tensor([0.0, 12.0]))  # the median is 6
    weight.grad = torch.tensor([0.0, 11.0])
    clip([weight])
    assert float(weight.grad[1]) == 11.0
    for bad in (math.nan, math.inf):
        weight.grad = torch.tensor([bad, 1.0])
        known = list(clip.history)
        assert not math.isfinite(clip([weight])) and list(clip.history) == known
    assert list(optim.Clip(2.0, clip.history).history) == known


@pytest.mark.parametrize("how", get_args(Recipe.model_fields["initialisation"].annotation))
def test_every_initialisation(how: str) -> None:
    torch.manual_seed(0)
    network = nn.ModuleDict(
        {"widen": TimeConv(64, 256, 3), "narrow": TimeConv(256, 64, 3), "conv": nn.Conv2d(16, 32, 3),
         "linear": nn.Linear(300, 100), "norm": nn.LayerNorm(8)}
    )  # fmt: skip
    before = {name: p.clone() for name, p in network.named_parameters()}
    optim.initialise(network, how)
    fans = {"widen": (192, 768), "narrow": (768, 192), "conv": (144, 288), "linear": (300, 100)}
    for name, (inputs, outputs) in fans.items():
        weight = network[name].weight
        wanted = {
            "normal": 0.01, "xavier": math.sqrt(2 / (inputs + outputs)), "kaiming": math.sqrt(2 / inputs),
            "family": float(before[f"{name}.weight"].detach().std()),
        }[how]  # fmt: skip
        assert float(weight.detach().std()) == pytest.approx(wanted, rel=0.05)
        assert torch.equal(weight, before[f"{name}.weight"]) == (how == "family")
    for name in ("norm.weight", "norm.bias", "linear.bias", "widen.bias"):
        assert torch.equal(network.get_parameter(name), before[name])
