"""The vocoder of a voice: log-mel spectrograms in, sound out; first by spectral losses, then against discriminators.

It needs no texts: any recordings do. Towards the end it may hear spectrograms that acoustic models predicted, which are
smoother than those of recordings, and learns to speak these as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resonet import audio
from resonet.bundle.mel import MelConfig
from resonet.data.waveforms import Waveforms
from resonet.errors import DataError
from resonet.models import registry
from resonet.models.mel import VoiceMel
from resonet.train import losses, optim
from resonet.train.discriminators import Discriminators, deceit_loss, feature_loss, verdict_loss
from resonet.train.recipe import Recipe, Vocoding

# Weight of the log-mel difference beside the other losses, as in HiFi-GAN.
_MEL = 45.0
# Frames on either side of a piece that the network sees and is not judged by.
_MARGIN = 8
# dB by which pieces are made quieter or louder at most.
_GAIN = (-4.0, 2.0)
# Every which piece the discriminators hear: they cost more than all the rest.
_JUDGED = 2
# Dev utterances that are checked, and seconds of each.
_CHECKED, _LONGEST = 24, 6.0


@dataclass(frozen=True)
class Predicted:
    """Recordings with the spectrograms that an acoustic model predicts of them; `mel(i)` is [frames, mels]."""

    waves: Waveforms
    mels: Sequence[NDArray[np.float16]]
    rows: Sequence[int]


@dataclass
class SoundBatch:
    """Pieces: log-mel [batch, margin + segment + margin, mels] and the sound [batch, segment * hop] of their middle."""

    mel: Tensor
    pcm: Tensor
    seconds: float
    names: list[str]


class Vocode:
    """The task of a vocoder; see `train.loop.Task`.

    Args:
        waves, dev: recordings at the rate of `mel`.
        predicted: what acoustic models made of recordings, to be learnt besides towards the end.
        folder: where samples go.
    """

    def __init__(
        self,
        recipe: Recipe,
        waves: Waveforms,
        dev: Waveforms,
        folder: Path,
        mel: MelConfig,
        predicted: Sequence[Predicted] = (),
    ) -> None:
        self.recipe, self.waves, self.dev, self.folder, self.mel = recipe, waves, dev, folder, mel
        self.predicted = list(predicted)
        self.settings: Vocoding = recipe.voice.vocoding
        module = registry.family(recipe.family, "vocoders")
        torch.manual_seed(recipe.seed)
        self.network = module.Network(registry.configure(module, recipe.preset, recipe.network), mel).to(recipe.device)
        optim.initialise(self.network, recipe.initialisation)
        self.spectrogram = VoiceMel(mel).to(recipe.device)
        self.adversaries = Discriminators().to(recipe.device)
        self._adversary = torch.optim.AdamW(
            self.adversaries.parameters(), self.settings.adversary_rate, betas=(0.8, 0.99), weight_decay=0.01
        )
        self._at_work = False
        lengths = np.array([waves.length(i) for i in range(len(waves))], np.float64)
        self._samples, self._odds = lengths.sum(), lengths / max(1.0, lengths.sum())
        if not self._samples:
            raise DataError("the recordings hold no sound to learn from", "run `resonet doctor` on the data")
        self._pieces = max(1, round(recipe.batch_seconds / (self.settings.segment * mel.shift)))

    def plan(self, number: int) -> int:
        """Batches of pass `number`: as many as the recordings fill."""
        total = self._samples / self.mel.sample_rate
        return max(1, round(total / (self._pieces * self.settings.segment * self.mel.shift)))

    def batches(self, number: int, start: int, step: int) -> Iterator[SoundBatch]:
        """Every `step`-th batch of a pass from number `start` on; pieces depend on (pass, batch)."""
        for i in range(start, self.plan(number), step):
            yield self._batch(np.random.default_rng([self.recipe.seed, 7, number, i]))

    def largest(self) -> SoundBatch:
        """All are of one size."""
        return self._batch(np.random.default_rng(self.recipe.seed))

    def loss(self, made: SoundBatch, progress: float) -> dict[str, Tensor]:
        """Spectral losses; later those of the discriminators too, which get their own gradients here."""
        s, hop = self.settings, self.mel.hop
        # What a batch of another progress would have: pieces are drawn before anybody knows it.
        mel, wanted = made.mel.to(self.recipe.device), made.pcm.to(self.recipe.device)
        if self.predicted and progress < s.predicted_from:
            mel, wanted = mel[: self._recorded], wanted[: self._recorded]
        found = self.network(mel)[:, _MARGIN * hop : (_MARGIN + s.segment) * hop]
        with torch.autocast(wanted.device.type, enabled=False):
            parts = {
                "mel": (self.spectrogram(found.float()) - self.spectrogram(wanted)).abs().mean(),
                "spectral": losses.spectral(found.float(), wanted),
            }
            total = _MEL * parts["mel"] + parts["spectral"]
        self._at_work = progress >= s.adversaries
        if self._at_work:
            for group in self._adversary.param_groups:
                group["lr"] = s.adversary_rate * max(0.02, min(1.0, 2 * (1 - progress)))
            told = self._judged(found[::_JUDGED].float(), wanted[::_JUDGED])
            total = total + told["deceit"] + told["features"]
            parts |= told
        return {"loss": total, **parts}

    def _judged(self, found: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        """The discriminators learn (their gradients are left for `updated`), then judge."""
        self.adversaries.requires_grad_(True)
        self._adversary.zero_grad(set_to_none=True)
        with torch.enable_grad():
            verdict = verdict_loss(self.adversaries(wanted), self.adversaries(found.detach()))
            verdict.backward()
        self.adversaries.requires_grad_(False)
        with torch.no_grad():
            real = self.adversaries(wanted)
        made = self.adversaries(found)
        return {"deceit": deceit_loss(made), "features": feature_loss(real, made), "verdict": verdict.detach()}

    def updated(self) -> None:
        """The discriminators' step, after the network's; see `train.loop.Task`."""
        if self._at_work:
            torch.nn.utils.clip_grad_norm_(self.adversaries.parameters(), 10.0)
            self._adversary.step()
            self._adversary.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        """Of the discriminators and their optimiser."""
        return {"adversaries": self.adversaries.state_dict(), "adversary": self._adversary.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.adversaries.load_state_dict(state["adversaries"])
        self._adversary.load_state_dict(state["adversary"])

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """On dev, sound from true spectrograms: mean difference of log-mels (nepers) and the spectral loss."""
        self.network.eval()
        found = []
        for i in range(min(_CHECKED, len(self.dev))):
            wanted = self._checked(i)
            if len(wanted) < 4 * self.mel.fft:
                continue
            pcm = self.spoken(self.mel.spectrogram(wanted))
            wanted = wanted[: len(pcm)]
            difference = float(np.abs(self.mel.spectrogram(pcm) - self.mel.spectrogram(wanted)).mean())
            spectral = float(losses.spectral(torch.from_numpy(pcm)[None], torch.from_numpy(wanted)[None]))
            found.append((difference, spectral))
        mean = np.mean(found, 0) if found else (float("nan"), float("nan"))
        return {"mel_difference": float(mean[0]), "spectral_loss": float(mean[1])}

    @torch.no_grad()
    def samples(self) -> list[str]:
        """Writes dev utterances to `samples`: as recorded, from their spectrograms, and from predicted ones."""
        place = self.folder / "samples"
        place.mkdir(parents=True, exist_ok=True)
        for k in range(min(2, len(self.dev))):
            wanted = self._checked(k)
            audio.write(place / f"{k + 1}-recorded.wav", wanted, self.mel.sample_rate)
            spoken = self.spoken(self.mel.spectrogram(wanted))
            audio.write(place / f"{k + 1}-vocoder.wav", spoken, self.mel.sample_rate)
        for k, source in enumerate(self.predicted):
            if len(source.rows):
                mel = np.asarray(source.mels[source.rows[0]], np.float32)[: round(_LONGEST / self.mel.shift)]
                audio.write(place / f"predicted-{k + 1}.wav", self.spoken(mel), self.mel.sample_rate)
        return []

    @torch.no_grad()
    def spoken(self, mel: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sound of a log-mel [frames, mels]."""
        pcm = self.network.eval()(torch.from_numpy(np.ascontiguousarray(mel))[None].to(self.recipe.device))
        return pcm[0].float().clamp(-1, 1).cpu().numpy()

    def _checked(self, index: int) -> NDArray[np.float32]:
        return self.dev.sound(index)[: round(_LONGEST * self.mel.sample_rate)]

    @property
    def _recorded(self) -> int:
        """Pieces of a batch whose spectrogram is that of the recording."""
        return self._pieces - (round(self.settings.predicted * self._pieces) if self.predicted else 0)

    def _batch(self, rng: np.random.Generator) -> SoundBatch:
        s, hop = self.settings, self.mel.hop
        long = s.segment + 2 * _MARGIN
        pcm = np.zeros((self._pieces, s.segment * hop), np.float32)
        # Before the predictions join in all pieces are recordings, of which then a part is used.
        names, mels = [], np.zeros((self._pieces, long, self.mel.mels), np.float32)
        for k in range(self._recorded):
            i = int(rng.choice(len(self._odds), p=self._odds))
            names.append(self.waves.utterances[i].id)
            # Two frames more on either side, so that windows at the edges are whole.
            piece = _cut(self.waves.sound(i), long + 4, hop, rng) * 10 ** (rng.uniform(*_GAIN) / 20)
            mels[k] = self.mel.spectrogram(piece)[2:-2]
            pcm[k] = piece[(2 + _MARGIN) * hop :][: s.segment * hop]
        for k in range(self._recorded, self._pieces):
            source = self.predicted[int(rng.integers(len(self.predicted)))]
            i = source.rows[int(rng.integers(len(source.rows)))]
            names.append(source.waves.utterances[i].id)
            mel = np.asarray(source.mels[i], np.float32)
            start = int(rng.integers(max(1, len(mel) - long + 1)))
            part = mel[start : start + long]
            # The end of a short utterance goes on as silence.
            mels[k] = np.pad(part, ((0, long - len(part)), (0, 0)), constant_values=float(np.log(self.mel.floor)))
            sound = source.waves.sound(i)[(start + _MARGIN) * hop :][: s.segment * hop]
            pcm[k, : len(sound)] = sound
        return SoundBatch(
            torch.from_numpy(mels), torch.from_numpy(pcm), self._pieces * s.segment * self.mel.shift, names
        )


def _cut(sound: NDArray[np.float32], frames: int, hop: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A random stretch of so many frames; a short sound goes on as silence."""
    start = int(rng.integers(max(1, len(sound) - frames * hop + 1)))
    part = sound[start : start + frames * hop]
    return np.pad(part, (0, frames * hop - len(part)))
