"""From text to a model: counting, choosing the vocabulary, smoothing, pruning to a size."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from resonet.decoding.ngram.backoff import MAX_ORDER, SPECIAL, Backoff, normalised, select
from resonet.decoding.ngram.compact import MOST_WORDS
from resonet.decoding.ngram.count import Corpus, Counts
from resonet.decoding.ngram.kneser_ney import estimate
from resonet.decoding.ngram.pruning import counted, history_shares, prune
from resonet.decoding.ngram.text import Source, sentences
from resonet.errors import DataError, UsageError


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
        listed = ", ".join(map(str, cutoffs))
        raise UsageError(f"The cut-offs are {listed}", "give numbers from 0 that do not fall, such as 0,1,1")
    if not 0 <= threshold < 1:
        raise UsageError(f"The pruning threshold is {threshold:g}", "thresholds lie between 0 and 1; 1e-8 is mild")


def smooth(counts: Counts, cutoffs: Sequence[int] = (0,), threshold: float = 0.0, size: int | None = None) -> Backoff:
    """The model of these counts, pruned (arguments as in `train`)."""
    model = estimate(counts)
    if any(cutoffs):
        # Nothing that cut-offs leave out comes back for a threshold; and it need not be looked at.
        kept = counted(counts, cutoffs)
        shares = [share[mask] for share, mask in zip(history_shares(counts), kept, strict=False)]
        model = normalised(select(model, kept))
    else:
        shares = history_shares(counts)
    return prune(model, threshold, size, shares)
