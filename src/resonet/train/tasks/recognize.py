"""Recognition: recordings with transcripts in, a CTC network of characters, word pieces or phones out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resonet.data.augment import Places, spec_augment
from resonet.data.batches import Draw, draw_batches, pad
from resonet.data.utterance import Utterance
from resonet.data.waveforms import SAMPLE_RATE, Waveforms
from resonet.decoding.align import align_batch
from resonet.decoding.beam import log_prior
from resonet.errors import DataError
from resonet.models import registry
from resonet.models.layers import LogMel
from resonet.text.normalise import normalise
from resonet.text.units import Units
from resonet.train import losses, optim
from resonet.train.calibrate import calibrate
from resonet.train.recipe import Recipe

# Random streams of a run, so that one draw never shifts another: batches, waveforms, masks.
_BATCHES, _SOUNDS, _MASKS = 1, 2, 3


@dataclass
class SpeechBatch:
    """float32 [batch, samples] recordings with their lengths, and the units of all rows end to end."""

    pcm: Tensor
    lengths: Tensor
    targets: Tensor
    target_lengths: Tensor
    warp: Tensor | None
    masks: int
    seconds: float
    names: list[str]
    words: list[Any] = field(default_factory=list)  # of each row, for embedders: start, end (s), phones
    speeds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Corpus:
    """Utterances with their units, in one order."""

    utterances: list[Utterance]
    targets: list[list[int]]
    dropped: list[tuple[str, str]]


def corpus(
    utterances: Sequence[Utterance], encode: Callable[[str], list[int]], language: str, longest: float, shift: float
) -> Corpus:
    """The utterances that CTC can learn from, and why the others were dropped.

    CTC needs a frame a unit and one more between equal units; `shift` is seconds a frame at the highest speed.
    """
    kept: list[Utterance] = []
    targets: list[list[int]] = []
    dropped: list[tuple[str, str]] = []
    for u in utterances:
        seconds = (u.end or 0.0) - u.start
        try:
            units = encode(normalise(u.text, language))
        except DataError as error:
            dropped.append((u.id, error.message))
            continue
        repeats = sum(a == b for a, b in pairwise(units))
        if seconds > longest:
            dropped.append((u.id, f"{seconds:.1f} s is over {longest:g} s"))
        elif len(units) + repeats > seconds / shift:
            dropped.append((u.id, f"{len(units)} units do not fit into {seconds:.2f} s"))
        else:
            kept.append(u)
            targets.append(units)
    return Corpus(kept, targets, dropped)


class Recognize:
    """The task of recognition; see `train.loop.Task`.

    Args:
        train, dev: utterances of the two splits.
        units, encode: the network's units, and how a normalised text becomes their ids.

    ROOM: where the families are. `words` is set where there is a decoder: log-probs of many utterances to texts, for
    word error rates in training.
    """

    ROOM = "recognizers"

    def __init__(
        self,
        recipe: Recipe,
        train: Sequence[Utterance],
        dev: Sequence[Utterance],
        units: Units,
        encode: Callable[[str], list[int]],
        cache: Path,
        progress: Any = None,
    ) -> None:
        self.recipe, self.units = recipe, units
        module = registry.family(recipe.family, self.ROOM)
        self.config = registry.configure(module, recipe.preset, recipe.network)
        torch.manual_seed(recipe.seed)
        self.network = module.Network(self.config, len(units)).to(recipe.device)
        optim.initialise(self.network, recipe.initialisation)
        a = recipe.augmentation
        shift = self.network.stride / SAMPLE_RATE
        self.train = corpus(train, encode, recipe.language, recipe.longest, shift * max(a.speeds))
        self.dev = corpus(dev, encode, recipe.language, recipe.longest, shift)
        self.counts = Counter(unit for target in self.train.targets for unit in target)
        self.words: Callable[[list[NDArray[np.float32]]], list[str]] | None = None
        if not self.train.utterances:
            raise DataError("no utterance can be trained on", "run `resonet doctor` on the data")
        self.waves = Waveforms(self.train.utterances, cache, sorted({1.0, *a.speeds}), progress)
        self.dev_waves = Waveforms(self.dev.utterances, cache, progress=progress)
        self._places = Places(a)
        self._plans: dict[int, list[list[Draw]]] = {}
        self._checked: list[NDArray[np.float32]] = []
        calibrate(self.network, self.waves, recipe)

    def plan(self, number: int) -> int:
        """Batches of pass `number`."""
        return len(self._plan(number))

    def batches(self, number: int, start: int, step: int) -> Iterator[SpeechBatch]:
        """Every `step`-th batch of a pass from number `start` on; all draws depend on (pass, batch)."""
        plan = self._plan(number)
        for i in range(start, len(plan), step):
            yield self._batch(plan[i], number, i)

    def largest(self) -> SpeechBatch:
        """The batch with the most samples of the first pass, the silence that may be added included."""
        plan = self._plan(0)
        silence = 2 * self.recipe.augmentation.silence * SAMPLE_RATE
        size = [len(b) * (max(self.waves.length(d.index, d.speed) for d in b) + silence) for b in plan]
        return self._batch(plan[int(np.argmax(size))], 0, 0)

    def loss(self, batch: SpeechBatch, progress: float) -> dict[str, Tensor]:
        """The loss and its parts, nats a unit."""
        r = self.recipe
        if progress < r.loss.flat_start:
            scores = self.network.scores(batch.pcm.to(r.device))[0]
            frames = self.network.output_lengths(batch.lengths)
            labels = losses.uniform_labels(batch.pcm, frames, batch.targets, batch.target_lengths, self.network.stride)
            return {"loss": losses.cross_entropy(scores.float(), labels.to(scores.device))}
        two = r.loss.consistency > 0 and progress >= r.loss.consistency_from
        masks = []
        if progress >= r.augmentation.start_after or two:
            rng = np.random.default_rng([r.seed, _MASKS, batch.masks])
            strength = r.loss.consistency_masks if two else 1.0
            masks = [spec_augment(r.augmentation, rng, strength) for _ in range(2 if two else 1)]
        views = self.network.scores(batch.pcm.to(r.device), batch.warp if masks else None, tuple(masks))
        frames = self.network.output_lengths(batch.lengths)
        if r.loss.name == "cross_entropy":
            return {"loss": losses.cross_entropy(views[0].float(), self._labels(views[0], frames, batch))}
        ctc = [losses.ctc(v.float(), frames, batch.targets, batch.target_lengths) for v in views]
        total = torch.stack(ctc).mean()
        parts = {"ctc": total}
        if two:
            parts["consistency"] = losses.consistency(views[0], views[1], frames, batch.target_lengths)
            total = total + r.loss.consistency * parts["consistency"]
        return {"loss": total, **parts}

    @property
    def prior(self) -> NDArray[np.float32]:
        """Log prior of each unit, from the training transcripts."""
        return log_prior([self.counts[unit] for unit in range(len(self.units))])

    @torch.no_grad()
    def scores(self, waves: Waveforms) -> list[NDArray[np.float32]]:
        """Log-probs [frames, units] of every utterance, in order."""
        self.network.eval()
        order = sorted(range(len(waves)), key=waves.length)
        found: dict[int, NDArray[np.float32]] = {}
        for i in range(0, len(order), 16):
            rows = order[i : i + 16]
            pcm, lengths = pad([waves.sound(r) for r in rows])
            scores = self.unit_scores(torch.from_numpy(pcm).to(self.recipe.device)).float().cpu().numpy()
            frames = self.network.output_lengths(torch.from_numpy(lengths)).tolist()
            found.update({r: scores[k, : frames[k]] for k, r in enumerate(rows)})
        return [found[i] for i in range(len(order))]

    def unit_scores(self, pcm: Tensor) -> Tensor:
        """Log-probs of units of whole recordings [batch, samples]."""
        return self.network.scores(pcm)[0]

    def validate(self) -> dict[str, float]:
        """Error rates on dev in percent: of units by the best path, and of words where there is a decoder."""
        self._checked = self.scores(self.dev_waves)
        result = {"unit_error_rate": error_rate([best_path(s) for s in self._checked], self.dev.targets)}
        if self.words and self._checked:
            result["wer"] = error_rate([t.split() for t in self.words(self._checked)], self.texts())
        return result

    def texts(self) -> list[list[str]]:
        """The words of the dev utterances, normalised."""
        return [normalise(u.text, self.recipe.language).split() for u in self.dev.utterances]

    def samples(self) -> list[str]:
        """A few dev utterances: what was said, and what was heard."""
        heard = self._checked[:3]
        texts = self.words(heard) if self.words else [self.units.decode(best_path(s)) for s in heard]
        return [f"{u.text.lower()} -> {t}" for u, t in zip(self.dev.utterances, texts, strict=False)]

    def _plan(self, number: int) -> list[list[Draw]]:
        if number not in self._plans:
            self._plans = {
                number: draw_batches(
                    self.waves.length,
                    len(self.waves),
                    limit=int(self.recipe.batch_seconds * SAMPLE_RATE),
                    seed=self.recipe.seed * 10 + _BATCHES,
                    number=number,
                    speeds=self.recipe.augmentation.speeds,
                    ascending=number == 0,
                )
            }
        return self._plans[number]

    def _batch(self, draws: list[Draw], number: int, index: int) -> SpeechBatch:
        rng = np.random.default_rng([self.recipe.seed, _SOUNDS, number, index])
        sounds, targets = [], []
        for d in draws:
            wordless = self._places.wordless(self.waves.length(d.index, d.speed), rng)
            if wordless is None:
                samples = self.waves.sound(d.index, d.speed)
                sounds.append(self._places(samples, rng))
                targets.append(self.train.targets[d.index])
            else:
                sounds.append(wordless)
                targets.append([])
        pcm, lengths = pad(sounds)
        warp = None
        if self.recipe.augmentation.warp:
            warp = torch.from_numpy(rng.integers(len(LogMel.WARPS), size=len(draws)))
        return SpeechBatch(
            pcm=torch.from_numpy(pcm),
            lengths=torch.from_numpy(lengths),
            targets=torch.tensor([u for t in targets for u in t], dtype=torch.long),
            target_lengths=torch.tensor([len(t) for t in targets]),
            warp=warp,
            masks=number * 1_000_000 + index,
            seconds=sum(self.waves.length(d.index) for d in draws) / SAMPLE_RATE,
            names=[self.train.utterances[d.index].id for d in draws],
        )

    def _labels(self, scores: Tensor, frames: Tensor, batch: SpeechBatch) -> Tensor:
        """The best path of each transcript through the scores, [batch, frames], -1 after the end."""
        targets = [t.tolist() for t in batch.targets.split(batch.target_lengths.tolist())]
        rows = [s[:n] for s, n in zip(scores.detach().float().cpu().numpy(), frames.tolist(), strict=True)]
        labels = torch.full(scores.shape[:2], -1)
        for row, places, units in zip(labels, align_batch(rows, targets), targets, strict=True):
            path = np.asarray([*units, 0])[places]  # place -1 is the blank at the end
            row[: len(path)] = torch.from_numpy(path)
        return labels.to(scores.device)


def error_rate(found: Sequence[Sequence[Any]], wanted: Sequence[Sequence[Any]]) -> float:
    """Edits from `found` to `wanted` in percent of the symbols of `wanted`."""
    from rapidfuzz.distance import Levenshtein

    edits = sum(Levenshtein.distance(f, w) for f, w in zip(found, wanted, strict=True))
    return 100 * edits / max(1, sum(map(len, wanted)))


def best_path(scores: NDArray[np.float32]) -> list[int]:
    """Units of the most likely path: repeats merged, blanks dropped; scores [frames, units]."""
    path = scores.argmax(1)
    keep = (path != 0) & (path != np.concatenate([[-1], path[:-1]]))
    return path[keep].tolist()
