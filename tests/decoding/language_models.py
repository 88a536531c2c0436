"""A word language model small enough to work out by hand: every history is a state of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class HistoryModel:
    """Log probabilities drawn from a seed for every history, so that no two histories may be merged."""

    def __init__(self, vocabulary: Sequence[str], seed: int = 0) -> None:
        self.words = ["<unk>", "<s>", "</s>", *vocabulary]
        self.seed = seed
        self.histories: list[tuple[int, ...]] = [()]
        self.states: dict[tuple[int, ...], int] = {(): 0}
        self.unigrams = self.after(())

    def after(self, history: tuple[int, ...]) -> np.ndarray:
        rng = np.random.default_rng([self.seed, len(history), *history])
        return np.log(rng.dirichlet(np.ones(len(self.words)))).astype(np.float32)

    def start_state(self) -> int:
        return 0

    def score(self, states: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores, after = np.zeros(len(words), np.float32), np.zeros(len(words), np.int64)
        for i, (state, word) in enumerate(zip(states.tolist(), words.tolist(), strict=True)):
            history = (*self.histories[state], word)
            if history not in self.states:
                self.states[history] = len(self.histories)
                self.histories.append(history)
            scores[i], after[i] = self.after(history[:-1])[word], self.states[history]
        return scores, after


class TableModel:
    """A bigram model from a table {(word before, word): probability}; other pairs have the probability `rest`."""

    def __init__(self, vocabulary: Sequence[str], table: dict[tuple[str, str], float], rest: float = 0.01) -> None:
        self.words = ["<unk>", "<s>", "</s>", *vocabulary]
        self.table, self.rest = table, rest
        self.unigrams = np.log(np.full(len(self.words), rest, np.float32))

    def start_state(self) -> int:
        return 1

    def score(self, states: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pairs = [(self.words[s], self.words[w]) for s, w in zip(states.tolist(), words.tolist(), strict=True)]
        return np.log([self.table.get(pair, self.rest) for pair in pairs]).astype(np.float32), words.astype(np.int64)
