"""Temporal convolution residual network: bands are channels, so that all its convolutions are over time alone.

Ancestor: TC-ResNet (Choi et al. 2019, arXiv 1904.03814), presets 8 and 14 with the paper's widths, kernels and strides.

Changed: all convolutions are causal and keep their last frames, so that one graph serves clips and streams
(layers.py); the mean over the clip is one over the last `window` seconds; log-mels in place of MFCC; the last norm of a
block begins at zero, so that the block begins as its skip (Goyal et al. 2017, arXiv 1706.02677). `wide` is ours: its
strides come early, so that it answers every 40 ms and not every 80.

With 12 labels, features counted:

    preset    parameters    multiply-adds a second
    8         65.2 k        12.8 M
    14        136 k         14.3 M
    wide      301 k         20.9 M
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator
from torch import Tensor, nn

from resonet.models.layers import LogMel, Tape, log_probs
from resonet.models.streaming import StreamingClassifier


class Config(BaseModel):
    """Sizes; `channels` and `strides` have one entry a block, whose convolutions are all `kernel` taps wide."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mels: int = 40
    mean_window: int = Field(100, ge=0, description="frames of the moving mean that is taken off; 0: none")
    window: PositiveFloat = Field(1.0, description="seconds of sound that are judged")
    stem: int = Field(48, description="channels of the first convolution")
    channels: tuple[PositiveInt, ...] = (64, 64, 64, 64)
    strides: tuple[PositiveInt, ...] = (2, 2, 1, 1)
    kernel: int = Field(9, ge=1)
    dropout: float = Field(0.3, ge=0, lt=1, description="before the output layer")

    presets: ClassVar[dict[str, dict]] = {
        "8": {"stem": 16, "channels": (24, 32, 48), "strides": (2, 2, 2)},
        "14": {"stem": 16, "channels": (24, 24, 32, 32, 48, 48), "strides": (2, 1, 2, 1, 2, 1)},
        "wide": {},
    }

    @property
    def subsampling(self) -> int:
        """Frames of 10 ms a frame of output."""
        return math.prod(self.strides)

    @model_validator(mode="after")
    def _one_entry_a_block(self) -> Config:
        if len(self.channels) != len(self.strides):
            raise ValueError("channels and strides need one entry a block each")
        return self


class Conv(nn.Module):
    """Causal convolution at every `stride`th frame, as one matrix product over stacked frames, and batch norm.

    [batch, time, inputs] -> [batch, time / stride, outputs].
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.weight = nn.Parameter(torch.randn(kernel * inputs, outputs) * math.sqrt(2 / (kernel * inputs)))
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor, tape: Tape) -> Tensor:
        x = tape.extend(x, max(0, self.kernel - self.stride))
        first = max(0, self.stride - self.kernel)  # an output frame ends where its input frames end
        taps = [x[:, first + i : (i + 1 - self.kernel) or None : self.stride] for i in range(self.kernel)]
        stacked = torch.cat(taps, 2) if len(taps) > 1 else taps[0]
        y = self.norm(stacked.flatten(0, 1) @ self.weight)
        return y.view(x.shape[0], -1, y.shape[1])


class Block(nn.Module):
    """relu(skip + conv(relu(conv(x)))); the skip is x, or a 1x1 convolution of it where width or rate changes."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.first = Conv(inputs, outputs, kernel, stride)
        self.second = Conv(outputs, outputs, kernel)
        nn.init.zeros_(self.second.norm.weight)
        self.skip = Conv(inputs, outputs, 1, stride) if stride > 1 or inputs != outputs else None

    def forward(self, x: Tensor, tape: Tape) -> Tensor:
        y = self.second(torch.relu(self.first(x, tape)), tape)
        return torch.relu(y + (x if self.skip is None else torch.relu(self.skip(x, tape))))


class Network(StreamingClassifier):
    """See StreamingClassifier."""

    def __init__(self, config: Config, labels: int) -> None:
        super().__init__()
        self.config = config
        self.features = LogMel(config.mels, config.mean_window)
        self.stem = Conv(config.mels, config.stem, 3)
        widths = (config.stem, *config.channels)
        self.blocks = nn.ModuleList(
            Block(widths[i], widths[i + 1], config.kernel, stride) for i, stride in enumerate(config.strides)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(widths[-1], labels)

    @property
    def receptive_field(self) -> int:
        """Output frames (rounded up) that can bear on one frame of output, window and moving mean included."""
        frames, rate = 3 + 2 + max(0, self.config.mean_window - 1), 1  # of 10 ms: LogMel, stem, mean
        for stride in self.config.strides:
            frames += max(0, self.config.kernel - stride) * rate
            rate *= stride
            frames += (self.config.kernel - 1) * rate
        return -(-frames // rate) + self.window

    def network(self, features: Tensor, tape: Tape) -> Tensor:
        """As in Streaming."""
        x = torch.relu(self.stem(features, tape))
        for block in self.blocks:
            x = block(x, tape)
        return log_probs(self.output(self.dropout(self.over_window(x, tape))))
