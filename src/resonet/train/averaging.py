"""The running mean of a network's weights, which is what is kept of a training (EMA)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AveragedWeights:
    """Lends a network other weights inside a `with`, and gives its own back after."""

    def __init__(self, network: nn.Module, average: dict[str, Tensor]) -> None:
        self._network, self._weights = network, average
        self._own: dict[str, Tensor] = {}

    def __enter__(self) -> nn.Module:
        with torch.no_grad():
            for name, weight in weights(self._network).items():
                self._own[name] = weight.detach().clone()
                weight.copy_(self._weights[name])
        return self._network

    def __exit__(self, *_: object) -> None:
        with torch.no_grad():
            for name, weight in weights(self._network).items():
                weight.copy_(self._own[name])


def weights(network: nn.Module) -> dict[str, Tensor]:
    """What is averaged: parameters, and the statistics of batch norms, which belong to them."""
    kept = network.state_dict(keep_vars=True)
    return {name: value for name, value in kept.items() if value.is_floating_point()}
