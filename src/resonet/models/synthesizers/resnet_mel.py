"""Residual network from units to a log-mel spectrogram, all frames at once, with times, pitch and energy in the open.

Ancestors: SpeedySpeech (Vainer and Dusek 2020, arXiv 2008.03802): residual convolutions, durations from outside;
FastPitch (Lancucki 2021, arXiv 2006.06873): a pitch for each unit, which is predicted, and can be changed.

Changed: separable blocks (models/blocks.py) whose norms have a scale and shift for every speaker. Most of the decoder
runs at half the frame rate; a few blocks at the full rate follow, which see the units once more. A frame knows where in
its unit it is, by share and by count, and nothing of where in the sentence: long texts are as safe as short ones. One
small trunk predicts duration, pitch and energy from what the encoder says, and sends no gradient back.

With 80 units, 2 speakers and 2 languages; multiply-adds for a second of speech of 15 units:

    preset    parameters    multiply-adds a second
    2m        1.82 M        73.9 M
    8m        7.78 M        327 M
    14m       13.6 M        576 M
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from resonet.bundle.mel import MelConfig
from resonet.models.blocks import SeparableBlock, SpreadConv

# Frames of a unit at least and at most: 0.8 s is longer than any phone, and than a pause that is no new sentence.
SHORTEST, LONGEST = 1, 75
_SEMITONE = math.log(2) / 12
# Frames up to which a frame counts its distance from both ends of its unit.
_NEAR = 12


class Config(BaseModel):
    """Sizes: of the encoder, of the trunk that predicts prosody, of the decoder at half rate, and of that at full."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = 160
    encoder: tuple[PositiveInt, ...] = Field((1, 2, 1, 2), description="dilations of the encoder's blocks")
    prosody_width: int = 128
    prosody: tuple[PositiveInt, ...] = (1, 2, 4)
    decoder_width: int = 160
    decoder: tuple[PositiveInt, ...] = (1, 2, 4, 8, 1, 2, 4, 8)
    final_width: int = 128
    final: tuple[PositiveInt, ...] = (1, 2, 1)
    kernel: int = Field(5, ge=1, description="taps over units, and over frames at the full rate")
    decoder_kernel: int = Field(7, ge=1)
    dropout: float = Field(0.2, ge=0, lt=1, description="in the encoder")
    prosody_dropout: float = Field(0.3, ge=0, lt=1)
    decoder_dropout: float = Field(0.1, ge=0, lt=1, description="in the decoder at half rate")

    presets: ClassVar[dict[str, dict]] = {
        "2m": {},
        "8m": {
            "width": 288,
            "encoder": (1, 2, 1, 2, 1, 2),
            "prosody_width": 160,
            "decoder_width": 320,
            "decoder": (1, 2, 4, 8, 1, 2, 4, 8, 1, 2),
            "final_width": 224,
            "final": (1, 2, 1, 1),
        },
        "14m": {
            "width": 352,
            "encoder": (1, 2, 1, 2, 1, 2),
            "prosody_width": 192,
            "decoder_width": 416,
            "decoder": (1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8),
            "final_width": 256,
            "final": (1, 2, 1, 1),
        },
    }


@dataclass(frozen=True)
class Taught:
    """What is compared: mel [batch, frames, mels], log durations, pitch and energy [batch, units], as predicted."""

    mel: Tensor
    log_durations: Tensor
    pitch: Tensor
    energy: Tensor


class Network(nn.Module):
    """Units to log-mel; `forward` is the exported graph, `teach` is for training.

    Pitch is the mean log F0 of a unit, energy the mean level of its frames in dB, both in deviations from the speaker's
    mean (`set_speakers`). Unit 0 is padding.
    """

    fit = "gradient"
    streams = False
    receptive_field = None

    mel_mean: Tensor
    mel_deviation: Tensor
    pitch_deviation: Tensor
    energy_deviation: Tensor
    pace: Tensor

    def __init__(
        self, config: Config, units: int, speakers: int = 1, languages: int = 1, mel: MelConfig | None = None
    ) -> None:
        super().__init__()
        self.config, self.mel = config, mel or MelConfig()
        c = config
        self.units = nn.Embedding(units, c.width)
        self.speakers = nn.Embedding(speakers, c.width)
        self.languages = nn.Embedding(languages, c.width)
        for table in (self.units, self.speakers, self.languages):
            nn.init.normal_(table.weight, std=0.3)

        def blocks(width: int, dilations: tuple[int, ...], kernel: int, dropout: float = 0.0) -> nn.ModuleList:
            start = 1 / len(dilations)
            return nn.ModuleList(
                SeparableBlock(width, 2 * width, kernel, d, speakers=speakers, start=start, dropout=dropout)
                for d in dilations
            )

        self.encoder = blocks(c.width, c.encoder, c.kernel, c.dropout)
        self.encoder_norm = nn.LayerNorm(c.width)
        self.prosody_enter = nn.Linear(c.width, c.prosody_width)
        self.prosody = blocks(c.prosody_width, c.prosody, c.kernel, c.prosody_dropout)
        self.prosody_norm = nn.LayerNorm(c.prosody_width)
        self.predict = nn.Linear(c.prosody_width, 3)
        self.tune = SpreadConv(2, c.width, 3)
        self.place = nn.Linear(5, c.width)
        self.to_half = nn.Linear(2 * c.width, c.decoder_width)
        self.decoder = blocks(c.decoder_width, c.decoder, c.decoder_kernel, c.decoder_dropout)
        self.to_full = nn.Linear(c.decoder_width, 2 * c.final_width)
        self.again = nn.Linear(c.width, c.final_width)
        self.final = blocks(c.final_width, c.final, c.kernel)
        self.final_norm = nn.LayerNorm(c.final_width)
        self.output = nn.Linear(c.final_width, self.mel.mels)
        nn.init.normal_(self.predict.weight, std=0.01)
        nn.init.normal_(self.output.weight, std=0.01)
        # About 90 ms, until training says otherwise.
        nn.init.constant_(self.predict.bias, 0.0)
        with torch.no_grad():
            self.predict.bias[0] = 2.1
        self.register_buffer("mel_mean", torch.full((self.mel.mels,), -5.0))
        self.register_buffer("mel_deviation", torch.tensor(2.2))
        self.register_buffer("pitch_deviation", torch.full((speakers,), 0.2))
        self.register_buffer("energy_deviation", torch.full((speakers,), 8.0))
        self.register_buffer("pace", torch.ones(speakers))

    def set_mel(self, mean: Tensor, deviation: float) -> None:
        """Fixes the normalisation of the output: mean [mels] and one deviation."""
        self.mel_mean.copy_(mean)
        self.mel_deviation.fill_(deviation)

    def set_speakers(self, pitch: Tensor, energy: Tensor) -> None:
        """Deviations [speakers] of log F0 and of dB, in which pitch and energy are counted."""
        self.pitch_deviation.copy_(pitch)
        self.energy_deviation.copy_(energy)

    def set_pace(self, speaker: int, factor: float) -> None:
        """Lengthens all that a speaker says: what is right on average in logarithms is too short on average."""
        self.pace[speaker] = factor

    def forward(
        self, units: Tensor, speaker: Tensor, language: Tensor, speed: Tensor, pitch: Tensor, energy: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One sentence.

        Args:
            units: int64 [1, n]. speaker, language: int64 [1].
            speed, pitch, energy: float32 [1, n]: times as fast, semitones, dB; 1, 0, 0 is as trained.
        Returns:
            log-mel float32 [1, frames, mels], and the frames of each unit, int64 [1, n], 1 to 75 each.
        """
        encoded = self.encode(units, speaker, language)
        log_durations, own_pitch, own_energy = self.predicted(encoded, speaker)
        lasting = torch.exp(log_durations) * self.pace[speaker].unsqueeze(1) / speed
        durations = torch.round(lasting).clamp(SHORTEST, LONGEST).long()
        own_pitch = own_pitch + pitch * _SEMITONE / self.pitch_deviation[speaker].unsqueeze(1)
        own_energy = own_energy + energy / self.energy_deviation[speaker].unsqueeze(1)
        return self.decode(encoded, durations, own_pitch, own_energy, speaker), durations

    def teach(
        self,
        units: Tensor,
        lengths: Tensor,
        speaker: Tensor,
        language: Tensor,
        durations: Tensor,
        pitch: Tensor,
        energy: Tensor,
    ) -> Taught:
        """A batch with true durations, pitch and energy; units and these are [batch, n], with durations 0 after the
        first `lengths` of a row."""
        mask = (torch.arange(units.shape[1], device=units.device) < lengths.unsqueeze(1)).unsqueeze(2).float()
        encoded = self.encode(units, speaker, language, mask)
        log_durations, own_pitch, own_energy = self.predicted(encoded, speaker, mask)
        mel = self.decode(encoded, durations, pitch, energy, speaker, mask)
        return Taught(mel, log_durations, own_pitch, own_energy)

    def encode(self, units: Tensor, speaker: Tensor, language: Tensor, mask: Tensor | None = None) -> Tensor:
        """[batch, n] -> [batch, n, width]; mask [batch, n, 1]."""
        x = self.units(units) + (self.speakers(speaker) + self.languages(language)).unsqueeze(1)
        for block in self.encoder:
            x = block(x, mask, speaker)
        return self.encoder_norm(x)

    def predicted(self, encoded: Tensor, speaker: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Log durations (frames), pitch and energy, [batch, n] each, float32."""
        x = self.prosody_enter(encoded.detach())
        for block in self.prosody:
            x = block(x, mask, speaker)
        log_durations, pitch, energy = self.predict(self.prosody_norm(x)).float().unbind(2)
        return log_durations, pitch, energy

    def decode(
        self,
        encoded: Tensor,
        durations: Tensor,
        pitch: Tensor,
        energy: Tensor,
        speaker: Tensor,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Log-mel [batch, frames, mels] of the longest row; what comes after a shorter one means nothing."""
        prosody = torch.stack([pitch, energy], 2)
        x = encoded + self.tune(prosody if mask is None else prosody * mask)
        x, full, half, frames = self._expanded(x, durations)
        y = self.to_half(x.reshape(x.shape[0], -1, 2 * x.shape[2]))
        for block in self.decoder:
            y = block(y, half, speaker)
        y = self.to_full(y).reshape(x.shape[0], -1, self.config.final_width) + self.again(x)
        for block in self.final:
            y = block(y, full, speaker)
        return self.output(self.final_norm(y)).float()[:, :frames] * self.mel_deviation + self.mel_mean

    def _expanded(self, x: Tensor, durations: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Units [batch, n, width] repeated as often as they last, with their place in the unit; zeros after the end.

        Returns the frames [batch, even number, width], masks at the full and the half rate, and the number of frames.
        """
        batch, count, width = x.shape
        ends = torch.cumsum(durations, 1)
        total = ends[:, -1:]
        frames = total.max()
        # A tensor as the end of a range keeps the exported graph free to be of any length.
        time = torch.arange((frames + 1) // 2 * 2, device=x.device).unsqueeze(0)  # type: ignore[call-overload]
        # The unit of a frame: as many as have ended before it.
        unit = (time.unsqueeze(2) >= ends[:, :-1].unsqueeze(1)).sum(2)
        unit = unit + torch.arange(batch, device=x.device).unsqueeze(1) * count
        lasts = F.embedding(unit, durations.reshape(-1, 1).to(x.dtype)).clamp(min=1)
        since = time.unsqueeze(2) + 0.5 - F.embedding(unit, (ends - durations).reshape(-1, 1).to(x.dtype))
        until = lasts - since
        place = torch.cat(
            [since / lasts, (since / lasts).square(), since.clamp(max=_NEAR) / _NEAR, until.clamp(max=_NEAR) / _NEAR,
             torch.log(lasts)], 2,
        )  # fmt: skip
        there = (time < total).to(x.dtype).unsqueeze(2)
        y = (F.embedding(unit, x.reshape(-1, width)) + self.place(place)) * there
        return y, there, there[:, ::2], frames
