"""Adversaries of a vocoder: small networks that learn to tell its sound from recordings.

Of periods as in HiFi-GAN (Kong et al. 2020, arXiv 2010.05646) and of spectrograms at several resolutions as in Vocos
(Siuzdak 2023); an eighth to a quarter of the usual channels, so that a step takes half a second of a core. Hinge loss.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

PERIODS = (2, 3, 5)
SIZES = ((1024, 256), (512, 128))
_WIDTHS = (8, 32, 64, 96)
_CHANNELS = (8, 16, 16, 24)
# Of the spectrograms' verdict beside that of the periods; Vocos has the same.
_WEIGHT = 0.1

Verdict = tuple[Tensor, list[Tensor]]


class OfPeriod(nn.Module):
    """Samples that lie a period apart, side by side; [batch, samples] -> a verdict on each stretch, and features."""

    def __init__(self, period: int) -> None:
        super().__init__()
        self.period = period
        widths = (1, *_WIDTHS)
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv2d(widths[i], widths[i + 1], (5, 1), (3, 1), (2, 0))) for i in range(len(_WIDTHS))
        )
        self.output = weight_norm(nn.Conv2d(widths[-1], 1, (3, 1), 1, (1, 0)))

    def forward(self, x: Tensor) -> Verdict:
        x = F.pad(x, (0, -x.shape[1] % self.period)).unflatten(1, (-1, self.period)).unsqueeze(1)
        features = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.1)
            features.append(x)
        return self.output(x), features


class OfSpectrum(nn.Module):
    """A spectrogram as real and imaginary picture, halved in frequency by each layer."""

    window: Tensor

    def __init__(self, size: int, hop: int) -> None:
        super().__init__()
        self.size, self.hop = size, hop
        self.register_buffer("window", torch.hann_window(size), persistent=False)
        widths = (2, *_CHANNELS)
        # The first one makes a quarter of the bins at once: there lies most of the work.
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv2d(widths[i], widths[i + 1], (3, 5 if i else 9), (1, 2 if i else 4), (1, 2 if i else 4)))
            for i in range(len(_CHANNELS))
        )
        self.output = weight_norm(nn.Conv2d(widths[-1], 1, 3, 1, 1))

    def forward(self, x: Tensor) -> Verdict:
        with torch.autocast(x.device.type, enabled=False):
            spectrum = torch.fft.rfft(x.float().unfold(1, self.size, self.hop) * self.window)
            # Roots keep the sign and bring quiet bins into sight.
            x = torch.stack([spectrum.real, spectrum.imag], 1)
            x = x.sign() * (x.abs() + 1e-6).sqrt()
        features = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.1)
            features.append(x)
        return self.output(x), features


class Discriminators(nn.Module):
    """All of them."""

    def __init__(self) -> None:
        super().__init__()
        self.periods = nn.ModuleList(OfPeriod(p) for p in PERIODS)
        self.spectra = nn.ModuleList(OfSpectrum(*s) for s in SIZES)

    def forward(self, x: Tensor) -> list[tuple[float, Verdict]]:
        """[batch, samples] -> the weight of each, its verdict and features."""
        # Of full scale: speech at -23 dBFS has most samples far below 0.1.
        x = x * 5
        return [(1.0, d(x)) for d in self.periods] + [(_WEIGHT, d(x)) for d in self.spectra]


def verdict_loss(real: list[tuple[float, Verdict]], made: list[tuple[float, Verdict]]) -> Tensor:
    """What the discriminators minimise: hinge, recordings above 1, the vocoder's sound below -1."""
    return torch.stack(
        [
            w * (F.relu(1 - r.float()).mean() + F.relu(1 + m.float()).mean())
            for (w, (r, _)), (_, (m, _)) in zip(real, made, strict=True)
        ]
    ).sum()


def deceit_loss(made: list[tuple[float, Verdict]]) -> Tensor:
    """What the vocoder minimises: that its sound is taken for recordings."""
    return torch.stack([w * F.relu(1 - m.float()).mean() for w, (m, _) in made]).sum()


def feature_loss(real: list[tuple[float, Verdict]], made: list[tuple[float, Verdict]]) -> Tensor:
    """Mean absolute difference of the discriminators' features, in parts of the recordings' own size."""
    parts = []
    for (w, (_, of_real)), (_, (_, of_made)) in zip(real, made, strict=True):
        for r, m in zip(of_real, of_made, strict=True):
            r, m = r.detach().float(), m.float()
            parts.append(w * (r - m).abs().mean() / r.abs().mean().clamp(min=1e-3))
    return torch.stack(parts).sum() / len(_WIDTHS)
