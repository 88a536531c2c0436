"""The log-mel spectrogram between the two networks of a voice: its settings (`mel.json`), its filters, and a check.

What an acoustic model predicts and a vocoder takes must be the same thing; all voices here share one setting, and two
that differ are refused with both printed.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from resonet.bundle.manifest import dump, explain
from resonet.bundle.runtime_fields import Part
from resonet.errors import BundleError

MEL = "mel.json"

# The mel scale of Slaney's Auditory Toolbox (1998): linear to 1 kHz, then 27 steps for a factor of 6.4.
_HERTZ_A_MEL, _BEND, _STEP = 200 / 3, 1000.0, math.log(6.4) / 27


class MelConfig(Part):
    """Natural log of mel-weighted magnitudes, `log(max(filters @ |FFT|, floor))`.

    Frame i is a Hann window of `window` samples around sample `i * hop + hop / 2`, with zeros outside the recording, so
    that n samples give `n // hop` frames and a frame stands for `hop` samples. `norm`: slaney filters have equal area.
    """

    sample_rate: int = Field(24000, ge=1000, le=768000)
    hop: int = Field(256, ge=1, le=65536)
    fft: int = Field(1024, ge=2, le=1 << 20)
    window: int = Field(1024, ge=2, le=1 << 20)
    mels: int = Field(80, ge=1, le=1024)
    low: float = Field(0.0, ge=0)
    high: float = Field(12000.0, gt=0)
    floor: float = Field(1e-5, gt=0)
    norm: Literal["slaney"] = "slaney"

    @property
    def shift(self) -> float:
        """Seconds a frame."""
        return self.hop / self.sample_rate

    def filters(self) -> NDArray[np.float64]:
        """Triangular filters [fft / 2 + 1, mels] over magnitudes."""
        edges = np.array([_hertz(mel) for mel in np.linspace(_mel(self.low), _mel(self.high), self.mels + 2)])
        bins = np.arange(self.fft // 2 + 1)[:, None] * self.sample_rate / self.fft
        rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
        fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
        return np.maximum(0, np.minimum(rise, fall)) * 2 / (edges[2:] - edges[:-2])

    def spectrogram(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-mel float32 [frames, mels] of float32 [time] at `sample_rate`; for measuring, without PyTorch."""
        count = len(samples) // self.hop
        if not count:
            return np.empty((0, self.mels), np.float32)
        before = (self.fft - self.hop) // 2
        padded = np.pad(np.asarray(samples, np.float32), (before, self.fft))
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.fft)[:: self.hop][:count]
        window = np.hanning(self.window + 1)[:-1]
        window = np.pad(window, ((self.fft - self.window) // 2, self.fft - self.window - (self.fft - self.window) // 2))
        filters = self.filters()
        # A thousand frames at once: an hour would be 1.4 GB of windows.
        parts = [np.abs(np.fft.rfft(frames[i : i + 1000] * window)) @ filters for i in range(0, count, 1000)]
        return np.log(np.maximum(np.concatenate(parts), self.floor)).astype(np.float32)

    def to_bytes(self) -> bytes:
        """`mel.json`."""
        return dump(self)


def read_mel(content: bytes, where: str) -> MelConfig:
    """The settings in `mel.json`; `where` names the bundle. Raises BundleError."""
    try:
        return MelConfig.model_validate_json(content)
    except ValidationError as error:
        raise BundleError(f"{where}: {MEL} does not fit its format: {explain(error)}") from error


def check_same(first: MelConfig, of_first: str, second: MelConfig, of_second: str) -> None:
    """Raises BundleError where the settings differ; the sentence has both values of each that does."""
    one, other = first.model_dump(), second.model_dump()
    differ = [key for key in one if one[key] != other[key]]
    if differ:
        values = ", ".join(f"{key} {one[key]} and {other[key]}" for key in differ)
        raise BundleError(
            f"the spectrograms of {of_first} and {of_second} are not the same: {values}",
            "take two that were trained with one setting",
        )


def _mel(hertz: float) -> float:
    return hertz / _HERTZ_A_MEL if hertz < _BEND else _BEND / _HERTZ_A_MEL + math.log(hertz / _BEND) / _STEP


def _hertz(mel: float) -> float:
    bend = _BEND / _HERTZ_A_MEL
    return mel * _HERTZ_A_MEL if mel < bend else _BEND * math.exp((mel - bend) * _STEP)
