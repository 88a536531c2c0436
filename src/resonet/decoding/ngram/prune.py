"""Making a model smaller: which n-grams to keep, by relative entropy (Stolcke 1998, arXiv cs/0006025) or by counts.

An n-gram's divergence says how far the whole model would move (relative entropy, weighted by how often its context
occurs) if backing off had to speak for it. Kneser-Ney's lower orders are no estimate of how often a context occurs,
and pruning by them is known to go wrong; with counts at hand the counts are used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from resonet.decoding.ngram.backoff import Backoff
from resonet.decoding.ngram.count import Counts

_START, _END = 1, 2


def divergences(model: Backoff, histories: Sequence[NDArray[np.float64]] | None = None) -> list[NDArray[np.float64]]:
    """How much each n-gram of each level matters; infinite for unigrams.

    Args:
        model: the model to prune.
        histories: for each level but the highest, the probability of meeting each n-gram as a context; None takes it
            from the model itself.
    """
    histories = histories or _chain(model)
    result = [np.full(len(model.words), np.inf)]
    for k in range(1, model.order):
        level, below = model.levels[k], model.levels[k - 1]
        log_p, log_lower = level.log_prob, below.log_prob[model.suffixes[k]]
        p, lower = np.exp(log_p), np.exp(log_lower)
        left = np.maximum(1.0 - np.bincount(level.prefix, p, len(below)), 1e-12)[level.prefix]
        left_lower = np.maximum(1.0 - np.bincount(level.prefix, lower, len(below)), 1e-12)[level.prefix]
        shift = np.log((left + p) / (left_lower + lower)) - np.log(left / left_lower)
        moved = p * (log_lower + np.log((left + p) / (left_lower + lower)) - log_p) + shift * left
        result.append(-histories[k - 1][level.prefix] * moved)
    return result


def _chain(model: Backoff) -> list[NDArray[np.float64]]:
    history = np.exp(model.levels[0].log_prob)
    history[_START] = history[_END]  # sentences start as often as they end
    result = [history]
    for level in model.levels[1:-1]:
        result.append(result[-1][level.prefix] * np.exp(level.log_prob))
    return result


def history_shares(counts: Counts) -> list[NDArray[np.float64]]:
    """How often each n-gram was met as a context, relative to all words; from counts."""
    total = float(counts.levels[0].count.sum() - counts.levels[0].count[_START])
    return [level.count / total for level in counts.levels[:-1]]


def keep_above(model: Backoff, divergence: Sequence[NDArray[np.float64]], threshold: float) -> list[NDArray[np.bool_]]:
    """Masks of the n-grams that matter at least `threshold`, and of the prefixes and suffixes of those."""
    return closed(model, [part >= threshold for part in divergence])


def keep_counted(counts: Counts, cutoffs: Sequence[int]) -> list[NDArray[np.bool_]]:
    """Masks of the n-grams seen more than `cutoffs[k]` times (the last cut-off holds for longer ones too).

    Prefixes and suffixes are seen at least as often as the n-gram, so cut-offs that do not fall keep them.
    """
    masks = [level.count > cutoffs[min(k, len(cutoffs) - 1)] for k, level in enumerate(counts.levels)]
    masks[0][:] = True
    return masks


def closed(model: Backoff, masks: Sequence[NDArray[np.bool_]]) -> list[NDArray[np.bool_]]:
    """The masks, with the prefixes and suffixes of all that they keep."""
    result = [mask.copy() for mask in masks]
    result[0][:] = True
    for k in range(model.order - 1, 0, -1):
        result[k - 1][model.levels[k].prefix[result[k]]] = True
        result[k - 1][model.suffixes[k][result[k]]] = True
    return result


def threshold_for(
    model: Backoff, divergence: Sequence[NDArray[np.float64]], fits: Callable[[Sequence[int]], bool]
) -> float:
    """The lowest threshold that leaves a model of which `fits(n-grams of each length)` is true; by bisection.

    `fits` is true for anything smaller than what it is true for. 0 where the whole model fits.
    """
    if fits(model.counts):
        return 0.0
    every = np.concatenate([part for part in divergence[1:]])
    low, high = np.log(max(float(every.min()), 1e-30)), np.log(float(every.max()) * 2)
    for _ in range(40):
        middle = (low + high) / 2
        masks = keep_above(model, divergence, float(np.exp(middle)))
        if fits([int(mask.sum()) for mask in masks]):
            high = middle
        else:
            low = middle
    return float(np.exp(high))
