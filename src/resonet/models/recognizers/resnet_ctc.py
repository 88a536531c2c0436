"""Residual convolution network with CTC: the flagship recognizer.

Ancestors: the factored layers of TDNN-F (Povey et al. 2018, doi 10.21437/Interspeech.2018-1417); the two strided 3x3
convolutions of Conformer's front end (Gulati et al. 2020, arXiv 2005.08100), here with a 2-D residual block;
wav2letter's residual CTC network (Synnaeve et al. 2020, arXiv 1911.08460).

Changed: all convolutions are causal and a block's skip runs through a delay of `ahead` frames, so that one graph with
caches is the whole-file, the batch and the streaming form (layers.py). LayerNorm in place of batch norm: no statistics
over padding, nothing to freeze. Blocks normalise before their convolutions and add to an untouched skip (He et al.
2016, arXiv 1603.05027), and begin as nothing (their last matrix is zero): with TDNN-F's skip of 0.66 and the norm
after, the network begins as many random smears over time, which it must unlearn first. Dropout shares its mask over
time, and whole blocks may be dropped with rising probability (stochastic depth, Huang et al. 2016): with few hours of
speech and many passes the net overfits speakers.

With 40 units, features and front end counted:

    preset    parameters    multiply-adds a second
    1m        0.967 M       40.2 M
    4m        4.14 M        120 M
    15m       14.1 M        376 M
    30m       28.8 M        745 M
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, model_validator
from torch import Tensor, nn

from resonet.models.layers import CausalConv2d, DelayedBlock, DepthwiseConv, LogMel, Tape, TimeConv, log_probs
from resonet.models.streaming import StreamingRecognizer


class Config(BaseModel):
    """Sizes. `dilations` and `ahead` have one entry a block; `ahead` frames of look-ahead in all must stay short."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mels: int = 80
    mean_window: int = Field(300, ge=0, description="frames of the moving mean that is taken off; 0: none")
    subsampling: Literal[4, 8] = 4
    front: int = Field(16, description="channels of the 2-D front end")
    width: int = 384
    bottleneck: int = Field(144, description="inner width of a factored block")
    block: Literal["factored", "dense", "separable"] = "factored"
    kernel: int = Field(3, ge=1, description="taps of each convolution (separable blocks like 9 or 11)")
    dilations: tuple[PositiveInt, ...] = (1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 2, 1)
    ahead: tuple[NonNegativeInt, ...] = (2, 2, 2, 2, 1, 1, 0, 0, 0, 0, 0, 0)
    squeeze: int = Field(0, ge=0, description="frames of causal squeeze-and-excitation; 0: none")
    dropout: float = Field(0.1, ge=0, lt=1)
    drop_block: float = Field(0.1, ge=0, lt=1, description="stochastic depth of the last block, rising from 0")

    presets: ClassVar[dict[str, dict]] = {
        "1m": {
            "width": 192,
            "bottleneck": 96,
            "dilations": (1, 1, 2, 2, 3, 3, 3, 2),
            "ahead": (2, 2, 2, 2, 1, 1, 0, 0),
            "dropout": 0.05,
            "drop_block": 0.0,
        },
        "4m": {},
        "15m": {
            "front": 24,
            "width": 640,
            "bottleneck": 256,
            "dilations": (1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 2, 2, 1),
            "ahead": (2, 2, 2, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0),
        },
        "30m": {
            "front": 24,
            "width": 768,
            "bottleneck": 384,
            "dilations": (1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 2, 2, 1),
            "ahead": (2, 2, 2, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        },
    }

    @model_validator(mode="after")
    def _one_entry_a_block(self) -> Config:
        if len(self.ahead) != len(self.dilations):
            raise ValueError("ahead and dilations need one entry a block each")
        return self


class FrontEnd(nn.Module):
    """Log-mels [batch, time, mels] -> [batch, time / subsampling, width]: strided 3x3 convolutions and a 2-D block."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        strides = 2 if c.subsampling == 4 else 3
        self.convs = nn.ModuleList(CausalConv2d(1 if i == 0 else c.front, c.front, 2) for i in range(strides))
        self.inner = CausalConv2d(c.front, c.front)
        self.outer = CausalConv2d(c.front, c.front)
        bands = c.mels
        for _ in range(strides):
            bands = (bands + 1) // 2
        self.project = nn.Linear(c.front * bands, c.width)
        self.norm = nn.LayerNorm(c.width)
        for conv in (*self.convs, self.inner):
            nn.init.kaiming_normal_(conv.weight)
        nn.init.zeros_(self.outer.weight)

    def forward(self, x: Tensor, tape: Tape) -> Tensor:
        x = x.unsqueeze(1)
        for conv in self.convs:
            x = torch.relu(conv(x, tape))
        x = x + self.outer(torch.relu(self.inner(x, tape)), tape)
        x = torch.relu(x).transpose(1, 2).flatten(2)
        return self.norm(self.project(x))


def block(c: Config, index: int) -> DelayedBlock:
    """The block number `index`."""
    inner = {"factored": c.bottleneck, "dense": c.width, "separable": c.width}[c.block]
    return DelayedBlock(
        c.width,
        inner,
        c.kernel,
        c.dilations[index],
        c.ahead[index],
        conv=DepthwiseConv if c.block == "separable" else TimeConv,
        squeeze=c.squeeze,
        dropout=c.dropout,
        drop_block=c.drop_block * index / max(1, len(c.dilations) - 1),
    )


class Network(StreamingRecognizer):
    """See StreamingRecognizer; only `network` and what follows from its shape are the family's own."""

    def __init__(self, config: Config, units: int) -> None:
        super().__init__()
        self.config = config
        self.features = LogMel(config.mels, config.mean_window)
        self.front = FrontEnd(config)
        self.blocks = nn.ModuleList(block(config, i) for i in range(len(config.dilations)))
        self.norm = nn.LayerNorm(config.width)
        self.output = nn.Linear(config.width, units)
        # Near-uniform at first: confident random outputs cost CTC its first hundred steps.
        nn.init.normal_(self.output.weight, std=0.01)

    @property
    def delay(self) -> int:
        """Output frames by which results lag their sound: the look-ahead of all blocks."""
        return sum(self.config.ahead)

    @property
    def receptive_field(self) -> int:
        """Output frames (rounded up) that can bear on one frame of output, the moving mean included."""
        strides = 2 if self.config.subsampling == 4 else 3
        mel = 3 + sum(2 * 2**i for i in range(strides)) + max(0, self.config.mean_window - 1)
        squeeze = max(0, self.config.squeeze - 1)
        return 1 + 4 + -(-mel // self.config.subsampling) + sum(b.context + squeeze for b in self.blocks)

    def network(self, features: Tensor, tape: Tape) -> Tensor:
        """As in StreamingRecognizer."""
        x = self.front(features, tape)
        for block in self.blocks:
            x = block(x, tape)
        return log_probs(self.output(self.norm(x)))
