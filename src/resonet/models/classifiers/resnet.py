"""The plain residual network over time and bands, as for pictures.

Ancestor: ResNet (He et al. 2016, arXiv 1512.03385): a 3x3 stem, three stages of two blocks of two 3x3 convolutions with
widths 1, 2 and 4, strides of 2 both ways where the width doubles, projections (1x1, with norm) as skips there, no
projection elsewhere, batch norm after each convolution and before the sum, one mean over all that is left.

Changed: all convolutions over time are causal and keep their last frames, so that one graph serves clips of any length
and streams (layers.py); the mean is over all bands and the last `window` seconds; the last norm of a block begins at
zero, so that the block begins as its skip (Goyal et al. 2017, arXiv 1706.02677). Layout is
[batch, time, bands, channels].

With 12 labels, features counted:

    preset    parameters    multiply-adds a second
    16        175 k         114 M
    32        696 k         422 M
    64        2.78 M        1.65 G
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from resonet.models.layers import LogMel, Tape, log_probs
from resonet.models.streaming import StreamingClassifier


class Config(BaseModel):
    """Sizes; stages have `width`, twice and four times that many channels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mels: int = 40
    mean_window: int = Field(100, ge=0, description="frames of the moving mean that is taken off; 0: none")
    window: PositiveFloat = Field(1.0, description="seconds of sound that are judged")
    width: PositiveInt = 64
    blocks: tuple[PositiveInt, PositiveInt, PositiveInt] = Field((2, 2, 2), description="blocks of each stage")
    dropout: float = Field(0.2, ge=0, lt=1, description="before the output layer")

    presets: ClassVar[dict[str, dict]] = {"16": {"width": 16}, "32": {"width": 32}, "64": {}}

    @property
    def subsampling(self) -> int:
        """Frames of 10 ms a frame of output: the strides of two stages."""
        return 4


class Conv(nn.Module):
    """3x3 convolution, causal in time, and batch norm; [batch, time, bands, inputs] -> [.., .. / stride, outputs]."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, padding=(0, 1), bias=False)
        self.norm = nn.BatchNorm1d(outputs)
        self.context = 3 - stride
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor, tape: Tape) -> Tensor:
        y = self.conv(tape.extend(x, self.context).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return self.norm(y.flatten(0, 2)).view_as(y)


class Projection(nn.Module):
    """A matrix on every `stride`th frame and band, and batch norm; shapes as in Conv."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.norm = nn.BatchNorm1d(outputs)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        y = self.linear(x[:, self.stride - 1 :: self.stride, :: self.stride])
        return self.norm(y.flatten(0, 2)).view_as(y)


class Block(nn.Module):
    """relu(skip(x) + conv(relu(conv(x)))); shapes as in Conv."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = Conv(inputs, outputs, stride)
        self.second = Conv(outputs, outputs)
        nn.init.zeros_(self.second.norm.weight)
        self.skip = Projection(inputs, outputs, stride) if stride > 1 or inputs != outputs else None

    def forward(self, x: Tensor, tape: Tape) -> Tensor:
        y = self.second(torch.relu(self.first(x, tape)), tape)
        return torch.relu(y + (x if self.skip is None else self.skip(x)))


class Network(StreamingClassifier):
    """See StreamingClassifier."""

    def __init__(self, config: Config, labels: int) -> None:
        super().__init__()
        self.config = config
        self.features = LogMel(config.mels, config.mean_window)
        self.stem = Conv(1, config.width)
        width, blocks = config.width, []
        for stage, count in enumerate(config.blocks):
            for i in range(count):
                blocks.append(Block(width, config.width * 2**stage, 2 if stage and i == 0 else 1))
                width = config.width * 2**stage
        self.blocks = nn.ModuleList(blocks)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(width, labels)

    @property
    def receptive_field(self) -> int:
        """Output frames (rounded up) that can bear on one frame of output, window and moving mean included."""
        frames, rate = 3 + 2 + max(0, self.config.mean_window - 1), 1  # of 10 ms: LogMel, stem, mean
        for stage, count in enumerate(self.config.blocks):
            if stage:  # the first convolution reaches one of its own input frames back
                frames, rate = frames + rate, rate * 2
            frames += (4 * count - (2 if stage else 0)) * rate
        return -(-frames // rate) + self.window

    def network(self, features: Tensor, tape: Tape) -> Tensor:
        """As in Streaming."""
        x = torch.relu(self.stem(features.unsqueeze(3), tape))
        for block in self.blocks:
            x = block(x, tape)
        return log_probs(self.output(self.dropout(self.over_window(x.mean(2), tape))))
