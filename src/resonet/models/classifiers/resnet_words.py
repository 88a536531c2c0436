"""Words told apart on top of the residual encoder of an embedder: what ten hours of speech taught serves ten words.

Ancestors: embedders/resnet_pool.py, whose encoder and names of weights these are, so that a training can begin with an
embedder (recipe: `start`); attention over the window as there (Okabe et al. 2018, arXiv 1803.10963). Words from few
clips by a network that knows many: Lin et al. 2020, arXiv 2002.01322.

Added: two wider blocks over the encoder, whose frames reach back a second further, so that a frame can hold a whole
word and what was before it.

With 12 labels, features counted:

    preset    parameters    multiply-adds a second
    small     607 k         36.6 M
    base      1.60 M        67.2 M
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from resonet.models.embedders import resnet_pool
from resonet.models.layers import DelayedBlock, LogMel, Tape, log_probs
from resonet.models.streaming import StreamingClassifier


class Config(resnet_pool.Config):
    """Sizes: those of the encoder, and the window."""

    window: PositiveFloat = Field(1.0, description="seconds of sound that are judged")
    above: tuple[PositiveInt, ...] = Field((2, 4), description="dilations of the blocks above the encoder: whole words")
    head_dropout: float = Field(0.2, ge=0, lt=1, description="before the output layer")

    presets: ClassVar[dict[str, dict]] = resnet_pool.Config.presets


class Network(StreamingClassifier):
    """See StreamingClassifier; `features`, `front`, `blocks` and `norm` are those of the embedder."""

    def __init__(self, config: Config, labels: int) -> None:
        super().__init__()
        self.config = config
        self.features = LogMel(config.mels, config.mean_window)
        self.front = resnet_pool.FrontEnd(config)
        self.blocks = nn.ModuleList(resnet_pool.block(config, i) for i in range(len(config.dilations)))
        self.above = nn.ModuleList(
            DelayedBlock(config.width, config.bottleneck, config.kernel, dilation, 0, dropout=config.dropout)
            for dilation in config.above
        )
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.width + 1)
        self.dropout = nn.Dropout(config.head_dropout)
        self.output = nn.Linear(config.width, labels)

    @property
    def delay(self) -> int:
        """Output frames by which results lag their sound: the look-ahead of all blocks."""
        return sum(self.config.ahead)

    @property
    def receptive_field(self) -> int:
        """Output frames (rounded up) that can bear on one frame of output, window and moving mean included."""
        above = sum(2 * (self.config.kernel - 1) * dilation for dilation in self.config.above)
        return resnet_pool.receptive_field(self.config) + above + self.window

    def network(self, features: Tensor, tape: Tape) -> Tensor:
        """As in Streaming."""
        x = self.front(features, tape)
        for block in (*self.blocks, *self.above):
            x = block(x, tape)
        y = self.head(self.norm(x))
        weight = torch.exp(resnet_pool.BOUND * torch.tanh(y[..., -1:] / resnet_pool.BOUND))
        mean = self.over_window(torch.cat([torch.relu(y[..., :-1]) * weight, weight], -1), tape)
        least = math.exp(-resnet_pool.BOUND)  # no frame weighs less
        return log_probs(self.output(self.dropout(mean[..., :-1] / mean[..., -1:].clamp(min=least))))
