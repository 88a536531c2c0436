"""Tasks without speech: a linear layer that learns to give its input back, alone and beside a rival."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass
class ToyBatch:
    x: Tensor
    seconds: float
    names: list[str]


class Toy:
    """`plan` batches a pass, the same in every pass."""

    def __init__(self, batches: int = 4, dropout: float = 0.0) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(3, 3), nn.Dropout(dropout))
        generator = torch.Generator().manual_seed(1)
        self.made = [ToyBatch(torch.randn(5, 3, generator=generator), 1.0, [f"u{i}"]) for i in range(batches)]
        self.seen: list[str] = []

    def plan(self, number: int) -> int:
        return len(self.made)

    def batches(self, number: int, start: int, step: int) -> Iterator[ToyBatch]:
        yield from self.made[start::step]

    def largest(self) -> ToyBatch:
        return self.made[0]

    def loss(self, batch: ToyBatch, progress: float) -> dict[str, Tensor]:
        self.seen.append(batch.names[0])
        return {"loss": (self.network(batch.x) - batch.x).square().mean()}

    def validate(self) -> dict[str, float]:
        assert not self.network.training
        with torch.no_grad():
            return {"error": float(self.loss(self.made[0], 1.0)["loss"])}

    def samples(self) -> list[str]:
        return ["in -> out"]


class Rivals(Toy):
    """A second network with an optimiser of its own, by which the first one's loss is weighed."""

    def __init__(self, batches: int = 4, dropout: float = 0.0) -> None:
        super().__init__(batches, dropout)
        self.rival = nn.Linear(3, 3)
        self.optimiser = torch.optim.Adam(self.rival.parameters(), 0.1)
        self.updates = 0

    def loss(self, batch: ToyBatch, progress: float) -> dict[str, Tensor]:
        self.optimiser.zero_grad()
        with torch.enable_grad():
            found = self.network(batch.x)
            (self.rival(found.detach()) - batch.x).square().mean().backward()
            told = self.rival(batch.x).detach()
            return {"loss": super().loss(batch, progress)["loss"] + (found - told).square().mean()}

    def updated(self) -> None:
        self.updates += 1
        self.optimiser.step()

    def state_dict(self) -> dict[str, Any]:
        return {"rival": self.rival.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rival.load_state_dict(state["rival"])
        self.optimiser.load_state_dict(state["optimiser"])
