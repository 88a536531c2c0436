"""Broadcasted residual network: most work is done on the mean over bands, and is added to all of them.

Ancestor: BC-ResNet (Kim et al. 2021, arXiv 2106.04140), every layer and width as published: with 12 labels preset 1
has its 9,232 parameters. Sub-spectral normalisation is of Chang et al. 2021 (arXiv 2103.13620).

Changed: all convolutions over time are causal and keep their last frames, so that one graph serves clips and streams
(layers.py): a small network with little to keep, for between stem and head only means over bands are convolved over
time. The mean over the clip is one over the last `window` seconds. Layout is [batch, time, bands, channels]: on a CPU
depthwise convolutions of channels that lie together take a third of the time.

With 12 labels, features counted:

    preset    parameters    multiply-adds a second
    1         9.23 k        13.7 M
    1.5       17.2 k        15.8 M
    2         27.3 k        18.5 M
    3         54.2 k        25.6 M
    6         188 k         60.8 M
    8         321 k         96.0 M
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat
from torch import Tensor, nn

from resonet.models.layers import LogMel, Tape, log_probs
from resonet.models.streaming import StreamingClassifier

# Blocks, width in eighths of the base, stride over bands and dilation over time of each stage.
STAGES = ((2, 8, 1, 1), (2, 12, 2, 2), (4, 16, 2, 4), (4, 20, 1, 8))
SUB_BANDS = 5


class Config(BaseModel):
    """Sizes; `tau` scales all widths."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Halved three times, five bands must be left: one a sub-band.
    mels: Literal[40, 80] = 40
    mean_window: int = Field(100, ge=0, description="frames of the moving mean that is taken off; 0: none")
    window: PositiveFloat = Field(1.0, description="seconds of sound that are judged")
    subsampling: Literal[2, 4, 8] = Field(4, description="frames of 10 ms a frame of output")
    tau: float = Field(2.0, ge=0.5)
    dropout: float = Field(0.1, ge=0, lt=1, description="of channels, in each block")

    presets: ClassVar[dict[str, dict]] = {name: {"tau": float(name)} for name in ("1", "1.5", "2", "3", "6", "8")}


class Norm(nn.BatchNorm1d):
    """Batch norm over all but the last dimension."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(0, -2)).view_as(x)


class SubSpectralNorm(nn.Module):
    """Batch norm of each channel in each of five bands of bands; [batch, time, bands, channels] -> the same."""

    def __init__(self, channels: int, bands: int) -> None:
        super().__init__()
        self.channels, self.inside = channels, bands // SUB_BANDS
        self.norm = nn.BatchNorm1d(SUB_BANDS * channels)

    def forward(self, x: Tensor) -> Tensor:
        y = x.reshape(-1, SUB_BANDS, self.inside, self.channels).transpose(1, 2)
        y = self.norm(y.reshape(-1, SUB_BANDS * self.channels))
        y = y.view(-1, self.inside, SUB_BANDS, self.channels).transpose(1, 2)
        return y.reshape(x.shape[0], -1, SUB_BANDS * self.inside, self.channels)


class Conv(nn.Conv2d):
    """Convolution over time and bands, valid over time; [batch, time, bands, channels] in and out."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class Block(nn.Module):
    """relu(x + f + g(mean over bands of f)) with f over bands and g over time; no x where the width changes.

    [batch, time, bands, inputs] -> [batch, time, bands / stride, outputs].
    """

    def __init__(self, inputs: int, outputs: int, bands: int, stride: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.widen = None
        if inputs != outputs:
            self.widen = nn.Sequential(nn.Linear(inputs, outputs, bias=False), Norm(outputs), nn.ReLU())
        self.over_bands = Conv(outputs, outputs, (1, 3), (1, stride), (0, 1), groups=outputs, bias=False)
        self.sub_norm = SubSpectralNorm(outputs, bands // stride)
        self.taps = nn.Parameter(torch.empty(3, outputs).uniform_(-1, 1) / math.sqrt(3))
        self.norm = Norm(outputs)
        self.point = nn.Linear(outputs, outputs, bias=False)
        self.dilation, self.dropout = dilation, dropout

    def forward(self, x: Tensor, tape: Tape) -> Tensor:
        f = self.sub_norm(self.over_bands(x if self.widen is None else self.widen(x)))
        mean, d = f.mean(2), self.dilation
        long = tape.extend(mean, 2 * d)
        g = long[:, : -2 * d] * self.taps[0] + long[:, d:-d] * self.taps[1] + mean * self.taps[2]
        g = self.point(nn.functional.silu(self.norm(g)))
        if self.training and self.dropout:  # one mask for all frames
            keep = torch.rand(g.shape[0], 1, g.shape[2], device=g.device) >= self.dropout
            g = g * keep.to(g.dtype) / (1 - self.dropout)
        y = f + g.unsqueeze(2)
        return torch.relu(y if self.widen is not None else y + x)


class Network(StreamingClassifier):
    """See StreamingClassifier."""

    def __init__(self, config: Config, labels: int) -> None:
        super().__init__()
        self.config = config
        base = int(8 * config.tau)
        self.features = LogMel(config.mels, config.mean_window)
        self.stem = Conv(1, 2 * base, 5, (1, 2), (0, 2), bias=False)
        self.stem_norm = Norm(2 * base)
        width, bands, blocks = 2 * base, config.mels // 2, []
        for count, eighths, stride, dilation in STAGES:
            for i in range(count):
                step = stride if i == 0 else 1
                blocks.append(Block(width, base * eighths // 8, bands, step, dilation, config.dropout))
                width, bands = base * eighths // 8, bands // step
        self.blocks = nn.ModuleList(blocks)
        self.head = Conv(width, width, (5, bands), groups=width, bias=False)
        self.last = nn.Sequential(nn.Linear(width, 4 * base, bias=False), Norm(4 * base), nn.ReLU())
        self.output = nn.Linear(4 * base, labels)

    @property
    def receptive_field(self) -> int:
        """Output frames (rounded up) that can bear on one frame of output, window and moving mean included."""
        frames = 3 + 4 + 4 + max(0, self.config.mean_window - 1)  # of 10 ms: LogMel, stem, head, mean
        frames += sum(2 * count * dilation for count, _, _, dilation in STAGES)
        return -(-frames // self.config.subsampling) + self.window

    def network(self, features: Tensor, tape: Tape) -> Tensor:
        """As in Streaming."""
        x = torch.relu(self.stem_norm(self.stem(tape.extend(features, 4).unsqueeze(3))))
        for block in self.blocks:
            x = block(x, tape)
        x = self.last(self.head(tape.extend(x, 4)).squeeze(2))
        # The window's mean is that of its frames' means.
        x = x.unflatten(1, (-1, self.config.subsampling)).mean(2)
        return log_probs(self.output(self.over_window(x, tape)))
