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
LABELS = 12

# Blocks enough to look back and ahead.
FEW: dict[str, Any] = {"dilations": (1, 2), "ahead": (1, 0)}
# Networks beside the preset itself; a family that is not named here is tested with its preset alone.
SETTINGS: dict[str, dict[str, list[dict[str, Any]]]] = {
    "recognizers": {
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
    },
    "classifiers": {
        "tc_resnet": [{"stem": 8, "channels": (12, 12, 16), "strides": (2, 1, 4), "kernel": 3, "window": 0.73}],
        "bc_resnet": [{"subsampling": 8, "tau": 0.5, "mean_window": 0, "window": 0.5}],
        "resnet": [{"width": 4, "blocks": (1, 2, 1), "mels": 23, "window": 0.3}],
        "crnn": [{"subsampling": 4, "width": 16, "layers": 1}],
        "svm": [{"kernel": "rbf", "penalty": 10.0, "parts": 3, "subsampling": 4, "mean_window": 0, "window": 0.7}],
    },
    "embedders": {
        "resnet_pool": [{"front": 4, "width": 24, "kernel": 5, "parts": 2, "mels": 30, **FEW}],
        "resnet_speaker": [
            {"widths": (4, 6), "blocks": (1, 2), "frame": 10, "attention": 5, "size": 7, "mels": 23, "mean_taken": 0.9}
        ],
    },
}


@dataclass(frozen=True)
class Case:
    """One network of a family."""

    kind: str
    family: str
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.family, *(f"{k}={v}" for k, v in self.settings.items() if k not in FEW)])

    @property
    def outputs(self) -> int:
        """Labels of a classifier, units of any other."""
        return LABELS if self.kind == "classifiers" else UNITS

    def config(self, **settings: Any) -> Any:
        """The smallest preset with the case's settings and these, but for those that the family lacks."""
        module = registry.family(self.family, self.kind)
        over = {k: v for k, v in settings.items() if k in module.Config.model_fields}
        return registry.configure(module, smallest(self.kind, self.family), {**self.settings, **over})

    def network(self, **settings: Any) -> Any:
        """A new network of `config`, ready to be used.

        Matrices and norms that begin as zero get values: a block that does nothing would pass every test. Batch norms
        have seen sound, and closed forms have learnt.
        """
        torch.manual_seed(0)
        network = registry.family(self.family, self.kind).Network(self.config(**settings), self.outputs).eval()
        if network.fit == "closed_form":
            pcm, targets = tones(3, self.outputs)
            network.learn(pcm + sound(len(pcm), pcm.shape[1]) * torch.rand(len(pcm), 1) * 3, targets)
            return network
        for parameter in network.parameters():
            if parameter.dim() > 1 and not parameter.any():
                nn.init.normal_(parameter, std=0.05)
        norms = [m for m in network.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
        for norm in norms:
            if norm.affine:
                nn.init.uniform_(norm.weight, 0.5, 1.5)
                nn.init.normal_(norm.bias, std=0.1)
            norm.momentum = 1.0
        if norms:
            with torch.no_grad():
                (network.train().views if network.streams else network.train())(sound(4, 16000))
        for norm in norms:
            norm.momentum = 0.1
        return network.eval()


@cache
def smallest(kind: str, family: str) -> str:
    """The preset with the fewest parameters."""
    module = registry.family(family, kind)
    sizes = {p: parameters(module.Network(registry.configure(module, p), UNITS)) for p in module.Config.presets}
    return min(sizes, key=sizes.__getitem__)


def cases(kind: str) -> list[Case]:
    return [
        Case(kind, name, settings)
        for name in registry.families(kind)
        for settings in [{}, *SETTINGS.get(kind, {}).get(name, [])]
    ]


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def documented(module: Any) -> dict[str, tuple[float, float]]:
    """Parameters and multiply-adds of each preset, from the table in the family's docstring."""
    factors = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
    rows = re.findall(r"^ +([\w.]+) +([\d.]+) ([kMG]?) +([\d.]+) ([kMG]?)$", module.__doc__, re.MULTILINE)
    return {name: (float(a) * factors[b], float(c) * factors[d]) for name, a, b, c, d in rows}


def sound(batch: int, samples: int) -> Tensor:
    """float32 [batch, samples]: noise whose level comes and goes, as speech does."""
    level = 0.5 + 0.5 * torch.sin(torch.arange(samples) * (2 * torch.pi / 4000))
    return torch.randn(batch, samples) * level * 0.1


def tones(clips: int, labels: int, samples: int = 16000) -> tuple[Tensor, Tensor]:
    """Clips [clips * labels, samples] and their labels: a label is a tone that becomes another, in some noise."""
    target = torch.arange(labels).repeat(clips)
    time = torch.arange(samples) / 16000
    first = 300 * 1.25**target
    shift = torch.where(time < time[-1] / 2, 1.0, 1.5)
    phase = torch.cumsum(first.unsqueeze(1) * shift / 16000, 1) + torch.rand(len(target), 1)
    level = torch.sin(torch.pi * torch.arange(samples) / samples).square()
    return torch.sin(2 * torch.pi * phase) * level * 0.3 + torch.randn(len(target), samples) * 0.01, target
