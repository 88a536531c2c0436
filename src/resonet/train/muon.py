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
    """Muon for the hidden matrices of a network, AdamW for the rest.

    The matrix of a convolution over time has the narrow side as rows and the wide side of every tap as columns.
    """

    def __init__(
        self, network: nn.Module, lr: float, betas: tuple[float, float] = (0.9, 0.98), weight_decay: float = 0.02
    ) -> None:
        shapes: dict[tuple[int, int, int, float], list[nn.Parameter]] = {}
        for name, module in network.named_modules():
            if isinstance(module, TimeConv):
                key = (module.kernel, module.inputs, module.outputs, module.outputs / module.inputs)
            elif isinstance(module, nn.Linear) and name != "output":  # its matrix lies the other way
                key = (1, module.out_features, module.in_features, module.out_features / module.in_features)
            else:
                continue
            shapes.setdefault(key, []).append(module.weight)
        hidden = {id(p) for matrices in shapes.values() for p in matrices}
        rest = [p for p in network.parameters() if p.requires_grad and id(p) not in hidden]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in rest if p.dim() > 1]},
            {"params": [p for p in rest if p.dim() <= 1], "weight_decay": 0.0},
            *({"params": matrices} for matrices in shapes.values()),
        ]
        # Not in the groups, which a checkpoint brings back as another version may have written them.
        self._shapes = {id(matrices[0]): shape for shape, matrices in shapes.items()}
        super().__init__([g for g in groups if g["params"]], lr=lr, betas=betas, weight_decay=weight_decay)

    def __setstate__(self, state: dict) -> None:
        for values in state["state"].values():
            values.setdefault("step", torch.zeros(()))  # AdamW looks for it in every state that it takes up
        super().__setstate__(state)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step; the gradients of the matrices are used up."""
        for group in self.param_groups:
            if shape := self._shapes.get(id(group["params"][0])):
                self._orthogonal_step(group, *shape)
        return super().step(closure)  # skips what has no gradient

    def _orthogonal_step(self, group: dict, kernel: int, inputs: int, outputs: int, widening: float) -> None:
        matrices = [p for p in group["params"] if p.grad is not None]
        if not matrices:
            return
        for p in matrices:
            momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
            momentum.mul_(_MOMENTUM).add_(p.grad)
            p.grad.add_(momentum, alpha=_MOMENTUM)  # Nesterov
        stacked = torch.stack([p.grad for p in matrices])
        # TimeConv holds [kernel * inputs, outputs], or [inputs, kernel * outputs] where it narrows.
        axes, narrow = ((kernel, inputs, outputs), 2) if inputs <= outputs else ((inputs, kernel, outputs), 3)
        taps = stacked.view(-1, *axes).movedim(narrow, 1)
        steps = orthogonal(taps.flatten(2)).view(taps.shape).movedim(1, narrow)
        rate = _STEP * group["lr"]
        size = rate * math.sqrt(kernel * max(1.0, widening))
        for p, direction in zip(matrices, steps.reshape(stacked.shape), strict=True):
            p.mul_(1 - rate * group["weight_decay"]).sub_(direction, alpha=size)
            p.grad = None


def orthogonal(matrices: Tensor, steps: int = 5) -> Tensor:
    """About the nearest orthogonal matrix of each of [n, rows, columns]: singular values become 0.7 to 1.2.

    Newton and Schulz's iteration with the quintic coefficients of the Muon article. Its polynomials are collected as
    one small square factor, for they all commute with matrix times transpose: the long side is multiplied twice only.
    """
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonal(matrices.transpose(1, 2), steps).transpose(1, 2)
    x = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    square = x @ x.transpose(1, 2)
    one = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    factor = one
    for _ in range(steps):
        step = 3.4445 * one - 4.7750 * square + 2.0315 * square @ square
        factor, square = step @ factor, step @ square @ step
    return factor @ x
