"""The acoustic model of a voice: units with their frames, pitch and energy in, a log-mel spectrogram out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resonet.errors import DataError
from resonet.models import registry
from resonet.models.synthesizers.resnet_mel import LONGEST
from resonet.train import losses, optim, pictures
from resonet.train.recipe import Recipe
from resonet.train.tasks.align_voice import energies, prosody
from resonet.train.voice_corpus import VoiceBatch, VoiceCorpus, batch, by_length, mask, to


class Synthesize:
    """The task of an acoustic model; see `train.loop.Task`.

    Args:
        units: number of unit symbols.
        durations: frames of each unit of every utterance of train and dev.
        folder: where samples go.

    Utterances with a unit that lasts longer than the network can say are left out (`dropped`: their names).
    """

    def __init__(
        self,
        recipe: Recipe,
        train: VoiceCorpus,
        dev: VoiceCorpus,
        units: int,
        durations: tuple[Sequence[NDArray[np.int64]], Sequence[NDArray[np.int64]]],
        folder: Path,
    ) -> None:
        self.recipe, self.train, self.dev, self.folder = recipe, train, dev, folder
        levels = energies(train)
        self.prosody = prosody(train, durations[0], levels)
        self.dev_prosody = prosody(dev, durations[1], levels)
        self.rows = [i for i, d in enumerate(durations[0]) if len(d) and d.max() <= LONGEST]
        self.dev_rows = [i for i, d in enumerate(durations[1]) if len(d) and d.max() <= LONGEST]
        self.dropped = [train.utterances[i].id for i in sorted(set(range(len(train))) - set(self.rows))]
        if not self.rows:
            raise DataError("no utterance was aligned so that it can be learnt from", "give the aligner more time")
        self.dev_rows = self.dev_rows or list(range(min(1, len(dev))))
        module = registry.family(recipe.family, "synthesizers")
        config = registry.configure(module, recipe.preset, recipe.network)
        torch.manual_seed(recipe.seed)
        speakers = len(train.speakers.names)
        self.network = module.Network(config, units, speakers, len(train.languages), train.mel_config)
        optim.initialise(self.network, recipe.initialisation)
        mean, deviation = train.statistics()
        self.network.set_mel(torch.from_numpy(mean), float(deviation.mean()))
        self.network.set_speakers(
            torch.tensor([r.deviation for r in train.speakers.ranges]), torch.from_numpy(levels[:, 1]).float()
        )
        self.network.to(recipe.device)
        self._plans: dict[int, list[list[int]]] = {}

    def plan(self, number: int) -> int:
        """Batches of pass `number`."""
        return len(self._plan(number))

    def batches(self, number: int, start: int, step: int) -> Iterator[VoiceBatch]:
        """Every `step`-th batch of a pass from number `start` on."""
        for rows in self._plan(number)[start::step]:
            yield batch(self.train, rows, self.prosody)

    def largest(self) -> VoiceBatch:
        """The batch that takes the most memory."""
        cost = [max(map(self.train.frames, rows)) * len(rows) for rows in self._plan(0)]
        return batch(self.train, self._plan(0)[int(np.argmax(cost))], self.prosody)

    def loss(self, made: VoiceBatch, progress: float) -> dict[str, Tensor]:
        """Spectrogram by L1 and structural similarity, prosody by Huber; all without the padding."""
        return self._compared(to(made, self.recipe.device))[0]

    def _compared(self, b: VoiceBatch) -> tuple[dict[str, Tensor], Tensor]:
        """The loss with its parts, and the spectrogram."""
        taught = self.network.teach(b.units, b.lengths, b.speaker, b.language, b.durations, b.pitch, b.energy)
        there, spoken = mask(b.frames, taught.mel.shape[1]), mask(b.lengths, b.units.shape[1])
        scale, mean = self.network.mel_deviation, self.network.mel_mean
        with torch.autocast(b.mel.device.type, enabled=False):
            found, wanted = ((x.float() - mean) / scale for x in (taught.mel, b.mel))
            parts = {
                "mel": losses.masked_l1(found, wanted, there),
                "similarity": losses.structural_similarity(found, wanted, there),
                "duration": losses.masked_huber(taught.log_durations, b.durations.clamp(min=1).log(), spoken),
                "pitch": losses.masked_huber(taught.pitch, b.pitch, spoken),
                "energy": losses.masked_huber(taught.energy, b.energy, spoken),
            }
        v = self.recipe.voice
        total = parts["mel"] + v.similarity * parts["similarity"]
        total = total + v.prosody * (parts["duration"] + parts["pitch"] + parts["energy"])
        return {"loss": total, **parts}, taught.mel

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """On dev, with true durations, pitch and energy: mean differences of log-mels (in nepers) and of prosody."""
        self.network.eval()
        total: dict[str, float] = {}
        frames = 0
        for rows in self._dev_batches():
            b = to(batch(self.dev, rows, self.dev_prosody), self.recipe.device)
            parts, _ = self._compared(b)
            weight = int(b.frames.sum())
            frames += weight
            for name, value in parts.items():
                total[name] = total.get(name, 0.0) + weight * float(value)
        mean = {name: value / max(1, frames) for name, value in total.items()}
        return {
            "mel_difference": mean["mel"] * float(self.network.mel_deviation),
            "dissimilarity": mean["similarity"],
            "duration_loss": mean["duration"],
            "pitch_loss": mean["pitch"],
            "energy_loss": mean["energy"],
        }

    @torch.no_grad()
    def keep_pace(self) -> None:
        """Has the network speak dev as fast, on the whole, as its speakers did."""
        self.network.eval()
        spoken = np.zeros((2, len(self.train.speakers.names)))  # frames: recorded, predicted
        for rows in self._dev_batches():
            b = to(batch(self.dev, rows, self.dev_prosody), self.recipe.device)
            taught = self.network.teach(b.units, b.lengths, b.speaker, b.language, b.durations, b.pitch, b.energy)
            said = mask(b.lengths, b.units.shape[1]) * taught.log_durations.exp()
            for speaker, *frames in zip(b.speaker.tolist(), b.frames.tolist(), said.sum(1).tolist(), strict=True):
                spoken[:, speaker] += frames
        for speaker in np.flatnonzero(spoken[1]):
            self.network.set_pace(int(speaker), spoken[0, speaker] / spoken[1, speaker])

    @torch.no_grad()
    def samples(self) -> list[str]:
        """Draws dev utterances in `samples`: as recorded, with the true durations, and spoken freely."""
        for k, i in enumerate(self.dev_rows[:2]):
            taught, free = self.spoken(self.dev, i, self.dev_prosody), self.free(self.dev, i)
            pictures.save(
                self.folder / "samples" / f"mel-{k + 1}.png", [m.T[::-1] for m in (self.dev.mel(i), taught, free)]
            )
        return []

    @torch.no_grad()
    def free(self, corpus: VoiceCorpus, index: int) -> NDArray[np.float32]:
        """Log-mel of an utterance as the exported graph says it."""
        b = to(batch(corpus, [index]), self.recipe.device)
        plain = torch.ones(b.units.shape, device=b.units.device)
        mel, _ = self.network.eval()(b.units, b.speaker, b.language, plain, plain * 0, plain * 0)
        return mel[0].cpu().numpy()

    @torch.no_grad()
    def spoken(self, corpus: VoiceCorpus, index: int, prosodies: Sequence[Any]) -> NDArray[np.float32]:
        """Log-mel of an utterance with its true durations, pitch and energy, as long as the recorded one."""
        b = to(batch(corpus, [index], prosodies), self.recipe.device)
        taught = self.network.eval().teach(b.units, b.lengths, b.speaker, b.language, b.durations, b.pitch, b.energy)
        return taught.mel[0].cpu().numpy()

    def _dev_batches(self) -> Iterator[list[int]]:
        allowed = set(self.dev_rows)
        for rows in by_length(self.dev, self.recipe.batch_seconds):
            if kept := [i for i in rows if i in allowed]:
                yield kept

    def _plan(self, number: int) -> list[list[int]]:
        if number not in self._plans:
            allowed = set(self.rows)
            drawn = self.train.draws(number, self.recipe.batch_seconds, self.recipe.seed * 10 + 1)
            kept = [[d.index for d in draws if d.index in allowed] for draws in drawn]
            self._plans = {number: [rows for rows in kept if rows]}
        return self._plans[number]
