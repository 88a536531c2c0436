"""Pronunciation: a lexicon in, a grapheme-to-phone network out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from resonet.models import registry
from resonet.text.lexicon import Lexicon
from resonet.text.units import Units
from resonet.train import losses, optim
from resonet.train.recipe import Recipe
from resonet.train.tasks.recognize import best_path

_BATCH = 384  # words


@dataclass
class WordBatch:
    """int64 [batch, letters] words, 0 after their ends, and the phones of all rows end to end."""

    letters: Tensor
    lengths: Tensor
    targets: Tensor
    target_lengths: Tensor
    seconds: float
    names: list[str]


class Pronounce:
    """The task of pronunciation; see `train.loop.Task`. `seconds` of its batches are words.

    Held out for tests are the words whose SHA-256 has a first byte under 8 (3 %): whoever trains
    again tests on the same words. As many more are dev.
    """

    def __init__(self, recipe: Recipe, lexicon: Lexicon) -> None:
        self.recipe = recipe
        self.units = Units.phones(lexicon.symbols)
        words = [w for w in lexicon if len(w) > 1 and w.replace("'", "").isalpha()]
        self.alphabet = "".join(sorted({c for w in words for c in w}))
        module = registry.family(recipe.family, "language")
        settings = {"letters": len(self.alphabet), **recipe.network}
        self.config = registry.configure(module, recipe.preset, settings)
        torch.manual_seed(recipe.seed)
        self.network = module.Network(self.config, len(self.units)).to(recipe.device)
        optim.initialise(self.network, recipe.initialisation)
        self.parts: dict[str, list[str]] = {"train": [], "dev": [], "test": []}
        self.answers: dict[str, list[list[int]]] = {}
        for word in words:
            self.answers[word] = [self.units.encode(p) for p in lexicon.pronunciations(word)]
            self.parts[part_of(word)].append(word)
        # Every pronunciation that fits is a training pair; a word's slots bound the phones that CTC can place.
        self._pairs = [
            (w, answer)
            for w in self.parts["train"]
            for answer in self.answers[w]
            if len(answer) + sum(a == b for a, b in pairwise(answer)) <= 2 * len(w)
        ]
        self._index = {c: i for i, c in enumerate(self.alphabet, 1)}

    def plan(self, number: int) -> int:
        """Batches of a pass."""
        return len(self._pairs) // _BATCH or 1

    def batches(self, number: int, start: int, step: int) -> Iterator[WordBatch]:
        """Every `step`-th batch of a pass from number `start` on, words of like length together."""
        rng = np.random.default_rng([self.recipe.seed, number])
        long = np.array([len(w) for w, _ in self._pairs]) + rng.uniform(0, 1.5, len(self._pairs))
        rows = np.array_split(np.argsort(long), self.plan(number))
        for i in rng.permutation(len(rows))[start::step]:
            yield self._batch([self._pairs[k] for k in rows[i]])

    def largest(self) -> WordBatch:
        """The longest words."""
        return self._batch(sorted(self._pairs, key=lambda p: len(p[0]))[-_BATCH:])

    def loss(self, batch: WordBatch, progress: float) -> dict[str, Tensor]:
        """CTC, nats a phone."""
        scores = self.network(batch.letters.to(self.recipe.device))
        frames = self.network.output_lengths(batch.lengths)
        return {"loss": losses.ctc(scores.float(), frames, batch.targets, batch.target_lengths)}

    def validate(self) -> dict[str, float]:
        """Phone and word error rates on dev in percent."""
        return self.errors("dev")

    def samples(self) -> list[str]:
        """A few dev words and how they are read."""
        words = self.parts["dev"][:5]
        return [f"{w} -> {self.units.decode(p)}" for w, p in zip(words, self.read(words), strict=True)]

    def errors(self, part: str) -> dict[str, float]:
        """Phone error rate (against the nearest pronunciation of the lexicon) and share of wrong words, percent.

        Empty where the part has no words.
        """
        from rapidfuzz.distance import Levenshtein

        wrong = phones = words = 0
        for word, found in zip(self.parts[part], self.read(self.parts[part]), strict=True):
            distance, size = min((Levenshtein.distance(found, a), len(a)) for a in self.answers[word])
            wrong, phones, words = wrong + distance, phones + size, words + (distance > 0)
        if not phones:
            return {}
        return {"phone_error_rate": 100 * wrong / phones, "word_error_rate": 100 * words / len(self.parts[part])}

    @torch.no_grad()
    def read(self, words: list[str]) -> list[list[int]]:
        """Phone ids of each word by the best path."""
        self.network.eval()
        found: list[list[int]] = []
        for i in range(0, len(words), _BATCH):
            part = words[i : i + _BATCH]
            scores = self.network(self._letters(part).to(self.recipe.device)).cpu().numpy()
            found += [best_path(s[: self.config.slots * len(w)]) for s, w in zip(scores, part, strict=True)]
        return found

    def _letters(self, words: list[str]) -> Tensor:
        rows = torch.zeros(len(words), max(map(len, words)), dtype=torch.long)
        for row, word in zip(rows, words, strict=True):
            row[: len(word)] = torch.tensor([self._index[c] for c in word])
        return rows

    def _batch(self, pairs: list[tuple[str, list[int]]]) -> WordBatch:
        words = [w for w, _ in pairs]
        return WordBatch(
            letters=self._letters(words),
            lengths=torch.tensor([len(w) for w in words]),
            targets=torch.tensor([u for _, answer in pairs for u in answer]),
            target_lengths=torch.tensor([len(answer) for _, answer in pairs]),
            seconds=float(len(pairs)),
            names=words,
        )


def part_of(word: str) -> str:
    """train, dev or test, by the word alone."""
    first = hashlib.sha256(word.encode()).digest()[0]
    return "test" if first < 8 else "dev" if first < 16 else "train"
