"""Residual network over time and bands whose frames are pooled over a whole utterance: who speaks, in which language.

Ancestors: the residual networks of speaker recognition (He et al. 2016, arXiv 1512.03385; Chung et al. 2020, arXiv
2003.11982): 3x3 convolutions and batch norms over log-mels, then statistics pooling with attention that differs from
channel to channel (Okabe et al. 2018, arXiv 1803.10963; Desplanques et al. 2020, arXiv 2005.07143), then one matrix to
the vector.

Changed: bands have a bias of their own behind the first convolution, for a convolution does not know how high a band
is. The mean of the utterance is taken off each band, which takes off what a microphone colours. Languages are read from
the same frames, but of each channel the mean and the deviation over the utterance are taken out first: what stays the
same for an utterance is the speaker and the room, what changes is what is said. Nothing streams: a voice is that of all
that is heard, and long recordings are cut by who runs the network (runtime/identity.py).

With 40 languages, features counted:

    preset    parameters    multiply-adds a second
    small     661 k         107 M
    base      2.20 M        366 M
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator
from torch import Tensor, nn

from resonet.models.layers import LogMel, Tape, log_probs

# Added to variances: of sound that does not change nothing is left, and no gradient is infinite.
_LEAST = 1e-4


class Config(BaseModel):
    """Sizes. Stages have `widths` channels and `blocks` blocks; time and bands are halved before each of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mels: int = 64
    mean_taken: float = Field(1.0, ge=0, le=1, description="share of the mean of each band that is taken off")
    widths: tuple[PositiveInt, ...] = Field((24, 48, 96), min_length=1)
    blocks: tuple[PositiveInt, ...] = (2, 2, 2)
    frame: int = Field(192, description="values of a frame that are pooled")
    attention: int = Field(64, description="inner width of what says how much a frame counts")
    size: int = Field(128, description="numbers of a voice")
    language_width: int = Field(64, description="channels that languages are read from")
    dropout: float = Field(0.1, ge=0, lt=1, description="of channels before pooling, one mask for all frames")

    presets: ClassVar[dict[str, dict]] = {
        "small": {},
        "base": {"widths": (40, 80, 160), "blocks": (2, 3, 3), "frame": 256, "attention": 96, "size": 192},
    }

    @model_validator(mode="after")
    def _one_entry_a_stage(self) -> Config:
        if len(self.blocks) != len(self.widths):
            raise ValueError("blocks and widths need one entry a stage each")
        return self


class Block(nn.Module):
    """relu(skip(x) + conv(relu(conv(x)))), batch norms behind convolutions; [batch, channels, time, bands]."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        nn.init.zeros_(self.second_norm.weight)  # so that the block begins as its skip
        # Its stride is taken by slicing: a strided 1x1 convolution of few channels, channels last, ends PyTorch's
        # process without a word.
        self.stride = stride
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False) if stride > 1 or inputs != outputs else None
        for conv in (self.first, self.second):
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.first_norm(self.first(x)))
        if self.skip is not None:
            x = self.skip(x[:, :, :: self.stride, :: self.stride])
        return torch.relu(self.second_norm(self.second(y)) + x)


class Pooling(nn.Module):
    """Weighted mean and deviation over time, weights of each channel apart; [batch, time, n] -> [batch, 2 n]."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.down = nn.Linear(channels, inner)
        self.up = nn.Linear(inner, channels)
        nn.init.zeros_(self.up.weight)  # all frames count alike at first

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.softmax(self.up(torch.tanh(self.down(x))), 1)
        mean = (weight * x).sum(1)
        deviation = ((weight * x.square()).sum(1) - mean.square()).clamp(min=_LEAST).sqrt()
        return torch.cat([mean, deviation], 1)


class Languages(nn.Module):
    """Log-probabilities of languages [batch, n] from frames [batch, time, channels]."""

    def __init__(self, channels: int, width: int, languages: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, width, 3, padding=1)
        self.pool = Pooling(width, width // 2)
        self.output = nn.Linear(2 * width, languages)
        nn.init.normal_(self.output.weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        apart = x - x.mean(1, keepdim=True)
        apart = apart / (apart.square().mean(1, keepdim=True) + _LEAST).sqrt()
        return log_probs(self.output(self.pool(torch.relu(self.conv(apart.transpose(1, 2)).transpose(1, 2)))))


class Network(nn.Module):
    """PCM at 16 kHz [batch, samples] -> voices [batch, size] of length 1, log-probs of languages [batch, languages]."""

    fit = "gradient"
    streams = False
    receptive_field: ClassVar[int | None] = None  # all of the utterance

    def __init__(self, config: Config, languages: int) -> None:
        super().__init__()
        self.config = config
        self.features = LogMel(config.mels, mean_window=0)
        width, bands, blocks = config.widths[0], -(-config.mels // 2), []
        self.stem = nn.Conv2d(1, width, 3, 2, 1)
        nn.init.kaiming_normal_(self.stem.weight, mode="fan_out", nonlinearity="relu")
        self.height = nn.Parameter(torch.zeros(width, 1, bands))
        self.stem_norm = nn.BatchNorm2d(width)
        for stage, (outputs, count) in enumerate(zip(config.widths, config.blocks, strict=True)):
            for i in range(count):
                stride = 2 if stage and i == 0 else 1
                blocks.append(Block(width, outputs, stride))
                width, bands = outputs, -(-bands // stride)
        self.blocks = nn.ModuleList(blocks)
        for part in (self.stem, self.blocks):  # steps take 3/4 of the time, and half of it in bfloat16 (one core)
            part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.frame = nn.Linear(width * bands, config.frame)
        self.frame_norm = nn.BatchNorm1d(config.frame)
        self.pool = Pooling(config.frame, config.attention)
        self.pool_norm = nn.BatchNorm1d(2 * config.frame)
        self.output = nn.Linear(2 * config.frame, config.size)
        self.output_norm = nn.BatchNorm1d(config.size, affine=False)  # what all voices have in common is taken off
        self.languages = Languages(config.frame, config.language_width, languages)

    def forward(self, pcm: Tensor) -> tuple[Tensor, Tensor]:
        """Samples beyond whole 10 ms at the end are left out."""
        return self.encode(pcm)

    def encode(
        self, pcm: Tensor, warp: Tensor | None = None, mask: Callable[[Tensor], Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """As `forward`, for training: `warp` [batch] as in LogMel, `mask` hides parts of the features."""
        frames = self.frames(self.heard(pcm, warp), mask)
        with torch.autocast(pcm.device.type, enabled=False):  # means over seconds, and angles, need their digits
            frames = frames.to(self.height.dtype)
            return self.voices(frames), self.languages(frames)

    def heard(self, pcm: Tensor, warp: Tensor | None = None) -> Tensor:
        """Log-mels [batch, time, mels], the means of bands taken off."""
        pcm = pcm[:, : pcm.shape[1] // LogMel.SHIFT * LogMel.SHIFT]
        with torch.autocast(pcm.device.type, enabled=False):  # a power spectrum in bfloat16 is another one
            x = self.features(pcm, Tape(), warp)
            return x - self.config.mean_taken * x.mean(1, keepdim=True)

    def frames(self, features: Tensor, mask: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Log-mels [batch, time, mels] -> [batch, time / 8, frame] (with three stages): what is pooled."""
        x = (mask(features) if mask else features).unsqueeze(1)
        x = torch.relu(self.stem_norm(self.stem(x) + self.height))
        for block in self.blocks:
            x = block(x)
        x = torch.relu(self.frame(x.transpose(1, 2).flatten(2)))
        x = self.frame_norm(x.transpose(1, 2)).transpose(1, 2)
        if self.training and self.config.dropout:
            keep = torch.rand(x.shape[0], 1, x.shape[2], device=x.device) >= self.config.dropout
            x = x * keep.to(x.dtype) / (1 - self.config.dropout)
        return x

    def voices(self, frames: Tensor) -> Tensor:
        """[batch, time, frame] -> [batch, size], each of length 1."""
        y = self.output_norm(self.output(self.pool_norm(self.pool(frames))))
        return nn.functional.normalize(y, dim=1)
