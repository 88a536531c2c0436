"""Residual network at frame rate whose frames become sound by one inverse Fourier transform each.

Ancestor: Vocos (Siuzdak 2023, arXiv 2306.00814): no upsampling, magnitude and angle of every bin, overlap and add.

Changed: dilated blocks that normalise before their convolution (models/blocks.py). Magnitudes begin as the mel
spectrogram itself, spread over the bins, so that the network learns from the first step on what a mel cannot say: the
angles and the fine structure. In the exported graph the transform is two matrix products over half a frame (cosines are
even, sines odd) and overlap-add is a sum of shifted quarters: plain operators, a third of a full matrix's work. The sum
of squared windows is divided out exactly, at the ends too.

    preset    parameters    multiply-adds a second
    small     0.851 M       127 M
    base      2.15 M        250 M
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from resonet.bundle.mel import MelConfig
from resonet.models.blocks import SeparableBlock, SpreadConv

# exp of it is 100, beyond any bin of speech at full scale; Vocos clips there too.
_LOUDEST = math.log(100.0)
# Log-mels of speech at -23 dBFS: about their mean and deviation.
_MEAN, _DEVIATION = -5.0, 2.2


class Config(BaseModel):
    """Sizes. `dilations` has one entry a block; frames are of hop / sample_rate seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = 192
    inner: int = Field(576, description="width between the two matrices of a block")
    kernel: int = Field(7, ge=1)
    dilations: tuple[PositiveInt, ...] = (1, 1, 2, 1, 1, 2, 1, 1)

    presets: ClassVar[dict[str, dict]] = {
        "small": {"width": 128, "inner": 384, "dilations": (1, 1, 2, 1, 1, 2)},
        "base": {},
    }


class Synthesis(nn.Module):
    """Spectra [batch, frames, bins] by real and imaginary part -> sound [batch, frames * hop].

    Frame i is centred on sample `i * hop + hop / 2` and Hann-weighted; what overlaps is added, and divided by the sum
    of squared windows.
    """

    cosines: Tensor
    sines: Tensor
    window: Tensor

    def __init__(self, mel: MelConfig) -> None:
        super().__init__()
        self.hop, self.fft = mel.hop, mel.fft
        if mel.fft % (2 * mel.hop) or mel.window != mel.fft:
            raise ValueError("the window must be as long as the FFT, and that an even number of hops")
        half, bins = mel.fft // 2, mel.fft // 2 + 1
        angle = 2 * math.pi / mel.fft * torch.arange(bins, dtype=torch.float64).unsqueeze(1) * torch.arange(half + 1)
        weight = torch.full((bins, 1), 2.0 / mel.fft, dtype=torch.float64)
        weight[0] = weight[-1] = 1.0 / mel.fft
        window = torch.hann_window(mel.fft, dtype=torch.float64)
        self.register_buffer("cosines", (angle.cos() * weight * window[: half + 1]).float(), persistent=False)
        self.register_buffer("sines", (-angle.sin() * weight * window[: half + 1]).float(), persistent=False)
        self.register_buffer("window", window.float(), persistent=False)

    @property
    def context(self) -> int:
        """Frames to either side that bear on a frame's samples."""
        return -(-(self.fft - self.hop) // 2 // self.hop)

    def forward(self, real: Tensor, imaginary: Tensor) -> Tensor:
        if torch.jit.is_tracing():  # the exported graph: operators that every runtime has
            even, odd = real @ self.cosines, imaginary @ self.sines
            half = self.fft // 2
            frames = torch.cat([(even + odd)[..., : half + 1], (even - odd)[..., 1:half].flip(-1)], -1)
        else:
            frames = torch.fft.irfft(torch.complex(real, imaginary), self.fft) * self.window
        envelope = torch.ones_like(real[:1, :, :1]) * self.window.square()
        return self.added(frames) / self.added(envelope)

    def added(self, frames: Tensor) -> Tensor:
        """Overlap-add of [batch, frames, fft], cut to [batch, frames * hop]."""
        parts = self.fft // self.hop
        total: Tensor | None = None
        for i in range(parts):
            shifted = F.pad(frames[..., i * self.hop : (i + 1) * self.hop], (0, 0, i, parts - 1 - i))
            total = shifted if total is None else total + shifted
        assert total is not None
        before = (self.fft - self.hop) // 2
        flat = total.flatten(1)
        return flat[:, before : flat.shape[1] - (self.fft - self.hop - before)]


class Network(nn.Module):
    """Log-mel [batch, frames, mels] -> PCM [batch, frames * hop]."""

    fit = "gradient"
    streams = False

    def __init__(self, config: Config, mel: MelConfig | None = None) -> None:
        super().__init__()
        self.config, self.mel = config, mel or MelConfig()
        bins = self.mel.fft // 2 + 1
        self.enter = SpreadConv(self.mel.mels, config.width, config.kernel)
        self.blocks = nn.ModuleList(
            SeparableBlock(config.width, config.inner, config.kernel, d, start=1 / len(config.dilations))
            for d in config.dilations
        )
        self.norm = nn.LayerNorm(config.width)
        self.angles = nn.Linear(config.width, bins)
        self.magnitudes = nn.Linear(config.width, bins)
        self.spread = nn.Linear(self.mel.mels, bins)
        self.synthesis = Synthesis(self.mel)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        with torch.no_grad():
            weight, bias = _spread(self.mel)
            self.spread.weight.copy_(weight)
            self.spread.bias.fill_(bias)

    @property
    def context(self) -> int:
        """Frames to either side that bear on the samples of a frame."""
        blocks = (self.config.kernel - 1) // 2 * sum(self.config.dilations)
        return self.enter.context + blocks + self.synthesis.context

    @property
    def receptive_field(self) -> int:
        """Frames that can bear on the samples of one."""
        return 2 * self.context + 1

    def spectrum(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Real and imaginary part [batch, frames, bins]."""
        x = self.enter((mel - _MEAN) / _DEVIATION)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        with torch.autocast(mel.device.type, enabled=False):
            x = x.float()
            magnitude = torch.exp((self.magnitudes(x) + self.spread(mel.float())).clamp(max=_LOUDEST))
            angle = self.angles(x)
            return magnitude * torch.cos(angle), magnitude * torch.sin(angle)

    def forward(self, mel: Tensor) -> Tensor:
        real, imaginary = self.spectrum(mel)
        with torch.autocast(mel.device.type, enabled=False):
            return self.synthesis(real, imaginary)


def _spread(mel: MelConfig) -> tuple[Tensor, float]:
    """Weights [bins, mels] that lay log-mels over the bins of the FFT, and what is to be added: log of a filter's area
    in bins taken off, so that a flat spectrum comes back as it was."""
    filters = torch.from_numpy(mel.filters())
    centres = (filters * torch.arange(len(filters)).unsqueeze(1)).sum(0) / filters.sum(0)
    bins = torch.arange(len(filters), dtype=torch.float64)
    right = torch.searchsorted(centres, bins).clamp(1, mel.mels - 1)
    share = ((bins - centres[right - 1]) / (centres[right] - centres[right - 1])).clamp(0, 1)
    weight = torch.zeros(len(filters), mel.mels, dtype=torch.float64)
    weight[torch.arange(len(bins)), right - 1] = 1 - share
    weight[torch.arange(len(bins)), right] += share
    return weight.float(), -float(torch.log(filters.sum(0)).mean())
