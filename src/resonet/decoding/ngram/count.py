"""Counting: from text to all its n-grams with their counts, as sorted arrays.

The text is read once. Its words become numbers (4 bytes a word are held), the vocabulary is chosen, and each level of
n-grams is counted from the one below it, in chunks that are sorted and then merged. Memory: 4 bytes a word of text
and about 100 bytes a different n-gram of the highest order.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count

import numpy as np
from numpy.typing import NDArray

from resonet.decoding.ngram.backoff import SPECIAL, Level, keys, suffix_index
from resonet.errors import DataError

_START, _END = 1, 2
# What stands for `<s>` and `</s>` while words have no final numbers yet: places counted from the end of a table.
_TEMPORARY_START, _TEMPORARY_END = -2, -1
_CHUNK = 1 << 22


@dataclass(frozen=True)
class CountLevel:
    """All n-grams of one length, sorted by (prefix, word); arrays [n], prefix and suffix as in `Backoff`.

    `count` int64 is how often each was seen; `starts` marks those that begin with `<s>`.
    """

    prefix: NDArray[np.int32]
    word: NDArray[np.int32]
    count: NDArray[np.int64]
    suffix: NDArray[np.int32]
    starts: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.word)


@dataclass(frozen=True)
class Counts:
    """The n-grams of a text over a closed vocabulary; an n-gram never reaches over a word outside it."""

    words: tuple[str, ...]
    levels: tuple[CountLevel, ...]


class Corpus:
    """A text as numbers. Words are numbered as they come; `counts` gives the n-grams over a chosen vocabulary."""

    def __init__(self) -> None:
        self._ids: defaultdict[str, int] = defaultdict(count().__next__)
        self._chunks: list[tuple[NDArray[np.int32], int]] = []
        self._tally = np.zeros(0, np.int64)
        self.n_sentences = 0
        self.n_words = 0

    def add(
        self, sentences: Iterable[Sequence[str]], weight: int = 1, progress: Callable[[int], object] | None = None
    ) -> None:
        """Takes sentences in, each counting `weight` times; `progress` is told of words as they come."""
        ids = self._ids.__getitem__
        chunk = array("i")
        for sentence in sentences:
            chunk.append(_TEMPORARY_START)
            chunk.extend(map(ids, sentence))
            chunk.append(_TEMPORARY_END)
            self.n_sentences += 1
            self.n_words += len(sentence)
            if progress is not None:
                progress(len(sentence))
            if len(chunk) >= _CHUNK:
                self._store(chunk, weight)
                chunk = array("i")
        if chunk:
            self._store(chunk, weight)

    def _store(self, chunk: array[int], weight: int) -> None:
        ids = np.array(chunk, np.int32)
        tally = np.bincount(ids[ids >= 0], minlength=len(self._ids)) * weight
        tally[: len(self._tally)] += self._tally
        self._tally = tally
        self._chunks.append((ids, weight))

    @cached_property
    def frequencies(self) -> list[tuple[str, int]]:
        """Every word and how often it stands in the text (weighted), the most frequent first."""
        ranked = zip(self._ids, self._tally.tolist(), strict=True)
        return sorted(ranked, key=lambda pair: -pair[1])

    def vocabulary(self, size: int | None = None, keep: Collection[str] = ()) -> list[str]:
        """The `size` most frequent words (None: all), but those words of `keep` that occur come first."""
        ranked = [word for word, _ in self.frequencies if word not in SPECIAL]
        if size is None or size >= len(ranked):
            return ranked
        wanted = set(keep)
        chosen = [word for word in ranked if word in wanted][:size]
        others = (word for word in ranked if word not in wanted)
        chosen += [word for word, _ in zip(others, range(size - len(chosen)), strict=False)]
        # By frequency again: small ids for frequent words make the compact form smaller.
        place = set(chosen)
        return [word for word in ranked if word in place]

    def counts(self, vocabulary: Collection[str], order: int) -> Counts:
        """All n-grams up to length `order` over `vocabulary` (without the special words).

        Raises:
            DataError: no word of the vocabulary is in the text.
        """
        words = (*SPECIAL, *vocabulary)
        final = {word: i for i, word in enumerate(words)}
        # Everything else is 0, `<unk>`; the last two places are those of the temporary numbers of <s> and </s>.
        table = np.array([*(final.get(word, 0) for word in self._ids), _START, _END], np.int32)
        chunks = [(table[ids], weight) for ids, weight in self._chunks]
        unigrams = np.zeros(len(words), np.int64)
        for ids, weight in chunks:
            unigrams += np.bincount(ids, minlength=len(words)) * weight
        if not unigrams[3:].any():
            raise DataError("The text holds no word of the vocabulary")
        every = np.arange(len(words), dtype=np.int32)
        levels = [CountLevel(np.zeros_like(every), every, unigrams, np.zeros_like(every), every == _START)]
        # For each place in the text: the index of the n-gram that ends there as a context of the next word, or -1.
        contexts = [np.where((ids == 0) | (ids == _END), np.int32(-1), ids) for ids, _ in chunks]
        for _ in range(1, order):
            levels.append(_count_level(chunks, contexts, levels[-1], len(words)))
            if len(levels) < order:
                contexts = [
                    _next_context(ids, context, levels[-1], len(words))
                    for (ids, _), context in zip(chunks, contexts, strict=True)
                ]
        return Counts(words, tuple(levels))


def _ending(
    ids: NDArray[np.int32], context: NDArray[np.int32], words: int
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """The places where an n-gram of the next length ends (context before, a word that can follow), and its key."""
    valid = np.flatnonzero((context[:-1] >= 0) & (ids[1:] >= _END))
    return valid + 1, keys(context[valid], ids[valid + 1], words)


def _next_context(
    ids: NDArray[np.int32], context: NDArray[np.int32], level: CountLevel, words: int
) -> NDArray[np.int32]:
    places, key = _ending(ids, context, words)
    inner = ids[places] != _END
    places, key = places[inner], key[inner]
    result = np.full(len(ids), -1, np.int32)
    # Searching in order is several times faster than at random: the table stays in the cache.
    order = np.argsort(key)
    result[places[order]] = np.searchsorted(keys(level.prefix, level.word, words), key[order])
    return result


def _count_level(
    chunks: Sequence[tuple[NDArray[np.int32], int]],
    contexts: Sequence[NDArray[np.int32]],
    below: CountLevel,
    words: int,
) -> CountLevel:
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for (ids, weight), context in zip(chunks, contexts, strict=True):
        _, key = _ending(ids, context, words)
        key, seen = np.unique(key, return_counts=True)
        parts.append((key, seen * weight))
        # Merged like the digits of a binary number: no n-gram takes part in more than log2(chunks) merges.
        while len(parts) > 1 and len(parts[-1][0]) * 2 > len(parts[-2][0]):
            parts.append(_merged(parts.pop(), parts.pop()))
    while len(parts) > 1:
        parts.append(_merged(parts.pop(), parts.pop()))
    key, seen = parts[0]
    prefix, word = (part.astype(np.int32) for part in np.divmod(key, words))
    found = CountLevel(prefix, word, seen, prefix, below.starts[prefix])
    empty = np.zeros(0)
    suffix = suffix_index(Level(below.prefix, below.word, empty, empty), below.suffix, prefix, word, words)
    return CountLevel(found.prefix, found.word, found.count, suffix, found.starts)


def _merged(
    a: tuple[NDArray[np.int64], NDArray[np.int64]], b: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    key = np.concatenate([a[0], b[0]])
    order = np.argsort(key, kind="stable")
    key, seen = key[order], np.concatenate([a[1], b[1]])[order]
    first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1]))) if len(key) else np.zeros(0, np.intp)
    return key[first], np.add.reduceat(seen, first) if len(first) else seen
