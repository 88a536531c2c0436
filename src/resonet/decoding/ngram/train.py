"""From text to a model: counting, choosing the vocabulary, smoothing, pruning to a size."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from resonet.decoding.ngram.backoff import MAX_ORDER, SPECIAL, Backoff
from resonet.decoding.ngram.compact import MOST_WORDS, compress, to_bytes
from resonet.decoding.ngram.count import Corpus, Counts
from resonet.decoding.ngram.kneser_ney import estimate
from resonet.decoding.ngram.prune import (
    closed,
    divergences,
    history_shares,
    keep_above,
    keep_counted,
    threshold_for,
)
from resonet.decoding.ngram.text import Source, sentences
from resonet.errors import DataError, UsageError

# A model made to a size fills it to this share; so many models are made at most to get there.
_FULL = 0.985
_TRIES = 6


def train(
    texts: Sequence[Source],
    *,
    order: int = 3,
    vocabulary: int | Collection[str] | None = MOST_WORDS - len(SPECIAL),
    keep: Collection[str] = (),
    cutoffs: Sequence[int] = (0,),
    threshold: float = 0.0,
    size: int | None = None,
    language: str = "en",
    progress: Callable[[int], object] | None = None,
) -> Backoff:
    """Trains an interpolated modified Kneser-Ney model.

    Args:
        texts: the files, with their weights.
        order: the longest n-gram, 1 to 5.
        vocabulary: the words, or how many of the most frequent ones (None: all).
        keep: with a number: words to take first, as far as they occur in the text.
        cutoffs: for each length, n-grams seen that often or less are left out (the last holds for longer ones too).
        threshold: n-grams that matter less (relative entropy, Stolcke 1998) are left out; 1e-8 is mild.
        size: the most bytes that the compact form may take; the threshold is raised until it fits.
        language: of the text, for its normal form.
        progress: told of words as they are read.

    Raises:
        DataError: a text cannot be read, or is empty.
        UsageError: settings out of range, or a size that not even the single words fit in.
    """
    check(order, cutoffs, threshold)
    corpus = Corpus()
    for source in texts:
        corpus.add(sentences(source.path, language), source.weight, progress)
    if not corpus.n_words:
        raise DataError(f"There are no words in {', '.join(str(source.path) for source in texts)}")
    if vocabulary is None or isinstance(vocabulary, int):
        vocabulary = corpus.vocabulary(vocabulary, keep)
    else:
        vocabulary = list(dict.fromkeys(word for word in vocabulary if word not in SPECIAL))
    counts = corpus.counts(vocabulary, order)
    del corpus
    return smooth(counts, cutoffs, threshold, size)


def check(order: int, cutoffs: Sequence[int], threshold: float) -> None:
    """Raises UsageError for settings out of range."""
    if not 1 <= order <= MAX_ORDER:
        raise UsageError(f"The order is {order}", f"orders 1 to {MAX_ORDER} can be trained")
    if not cutoffs or min(cutoffs) < 0 or list(cutoffs) != sorted(cutoffs):
        raise UsageError(f"The cut-offs are {', '.join(map(str, cutoffs))}", "give numbers from 0 that do not fall, such as 0,1,1")
    if not 0 <= threshold < 1:
        raise UsageError(f"The pruning threshold is {threshold:g}", "thresholds lie between 0 and 1; 1e-8 is mild")


def smooth(counts: Counts, cutoffs: Sequence[int] = (0,), threshold: float = 0.0, size: int | None = None) -> Backoff:
    """The model of these counts, pruned (arguments as in `train`)."""
    if not any(cutoffs) and not threshold and size is None:
        return estimate(counts)
    masks = keep_counted(counts, cutoffs)
    if not threshold and size is None:
        return estimate(counts, masks)
    whole = estimate(counts)
    divergence = [part * mask for part, mask in zip(divergences(whole, history_shares(counts)), masks, strict=True)]

    def at(limit: float) -> Backoff:
        chosen = keep_above(whole, divergence, limit)
        return estimate(counts, closed(whole, [a & b for a, b in zip(chosen, masks, strict=True)]))

    if size is None:
        return at(threshold)
    model, limit = whole, threshold
    rate = 1.0
    for _ in range(_TRIES):
        least = max(threshold, threshold_for(whole, divergence, lambda n: rate * _bytes(n) <= size))
        model, limit = at(least), least
        packed = len(to_bytes(compress(model)))
        if packed <= size and (packed >= _FULL * size or limit == threshold):
            return model
        # The guess was for n-grams of usual entropy: measure, and aim a little below the size.
        rate = packed / _bytes(model.counts) / (1 - (1 - _FULL) / 3)
    if packed <= size:
        return model
    raise UsageError(
        f"A model of {len(counts.words):,} words takes {packed:,} bytes even without longer n-grams, not {size:,}",
        "give more room, or a smaller vocabulary",
    )


def _bytes(counts: Sequence[int]) -> float:
    """A first guess of the compact size from the number of n-grams of each length."""
    return 9.0 * counts[0] + 5.0 * sum(counts[1:-1]) + 3.0 * counts[-1]
