"""What the contract tests need to know of a family: its smallest preset, and the settings that make other networks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from resonet.models import registry

UNITS = 40

# Blocks enough to look back and ahead.
FEW: dict[str, Any] = {"dilations": (1, 2), "ahead": (1, 0)}
# Networks beside the preset itself; a family that is not named here is tested with its preset alone.
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "resnet_ctc": [
        {"subsampling": 8, **FEW},
        {"block": "dense", "width": 64, **FEW},
        {"block": "separable", "width": 64, "kernel": 9, **FEW},
        # In more blocks what passes through the sigmoids alone is too faint to be measured.
        {"squeeze": 25, "mean_window": 0, **FEW},
    ],
    "crnn": [
        {"recurrent": "gru", "subsampling": 8},
        {"recurrent": "rnn", "layers": 1, "mean_window": 0},
        {"recurrent": "none"},
    ],
}


@dataclass(frozen=True)
class Case:
    """One network of a family."""

    kind: str
    family: str
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.family, *(f"{k}={v}" for k, v in self.settings.items() if k not in FEW)])

    def network(self, **settings: Any) -> Any:
        """A new network of the smallest preset, ready to be used; settings that the family lacks are left out.

        Matrices that begin as zero get values: a block that does nothing would pass every test.
        """
        module = registry.family(self.family, self.kind)
        over = {k: v for k, v in settings.items() if k in module.Config.model_fields}
        config = registry.configure(module, smallest(self.kind, self.family), {**self.settings, **over})
        torch.manual_seed(0)
        network = module.Network(config, UNITS).eval()
        for parameter in network.parameters():
            if parameter.dim() > 1 and not parameter.any():
                nn.init.normal_(parameter, std=0.05)
        return network


@cache
def smallest(kind: str, family: str) -> str:
    """The preset with the fewest parameters."""
    module = registry.family(family, kind)
    sizes = {p: parameters(module.Network(registry.configure(module, p), UNITS)) for p in module.Config.presets}
    return min(sizes, key=sizes.__getitem__)


def cases(kind: str) -> list[Case]:
    return [
        Case(kind, name, settings) for name in registry.families(kind) for settings in [{}, *SETTINGS.get(name, [])]
    ]


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def documented(module: Any) -> dict[str, tuple[float, float]]:
    """Parameters and multiply-adds of each preset, from the table in the family's docstring."""
    factors = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
    rows = re.findall(r"^ +(\w+) +([\d.]+) ([kMG]?) +([\d.]+) ([kMG]?)$", module.__doc__, re.MULTILINE)
    return {name: (float(a) * factors[b], float(c) * factors[d]) for name, a, b, c, d in rows}


def sound(batch: int, samples: int) -> Tensor:
    """float32 [batch, samples]: noise whose level comes and goes, as speech does."""
    level = 0.5 + 0.5 * torch.sin(torch.arange(samples) * (2 * torch.pi / 4000))
    return torch.randn(batch, samples) * level * 0.1
