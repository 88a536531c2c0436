"""Residual network whose frames are pooled over any stretch of sound to a vector: words that sound alike lie near.

Ancestors: segmental pooling in equal parts (Levin et al. 2013, doi 10.1109/ASRU.2013.6707765, who took samples of
frames), here with attention (Okabe et al. 2018, arXiv 1803.10963); the residual blocks of recognizers/resnet_ctc.py.

Changed: attention weights are the frame's own and bounded, not of the segment, so that sums over time that only grow
hold all that any segment needs: thousands of windows of a recording cost hardly more than one
(decoding/pool.py does it without PyTorch). Blocks look back 0.7 s and ahead 0.1 s, so that a word's vector holds the
word and not what was said before. The phones of the frames are learnt beside, by a head that is not exported.

With 40 phones, features counted:

    preset    parameters    multiply-adds a second
    small     454 k         32.3 M
    base      1.16 M        55.4 M
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, model_validator
from torch import Tensor, nn

from resonet.models.layers import CausalConv2d, DelayedBlock, LogMel, Tape, log_probs
from resonet.models.streaming import Streaming

# Attention logits lie between minus and plus this: a frame weighs at most 400 times another. Differences of sums over
# minutes keep their digits.
BOUND = 3.0


class Config(BaseModel):
    """Sizes. `dilations` and `ahead` have one entry a block; frames are of 40 ms."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mels: int = 40
    mean_window: int = Field(100, ge=0, description="frames of the moving mean that is taken off; 0: none")
    front: int = Field(16, description="channels of the first 2-D convolutions; the second ones have twice as many")
    width: int = 128
    bottleneck: int = Field(96, description="inner width of a block")
    kernel: int = Field(3, ge=1)
    dilations: tuple[PositiveInt, ...] = (1, 1, 1, 1, 1)
    ahead: tuple[NonNegativeInt, ...] = (1, 1, 1, 0, 0)
    dims: int = Field(64, description="values a frame gives to its segment")
    parts: int = Field(5, ge=1, description="stretches that a segment is split into")
    dropout: float = Field(0.1, ge=0, lt=1)

    presets: ClassVar[dict[str, dict]] = {"small": {}, "base": {"front": 20, "width": 256, "bottleneck": 128}}

    @property
    def subsampling(self) -> int:
        """Frames of 10 ms a frame of output: two strides of the front end."""
        return 4

    @model_validator(mode="after")
    def _one_entry_a_block(self) -> Config:
        if len(self.ahead) != len(self.dilations):
            raise ValueError("ahead and dilations need one entry a block each")
        return self


class FrontEnd(nn.Module):
    """Log-mels [batch, time, mels] -> [batch, time / 4, width]: twice a strided 3x3 convolution and a 2-D block."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        widths = (1, c.front, 2 * c.front)
        convs = [CausalConv2d(widths[i], widths[i + 1], 2) for i in range(2)]
        inner, outer = ([CausalConv2d(n, n) for n in widths[1:]] for _ in range(2))
        for conv in (*convs, *inner):
            nn.init.kaiming_normal_(conv.weight)
        for conv in outer:
            nn.init.zeros_(conv.weight)
        self.convs, self.inner, self.outer = (nn.ModuleList(part) for part in (convs, inner, outer))
        self.project = nn.Linear(widths[2] * -(-c.mels // 4), c.width)
        self.norm = nn.LayerNorm(c.width)

    def forward(self, x: Tensor, tape: Tape) -> Tensor:
        x = x.unsqueeze(1)
        for conv, inner, outer in zip(self.convs, self.inner, self.outer, strict=True):
            x = torch.relu(conv(x, tape))
            x = x + outer(torch.relu(inner(x, tape)), tape)
        return self.norm(self.project(torch.relu(x).transpose(1, 2).flatten(2)))


def block(c: Config, index: int) -> DelayedBlock:
    """The block number `index`."""
    return DelayedBlock(c.width, c.bottleneck, c.kernel, c.dilations[index], c.ahead[index], dropout=c.dropout)


def receptive_field(c: Config) -> int:
    """Frames of the encoder (rounded up) that can bear on one of them, the moving mean included."""
    # In frames of 10 ms: LogMel, first stride and its block, second stride.
    mel = 3 + 2 + 2 * 4 + 2 * 2 + max(0, c.mean_window - 1)
    return 1 + 4 + -(-mel // 4) + sum(2 * (c.kernel - 1) * d for d in c.dilations)


class Network(Streaming):
    """PCM at 16 kHz to frames [batch, n, dims + 1], values and an attention logit each, for `pool`; see Streaming.

    `units` phones have log-probabilities for training (`phones`).
    """

    def __init__(self, config: Config, units: int) -> None:
        super().__init__()
        self.config = config
        self.features = LogMel(config.mels, config.mean_window)
        self.front = FrontEnd(config)
        self.blocks = nn.ModuleList(block(config, i) for i in range(len(config.dilations)))
        self.norm = nn.LayerNorm(config.width)
        self.output = nn.Linear(config.width, config.dims + 1)
        self.phone_output = nn.Linear(config.width, units)
        nn.init.normal_(self.phone_output.weight, std=0.01)

    @property
    def delay(self) -> int:
        """Output frames by which results lag their sound: the look-ahead of all blocks."""
        return sum(self.config.ahead)

    @property
    def receptive_field(self) -> int:
        """Output frames (rounded up) that can bear on one frame of output, the moving mean included."""
        return receptive_field(self.config)

    def hidden(self, features: Tensor, tape: Tape) -> Tensor:
        """Log-mels [batch, time, mels] -> [batch, time / 4, width]: what `values` and `phones` read."""
        x = self.front(features, tape)
        for block in self.blocks:
            x = block(x, tape)
        return self.norm(x)

    def values(self, hidden: Tensor) -> Tensor:
        """[batch, frames, width] -> [batch, frames, dims + 1]."""
        y = self.output(hidden)
        return torch.cat([y[..., :-1], BOUND * torch.tanh(y[..., -1:] / BOUND)], -1)

    def phones(self, hidden: Tensor) -> Tensor:
        """[batch, frames, width] -> log-probabilities [batch, frames, units]."""
        return log_probs(self.phone_output(hidden))

    def network(self, features: Tensor, tape: Tape) -> Tensor:
        """As in Streaming."""
        return self.values(self.hidden(features, tape))

    def encode(
        self, pcm: Tensor, warp: Tensor | None = None, mask: Callable[[Tensor], Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """For training: whole recordings [batch, samples] -> `values` and `phones`; `warp` and `mask` as in `views`."""
        features = self.heard(pcm, warp)
        hidden = self.hidden(mask(features) if mask else features, Tape())[:, self.delay :]
        return self.values(hidden), self.phones(hidden)

    def pool(self, frames: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
        """Embeddings [batch, parts * dims] of one segment a recording, at length 1.

        Args:
            frames: [batch, n, dims + 1] of `network`.
            starts, ends: [batch], in frames, which may be broken; within the recording.
        """
        frames = frames.float() if frames.dtype in (torch.bfloat16, torch.float16) else frames
        weight = torch.exp(frames[..., -1:])
        added = torch.cat([frames[..., :-1] * weight, weight], -1)
        sums = nn.functional.pad(torch.cumsum(added, 1), (0, 0, 1, 0))
        share = torch.linspace(0, 1, self.config.parts + 1, dtype=frames.dtype, device=frames.device)
        borders = starts.to(frames.dtype).unsqueeze(1) + (ends - starts).to(frames.dtype).unsqueeze(1) * share
        borders = borders.clamp(0, frames.shape[1])
        whole = borders.detach().floor().clamp(max=frames.shape[1] - 1)
        at = whole.long().unsqueeze(2).expand(-1, -1, frames.shape[2])
        reached = sums.gather(1, at) + added.gather(1, at) * (borders - whole).unsqueeze(2)
        parts = reached[:, 1:] - reached[:, :-1]
        return nn.functional.normalize((parts[..., :-1] / parts[..., -1:].clamp(min=1e-6)).flatten(1), dim=1)
