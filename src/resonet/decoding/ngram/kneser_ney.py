"""Interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998, "An Empirical Study of Smoothing Techniques").

    P(w | h) = (c(h w) - D(c(h w))) / S(h) + g(h) P(w | h')          h' = h without its first word

The highest order and n-grams that begin with `<s>` use plain counts c; every other one counts in how many different
words it was preceded by. S(h) is the sum of c(h w) over w, D one of three discounts a level (for counts 1, 2 and more),
and g(h) what was taken off in h. Below the unigrams stands the uniform distribution over all words but `<s>`, which is
also where `<unk>` has its probability from: about that of one rare word, so a decoder may give it to each word of
its lexicon that the model lacks.

N-grams that are not to be kept go into g(h), so any selection still sums to one. A kept n-gram counts once for its
suffix, one that is dropped counts in full, because nothing else will speak for it (as in the revised Kneser
pruning of Siivola, Hirsimaeki and Virpioja 2007, "On Growing and Pruning Kneser-Ney Smoothed N-Gram Models").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from resonet.decoding.ngram.backoff import NEVER, Backoff, Level, select
from resonet.decoding.ngram.count import CountLevel, Counts

# For texts so small that some count of counts is 0.
_FALLBACK = (0.5, 1.0, 1.5)
_START = 1


def estimate(counts: Counts, kept: Sequence[NDArray[np.bool_]] | None = None) -> Backoff:
    """The model of these counts.

    Args:
        counts: all n-grams of the text.
        kept: a mask for each level of the n-grams that the model shall hold (None: all). It holds all unigrams, and
            with an n-gram its prefix and suffix.
    """
    masks = kept or [np.ones(len(level), np.bool_) for level in counts.levels]
    plain = adjusted(counts, None)
    chosen = plain if kept is None else adjusted(counts, masks)
    probabilities = np.zeros(0)
    levels: list[Level] = []
    weights: list[NDArray[np.float64]] = []
    for k, level in enumerate(counts.levels):
        discount = _discount_of(chosen[k], discounts(plain[k][_predicted(level)]))
        contexts = len(counts.levels[k - 1]) if k else 1
        total = np.bincount(level.prefix, chosen[k], contexts)
        taken = np.bincount(level.prefix, np.where(masks[k], discount, chosen[k]), contexts)
        weight = np.divide(taken, total, out=np.ones(contexts), where=total > 0)
        lower = probabilities[level.suffix] if k else np.full(len(level), 1.0 / (len(level) - 1))
        own = np.where(masks[k], chosen[k] - discount, 0.0)
        probabilities = own / np.maximum(total, 1e-300)[level.prefix] + weight[level.prefix] * lower
        if k:
            weights.append(weight)
        else:
            probabilities[_START] = 0.0
        with np.errstate(divide="ignore"):
            log_prob = np.maximum(np.log(probabilities), NEVER)
        levels.append(Level(level.prefix, level.word, log_prob, np.zeros(len(level))))
    for k, weight in enumerate(weights):
        levels[k] = Level(levels[k].prefix, levels[k].word, levels[k].log_prob, np.log(weight))
    return select(Backoff(counts.words, tuple(levels)), masks)


def adjusted(counts: Counts, kept: Sequence[NDArray[np.bool_]] | None) -> list[NDArray[np.float64]]:
    """For each level the counts that Kneser-Ney works with, as float64."""
    result = [counts.levels[-1].count.astype(np.float64)]
    for k in range(len(counts.levels) - 2, -1, -1):
        level, above = counts.levels[k], counts.levels[k + 1]
        share = np.ones(len(above)) if kept is None else np.where(kept[k + 1], 1.0, result[0])
        extensions = np.bincount(above.suffix, share, len(level))
        result.insert(0, np.where(level.starts, level.count, extensions))
    result[0][[0, _START]] = 0.0  # neither <unk> nor <s> is ever predicted from counts
    return result


def discounts(count: NDArray[np.float64]) -> tuple[float, float, float]:
    """What is taken off a count of 1, of 2, and of more, from how many n-grams have the counts 1 to 4."""
    n1, n2, n3, n4 = (int(np.count_nonzero(count == i)) for i in range(1, 5))
    if not (n1 and n2 and n3 and n4):
        return _FALLBACK
    y = n1 / (n1 + 2 * n2)
    result = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return result if all(0 < d <= i for i, d in enumerate(result, 1)) else _FALLBACK


def _discount_of(count: NDArray[np.float64], levels: tuple[float, float, float]) -> NDArray[np.float64]:
    return np.array((0.0, *levels))[np.minimum(count, 3).astype(np.int64)]


def _predicted(level: CountLevel) -> NDArray[np.bool_]:
    return level.word != _START
