"""Classification: clips of single words in, a network of labels out, `unknown` and `silence` among them.

A row of a batch is what a stream holds when the word has just been said: a second or so of sound, and some before it.
Clips are put into such rows at random places, with noise, rooms or other speech around them; other speech and sound
without words are rows of their own. The network is judged where the row ends.

Beside the rows, where there is other speech, a batch has a few seconds of it at a stretch with clips put in: there the
network is judged at every frame. A false alarm an hour is one frame in ninety thousand, which rows alone would never
show it; of the frames where no word is said, those count that come nearest to an alarm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from resonet.audio.loudness import amplification
from resonet.data.augment import spec_augment
from resonet.data.negatives import Negatives
from resonet.data.utterance import Utterance
from resonet.data.waveforms import SAMPLE_RATE, Waveforms
from resonet.decoding.labels import MADE, SILENCE, UNKNOWN, decide
from resonet.models import registry
from resonet.models.layers import LogMel
from resonet.train import losses, optim
from resonet.train.calibrate import calibrate
from resonet.train.recipe import Recipe
from resonet.train.tasks.clip_rows import NOTHING, SYNTHETIC, Rows, Running

Samples = NDArray[np.float32]

# Random streams of a run, so that one draw never shifts another.
_ORDER, _SOUNDS, _MASKS = 1, 2, 3
# Shifts of the output for `unknown` that are tried, nats.
_SHIFTS = tuple(round(0.25 * i, 2) for i in range(-16, 9))
# Frames of a word in a stream that must say it.
_BEST = 3
# A label with few clips is drawn more often, up to this share of what the largest one is drawn.
_LEAST_SHARE = 0.5


@dataclass
class ClipBatch:
    """float32 [batch, samples] rows; `targets` [batch, labels] are probabilities; `other` [batch]: other speech, of
    which only the hardest counts."""

    pcm: Tensor
    targets: Tensor
    other: Tensor
    running: Running | None
    warp: Tensor | None
    masks: int
    seconds: float
    names: list[str]


def label_of(text: str) -> str:
    """The label of a clip: its text, with the usual names of the two made ones understood."""
    plain = text.strip()
    return MADE.get(plain.lower(), plain)


def labels_of(texts: Sequence[str]) -> list[str]:
    """The labels of a network for clips with these texts: the words sorted, then `unknown` and `silence`."""
    return [*sorted({label_of(text) for text in texts} - {UNKNOWN, SILENCE}), UNKNOWN, SILENCE]


class Classify:
    """The task of classification; see `train.loop.Task`.

    Args:
        train, dev: utterances whose text is their label.
        negatives: other speech; without any, `unknown` is made of pieces of the clips.
    """

    def __init__(
        self,
        recipe: Recipe,
        train: Sequence[Utterance],
        dev: Sequence[Utterance],
        cache: Path,
        negatives: Negatives | None = None,
        progress: Any = None,
    ) -> None:
        self.recipe, self.negatives = recipe, negatives
        self.labels = labels_of([u.text for u in train])
        self._index = {label: i for i, label in enumerate(self.labels)}
        self.train, self.dev = list(train), [u for u in dev if label_of(u.text) in self._index]
        self.targets = [self._index[label_of(u.text)] for u in self.train]
        self.dev_targets = [self._index[label_of(u.text)] for u in self.dev]
        self.counts = Counter(self.targets)
        speeds = recipe.augmentation.speeds
        self.waves = Waveforms(self.train, cache, speeds if 1.0 in speeds else (*speeds, 1.0), progress)
        self.dev_waves = Waveforms(self.dev, cache, progress=progress)
        module = registry.family(recipe.family, "classifiers")
        config = registry.configure(module, recipe.preset, recipe.network)
        torch.manual_seed(recipe.seed)
        self.network = module.Network(config, len(self.labels)).to(recipe.device)
        if self.network.fit == "gradient":
            optim.initialise(self.network, recipe.initialisation)
        stride = self.network.stride if self.network.streams else SAMPLE_RATE
        self.rows = Rows(recipe, self.waves, self.targets, self.labels, config.window, stride, negatives)
        calibrate(self.network, self.waves, recipe)
        self._checked: list[tuple[int, float]] = []

    def plan(self, number: int) -> int:
        """Batches of a pass."""
        return -(-len(self._order(number)) // self._clips_a_batch)

    def batches(self, number: int, start: int, step: int) -> Iterator[ClipBatch]:
        """Every `step`-th batch of a pass from number `start` on; all draws depend on (pass, batch)."""
        order = self._order(number)
        for i in range(start, self.plan(number), step):
            yield self._batch(order[i * self._clips_a_batch : (i + 1) * self._clips_a_batch], number, i)

    def largest(self) -> ClipBatch:
        """Any batch: they are alike."""
        return self._batch(self._order(0)[: self._clips_a_batch], 0, 0)

    def loss(self, batch: ClipBatch, progress: float) -> dict[str, Tensor]:
        """Cross entropy, nats a row."""
        r = self.recipe
        rng = np.random.default_rng([r.seed, _MASKS, batch.masks])
        mask = spec_augment(r.augmentation, rng) if progress >= r.augmentation.start_after else None
        pcm, targets, other = batch.pcm.to(r.device), batch.targets.to(r.device), batch.other.to(r.device)
        if r.clips.mixup:
            share = float(rng.beta(r.clips.mixup, r.clips.mixup))
            share, mixed = max(share, 1 - share), torch.from_numpy(rng.permutation(len(pcm))).to(r.device)
            pcm, targets = share * pcm + (1 - share) * pcm[mixed], share * targets + (1 - share) * targets[mixed]
        scores = self.network.clips(pcm, batch.warp if mask else None, mask).float()
        clips = losses.soft_cross_entropy(scores, targets, r.clips.smoothing, other, r.clips.hardest)
        if batch.running is None:
            return {"loss": clips}
        heard = self.network.views(batch.running.pcm.to(r.device))[0].float()
        words, alarms = self._stream_losses(heard, batch.running.labels.to(r.device))
        return {"loss": clips + words + alarms, "clips": clips, "words": words, "alarms": alarms}

    def _stream_losses(self, heard: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Cross entropy of words at the frames that say them best, and of the loudest false alarms, nats a frame.

        A word need not be sure at every frame after its end: it is heard if it is at some of them.
        """
        words = []
        for row, stream in zip(heard, labels, strict=True):
            values, counts = torch.unique_consecutive(stream, return_counts=True)
            for value, part in zip(values.tolist(), row.split(counts.tolist()), strict=True):
                if value >= 0:
                    words.append(-part[:, value].topk(min(_BEST, len(part))).values.mean())
        nothing = torch.tensor([self._index[UNKNOWN], self._index[SILENCE]], device=heard.device)
        alarms = -torch.logsumexp(heard[labels == NOTHING][:, nothing], 1)
        kept = max(1, round(self.recipe.clips.alarms * len(alarms)))
        none = heard.sum() * 0
        return torch.stack(words).mean() if words else none, alarms.topk(kept).values.mean() if len(alarms) else none

    def examples(self, passes: int) -> tuple[Tensor, Tensor, Tensor]:
        """Rows [n, samples] of so many passes, their labels [n], and what clip each is of [n], for families that do not
        learn by gradients. Rows that are of no clip have a number of their own."""
        found = [batch for number in range(passes) for batch in self.batches(number, 0, 1)]
        numbers = {u.id: i for i, u in enumerate(self.train)}
        names = [name for batch in found for name in batch.names]
        groups = torch.tensor([numbers.get(name, len(numbers) + i) for i, name in enumerate(names)])
        return torch.cat([b.pcm for b in found]), torch.cat([b.targets.argmax(1) for b in found]), groups

    @torch.no_grad()
    def probabilities(self, waves: Waveforms) -> list[NDArray[np.float32]]:
        """Probabilities of labels at every frame, [frames, labels], of every clip; `decide` makes a label of them."""
        self.network.eval()

        def clip(index: int) -> Samples:  # as `Spotter.classify` hears it
            sound = waves.sound(index)
            return np.clip(sound * np.float32(amplification(sound, SAMPLE_RATE)), -1, 1)

        if not self.network.streams:
            rows = [torch.from_numpy(clip(i)).unsqueeze(0) for i in range(len(waves))]
            return [self.network.clips(row).exp().cpu().numpy() for row in rows]
        found = []
        state = torch.zeros(1, self.network.state_size, device=self.recipe.device)
        before = round(self.recipe.clips.context * SAMPLE_RATE)
        first = -(-before // self.network.stride) + self.network.delay
        for i in range(len(waves)):
            pcm = torch.from_numpy(np.pad(clip(i), (before, 0))).unsqueeze(0).to(self.recipe.device)
            scores, _ = self.network(self.network.padded(pcm), state)
            found.append(scores[0, first:].float().exp().cpu().numpy())
        return found

    @torch.no_grad()
    def balance(self) -> float:
        """Shifts the output for `unknown` so that dev clips are told apart best; gives the shift, in nats.

        Training shows far more other speech than a set of clips has, and so teaches to doubt. Every label counts alike,
        however many clips dev has of it: spoken sets have many of `unknown`. In a stream the shift is nothing:
        thresholds move with it.
        """
        output = getattr(self.network, "output", None)
        if not isinstance(output, nn.Linear) or not self.dev:
            return 0.0
        found, place = self.probabilities(self.dev_waves), self._index[UNKNOWN]
        window, wanted = round(self.rows.window / self.network.stride), np.array(self.dev_targets)

        shares = 1 / np.bincount(wanted, minlength=len(self.labels))[wanted]

        def wrong(shift: float) -> tuple[float, float]:
            factor = np.ones(len(self.labels), np.float32)
            factor[place] = np.exp(shift)
            shifted = (p * factor / (p * factor).sum(1, keepdims=True) for p in found)
            heard = [decide(p, self.labels, window)[0] for p in shifted]
            return round(float(shares[np.array(heard) != wanted].sum()), 9), abs(shift)

        shift = min(_SHIFTS, key=wrong)
        output.bias[place] += shift
        return float(shift)

    def validate(self) -> dict[str, float]:
        """Percent of dev clips with a wrong label, of all and of those that are no `silence`."""
        window = round(self.rows.window / self.network.stride)
        answers = [decide(p, self.labels, window) for p in self.probabilities(self.dev_waves)]
        self._checked = answers
        right = np.array([found == wanted for (found, _), wanted in zip(answers, self.dev_targets, strict=True)])
        words = np.array([self.labels[t] != SILENCE for t in self.dev_targets])
        result = {"label_error_rate": 100 * float(1 - right.mean())} if len(right) else {}
        if words.any() and not words.all():
            result["label_error_rate_without_silence"] = 100 * float(1 - right[words].mean())
        return result

    def samples(self) -> list[str]:
        """A few dev clips that were misheard."""
        heard = zip(self.dev, self.dev_targets, self._checked, strict=True)
        wrong = [(u, t, a) for u, t, a in heard if a[0] != t]
        return [f"{u.id}: {self.labels[t]} -> {self.labels[a]} {sure:.2f}" for u, t, (a, sure) in wrong[:3]]

    @property
    def _clips_a_batch(self) -> int:
        rows = max(4, round(self.recipe.batch_seconds * SAMPLE_RATE / self.rows.length))
        return max(1, round(rows * (1 - self.recipe.clips.unknown - self.recipe.clips.silence)))

    def _order(self, number: int) -> NDArray[np.int64]:
        """The clips of a pass: every one once, those of rare labels more often, and those of people as often as those
        beside them that are synthetic, among which they would be lost."""
        most = max(self.counts.values())
        times = np.array([max(1, round(_LEAST_SHARE * most / self.counts[target])) for target in self.targets])
        synthetic = np.array([u.id.startswith(SYNTHETIC) for u in self.train])
        if synthetic.any() and not synthetic.all():
            times[~synthetic] *= max(1, round(synthetic.sum() / (~synthetic).sum()))
        every = np.repeat(np.arange(len(self.targets)), times)
        return np.random.default_rng([self.recipe.seed, _ORDER, number]).permutation(every)

    def _batch(self, clips: NDArray[np.int64], number: int, index: int) -> ClipBatch:
        rng = np.random.default_rng([self.recipe.seed, _SOUNDS, number, index])
        c = self.recipe.clips
        unit = len(clips) / max(1e-6, 1 - c.unknown - c.silence)
        rows = [(self.rows.clip(int(i), rng), self.targets[i], False, self.train[i].id) for i in clips]
        for _ in range(round(unit * c.unknown)):
            other, said = self.rows.other(rng)
            label = UNKNOWN if said else SILENCE
            rows.append((other, self._index[label], said, "other speech"))
        for _ in range(round(unit * c.silence)):
            rows.append((self.rows.quiet(rng), self._index[SILENCE], False, "no word"))
        warp = None
        if self.recipe.augmentation.warp:
            warp = torch.from_numpy(rng.integers(len(LogMel.WARPS), size=len(rows)))
        targets = torch.nn.functional.one_hot(torch.tensor([t for _, t, _, _ in rows]), len(self.labels)).float()
        running = self.rows.running(rng) if self.negatives is not None and self.network.streams else None
        seconds = len(rows) * self.rows.length + (0 if running is None else running.pcm.numel())
        return ClipBatch(
            pcm=torch.from_numpy(np.stack([samples for samples, *_ in rows])),
            targets=targets,
            other=torch.tensor([other for _, _, other, _ in rows]),
            warp=warp,
            masks=number * 1_000_000 + index,
            running=running,
            seconds=seconds / SAMPLE_RATE,
            names=[name for *_, name in rows],
        )
