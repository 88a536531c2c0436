"""Augmentation: what a recording could have sounded like, in another place, at another level, partly hidden.

Waveform changes work on float32 [time] arrays with a NumPy generator; SpecAugment works on features in the network's
own framework and gets its random numbers the same way, so that a run repeats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat

from resonet.audio import find, read
from resonet.audio.channel import through
from resonet.audio.rooms import convolve, direct_first

if TYPE_CHECKING:
    from torch import Tensor

Samples = NDArray[np.float32]


class Augmentation(BaseModel):
    """Which changes, how often and how strong; the defaults suit 1 to 20 hours of speech."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    speeds: tuple[PositiveFloat, ...] = Field((0.9, 1.0, 1.1), min_length=1, description="one is drawn each time")
    gain_db: float = Field(10.0, ge=0, description="levels are changed by a normal draw of this deviation")
    noise: str | None = Field(None, description="folder of noise recordings")
    noise_probability: float = 0.25
    noise_snr: tuple[float, float] = (5.0, 25.0)
    noise_only: float = Field(0.02, description="share of utterances replaced by noise without words")
    rooms: str | None = Field(None, description="folder of room impulse responses")
    room_probability: float = 0.2
    channel_probability: float = Field(0.0, ge=0, le=1, description="share sent through a random channel")
    channel_db: float = Field(6.0, ge=0, description="deviation of a channel's response")
    channel_hz: float = Field(3400.0, gt=0, le=8000, description="where the narrowest channel ends")
    silence: float = Field(0.3, ge=0, description="seconds of silence at most put before and after an utterance")
    warp: bool = Field(True, description="vocal tract length perturbation")
    frequency_masks: int = Field(2, ge=0)
    frequency_width: int = Field(20, ge=0, description="bands of a mask at most")
    time_share: float = Field(0.25, ge=0, description="share of the frames hidden by time masks")
    time_width: int = Field(40, ge=1, description="frames of a mask at most")
    start_after: float = Field(0.05, description="share of training before masks and warping, if there is one view")


class Places:
    """Noises and rooms, held in memory, put on utterances at random."""

    def __init__(self, settings: Augmentation) -> None:
        self._settings = settings
        self._noises = [read(f) for f in find([settings.noise])] if settings.noise else []
        self._rooms = [direct_first(read(f)) for f in find([settings.rooms])] if settings.rooms else []

    def __call__(self, samples: Samples, rng: np.random.Generator) -> Samples:
        """The utterance somewhere else; float32 [time], longer by the added silence."""
        s = self._settings
        if self._rooms and rng.random() < s.room_probability:
            samples = convolve(samples, self._rooms[rng.integers(len(self._rooms))])
        if s.channel_probability and rng.random() < s.channel_probability:
            samples = through(samples, rng, deviation=s.channel_db, narrowest=s.channel_hz)
        if s.silence:
            before, after = (rng.random(2) * s.silence * 16000).astype(int)
            samples = np.pad(samples, (before, after))
        level = float(np.sqrt(np.mean(np.square(samples)))) + 1e-6 if len(samples) else 1e-6
        if self._noises and rng.random() < s.noise_probability:
            noise = self.noise(len(samples), rng)
            loud = float(np.sqrt(np.mean(np.square(noise)))) + 1e-6 if len(noise) else 1.0
            samples = samples + noise * (level / loud * 10 ** (-rng.uniform(*s.noise_snr) / 20))
        if s.gain_db:
            # A level between -45 and -6 dBFS: what microphones give, and never clipped by the gain alone.
            wanted = np.clip(20 * np.log10(level) + rng.normal() * s.gain_db, -45, -6)
            samples = samples * (10 ** (wanted / 20) / level)
        return np.clip(samples, -1, 1).astype(np.float32)

    def wordless(self, length: int, rng: np.random.Generator) -> Samples | None:
        """Now and then a stretch without words in place of an utterance: there the net learns to say nothing."""
        s = self._settings
        if not self._noises or rng.random() >= s.noise_only:
            return None
        if rng.random() < 0.25:  # white noise, down to silence
            sound = rng.normal(size=length).astype(np.float32) * rng.choice([0.0, 0.1])
        else:
            sound = self.noise(length, rng)
        return np.clip(sound * 10 ** (rng.uniform(-40, 0) / 20), -1, 1).astype(np.float32)

    def noise(self, length: int, rng: np.random.Generator) -> Samples:
        """`length` samples of a random noise; zeros where there are no noises."""
        if not self._noises:
            return np.zeros(length, np.float32)
        return self._piece(self._noises[rng.integers(len(self._noises))], length, rng)

    @staticmethod
    def _piece(noise: Samples, length: int, rng: np.random.Generator) -> Samples:
        """`length` samples of the noise from a random place on, repeated where it is shorter."""
        start = int(rng.integers(len(noise)))
        return noise[(start + np.arange(length)) % len(noise)]


def spec_augment(settings: Augmentation, rng: np.random.Generator, strength: float = 1.0) -> Callable[[Tensor], Tensor]:
    """SpecAugment (Park et al. 2019) on features [batch, time, mels]: bands and stretches are set to 0, their mean.

    `strength` scales the number of time masks (`loss.consistency_masks`).
    """

    def hide(features: Tensor) -> Tensor:
        batch, time, mels = features.shape
        keep = np.ones((batch, time, 1), np.float32)
        bands = np.ones((batch, 1, mels), np.float32)
        masks = max(1, round(settings.time_share * strength * time / (settings.time_width / 2)))
        for row in range(batch):
            for _ in range(settings.frequency_masks):
                width = rng.integers(min(settings.frequency_width, mels) + 1)
                start = rng.integers(mels - width + 1)
                bands[row, 0, start : start + width] = 0
            for _ in range(masks if settings.time_share else 0):
                frames = int(rng.integers(settings.time_width + 1))
                first = int(rng.integers(max(1, time - frames + 1)))
                keep[row, first : first + frames] = 0
        return features * features.new_tensor(keep) * features.new_tensor(bands)

    return hide
