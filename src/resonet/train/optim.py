"""Optimisers, learning-rate schedules, gradient clipping and initial weights, chosen by a recipe."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from resonet.models.layers import TimeConv
from resonet.train.muon import Muon
from resonet.train.recipe import Optimiser


class NovoGrad(torch.optim.Optimizer):
    """NovoGrad (Ginsburg et al. 2019, arXiv 1905.11286): a second moment for each tensor, not for each weight."""

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        betas: tuple[float, float] = (0.95, 0.98),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            first, second = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                square = p.grad.square().sum()
                if not state:
                    state["square"] = square.clone()
                    state["momentum"] = torch.zeros_like(p)
                else:
                    state["square"].mul_(second).add_(square, alpha=1 - second)
                scaled = p.grad / (state["square"].sqrt() + group["eps"])
                state["momentum"].mul_(first).add_(scaled.add_(p, alpha=group["weight_decay"]))
                p.add_(state["momentum"], alpha=-group["lr"])


def optimiser(network: nn.Module, settings: Optimiser) -> torch.optim.Optimizer:
    """The optimiser; weight decay is for matrices only, not for biases and norms."""
    if settings.name == "muon":
        return Muon(network, settings.rate, settings.betas, settings.weight_decay)
    weights = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in weights if p.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in weights if p.dim() <= 1], "weight_decay": 0.0},
    ]
    if settings.name in ("sgd", "momentum"):
        return torch.optim.SGD(groups, settings.rate, settings.momentum if settings.name == "momentum" else 0.0)
    if settings.name == "rmsprop":
        return torch.optim.RMSprop(groups, settings.rate, alpha=0.99, momentum=settings.momentum)
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "novograd": NovoGrad}
    return kinds[settings.name](groups, lr=settings.rate, betas=settings.betas)


def rate(settings: Optimiser, progress: float) -> float:
    """The learning rate at `progress` 0..1 of the training."""
    if progress < settings.warm_up:
        return settings.rate * max(progress / settings.warm_up, 0.01)
    rest = min(1.0, (progress - settings.warm_up) / (1 - settings.warm_up))
    falls = {
        "constant": 1.0,
        "linear": 1 - rest,
        "cosine": (1 + math.cos(math.pi * rest)) / 2,
        # Zipformer's Eden with both time constants at a sixth of the training.
        "eden": (1 + (6 * rest) ** 2) ** -0.5,
    }
    return settings.rate * max(falls[settings.schedule], 1e-4)


class Clip:
    """Clips gradients at a multiple of the running median of their norms, which needs no tuning by hand."""

    def __init__(self, factor: float, history: Iterable[float] = ()) -> None:
        self.factor = factor
        self.history: deque[float] = deque(history, maxlen=100)

    def __call__(self, parameters: Iterable[Tensor]) -> float:
        """Scales the gradients in place; returns their norm before (not finite: nothing was changed)."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = float(torch.nn.utils.get_total_norm(gradients))
        if not math.isfinite(norm):
            return norm
        if len(self.history) >= 10:
            median = sorted(self.history)[len(self.history) // 2]
            if norm > self.factor * median:
                torch._foreach_mul_(gradients, self.factor * median / norm)
        self.history.append(norm)
        return norm


@torch.no_grad()
def initialise(network: nn.Module, how: str) -> None:
    """Draws all matrices anew: normal(0, 0.01), Xavier or Kaiming; `family` leaves them as the family made them."""
    if how == "family":
        return
    draw = {
        "normal": lambda p, _inputs, _outputs: p.normal_(0, 0.01),
        "xavier": lambda p, inputs, outputs: p.uniform_(-1, 1).mul_(math.sqrt(6 / (inputs + outputs))),
        "kaiming": lambda p, inputs, _outputs: p.normal_(0, math.sqrt(2 / inputs)),
    }[how]
    for module in network.modules():
        for parameter in module.parameters(recurse=False):
            if parameter.dim() > 1:
                draw(parameter, *_fans(module, parameter))


def _fans(module: nn.Module, parameter: Tensor) -> tuple[int, int]:
    """Numbers that are added up for one output, and outputs that one input goes to."""
    if isinstance(module, TimeConv):  # its matrix lies the other way round than PyTorch's own
        return module.kernel * module.inputs, module.kernel * module.outputs
    taps = math.prod(parameter.shape[2:])
    return parameter.shape[1] * taps, parameter.shape[0] * taps
