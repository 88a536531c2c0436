"""Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon): steps of equal size in all directions.

The momentum of a matrix is replaced by the nearest orthogonal matrix, so that directions which gradients seldom take
are learnt as fast as the common ones. Vectors, convolutions of the front end and the output layer are stepped by AdamW.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from resonet.models.layers import TimeConv

# Spectral norm of a matrix's step over the rate, which is thereby the same number as AdamW's for the other weights.
_STEP = 16.0
_MOMENTUM = 0.95


class Muon(torch.optim.AdamW):
    """Muon for the hidden matrices of a network, each tap of a convolution over time by itself; AdamW for the rest."""

    def __init__(
        self, network: nn.Module, lr: float, betas: tuple[float, float] = (0.9, 0.98), weight_decay: float = 0.02
    ) -> None:
        shapes: dict[tuple[bool, int, int, int, float], list[nn.Parameter]] = {}
        for name, module in network.named_modules():
            if isinstance(module, TimeConv):
                widening = module.outputs / module.inputs
                key = (module.widen, module.kernel, module.inputs, module.outputs, widening)
            elif isinstance(module, nn.Linear) and name != "output":
                widening = module.out_features / module.in_features
                key = (True, 1, module.out_features, module.in_features, widening)  # its matrix lies the other way
            else:
                continue
            shapes.setdefault(key, []).append(module.weight)
        hidden = {id(p) for matrices in shapes.values() for p in matrices}
        rest = [p for p in network.parameters() if p.requires_grad and id(p) not in hidden]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in rest if p.dim() > 1]},
            {"params": [p for p in rest if p.dim() <= 1], "weight_decay": 0.0},
            *({"params": matrices, "taps": shape} for shape, matrices in shapes.items()),
        ]
        super().__init__([g for g in groups if g["params"]], lr=lr, betas=betas, weight_decay=weight_decay)

    def __setstate__(self, state: dict) -> None:
        for values in state["state"].values():
            values.setdefault("step", torch.zeros(()))  # AdamW looks for it in every state that it takes up
        super().__setstate__(state)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step; the gradients of the matrices are used up."""
        for group in self.param_groups:
            if "taps" in group:
                self._orthogonal_step(group)
        return super().step(closure)  # skips what has no gradient

    def _orthogonal_step(self, group: dict) -> None:
        widen, kernel, inputs, outputs, widening = group["taps"]
        matrices = [p for p in group["params"] if p.grad is not None]
        if not matrices:
            return
        for p in matrices:
            momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
            momentum.mul_(_MOMENTUM).add_(p.grad)
            p.grad.add_(momentum, alpha=_MOMENTUM)  # Nesterov
        stacked = torch.stack([p.grad for p in matrices])
        if widen:
            taps = stacked.view(-1, inputs, outputs)
        else:  # [n, inputs, kernel * outputs]
            taps = stacked.view(-1, inputs, kernel, outputs).transpose(1, 2).reshape(-1, inputs, outputs)
        taps = orthogonal(taps)
        if not widen:
            taps = taps.view(-1, kernel, inputs, outputs).transpose(1, 2)
        size = _STEP * group["lr"]
        decay = 1 - size * group["weight_decay"]
        for p, direction in zip(matrices, taps.reshape(stacked.shape), strict=True):
            p.mul_(decay).add_(direction, alpha=-size * math.sqrt(max(1.0, widening)))
            p.grad = None


def orthogonal(matrices: Tensor, steps: int = 5) -> Tensor:
    """About the nearest orthogonal matrix of each of [n, rows, columns]: singular values become 0.7 to 1.2.

    Newton and Schulz's iteration with the quintic coefficients of the Muon article.
    """
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.transpose(1, 2) if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        square = x @ x.transpose(1, 2)
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.transpose(1, 2) if tall else x
