"""Identification: speech of many people in, a network out that gives each voice a vector, and knows languages.

A batch has rows of two kinds (speaker_rows.py). Those for speakers are told apart by additive angular margin softmax
over all people of the training data; a person at another playing speed counts as somebody else (Yamamoto et al. 2019),
so that three speeds give three times as many people. Those for languages come from all languages alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from resonet.data.augment import spec_augment
from resonet.data.utterance import Utterance, speaker_known
from resonet.data.waveforms import SAMPLE_RATE, Waveforms
from resonet.decoding.likeness import equal_error_rate, pairs
from resonet.errors import DataError
from resonet.models import registry
from resonet.models.layers import LogMel
from resonet.train import optim
from resonet.train.calibrate import calibrate
from resonet.train.centres import Centres, angular_margin
from resonet.train.recipe import Recipe
from resonet.train.tasks.clip_rows import spoken
from resonet.train.tasks.speaker_rows import Samples, SpeakerRows, joined, language_of

# Random streams of a run, so that one draw never shifts another.
_ORDER, _SOUNDS, _MASKS = 1, 2, 3
# Seconds of a person that a pass hears, at most and at least: whole books do not outweigh everybody else.
_MOST, _LEAST = 30.0, 5.0
# Seconds of speech by which dev is judged at least, and at most.
_JUDGED, _LONG = 3.0, 20.0
# The place in LogMel.WARPS that leaves voices as they are.
_PLAIN = LogMel.WARPS.index(1.0)


@dataclass
class VoiceBatch:
    """float32 [batch, samples] rows. `speakers`, `languages` [batch]: what each is; -1 where it is not asked."""

    pcm: Tensor
    speakers: Tensor
    languages: Tensor
    warp: Tensor
    masks: int
    seconds: float
    names: list[str]


class WithCentres(nn.Module):
    """The network and the centres it is trained against, as one network of parameters; the network is what stays."""

    fit = "gradient"
    streams = False

    def __init__(self, voice: Any, centres: Centres) -> None:
        super().__init__()
        self.voice, self.centres = voice, centres


class Identify:
    """The task of identification; see `train.loop.Task`.

    Args:
        train, dev: utterances of the two splits, with speakers and languages.

    Attributes:
        people: names of the speakers that are learnt; languages: their tags, sorted.
    """

    ROOM = "embedders"

    def __init__(
        self, recipe: Recipe, train: Sequence[Utterance], dev: Sequence[Utterance], cache: Path, progress: Any = None
    ) -> None:
        self.recipe = recipe
        self.speeds = recipe.augmentation.speeds
        self.waves = Waveforms(train, cache, sorted({1.0, *self.speeds}), progress)
        self.rows = SpeakerRows(recipe, self.waves)
        self.people, self.languages = self.rows.people, tuple(self.rows.languages)
        if len(self.people) < 2:
            raise DataError(
                f"the data name {'one speaker' if self.people else 'no speakers'}, where many are to be told apart",
                "give them in a column `speaker`",
            )
        module = registry.family(recipe.family, self.ROOM)
        self.config = registry.configure(module, recipe.preset, recipe.network)
        torch.manual_seed(recipe.seed)
        voice = module.Network(self.config, len(self.languages)).to(recipe.device)
        optim.initialise(voice, recipe.initialisation)
        calibrate(voice, self.waves, recipe)
        centres = Centres(len(self.people) * len(self.speeds), self.config.size).to(recipe.device)
        self.network: Any = WithCentres(voice, centres)
        self.dev_waves = Waveforms(dev, cache, progress=progress)
        self.dev = _judged(self.dev_waves, recipe, self.languages)
        self._wrong: list[str] = []

    def speakers_of_languages(self) -> dict[str, int]:
        """How many speakers each language has in training."""
        return {tag: len({u.speaker for u in self.waves.utterances if language_of(u, self.recipe) == tag})
                for tag in self.languages}  # fmt: skip

    def plan(self, number: int) -> int:
        """Batches of a pass; what is left over waits for another pass, for two rows are no batch to a batch norm."""
        return max(1, len(self._order(number)) // self._people_a_batch)

    def batches(self, number: int, start: int, step: int) -> Iterator[VoiceBatch]:
        """Every `step`-th batch of a pass from number `start` on; all draws depend on (pass, batch)."""
        order = self._order(number)
        for i in range(start, self.plan(number), step):
            yield self._batch(order[i * self._people_a_batch : (i + 1) * self._people_a_batch], number, i)

    def largest(self) -> VoiceBatch:
        """A batch of the longest rows."""
        return self._batch(self._order(0)[: self._people_a_batch], 0, 0, self.recipe.identity.crop[1])

    def loss(self, batch: VoiceBatch, progress: float) -> dict[str, Tensor]:
        """Both losses, nats a row."""
        r, s = self.recipe, self.recipe.identity
        rng = np.random.default_rng([r.seed, _MASKS, batch.masks])
        mask = spec_augment(r.augmentation, rng) if progress >= r.augmentation.start_after else None
        voices, languages = self.network.voice.encode(batch.pcm.to(r.device), batch.warp.to(r.device), mask)
        asked = batch.speakers >= 0
        begins, whole = s.margin_rises
        risen = min(1.0, max(0.0, (progress - begins) / max(1e-9, whole - begins)))
        cosines = self.network.centres(voices.float()[asked])
        told = angular_margin(cosines, batch.speakers[asked].to(r.device), risen * s.margin, s.scale)
        if len(self.languages) < 2 or asked.all():
            # As a sum of nothing, so that a network that knows one language has gradients for all of its weights.
            return {"loss": told + 0 * languages.sum()}
        spoken_in = nn.functional.nll_loss(languages.float()[~asked], batch.languages[~asked].to(r.device))
        return {"loss": told + s.language_weight * spoken_in, "speakers": told, "languages": spoken_in}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Percent: equal error rate over all pairs of dev recordings of 3 s or more, and wrong languages, each language
        counted alike."""
        network = self.network.voice.eval()
        found = [network(torch.from_numpy(item.samples).unsqueeze(0).to(self.recipe.device)) for item in self.dev]
        result: dict[str, float] = {}
        known = [i for i, item in enumerate(self.dev) if item.speaker]
        if known:
            vectors = np.concatenate([found[i][0].float().cpu().numpy() for i in known])
            same, other = pairs(vectors, [self.dev[i].speaker for i in known])
            if len(same) and len(other):
                result["equal_error_rate"] = 100 * equal_error_rate(same, other)[0]
        if len(self.languages) > 1 and self.dev:
            wrong = defaultdict(list)
            self._wrong = []
            for item, (_, scores) in zip(self.dev, found, strict=True):
                best = int(scores.argmax())
                wrong[item.language].append(best != item.language)
                if best != item.language:
                    sure = float(scores.max().exp())
                    taken = f"{self.languages[item.language]} -> {self.languages[best]} {sure:.2f}"
                    self._wrong.append(f"{item.name}: {taken}")
            result["language_error_rate"] = 100 * float(np.mean([np.mean(w) for w in wrong.values()]))
        return result

    def samples(self) -> list[str]:
        """A few dev recordings that were taken for another language."""
        return self._wrong[:3]

    @property
    def _rows_a_batch(self) -> int:
        return max(4, round(self.recipe.batch_seconds / float(np.mean(self.recipe.identity.crop))))

    @property
    def _people_a_batch(self) -> int:
        share = self.recipe.identity.languages if len(self.languages) > 1 else 0.0
        return max(2, round(self._rows_a_batch * (1 - share)))

    def _order(self, number: int) -> NDArray[np.int64]:
        """The people of a pass, each as often as there is sound of them, within limits."""
        crop = float(np.mean(self.recipe.identity.crop))
        times = [round(min(_MOST, max(_LEAST, seconds)) / crop) for seconds in self.rows.seconds]
        every = np.repeat(np.arange(len(self.people)), np.maximum(times, 1))
        return np.random.default_rng([self.recipe.seed, _ORDER, number]).permutation(every)

    def _batch(self, people: NDArray[np.int64], number: int, index: int, seconds: float | None = None) -> VoiceBatch:
        rng = np.random.default_rng([self.recipe.seed, _SOUNDS, number, index])
        crop = rng.uniform(*self.recipe.identity.crop) if seconds is None else seconds
        length = round(crop * SAMPLE_RATE / LogMel.SHIFT) * LogMel.SHIFT
        rows: list[Samples] = []
        speakers, languages, warps, names = [], [], [], []
        for person in people.tolist():
            speed = int(rng.integers(len(self.speeds)))
            rows.append(self.rows.speaker(person, self.speeds[speed], length, rng))
            speakers.append(person * len(self.speeds) + speed)
            languages.append(-1)
            warps.append(_PLAIN)
            names.append(self.people[person])
        others = round(self._rows_a_batch * self.recipe.identity.languages) if len(self.languages) > 1 else 0
        for language in rng.permutation(np.arange(others) % max(1, len(self.languages))).tolist():
            rows.append(self.rows.language(language, length, rng))
            speakers.append(-1)
            languages.append(language)
            warps.append(int(rng.integers(len(LogMel.WARPS))) if self.recipe.augmentation.warp else _PLAIN)
            names.append(self.languages[language])
        return VoiceBatch(
            pcm=torch.from_numpy(np.stack(rows)),
            speakers=torch.tensor(speakers),
            languages=torch.tensor(languages),
            warp=torch.tensor(warps),
            masks=number * 1_000_000 + index,
            seconds=len(rows) * length / SAMPLE_RATE,
            names=names,
        )


@dataclass(frozen=True)
class _Judged:
    """Sound by which dev is judged; `speaker` is empty where it is joined or nobody knows; `language` a place."""

    name: str
    samples: Samples
    speaker: str
    language: int


def _judged(waves: Waveforms, recipe: Recipe, languages: Sequence[str]) -> list[_Judged]:
    """Dev recordings of 3 s or more, cut at 20 s, and of short ones what gives 3 s together, for languages alone."""
    found: list[_Judged] = []
    short: dict[tuple[str, str], list[Samples]] = defaultdict(list)
    for i, u in enumerate(waves.utterances):
        tag, samples = language_of(u, recipe), waves.sound(i)
        if tag not in languages:
            continue
        if len(samples) >= _JUDGED * SAMPLE_RATE:
            speaker = u.speaker if speaker_known(u.speaker) else ""
            found.append(_Judged(u.id, samples[: int(_LONG * SAMPLE_RATE)], speaker, languages.index(tag)))
            continue
        first, last = spoken(samples)
        pieces = short[tag, u.speaker]
        pieces.append(samples[first:last])
        if sum(map(len, pieces)) >= _JUDGED * SAMPLE_RATE:
            found.append(_Judged(f"{u.id} and before", joined(pieces), "", languages.index(tag)))
            pieces.clear()
    return found
