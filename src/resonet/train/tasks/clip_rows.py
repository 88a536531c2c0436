"""What a classifier of words is trained on: rows that end in a window's length of sound, and streams.

A row is what a stream holds when the word has just been said: the window that is judged, and some sound before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resonet import audio
from resonet.data.augment import Places
from resonet.data.negatives import Negatives
from resonet.data.waveforms import SAMPLE_RATE, Waveforms
from resonet.decoding.labels import SILENCE, UNKNOWN
from resonet.train.recipe import Recipe

Samples = NDArray[np.float32]

# Seconds of a stream that may follow a word before it must have been noticed.
_LATEST = 0.4
# Labels of frames of streams that are no labels.
NOTHING, IGNORED = -1, -2
# With what the id of a clip begins that is synthetic and is trained on beside others.
SYNTHETIC = "synthetic"
# Seconds of a stream, and between the ends of two words in it: the window has forgotten the one before.
_STREAM, _APART = 6.0, 2.0
# Seconds after the end of a word in which every frame must say it, and after which none must any more.
_SAYS, _FORGETS = (0.0, 0.28), 1.3
# Share of rows before whose window nothing was heard, as before a clip: sound that sets in at once is no word yet.
_CUT = 0.4


@dataclass
class Running:
    """float32 [streams, samples] stretches of other speech with words in them; `labels` [streams, frames]: the word
    that has just ended, NOTHING where no word is said, IGNORED in a word and a while after it."""

    pcm: Tensor
    labels: Tensor


class Rows:
    """Makes rows and streams of clips; all draws come from the generator that a call is given.

    Args:
        waves: the clips. targets: the place of each one's label in `labels`.
        window: seconds that are judged.
        stride: samples a frame of output.
        negatives: other speech; without any, `unknown` is made of pieces of the clips.

    Attributes:
        length, window: samples of a row, and of the window with which it ends.
    """

    def __init__(
        self,
        recipe: Recipe,
        waves: Waveforms,
        targets: Sequence[int],
        labels: Sequence[str],
        window: float,
        stride: int,
        negatives: Negatives | None,
    ) -> None:
        self._clips, self._speeds = recipe.clips, recipe.augmentation.speeds
        self._batch_seconds = recipe.batch_seconds
        self._waves, self._targets, self._labels = waves, targets, labels
        self._stride, self._negatives = stride, negatives
        self._places = Places(recipe.augmentation)
        self._spoken = [spoken(waves.sound(i)) for i in range(len(waves))]
        self.window = round(window * SAMPLE_RATE)
        self.length = round((window + recipe.clips.context) * SAMPLE_RATE)

    def other(self, rng: np.random.Generator) -> tuple[Samples, bool]:
        """A row without any of the words, and whether something is said in it: speakers pause, too."""
        row = self._speech(rng)
        said = not paused(row[-self.window :])
        return self._cut(self._places(row, rng), rng), said

    def quiet(self, rng: np.random.Generator) -> Samples:
        """A row in which nobody speaks."""
        return self._cut(wordless(self.length, self._places, rng), rng)

    def clip(self, index: int, rng: np.random.Generator) -> Samples:
        """A clip somewhere in a row, and something around it."""
        c, speed = self._clips, float(rng.choice(self._speeds))
        clip = self._waves.sound(index, speed)
        first, last = (round(at / speed) for at in self._spoken[index])
        if self._labels[self._targets[index]] == SILENCE:
            return self._cut(self._places(fitted(clip, self.length, rng), rng), rng)
        if rng.random() < c.running or len(clip) > self.window:
            # The word ends up to 0.4 s before the row does, and begins within the window if it can.
            latest = min(_LATEST * SAMPLE_RATE, max(0, self.window - (last - first)))
            end = self.length - int(rng.uniform(0, latest)) + len(clip) - last
        else:
            end = self.length + int(rng.uniform(-c.shift, c.shift) * SAMPLE_RATE)
        row = placed(clip, self.length, end)
        start = max(0, end - len(clip))
        if start:
            row[:start] = self._before(start, clip, rng)
        if self._negatives is not None and rng.random() < c.overlaid:
            under = self._said(self.length, rng)
            row = row + under * (loudness(clip[first:last]) / loudness(under) * 10 ** (-rng.uniform(0, 15) / 20))
        return self._places(row, rng)

    def running(self, rng: np.random.Generator) -> Running | None:
        """Streams of about as many seconds as `clips.streams` of the batch."""
        count = round(self._clips.streams * self._batch_seconds / _STREAM)
        made = [self.stream(rng) for _ in range(count)]
        if not made:
            return None
        return Running(
            torch.from_numpy(np.stack([m[0] for m in made])), torch.from_numpy(np.stack([m[1] for m in made]))
        )

    def stream(self, rng: np.random.Generator) -> tuple[Samples, NDArray[np.int64]]:
        """Other speech, float32 [samples], with words put in or over it, and the labels of its frames."""
        length, stride = round(_STREAM * SAMPLE_RATE), self._stride
        sound = self._said(length, rng)
        labels = np.full(-(-length // stride), NOTHING)
        end = int(rng.uniform(0.5, _APART) * SAMPLE_RATE)
        while end < length:
            index = int(rng.integers(len(self._waves)))
            if self._labels[self._targets[index]] not in (UNKNOWN, SILENCE):
                self._put(sound, labels, index, end, rng)
            end += int(rng.uniform(_APART, 2 * _APART) * SAMPLE_RATE)
        return self._places(sound, rng), labels

    def _put(self, sound: Samples, labels: NDArray[np.int64], index: int, end: int, rng: np.random.Generator) -> None:
        """Puts a clip into a stream so that its word ends at sample `end`: over what is said there, or in its place."""
        speed = float(rng.choice(self._speeds))
        clip, (first, last) = self._waves.sound(index, speed), (round(at / speed) for at in self._spoken[index])
        start = end - last
        near = sound[max(0, end - SAMPLE_RATE) : end]
        clip = placed(clip, len(sound), start + len(clip))
        clip *= np.float32(
            loudness(near) / loudness(clip[max(0, start + first) : end]) * 10 ** (rng.uniform(0, 10) / 20)
        )
        if rng.random() < 0.5:
            sound[max(0, start) : start + len(self._waves.sound(index, speed))] *= np.float32(rng.choice([0.0, 0.05]))
        sound += clip
        frame = SAMPLE_RATE / self._stride
        said = slice(*(max(0, round((end / SAMPLE_RATE + s) * frame)) for s in _SAYS))
        labels[max(0, int((start + first) / SAMPLE_RATE * frame)) : int((end / SAMPLE_RATE + _FORGETS) * frame)] = (
            IGNORED
        )
        if start + first >= 0:
            labels[said] = self._targets[index]

    def _before(self, samples: int, clip: Samples, rng: np.random.Generator) -> Samples:
        """What was heard before a clip: nothing, noise of its own floor, or other speech."""
        draw = rng.random()
        if draw < _CUT:
            return np.zeros(samples, np.float32)
        if draw < 0.7 or self._negatives is None:
            floor = float(np.percentile(np.abs(clip), 20)) if len(clip) else 0.0
            return (rng.normal(size=samples) * floor).astype(np.float32)
        said = self._said(samples, rng)
        return said * np.float32(loudness(clip) / loudness(said) * 10 ** (rng.uniform(-15, 5) / 20))

    def _said(self, samples: int, rng: np.random.Generator) -> Samples:
        """Other speech, said faster or slower, as clips are: as many voices again that must not be taken for words."""
        assert self._negatives is not None
        speed = float(rng.choice(self._speeds))
        if speed == 1.0:
            return self._negatives.window(samples, rng)
        sound = self._negatives.window(math.ceil(samples * speed) + 1, rng)
        faster = audio.resample(sound, round(speed * SAMPLE_RATE), SAMPLE_RATE)[:samples]
        return np.pad(faster, (0, samples - len(faster)))

    def _speech(self, rng: np.random.Generator) -> Samples:
        """A row of `unknown`: other speech, or pieces of two words, which are none."""
        if self._negatives is not None and rng.random() < 0.85:
            return self._said(self.length, rng)
        one, two = (self._piece(rng) for _ in range(2))
        if rng.random() < 0.5:
            said = np.concatenate([one[: len(one) // 2], two[len(two) // 2 :]])
        else:
            said = one[::-1] if rng.random() < 0.5 else one[: max(1, round(len(one) * rng.uniform(0.3, 0.5)))]
        return placed(said, self.length, self.length - int(rng.uniform(0, _LATEST) * SAMPLE_RATE))

    def _cut(self, row: Samples, rng: np.random.Generator) -> Samples:
        """The row as the clip of a window's length that it ends with, now and then: nothing was heard before."""
        if rng.random() < _CUT:
            row[: max(0, self.length - self.window + int(rng.normal() * self._clips.shift * SAMPLE_RATE))] = 0
        return row

    def _piece(self, rng: np.random.Generator) -> Samples:
        """The spoken part of a random clip."""
        index = int(rng.integers(len(self._waves)))
        first, last = self._spoken[index]
        return self._waves.sound(index)[first:last]


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
