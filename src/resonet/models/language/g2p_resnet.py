"""Letters to phones by residual convolutions and CTC: each letter gets two slots, each slot a phone or nothing.

A non-autoregressive answer to what sequence models do (Yao and Zweig 2015, arXiv 1506.00196): English needs at most two
phones a letter (x: K S, u: Y UW), a word is read in one pass, and the net is a few hundred kilobytes. Words are short
and whole, so the convolutions look both ways here.

With 28 letters and 40 units:

    preset    parameters    multiply-adds a letter
    small     505 k         993 k
    tiny      79.6 k        153 k
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from resonet.models.layers import TimeConv


class Config(BaseModel):
    """Sizes; `letters` is how many symbols words are written with, the padding symbol 0 not counted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    letters: int = 28
    width: int = 128
    blocks: int = 5
    slots: int = Field(2, description="outputs a letter")
    dropout: float = 0.1

    presets: ClassVar[dict[str, dict]] = {"small": {}, "tiny": {"width": 64, "blocks": 3}}


class Block(nn.Module):
    """x + conv(relu(norm(x))) with two convolutions; [batch, slots, width] -> the same; padding stays zero."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.convs = nn.ModuleList(TimeConv(width, width, 3) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        y = x
        for norm, conv in zip(self.norms, self.convs, strict=True):
            y = torch.relu(norm(y)) * mask
            y = conv(nn.functional.pad(y, (0, 0, 1, 1)))
        return (x + self.dropout(y)) * mask


class Network(nn.Module):
    """int64 [batch, letters] (0: padding after the end) -> log-probabilities [batch, slots * letters, units]."""

    fit = "gradient"
    streams = False

    def __init__(self, config: Config, units: int) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.letters + 1, config.width, padding_idx=0)
        self.slot = nn.Parameter(torch.randn(config.slots, config.width) * 0.5)
        self.blocks = nn.ModuleList(Block(config.width, config.dropout) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width)
        self.output = nn.Linear(config.width, units)

    @property
    def receptive_field(self) -> int:
        """Slots that can bear on one slot."""
        return 1 + 4 * len(self.blocks)

    def output_lengths(self, letters: Tensor) -> Tensor:
        """Slots of words of so many letters."""
        return letters * self.config.slots

    def forward(self, letters: Tensor) -> Tensor:
        x = self.embed(letters).unsqueeze(2) + self.slot
        mask = (letters != 0).to(x.dtype).unsqueeze(2).unsqueeze(3).expand(-1, -1, self.config.slots, 1)
        x, mask = x.flatten(1, 2), mask.flatten(1, 2)
        x = x * mask
        for block in self.blocks:
            x = block(x, mask)
        return torch.log_softmax(self.output(self.norm(x)), -1)
