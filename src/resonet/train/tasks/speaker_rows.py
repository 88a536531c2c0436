"""What speakers and languages are learnt from: seconds of one person's speech, put together from recordings.

A row for speakers is a stretch of a recording, or of several of the same person where one is too short. A row for
languages is such a stretch by a voice that nobody has: of some languages there may be one reader only, whom a network
would know by voice. So voices are stretched and warped for all languages alike, and half of the rows are joined from
pieces of a second, for isolated words must not mean a language either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import soxr
from numpy.typing import NDArray

from resonet.data.augment import Places
from resonet.data.utterance import Utterance, speaker_known
from resonet.data.waveforms import SAMPLE_RATE, Waveforms
from resonet.train.recipe import Recipe
from resonet.train.tasks.clip_rows import spoken

Samples = NDArray[np.float32]

# Seconds of a piece of a joined row; by how many its ends may reach into the pauses; over how many pieces fade.
_PIECE, _PAUSE, _FADE = (0.5, 1.4), 0.12, 0.02
# Hz above which a narrow row holds nothing.
_NARROW = (3400.0, 7400.0)


class SpeakerRows:
    """Makes rows; all draws come from the generator that a call is given.

    Args:
        waves: the recordings; those of no known speaker serve for languages alone.

    Attributes:
        people: names of the known speakers, sorted.
        seconds: of each of them, all recordings together.
        languages: their tags, sorted.
    """

    def __init__(self, recipe: Recipe, waves: Waveforms) -> None:
        self._settings, self._waves = recipe.identity, waves
        self._places = Places(recipe.augmentation)
        by_person: dict[str, list[int]] = defaultdict(list)
        by_language: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for i, u in enumerate(waves.utterances):
            if not waves.length(i):
                continue
            if speaker_known(u.speaker):
                by_person[u.speaker].append(i)
            by_language[language_of(u, recipe)][u.speaker].append(i)
        self.people = sorted(by_person)
        self._of_person = [by_person[name] for name in self.people]
        self.seconds = [sum(waves.length(i) for i in rows) / SAMPLE_RATE for rows in self._of_person]
        self.languages = sorted(by_language)
        self._of_language = [[by_language[tag][name] for name in sorted(by_language[tag])] for tag in self.languages]

    def speaker(self, person: int, speed: float, length: int, rng: np.random.Generator) -> Samples:
        """`length` samples of a person, at a playing speed."""
        return self._heard(self._stretch(self._of_person[person], speed, length, rng), rng)

    def language(self, language: int, length: int, rng: np.random.Generator) -> Samples:
        """`length` samples in a language, by a voice that nobody has."""
        people = self._of_language[language]
        rows = people[int(rng.integers(len(people)))]
        factor = float(np.exp(rng.uniform(*np.log(self._settings.stretch))))
        needed = round(length * factor) + 1
        if rng.random() < self._settings.joined:
            row = self._joined(rows, needed, rng)
        else:
            row = self._stretch(rows, 1.0, needed, rng)
        row = soxr.resample(row, SAMPLE_RATE * factor, SAMPLE_RATE, quality="LQ")
        return self._heard(np.resize(row, length), rng)

    def _stretch(self, rows: Sequence[int], speed: float, length: int, rng: np.random.Generator) -> Samples:
        """From a random place in one of the recordings on, and where it ends the spoken part of another one."""
        sizes = np.array([self._waves.length(i, speed) for i in rows], np.float64)
        found = [int(rng.choice(len(rows), p=sizes / sizes.sum()))]
        first = self._waves.sound(rows[found[0]], speed)
        if len(first) >= length:
            start = int(rng.integers(len(first) - length + 1))
            return first[start : start + length]
        pieces, total = [first], len(first)
        while total < length:
            # Each recording once, then over again: somebody may have said one word only.
            left = [i for i in range(len(rows)) if i not in found] or list(range(len(rows)))
            found.append(int(rng.choice(left)))
            pieces.append(self._said(rows[found[-1]], speed, rng))
            total += len(pieces[-1]) - _fade(pieces[-2], pieces[-1])
        return joined(pieces)[:length]

    def _joined(self, rows: Sequence[int], length: int, rng: np.random.Generator) -> Samples:
        """Pieces of a second or so, of any of the recordings."""
        pieces: list[Samples] = []
        total = 0
        while total < length:
            said = self._said(rows[int(rng.integers(len(rows)))], 1.0, rng)
            size = min(len(said), round(rng.uniform(*_PIECE) * SAMPLE_RATE))
            start = int(rng.integers(len(said) - size + 1))
            pieces.append(said[start : start + size])
            total += size - (_fade(*pieces[-2:]) if len(pieces) > 1 else 0)
        return joined(pieces)[:length]

    def _said(self, row: int, speed: float, rng: np.random.Generator) -> Samples:
        """The spoken part of a recording, with a little of the pauses around it."""
        sound = self._waves.sound(row, speed)
        first, last = spoken(sound)
        before, after = (rng.random(2) * _PAUSE * SAMPLE_RATE).astype(int)
        return sound[max(0, first - before) : last + after]

    def _heard(self, row: Samples, rng: np.random.Generator) -> Samples:
        """In some place, and now and then through a narrow line."""
        row = self._places(row, rng)
        if rng.random() < self._settings.narrow:
            row = narrowed(row, rng.uniform(*_NARROW))
        return row


def language_of(utterance: Utterance, recipe: Recipe) -> str:
    """Tag of what is spoken: what the data say, or else the recipe's language."""
    return utterance.language or recipe.language


def joined(pieces: Sequence[Samples]) -> Samples:
    """The pieces one after another, each fading into the next over 20 ms."""
    out = np.zeros(sum(map(len, pieces)), np.float32)
    end = 0
    before: Samples | None = None
    for piece in pieces:
        fade = 0 if before is None else _fade(before, piece)
        rise = np.linspace(0, 1, fade + 2, dtype=np.float32)[1:-1]
        start = end - fade
        out[start:end] *= rise[::-1]
        out[start:end] += piece[:fade] * rise
        end = start + len(piece)
        out[start + fade : end] = piece[fade:]
        before = piece
    return out[:end]


def narrowed(samples: Samples, hertz: float) -> Samples:
    """Without what lies above so many Hz; it falls off over a tenth of them."""
    spectrum = np.fft.rfft(samples)
    frequency = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    narrow = np.fft.irfft(spectrum * np.clip(11 - 10 * frequency / hertz, 0, 1), len(samples))
    return np.clip(narrow, -1, 1).astype(np.float32)


def _fade(one: Samples, other: Samples) -> int:
    """Samples over which one piece fades into another."""
    return min(len(one) // 2, len(other) // 2, round(_FADE * SAMPLE_RATE))
