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

from resonet.data.augment import Places, spec_augment
from resonet.data.negatives import Negatives
from resonet.data.utterance import Utterance
from resonet.data.waveforms import SAMPLE_RATE, Waveforms
from resonet.decoding.labels import SILENCE, UNKNOWN, decide
from resonet.models import registry
from resonet.models.layers import LogMel
from resonet.train import losses, optim
from resonet.train.calibrate import calibrate
from resonet.train.recipe import Recipe

Samples = NDArray[np.float32]

# Random streams of a run, so that one draw never shifts another.
_ORDER, _SOUNDS, _MASKS = 1, 2, 3
# Seconds of a stream that may follow a word before it must have been noticed.
_LATEST = 0.4
# Labels of frames of streams that are no labels.
NOTHING, IGNORED = -1, -2
# Seconds of a stream, and between the ends of two words in it: the window has forgotten the one before.
_STREAM, _APART = 6.0, 2.0
# Seconds after the end of a word in which every frame must say it, and after which none must any more.
_SAYS, _FORGETS = (0.0, 0.28), 1.3
# Share of rows before whose window nothing was heard, as before a clip: sound that sets in at once is no word yet.
_CUT = 0.4
# Shifts of the output for `unknown` that are tried, nats.
_SHIFTS = tuple(round(0.25 * i, 2) for i in range(-16, 9))
# A label with few clips is drawn more often, up to this share of what the largest one is drawn.
_LEAST_SHARE = 0.5


@dataclass
class Running:
    """float32 [streams, samples] stretches of other speech with words in them; `labels` [streams, frames]: the word
    that has just ended, NOTHING where no word is said, IGNORED in a word and a while after it."""

    pcm: Tensor
    labels: Tensor


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
    return {"_unknown_": UNKNOWN, "_silence_": SILENCE, "_background_noise_": SILENCE}.get(plain.lower(), plain)


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
        self._places = Places(recipe.augmentation)
        self._spoken = [spoken(self.waves.sound(i)) for i in range(len(self.waves))]
        self.window = round(config.window * SAMPLE_RATE)
        self.row = round((config.window + recipe.clips.context) * SAMPLE_RATE)
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
        """Cross entropy of the frames that must say a word, and of the loudest false alarms, nats a frame."""
        said = labels >= 0
        words = -heard[said].gather(1, labels[said].unsqueeze(1)).mean() if said.any() else heard.sum() * 0
        nothing = torch.tensor([self._index[UNKNOWN], self._index[SILENCE]], device=heard.device)
        alarms = -torch.logsumexp(heard[labels == NOTHING][:, nothing], 1)
        kept = max(1, round(self.recipe.clips.alarms * len(alarms)))
        return words, alarms.topk(kept).values.mean() if len(alarms) else words * 0

    def examples(self, passes: int) -> tuple[Tensor, Tensor]:
        """Rows [n, samples] and labels [n] of so many passes, for families that do not learn by gradients."""
        found = [batch for number in range(passes) for batch in self.batches(number, 0, 1)]
        return torch.cat([b.pcm for b in found]), torch.cat([b.targets.argmax(1) for b in found])

    @torch.no_grad()
    def probabilities(self, waves: Waveforms) -> list[NDArray[np.float32]]:
        """Probabilities of labels at every frame, [frames, labels], of every clip; `decide` makes a label of them."""
        self.network.eval()
        if not self.network.streams:
            rows = [torch.from_numpy(waves.sound(i)).unsqueeze(0) for i in range(len(waves))]
            return [self.network.clips(row).exp().cpu().numpy() for row in rows]
        found = []
        state = torch.zeros(1, self.network.state_size, device=self.recipe.device)
        for i in range(len(waves)):
            pcm = torch.from_numpy(waves.sound(i)).unsqueeze(0).to(self.recipe.device)
            scores, _ = self.network(self.network.padded(pcm), state)
            found.append(scores[0, self.network.delay :].float().exp().cpu().numpy())
        return found

    @torch.no_grad()
    def balance(self) -> float:
        """Shifts the output for `unknown` so that dev clips are told apart best; gives the shift, in nats.

        Training shows far more other speech than a set of clips has, and so teaches to doubt. In a stream the shift is
        nothing: thresholds move with it.
        """
        output = getattr(self.network, "output", None)
        if not isinstance(output, nn.Linear) or not self.dev:
            return 0.0
        found, place = self.probabilities(self.dev_waves), self._index[UNKNOWN]
        window, wanted = round(self.window / self.network.stride), np.array(self.dev_targets)

        def wrong(shift: float) -> tuple[int, float]:
            factor = np.ones(len(self.labels), np.float32)
            factor[place] = np.exp(shift)
            shifted = (p * factor / (p * factor).sum(1, keepdims=True) for p in found)
            heard = [decide(p, self.labels, window)[0] for p in shifted]
            return int((np.array(heard) != wanted).sum()), abs(shift)

        shift = min(_SHIFTS, key=wrong)
        output.bias[place] += shift
        return float(shift)

    def validate(self) -> dict[str, float]:
        """Percent of dev clips with a wrong label, of all and of those that are no `silence`."""
        window = round(self.window / self.network.stride)
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
        rows = max(4, round(self.recipe.batch_seconds * SAMPLE_RATE / self.row))
        return max(1, round(rows * (1 - self.recipe.clips.unknown - self.recipe.clips.silence)))

    def _order(self, number: int) -> NDArray[np.int64]:
        """The clips of a pass: every one once, those of rare labels more often."""
        most = max(self.counts.values())
        times = [max(1, round(_LEAST_SHARE * most / self.counts[target])) for target in self.targets]
        every = np.repeat(np.arange(len(self.targets)), times)
        return np.random.default_rng([self.recipe.seed, _ORDER, number]).permutation(every)

    def _batch(self, clips: NDArray[np.int64], number: int, index: int) -> ClipBatch:
        rng = np.random.default_rng([self.recipe.seed, _SOUNDS, number, index])
        c = self.recipe.clips
        unit = len(clips) / max(1e-6, 1 - c.unknown - c.silence)
        rows = [(self._row(int(i), rng), self.targets[i], False, self.train[i].id) for i in clips]
        for _ in range(round(unit * c.unknown)):
            other = self._other(rng)
            if paused(other[-self.window :]):  # speakers breathe: nothing was said here
                rows.append((self._cut(self._places(other, rng), rng), self._index[SILENCE], False, "no word"))
            else:
                rows.append((self._cut(self._places(other, rng), rng), self._index[UNKNOWN], True, "other speech"))
        for _ in range(round(unit * c.silence)):
            quiet = self._cut(wordless(self.row, self._places, rng), rng)
            rows.append((quiet, self._index[SILENCE], False, "no word"))
        warp = None
        if self.recipe.augmentation.warp:
            warp = torch.from_numpy(rng.integers(len(LogMel.WARPS), size=len(rows)))
        targets = torch.nn.functional.one_hot(torch.tensor([t for _, t, _, _ in rows]), len(self.labels)).float()
        running = self._running(rng) if self.negatives is not None and self.network.streams else None
        seconds = len(rows) * self.row + (0 if running is None else running.pcm.numel())
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

    def _row(self, index: int, rng: np.random.Generator) -> Samples:
        """A clip somewhere in a row, and something around it."""
        c, speed = self.recipe.clips, float(rng.choice(self.recipe.augmentation.speeds))
        clip = self.waves.sound(index, speed)
        first, last = (round(at / speed) for at in self._spoken[index])
        if self.labels[self.targets[index]] == SILENCE:
            return self._cut(self._places(fitted(clip, self.row, rng), rng), rng)
        if rng.random() < c.running or len(clip) > self.window:
            # The word ends up to 0.4 s before the row does, and begins within the window if it can.
            latest = min(_LATEST * SAMPLE_RATE, max(0, self.window - (last - first)))
            end = self.row - int(rng.uniform(0, latest)) + len(clip) - last
        else:
            end = self.row + int(rng.uniform(-c.shift, c.shift) * SAMPLE_RATE)
        row = placed(clip, self.row, end)
        start = max(0, end - len(clip))
        if start:
            row[:start] = self._before(start, clip, rng)
        if self.negatives is not None and rng.random() < c.overlaid:
            under = self.negatives.window(self.row, rng)
            row = row + under * (loudness(clip[first:last]) / loudness(under) * 10 ** (-rng.uniform(0, 15) / 20))
        return self._places(row, rng)

    def _running(self, rng: np.random.Generator) -> Running | None:
        """Streams of about as many seconds as `clips.streams` of the batch."""
        count = round(self.recipe.clips.streams * self.recipe.batch_seconds / _STREAM)
        made = [self._stream(rng) for _ in range(count)]
        if not made:
            return None
        return Running(
            torch.from_numpy(np.stack([m[0] for m in made])), torch.from_numpy(np.stack([m[1] for m in made]))
        )

    def _stream(self, rng: np.random.Generator) -> tuple[Samples, NDArray[np.int64]]:
        """Other speech, float32 [samples], with words put in or over it, and the labels of its frames."""
        assert self.negatives is not None
        length, stride = round(_STREAM * SAMPLE_RATE), self.network.stride
        sound = self.negatives.window(length, rng).copy()
        labels = np.full(-(-length // stride), NOTHING)
        end = int(rng.uniform(0.5, _APART) * SAMPLE_RATE)
        while end < length:
            index = int(rng.integers(len(self.waves)))
            if self.labels[self.targets[index]] not in (UNKNOWN, SILENCE):
                self._put(sound, labels, index, end, rng)
            end += int(rng.uniform(_APART, 2 * _APART) * SAMPLE_RATE)
        return self._places(sound, rng), labels

    def _put(self, sound: Samples, labels: NDArray[np.int64], index: int, end: int, rng: np.random.Generator) -> None:
        """Puts a clip into a stream so that its word ends at sample `end`: over what is said there, or in its place."""
        speed = float(rng.choice(self.recipe.augmentation.speeds))
        clip, (first, last) = self.waves.sound(index, speed), (round(at / speed) for at in self._spoken[index])
        start = end - last
        near = sound[max(0, end - SAMPLE_RATE) : end]
        clip = placed(clip, len(sound), start + len(clip))
        clip *= np.float32(
            loudness(near) / loudness(clip[max(0, start + first) : end]) * 10 ** (rng.uniform(0, 10) / 20)
        )
        if rng.random() < 0.5:
            sound[max(0, start) : start + len(self.waves.sound(index, speed))] *= np.float32(rng.choice([0.0, 0.05]))
        sound += clip
        frame = SAMPLE_RATE / self.network.stride
        said = slice(*(max(0, round((end / SAMPLE_RATE + s) * frame)) for s in _SAYS))
        labels[max(0, int((start + first) / SAMPLE_RATE * frame)) : int((end / SAMPLE_RATE + _FORGETS) * frame)] = (
            IGNORED
        )
        if start + first >= 0:
            labels[said] = self.targets[index]

    def _before(self, samples: int, clip: Samples, rng: np.random.Generator) -> Samples:
        """What was heard before a clip: nothing, noise of its own floor, or other speech."""
        draw = rng.random()
        if draw < _CUT:
            return np.zeros(samples, np.float32)
        if draw < 0.7 or self.negatives is None:
            floor = float(np.percentile(np.abs(clip), 20)) if len(clip) else 0.0
            return (rng.normal(size=samples) * floor).astype(np.float32)
        said = self.negatives.window(samples, rng)
        return said * np.float32(loudness(clip) / loudness(said) * 10 ** (rng.uniform(-15, 5) / 20))

    def _other(self, rng: np.random.Generator) -> Samples:
        """A row of `unknown`: other speech, or pieces of two words, which are none."""
        if self.negatives is not None and rng.random() < 0.85:
            return self.negatives.window(self.row, rng)
        one, two = (self._piece(rng) for _ in range(2))
        if rng.random() < 0.5:
            said = np.concatenate([one[: len(one) // 2], two[len(two) // 2 :]])
        else:
            said = one[::-1] if rng.random() < 0.5 else one[: max(1, round(len(one) * rng.uniform(0.3, 0.5)))]
        return placed(said, self.row, self.row - int(rng.uniform(0, _LATEST) * SAMPLE_RATE))

    def _cut(self, row: Samples, rng: np.random.Generator) -> Samples:
        """The row as the clip of a window's length that it ends with, now and then: nothing was heard before."""
        if rng.random() < _CUT:
            row[: max(0, self.row - self.window + int(rng.normal() * self.recipe.clips.shift * SAMPLE_RATE))] = 0
        return row

    def _piece(self, rng: np.random.Generator) -> Samples:
        """The spoken part of a random clip."""
        index = int(rng.integers(len(self.waves)))
        first, last = self._spoken[index]
        return self.waves.sound(index)[first:last]


def spoken(samples: Samples) -> tuple[int, int]:
    """First sample of the loud part of a clip and the one after it: within 25 dB of its loudest 20 ms."""
    size = 320
    if len(samples) < 2 * size:
        return 0, len(samples)
    power = np.square(samples[: len(samples) // size * size].reshape(-1, size)).mean(1)
    loud = np.flatnonzero(power >= max(power.max() * 10**-2.5, 1e-12))
    return (int(loud[0]) * size, int(loud[-1] + 1) * size) if len(loud) else (0, len(samples))


def paused(samples: Samples) -> bool:
    """Whether a stretch of speech lies between words: its 20 ms differ by less than 14 dB, loudest to tenth lowest."""
    power = np.square(samples[: len(samples) // 320 * 320].reshape(-1, 320)).mean(1)
    return len(power) == 0 or power.max() < max(np.percentile(power, 10), 1e-10) * 10**1.4


def placed(clip: Samples, length: int, end: int) -> Samples:
    """`length` samples with the clip in them, its end at `end`, cut where it does not fit."""
    row = np.zeros(length, np.float32)
    start = end - len(clip)
    inside = clip[max(0, -start) : len(clip) - max(0, end - length)]
    row[max(0, start) : max(0, start) + len(inside)] = inside
    return row


def fitted(clip: Samples, length: int, rng: np.random.Generator) -> Samples:
    """Sound without words at any length: repeated, from a random place on."""
    if not len(clip):
        return np.zeros(length, np.float32)
    return clip[(int(rng.integers(len(clip))) + np.arange(length)) % len(clip)]


def wordless(length: int, places: Places, rng: np.random.Generator) -> Samples:
    """Noise of any kind and level, white noise, or nothing."""
    noise = places.noise(length, rng)
    if rng.random() < 0.3:
        noise = rng.normal(size=length).astype(np.float32) * np.float32(rng.choice([0.0, 0.1]))
    return np.clip(noise * 10 ** (rng.uniform(-50, 0) / 20), -1, 1).astype(np.float32)


def loudness(samples: Samples) -> float:
    """Root mean square, never 0."""
    return float(np.sqrt(np.mean(np.square(samples)))) + 1e-6 if len(samples) else 1e-6
