"""Acoustic word embeddings: recordings with transcripts in, a network out that puts like-sounding words together.

Three losses: CTC over phones, so that frames know what was said; and contrasts between words of a batch, of their sound
with their spelling (He et al. 2017, arXiv 1611.04496) in both directions. Stretches that begin or end elsewhere are
among what a spelling is told from, for a stream is full of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from resonet.data.aligner import Aligner
from resonet.data.augment import spec_augment
from resonet.data.batches import Draw
from resonet.data.utterance import Utterance
from resonet.data.waveforms import SAMPLE_RATE, Waveforms
from resonet.errors import DataError
from resonet.models.spelling import Spelling
from resonet.text.normalise import normalise
from resonet.text.units import Units
from resonet.train import losses
from resonet.train.recipe import Recipe
from resonet.train.tasks.recognize import Recognize, SpeechBatch
from resonet.train.word_times import word_times

_SEGMENTS = 4
# Seconds of a segment: shorter ones say too little, longer ones are no words.
_SHORTEST, _LONGEST = 0.2, 1.6
# Segments of a batch at most, as many as half the audio seconds of a usual batch hold words.
_MOST = 256
_CHECKED = 3000  # dev segments

Segment = tuple[int, float, float, tuple[int, ...]]  # row, first and last frame, phones


class Both(nn.Module):
    """The embedder and the spelling it is trained against, as one network of parameters; the embedder is what stays."""

    fit = "gradient"
    streams = True

    def __init__(self, sound: Any, spelling: Spelling) -> None:
        super().__init__()
        self.sound, self.spelling = sound, spelling

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:  # what the loop and the batches ask the network for
            return getattr(super().__getattr__("sound"), name)


class Embed(Recognize):
    """The task of embedding; see `train.loop.Task`.

    Args:
        spell: units of each word of a normalised text; raises DataError for a word that has none.
    """

    ROOM = "embedders"

    def __init__(
        self,
        recipe: Recipe,
        train: Sequence[Utterance],
        dev: Sequence[Utterance],
        units: Units,
        spell: Callable[[str], list[list[int]]],
        cache: Path,
        progress: Any = None,
    ) -> None:
        def encode(text: str) -> list[int]:
            return [unit for word in spell(text) for unit in word]

        if recipe.augmentation.silence:
            raise DataError("silence around utterances moves their words", "--set augmentation.silence=0")
        super().__init__(recipe, train, dev, units, encode, cache, progress)
        c = self.config
        self.network = Both(self.network, Spelling(len(units), c.dims, c.parts).to(recipe.device))
        self._spell = spell
        aligner = Aligner(recipe.embedding.aligner, recipe.threads)
        parts = ((self.train, self.waves), (self.dev, self.dev_waves))
        self._said = [self._timed(part.utterances, waves, aligner, cache) for part, waves in parts]

    def _timed(
        self, utterances: Sequence[Utterance], waves: Waveforms, aligner: Aligner, cache: Path
    ) -> list[list[tuple[float, float, tuple[int, ...]]]]:
        """Start, end (s) and phones of every word of every utterance, as far as its words can be found in it."""
        language = self.recipe.language
        texts = [normalise(u.text, language) for u in utterances]
        return [
            [(float(s), float(e), tuple(w)) for (s, e), w in zip(times, self._spell(text), strict=True) if e > s]
            for times, text in zip(word_times(waves, texts, aligner, cache, language), texts, strict=True)
        ]

    def loss(self, batch: SpeechBatch, progress: float) -> dict[str, Tensor]:
        """The loss and its parts."""
        r, e = self.recipe, self.recipe.embedding
        sound = self.network.sound
        rng = np.random.default_rng([r.seed, _SEGMENTS, batch.masks])
        hide = progress >= r.augmentation.start_after
        mask = spec_augment(r.augmentation, rng) if hide else None
        values, phones = sound.encode(batch.pcm.to(r.device), batch.warp if hide else None, mask)
        frames, phones = sound.output_lengths(batch.lengths), phones.float()
        if progress < r.loss.flat_start:
            labels = losses.uniform_labels(batch.pcm, frames, batch.targets, batch.target_lengths, sound.stride)
            return {"loss": losses.cross_entropy(phones, labels.to(phones.device))}
        parts = {"ctc": losses.ctc(phones, frames, batch.targets, batch.target_lengths)}
        segments = self._segments(batch, frames.tolist(), rng)
        if len(segments) > 1:
            parts["contrast"] = self._contrast(values.float(), segments, e.temperature, rng)
        return {"loss": parts["ctc"] + e.weight * parts.get("contrast", parts["ctc"].new_zeros(())), **parts}

    def _contrast(
        self, frames: Tensor, segments: list[Segment], temperature: float, rng: np.random.Generator
    ) -> Tensor:
        """InfoNCE (van den Oord et al. 2018, arXiv 1807.03748) between sounds and spellings, nats a segment."""
        rows = torch.tensor([s[0] for s in segments])
        edges = torch.tensor([[s[1], s[2]] for s in segments], device=frames.device)
        heard = self.network.sound.pool(frames[rows], edges[:, 0], edges[:, 1])
        # The same stretches, moved by a third to all of their length: near, and not the word.
        long = edges[:, 1] - edges[:, 0]
        moved = torch.from_numpy(rng.uniform(0.33, 1.0, len(rows)) * rng.choice([-1, 1], len(rows))).to(edges) * long
        start = (edges[:, 0] + moved).clamp(0, frames.shape[1] - 2)
        end = torch.maximum((edges[:, 1] + moved).clamp(max=frames.shape[1]), start + 2)
        other = self.network.sound.pool(frames[rows], start, end)
        read = self.spelled([s[3] for s in segments])
        same = torch.tensor([[a[3] == b[3] for b in segments] for a in segments], device=frames.device)
        wrong = (same & ~torch.eye(len(rows), dtype=torch.bool, device=frames.device)) * -1e4
        target = torch.arange(len(rows), device=frames.device)
        by_sound = heard @ read.T / temperature + wrong
        by_spelling = torch.cat([read @ heard.T / temperature + wrong, read @ other.T / temperature], 1)
        return (nn.functional.cross_entropy(by_sound, target) + nn.functional.cross_entropy(by_spelling, target)) / 2

    def spelled(self, words: Sequence[Sequence[int]]) -> Tensor:
        """Vectors of words given by their phones, [words, parts * dims]."""
        lengths = torch.tensor([len(w) for w in words], device=self.recipe.device)
        phones = torch.zeros(len(words), int(lengths.max()), dtype=torch.long, device=self.recipe.device)
        for row, word in zip(phones, words, strict=True):
            row[: len(word)] = torch.tensor(word)
        return self.network.spelling(phones, lengths)

    def _segments(self, batch: SpeechBatch, frames: list[int], rng: np.random.Generator) -> list[Segment]:
        """Random stretches of one to a few words, their borders moved a little, in output frames of their rows."""
        e, per_second = self.recipe.embedding, SAMPLE_RATE / self.network.stride
        found: list[Segment] = []
        # The probe takes the first rows of a batch's tensors alone: there are then fewer frames than lists of words.
        for row, (count, words, speed) in enumerate(zip(frames, batch.words, batch.speeds, strict=False)):
            for first in rng.permutation(len(words))[: max(1, 2 * _MOST // len(frames))]:
                some = words[first : first + int(rng.integers(1, e.words + 1))]
                start, end = some[0][0] / speed, some[-1][1] / speed
                if not _SHORTEST <= end - start <= _LONGEST:
                    continue
                start, end = start + rng.normal() * e.jitter / 2, end + rng.normal() * e.jitter / 2
                a, b = max(0.0, start * per_second), min(float(count), end * per_second)
                if b - a > 2:
                    found.append((row, a, b, tuple(u for word in some for u in word[2])))
        return [found[i] for i in rng.permutation(len(found))[:_MOST]]

    def _batch(self, draws: list[Draw], number: int, index: int) -> SpeechBatch:
        batch = super()._batch(draws, number, index)
        batch.words = [self._said[0][d.index] if len(t) else [] for d, t in zip(draws, _targets(batch), strict=True)]
        batch.speeds = [d.speed for d in draws]
        return batch

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Phone errors, and how often a spoken dev word is nearest to its own spelling, percent wrong."""
        result = super().validate()
        heard, words = self.dev_words()
        if len(words) < 2:
            return result
        types = sorted(set(words))
        nearest = (heard @ self.spelled(types).T).argmax(1).tolist()
        wrong = sum(types[n] != w for n, w in zip(nearest, words, strict=True))
        return {**result, "spelling_error_rate": 100 * wrong / len(words)}

    @torch.no_grad()
    def dev_words(self) -> tuple[Tensor, list[tuple[int, ...]]]:
        """Vectors [segments, parts * dims] of words of dev, and the phones of each."""
        self.network.eval()
        sound, found = self.network.sound, []
        words: list[tuple[int, ...]] = []
        per_second = SAMPLE_RATE / self.network.stride
        for row, said in enumerate(self._said[1]):
            fit = [w for w in said if _SHORTEST <= w[1] - w[0] <= _LONGEST]
            if not fit or len(words) >= _CHECKED:
                continue
            pcm = torch.from_numpy(self.dev_waves.sound(row)).unsqueeze(0).to(self.recipe.device)
            frames = sound.views(pcm)[0].float().expand(len(fit), -1, -1)
            edges = torch.tensor([w[:2] for w in fit], device=frames.device) * per_second
            found.append(sound.pool(frames, edges[:, 0], edges[:, 1].clamp(max=frames.shape[1])))
            words += [w[2] for w in fit]
        return (torch.cat(found) if found else torch.empty(0, 1)), words

    def unit_scores(self, pcm: Tensor) -> Tensor:
        """Log-probs of phones of whole recordings [batch, samples]."""
        return self.network.sound.encode(pcm)[1]


def _targets(batch: SpeechBatch) -> list[NDArray[np.int64]]:
    return [t.numpy() for t in batch.targets.split(batch.target_lengths.tolist())]
