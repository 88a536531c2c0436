"""The log-mel spectrogram of voices in PyTorch: same numbers as `resonet.bundle.mel`, with gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from resonet.bundle.mel import MelConfig


class VoiceMel(nn.Module):
    """PCM float32 [batch, samples] -> log-mel [batch, samples // hop, mels]; see MelConfig. Nothing here learns."""

    window: Tensor
    filters: Tensor

    def __init__(self, config: MelConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or MelConfig()
        window = torch.hann_window(c.window, dtype=torch.float64)
        before = (c.fft - c.window) // 2
        window = nn.functional.pad(window, (before, c.fft - c.window - before))
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("filters", torch.from_numpy(c.filters()).float(), persistent=False)

    def forward(self, pcm: Tensor) -> Tensor:
        c = self.config
        with torch.autocast(pcm.device.type, enabled=False):
            pcm = pcm.float()
            before = (c.fft - c.hop) // 2
            count = pcm.shape[1] // c.hop
            frames = nn.functional.pad(pcm, (before, c.fft)).unfold(1, c.fft, c.hop)[:, :count]
            spectrum = torch.fft.rfft(frames * self.window)
            # A gradient at magnitude 0 would be infinite.
            magnitude = (spectrum.real.square() + spectrum.imag.square() + 1e-12).sqrt()
            return torch.log((magnitude @ self.filters).clamp(min=c.floor))
