"""The exchange form of an n-gram model: every n-gram with its log probability and backoff weight, as sorted arrays.

Training, pruning, ARPA files and the compact form all speak it. An n-gram is known by the index of its prefix (all
words but the last) in the level below, and its last word; each level is sorted by (prefix, word). Prefix and suffix
(all words but the first) of every n-gram are in the model too, which makes each step here a plain array operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

UNKNOWN, START, END = "<unk>", "<s>", "</s>"
SPECIAL = (UNKNOWN, START, END)
MAX_ORDER = 5
# The log probability of what never happens (`<s>` after something): ARPA's -99, as a natural log.
NEVER = -99.0 * float(np.log(10.0))


@dataclass(frozen=True)
class Level:
    """All n-grams of one length; arrays [n], sorted by (prefix, word).

    `prefix` int32 is 0 in the first level, whose row number is the word id. `log_prob` float64 is the natural log of
    P(last word | the words before); `backoff` float64 the natural log of the weight with which the next shorter
    context speaks for words that never followed (0 in the highest level).
    """

    prefix: NDArray[np.int32]
    word: NDArray[np.int32]
    log_prob: NDArray[np.float64]
    backoff: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.word)


@dataclass(frozen=True)
class Backoff:
    """A model of order `len(levels)` over `words` (id = place; the first three are `<unk>`, `<s>`, `</s>`)."""

    words: tuple[str, ...]
    levels: tuple[Level, ...]

    @property
    def order(self) -> int:
        return len(self.levels)

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of n-grams of each length."""
        return tuple(len(level) for level in self.levels)

    @cached_property
    def suffixes(self) -> tuple[NDArray[np.int32], ...]:
        """For each level the index of every n-gram's suffix in the level below (zeros in the first)."""
        found = [np.zeros(len(self.words), np.int32)]
        for k in range(1, self.order):
            level = self.levels[k]
            found.append(suffix_index(self.levels[k - 1], found[k - 1], level.prefix, level.word, len(self.words)))
        return tuple(found)

    def rows(self, k: int) -> NDArray[np.int32]:
        """The word ids of the n-grams of level k (0: unigrams); [n, k + 1]."""
        level = self.levels[k]
        if k == 0:
            return level.word[:, None]
        return np.concatenate([self.rows(k - 1)[level.prefix], level.word[:, None]], axis=1)


def keys(prefix: NDArray[np.int32], word: NDArray[np.int32], words: int) -> NDArray[np.int64]:
    """One sortable number for each (prefix, word); `words` is the size of the vocabulary."""
    return prefix.astype(np.int64) * words + word


def suffix_index(
    below: Level, below_suffix: NDArray[np.int32], prefix: NDArray[np.int32], word: NDArray[np.int32], words: int
) -> NDArray[np.int32]:
    """The index in `below` of the suffix of each n-gram (prefix, word) of the level above; -1 where it is missing."""
    if len(below) == words and not below.prefix.any():
        return word
    have = keys(below.prefix, below.word, words)
    wanted = keys(below_suffix[prefix], word, words)
    at = np.minimum(np.searchsorted(have, wanted), len(have) - 1).astype(np.int32)
    return np.where(have[at] == wanted, at, np.int32(-1))


def select(model: Backoff, kept: Sequence[NDArray[np.bool_]]) -> Backoff:
    """The n-grams marked in `kept` (a mask a level), as they are; masks must keep prefixes and suffixes."""
    levels: list[Level] = []
    place = np.arange(len(model.words), dtype=np.int32)
    for k, (level, mask) in enumerate(zip(model.levels, kept, strict=True)):
        prefix = place[level.prefix[mask]] if k else level.prefix[mask]
        levels.append(Level(prefix, level.word[mask], level.log_prob[mask], level.backoff[mask]))
        place = (np.cumsum(mask) - 1).astype(np.int32)
    return Backoff(model.words, tuple(levels))


def normalised(model: Backoff) -> Backoff:
    """The same probabilities, with backoff weights that make every context sum to one."""
    levels = list(model.levels)
    for k in range(1, model.order):
        above, n = model.levels[k], len(model.levels[k - 1])
        seen = np.bincount(above.prefix, np.exp(above.log_prob), n)
        lower = np.bincount(above.prefix, np.exp(model.levels[k - 1].log_prob[model.suffixes[k]]), n)
        has = np.bincount(above.prefix, minlength=n) > 0
        # Rounding must not make a weight of a context that all but covers the vocabulary negative.
        weight = np.maximum(1.0 - seen, 1e-12) / np.maximum(1.0 - lower, 1e-12)
        levels[k - 1] = replace(levels[k - 1], backoff=np.where(has, np.log(weight), 0.0))
    levels[-1] = replace(levels[-1], backoff=np.zeros(len(levels[-1])))
    return replace(model, levels=tuple(levels))


def from_rows(
    words: Sequence[str],
    rows: Sequence[NDArray[np.int32]],
    log_probs: Sequence[NDArray[np.float64]],
    backoffs: Sequence[NDArray[np.float64]],
) -> Backoff:
    """A model from n-grams in any order: `rows[k]` int32 [n, k + 1] word ids; the first level holds every word once.

    Suffixes that are missing (pruned by other tools) are put in with what backing off gives them, which changes no
    probability.

    Raises:
        ValueError: an n-gram stands twice or lacks its prefix; the arguments are (level, row).
    """
    order = len(rows)
    rows, log_probs, backoffs = list(rows), list(log_probs), list(backoffs)
    for k in range(order - 1, 1, -1):
        missing = _missing(rows[k][:, 1:], rows[k - 1], len(words))
        rows[k - 1] = np.concatenate([rows[k - 1], missing])
        log_probs[k - 1] = np.concatenate([log_probs[k - 1], np.full(len(missing), np.nan)])
        backoffs[k - 1] = np.concatenate([backoffs[k - 1], np.zeros(len(missing))])
    levels: list[Level] = []
    suffixes: list[NDArray[np.int32]] = []
    by_rank = np.zeros(0, np.int32)
    for k in range(order):
        prefix = np.zeros(len(rows[k]), np.int32)
        if k:
            prefix = _lookup(rows[k][:, :-1], rows[k - 1][by_rank], len(words))
            if (prefix < 0).any():
                raise ValueError(k, int(np.flatnonzero(prefix < 0)[0]), "prefix")
        key = keys(prefix, rows[k][:, -1], len(words))
        by_rank = np.argsort(key, kind="stable").astype(np.int32)
        double = np.flatnonzero(np.diff(key[by_rank]) == 0)
        if len(double):
            raise ValueError(k, int(by_rank[double[0] + 1]), "twice")
        level = Level(prefix[by_rank], rows[k][by_rank, -1], log_probs[k][by_rank], backoffs[k][by_rank])
        if k:
            suffixes.append(suffix_index(levels[-1], suffixes[-1], level.prefix, level.word, len(words)))
            # P(w | h) of an n-gram put in: the weight of its context times what the shorter context says.
            filled = levels[-1].backoff[level.prefix] + levels[-1].log_prob[suffixes[-1]]
            level = replace(level, log_prob=np.where(np.isnan(level.log_prob), filled, level.log_prob))
        else:
            suffixes.append(np.zeros(len(level), np.int32))
        levels.append(level)
    return Backoff(tuple(words), tuple(levels))


def _row_ids(rows: NDArray[np.int32], words: int) -> NDArray[np.int64]:
    """A number for each row, equal for equal rows only; in the order of the rows."""
    ids = rows[:, 0].astype(np.int64)
    for column in range(1, rows.shape[1]):
        ids = np.unique(ids * words + rows[:, column], return_inverse=True)[1]
    return ids


def _missing(wanted: NDArray[np.int32], have: NDArray[np.int32], words: int) -> NDArray[np.int32]:
    """The different rows of `wanted` that `have` lacks."""
    ids = _row_ids(np.concatenate([have, wanted]), words)
    new, first = np.unique(ids[len(have) :], return_index=True)
    return wanted[first[~np.isin(new, ids[: len(have)])]]


def _lookup(wanted: NDArray[np.int32], have: NDArray[np.int32], words: int) -> NDArray[np.int32]:
    """The place of each row of `wanted` in `have` (sorted, different rows), -1 where it is missing."""
    ids = _row_ids(np.concatenate([have, wanted]), words)
    have_ids, wanted_ids = ids[: len(have)], ids[len(have) :]
    at = np.minimum(np.searchsorted(have_ids, wanted_ids), max(len(have) - 1, 0)).astype(np.int32)
    return np.where(have_ids[at] == wanted_ids, at, np.int32(-1)) if len(have) else np.full(len(wanted), -1, np.int32)
