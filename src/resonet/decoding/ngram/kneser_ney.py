"""Interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998, "An Empirical Study of Smoothing Techniques").

    P(w | h) = (c(h w) - D(c(h w))) / S(h) + g(h) P(w | h')          h' = h without its first word

The highest order and n-grams that begin with `<s>` use plain counts c; every other one counts in how many different
words it was preceded by. S(h) is the sum of c(h w) over w, D one of three discounts a level (for counts 1, 2 and more),
and g(h) what was taken off in h. Below the unigrams stands the uniform distribution over all words but `<s>`, which is
also where `<unk>` has its probability from: about that of one rare word, so a decoder may give it to each word of
its lexicon that the model lacks.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from resonet.decoding.ngram.backoff import NEVER, Backoff, Level
from resonet.decoding.ngram.count import Counts

# For texts so small that some count of counts is 0.
_FALLBACK = (0.5, 1.0, 1.5)
_UNKNOWN, _START = 0, 1


def estimate(counts: Counts) -> Backoff:
    """The model of these counts, with every n-gram that was seen."""
    probabilities = np.zeros(0)
    levels: list[Level] = []
    for k, (level, count) in enumerate(zip(counts.levels, adjusted(counts), strict=True)):
        below = len(counts.levels[k - 1]) if k else 1
        discount = np.array((0.0, *discounts(count)))[np.minimum(count, 3).astype(np.int64)]
        total = np.bincount(level.prefix, count, below)
        weight = np.bincount(level.prefix, discount, below) / np.maximum(total, 1e-300)
        lower = probabilities[level.suffix] if k else np.full(len(level), 1.0 / (len(level) - 1))
        probabilities = (count - discount) / np.maximum(total, 1e-300)[level.prefix] + weight[level.prefix] * lower
        if k:
            # A context that nothing followed leaves all to the shorter one.
            backoff = np.log(np.where(total > 0, weight, 1.0))
            levels[-1] = replace(levels[-1], backoff=backoff)
        else:
            probabilities[_START] = 0.0
        with np.errstate(divide="ignore"):
            log_prob = np.maximum(np.log(probabilities), NEVER)
        levels.append(Level(level.prefix, level.word, log_prob, np.zeros(len(level))))
    return Backoff(counts.words, tuple(levels))


def adjusted(counts: Counts) -> list[NDArray[np.float64]]:
    """For each level the counts that Kneser-Ney works with, as float64."""
    result = [level.count.astype(np.float64) for level in counts.levels]
    for k in range(len(counts.levels) - 1):
        level, above = counts.levels[k], counts.levels[k + 1]
        result[k] = np.where(level.starts, result[k], np.bincount(above.suffix, minlength=len(level)))
    result[0][[_UNKNOWN, _START]] = 0.0  # counts never predict these
    return result


def discounts(count: NDArray[np.float64]) -> tuple[float, float, float]:
    """What is taken off a count of 1, of 2, and of more, from how many n-grams have the counts 1 to 4."""
    n1, n2, n3, n4 = (int(np.count_nonzero(count == i)) for i in range(1, 5))
    if not (n1 and n2 and n3 and n4):
        return _FALLBACK
    y = n1 / (n1 + 2 * n2)
    result = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return result if all(0 < d <= i for i, d in enumerate(result, 1)) else _FALLBACK
