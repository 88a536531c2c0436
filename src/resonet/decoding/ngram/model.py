"""The n-gram model that a decoder asks: thousands of queries at once, each a few array look-ups.

A state is the longest part of the history that can still matter, as a number: 0 for none, else a context that words
follow in the model (or that has a weight of its own). Histories that the model cannot tell apart are the same state,
so a decoder may join hypotheses whose states are equal.

With an n-gram the model holds its suffixes, so a query climbs: unigram, bigram, trigram, as long as there is one.
Bigrams, asked for most, stand in a hash table; longer ones are found by bisection among the few words that follow
their context. (Measured with 2.2 million bigrams and 6.5 million trigrams: 0.25 microseconds a query in batches of
5,000; a search in all sorted keys 1.2; hashing trigrams too 0.2, but a second more to open the model.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonet.decoding.ngram import compact as packing
from resonet.decoding.ngram.backoff import Backoff, Level, suffix_index
from resonet.decoding.ngram.compact import Compact
from resonet.decoding.ngram.table import Bisected, Hashed, Table
from resonet.errors import BundleError

UNKNOWN_ID, START_ID, END_ID = 0, 1, 2
_EMPTY = np.zeros(0)


@dataclass(frozen=True)
class Perplexity:
    """What a model makes of a text. `perplexity` is over the words it knows and the sentence ends."""

    sentences: int
    words: int
    unknown: int
    log_prob: float
    """Natural log, without the unknown words."""

    @property
    def perplexity(self) -> float:
        counted = self.words - self.unknown + self.sentences
        return math.exp(-self.log_prob / counted) if counted else math.nan


class NgramModel:
    """A word n-gram for decoding; immutable, safe to share between threads.

    Attributes:
        words: the vocabulary, id = place; ids 0, 1, 2 are `<unk>`, `<s>`, `</s>`.
        index: id of each word.
        order: the longest n-gram.
        counts: how many n-grams of each length.
        unigrams: float32 [words], natural log probabilities without context.
    """

    def __init__(self, compact: Compact) -> None:
        self.compact = compact
        self.words: tuple[str, ...] = compact.words
        self.index = {word: i for i, word in enumerate(compact.words)}
        self.counts = compact.counts
        self.order = len(self.counts)
        self.unigrams: NDArray[np.float32] = compact.log_prob.astype(np.float32)
        self._build()

    @classmethod
    def from_backoff(cls, model: Backoff) -> NgramModel:
        """Raises DataError for more than 65,536 words."""
        return cls(packing.compress(model))

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "lm.bin") -> NgramModel:
        """Reads the compact form; raises BundleError with `name` if it is damaged."""
        return cls(packing.from_bytes(data, name))

    def to_bytes(self) -> bytes:
        """The compact form, `lm.bin` of a bundle."""
        return packing.to_bytes(self.compact)

    def start_state(self) -> int:
        """The state before the first word of a sentence."""
        return int(self._unigram_state[START_ID])

    def score(
        self, states: NDArray[np.int64], words: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The natural log probability of each word after each state, and the states after it; all arrays [n].

        States must come from this model (`start_state`, `score`), words be ids of its vocabulary.
        """
        total = self._weights.take(states)
        log_prob = self.unigrams.take(words) + total
        after = self._unigram_state.take(words)
        state, word, rows = states, words, None
        for k, level in enumerate(self._levels):
            context = level.context.take(state)
            place = level.table.find(context, word)
            found = np.flatnonzero(place >= 0)
            place = place.take(found)
            state, word, rows = state.take(found), word.take(found), found if rows is None else rows.take(found)
            # The weights of the contexts that are longer than the one in which the word was found.
            weight = self._weights.take(state) - self._weights.take(context.take(found))
            log_prob[rows] = level.log_prob(place) + weight
            if k + 1 < len(self._levels):
                own = level.state.take(place)
                longer = np.flatnonzero(own)
                after[rows.take(longer)] = own.take(longer)
        return log_prob, after

    def score_end(self, states: NDArray[np.int64]) -> NDArray[np.float32]:
        """The natural log probability that a sentence ends after each state; [n]."""
        return self.score(states, np.full(len(states), END_ID, np.int32))[0]

    def ids(self, words: Iterable[str]) -> list[int]:
        """The ids of words; 0 (`<unk>`) for those that the model lacks."""
        return [self.index.get(word, UNKNOWN_ID) for word in words]

    def sentence_logprob(self, words: Sequence[str]) -> float:
        """The natural log probability of a whole sentence with its end; unknown words count as `<unk>`."""
        state = np.array([self.start_state()], np.int64)
        total = 0.0
        for word in [*self.ids(words), END_ID]:
            log_prob, state = self.score(state, np.array([word], np.int32))
            total += float(log_prob[0])
        return total

    def perplexity(self, sentences: Iterable[Sequence[str]]) -> Perplexity:
        """How well the model foresees the sentences (normalised words)."""
        totals = np.zeros(3, np.int64)
        log_prob = 0.0
        block: list[list[int]] = []
        for sentence in sentences:
            block.append([*self.ids(sentence), END_ID])
            if len(block) == 4096:
                part = self._block(block)
                totals, log_prob, block = totals + part[0], log_prob + part[1], []
        part = self._block(block)
        totals, log_prob = totals + part[0], log_prob + part[1]
        return Perplexity(int(totals[0]), int(totals[1]), int(totals[2]), log_prob)

    def _block(self, block: list[list[int]]) -> tuple[NDArray[np.int64], float]:
        """(sentences, words, unknown words) and the log probability of the known ones; word by word, all at once."""
        block = sorted(block, key=len, reverse=True)
        lengths = np.array([len(ids) for ids in block], np.int64)
        total, unknown = 0.0, 0
        state = np.full(len(block), self.start_state(), np.int64)
        for place in range(lengths.max(initial=0)):
            running = int(np.count_nonzero(lengths > place))
            word = np.array([ids[place] for ids in block[:running]], np.int32)
            log_prob, state = self.score(state[:running], word)
            known = word != UNKNOWN_ID
            total += float(log_prob[known].sum(dtype=np.float64))
            unknown += int(running - np.count_nonzero(known))
        return np.array([len(block), lengths.sum() - len(block), unknown]), total

    def _build(self) -> None:
        """Numbers the states: 0, then those of one word, of two, and so on, each in the order of the n-grams.

        Raises:
            BundleError: the suffix of an n-gram is missing.
        """
        levels, n_words = self.compact.levels, len(self.words)
        ids = np.arange(n_words, dtype=np.int32)
        below = Level(np.zeros_like(ids), ids, _EMPTY, _EMPTY)
        suffix, nearest = np.zeros_like(ids), np.zeros(1, np.int32)
        weight = self.compact.backoff.astype(np.float32)
        # Of each state: the sum of its backoff weights, and for each length its end of that length (0: no state).
        self._weights = np.zeros(1, np.float32)
        contexts = np.zeros((1, len(levels)), np.int32)
        tables: list[Table] = []
        codes: list[NDArray[np.uint8]] = []
        states = [np.zeros(n_words, np.int32)]
        for k, level in enumerate(levels):
            first = len(self._weights)
            is_state = (level.followers > 0) | (weight != 0)
            own = np.where(is_state, np.cumsum(is_state, dtype=np.int32) + np.int32(first - 1), np.int32(0))
            shorter = nearest[suffix]  # the state of what ends each n-gram, or of the end of that
            nearest = np.where(is_state, own, shorter)
            shorter = shorter[is_state]
            self._weights = np.concatenate([self._weights, weight[is_state] + self._weights[shorter]])
            chain = contexts[shorter]
            chain[:, k] = own[is_state]
            contexts = np.concatenate([contexts, chain])
            if k == 0:
                states[0] = own
                hashed = Hashed(np.repeat(own, level.followers), level.word, len(self._weights))
                tables.append(hashed)
                codes.append(level.log_prob.codes[hashed.order])
            else:
                states.append(own[hashed.order] if k == 1 else own)
                followers = np.concatenate([np.zeros(first, np.int64), level.followers[is_state]])
                tables.append(Bisected(followers, level.word))
                codes.append(level.log_prob.codes)
            if k + 1 < len(levels):
                prefix = np.repeat(np.arange(len(level.followers), dtype=np.int32), level.followers)
                above = Level(prefix, level.word.astype(np.int32), _EMPTY, _EMPTY)
                suffix = suffix_index(below, suffix, above.prefix, above.word, n_words)
                if (suffix < 0).any():
                    raise BundleError("The language model lacks the end of one of its n-grams", "make it again")
                below, weight = above, level.backoff.values
        self._unigram_state = states[0].astype(np.int64)
        states = [*states[1:], np.zeros(0, np.int32)]
        self._levels = [
            _Lookup(np.ascontiguousarray(contexts[:, k]), tables[k], codes[k], level.log_prob.book, states[k])
            for k, level in enumerate(levels)
        ]


@dataclass(frozen=True)
class _Lookup:
    """The n-grams of one length: `context` int32 [states] of each state, where n-grams stand, and what each is worth.

    `state` int32 [n] is the state that an n-gram makes (0: what it ends with says it all); empty in the last level.
    """

    context: NDArray[np.int32]
    table: Table
    codes: NDArray[np.uint8]
    book: NDArray[np.float32]
    state: NDArray[np.int32]

    def log_prob(self, place: NDArray[np.int32]) -> NDArray[np.float32]:
        return self.book.take(self.codes.take(place))
