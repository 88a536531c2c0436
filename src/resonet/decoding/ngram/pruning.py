"""Making a model smaller: which n-grams to keep, by relative entropy (Stolcke 1998, arXiv cs/0006025) or by counts.

An n-gram's divergence says how far the whole model would move (relative entropy, weighted by how often its context
occurs) if backing off had to speak for it. Kneser-Ney's lower orders are no estimate of how often a context occurs,
so with counts at hand the counts say that. Measured on 12 million words of books: leaving out the trigrams seen once
costs 0.5 % in perplexity at a third of the size, better than entropy alone does; beyond that entropy goes on well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from resonet.decoding.ngram.backoff import Backoff, normalised, select
from resonet.decoding.ngram.compact import compress, to_bytes
from resonet.decoding.ngram.count import Counts
from resonet.errors import UsageError

_START, _END = 1, 2
# A model made to a size fills it to this share; so many models are made at most to get there.
_FULL = 0.985
_TRIES = 6


def prune(
    model: Backoff,
    threshold: float = 0.0,
    size: int | None = None,
    histories: Sequence[NDArray[np.float64]] | None = None,
) -> Backoff:
    """Makes a model smaller by relative entropy, to a threshold, a size in bytes of the compact form, or both.

    Args:
        histories: how often each n-gram is met as a context (`divergences`).

    Raises:
        UsageError: not even the single words fit in the size.
    """
    if not threshold and size is None:
        return model
    matters = divergences(model, histories)
    if size is None:
        return pruned(model, matters, threshold)
    best: Backoff | None = None
    rate = 1.0
    for attempt in count(1):
        fits = _Fits(rate, size)
        limit = max(threshold, threshold_for(model, matters, fits))
        smaller = pruned(model, matters, limit) if limit else model
        packed = len(to_bytes(compress(smaller)))
        if packed <= size:
            if packed >= _FULL * size or limit == threshold:
                return smaller
            best = smaller if best is None or sum(smaller.counts) > sum(best.counts) else best
        elif not any(smaller.counts[1:]):
            raise UsageError(
                f"The {len(model.words):,} single words take {packed:,} bytes alone, not {size:,}",
                "give more room, or a smaller vocabulary",
            )
        if best is not None and attempt >= _TRIES:
            return best
        # The guess was for n-grams of usual entropy: measure, and aim a little below the size, each time a little more.
        rate = packed / _bytes(smaller.counts) / (1 - min(0.5, (1 - _FULL) * attempt / 3))
    raise AssertionError("unreachable")


@dataclass(frozen=True)
class _Fits:
    """Whether a model would fit in a size, at `rate` times the bytes of a usual one."""

    rate: float
    size: int

    def __call__(self, counts: Sequence[int]) -> bool:
        return self.rate * _bytes(counts) <= self.size


def _bytes(counts: Sequence[int]) -> float:
    """A first guess of the compact size from the number of n-grams of each length."""
    return 9.0 * counts[0] + 5.0 * sum(counts[1:-1]) + 3.0 * counts[-1]


def counted(counts: Counts, cutoffs: Sequence[int]) -> list[NDArray[np.bool_]]:
    """Masks of the n-grams seen more than `cutoffs[k]` times (the last cut-off holds for longer ones too); all words.

    Prefixes and suffixes are seen at least as often as the n-gram, so cut-offs that do not fall keep them.
    """
    masks = [level.count > cutoffs[min(k, len(cutoffs) - 1)] for k, level in enumerate(counts.levels)]
    masks[0][:] = True
    return masks


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


def closed(model: Backoff, masks: Sequence[NDArray[np.bool_]]) -> list[NDArray[np.bool_]]:
    """The masks, with the prefixes and suffixes of all that they keep."""
    result = [mask.copy() for mask in masks]
    result[0][:] = True
    for k in range(model.order - 1, 0, -1):
        result[k - 1][model.levels[k].prefix[result[k]]] = True
        result[k - 1][model.suffixes[k][result[k]]] = True
    return result


def pruned(model: Backoff, matters: Sequence[NDArray[np.float64]], threshold: float) -> Backoff:
    """The model without the n-grams that matter less than `threshold`, every context again summing to one."""
    return normalised(select(model, closed(model, [part >= threshold for part in matters])))


def threshold_for(
    model: Backoff, matters: Sequence[NDArray[np.float64]], fits: Callable[[Sequence[int]], bool]
) -> float:
    """The lowest threshold that leaves a model of which `fits(n-grams of each length)` is true; by bisection.

    `fits` is true for anything smaller than what it is true for. 0 where the whole model fits.
    """
    if fits(model.counts):
        return 0.0
    every = np.concatenate(matters[1:])
    low, high = np.log(1e-30), np.log(float(every.max(initial=1e-30)) * 2)
    while high - low > 1e-3:
        middle = (low + high) / 2
        masks = closed(model, [part >= np.exp(middle) for part in matters])
        if fits([int(mask.sum()) for mask in masks]):
            high = middle
        else:
            low = middle
    return float(np.exp(high))
