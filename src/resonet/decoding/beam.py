"""Lexicon beam search: from the acoustic scores of many utterances to words with times (search.py does the search)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from resonet.decoding.align import align_batch, spans
from resonet.decoding.hypothesis import DecodedWord, Hypothesis
from resonet.decoding.search import BeamOptions, Found, Knowledge, LanguageModel, Search
from resonet.decoding.trie import Trie
from resonet.errors import DataError
from resonet.text.lexicon import Lexicon
from resonet.text.units import Units

# What `log_prior` counts for a unit that no transcript has.
_UNSEEN = 1
# Utterances searched at once, 256 at most: enough to hide the cost of a NumPy call, few enough to stay in the cache.
_BATCH = 64
_UNKNOWN = 0
# Log probabilities of units and words that a model holds for impossible are cut off here, to keep scores finite.
_FLOOR = -100.0


def log_prior(counts: Sequence[int]) -> NDArray[np.float32]:
    """Log prior of each unit from how often the training transcripts have it; float32 [units], 0 for the blank (first).

    CTC says blank where it doubts, and common units rather than rare ones: taking a share of this off the scores of the
    units (`BeamOptions.prior_weight`) mends both.
    """
    seen = np.maximum(np.asarray(counts, np.float64), _UNSEEN)
    seen[0] = seen[1:].sum()
    return np.log(seen / seen[0]).astype(np.float32)


class LexiconBeam:
    """The search over one lexicon and one language model; safe to share between threads.

    Args:
        units: the units of the acoustic model.
        lexicon: the words it may find, in those units (`Lexicon.spelled` for characters and bpe).
        lm: a word n-gram, or None; words it lacks count as `<unk>`.
        prior: float32 [units], what `log_prior` gives, for `options.prior_weight`; None: nothing is taken off.

    Raises:
        DataError: the lexicon is empty or uses symbols that the units lack.
    """

    def __init__(
        self,
        units: Units,
        lexicon: Lexicon,
        lm: LanguageModel | None = None,
        options: BeamOptions | None = None,
        prior: NDArray[np.float32] | None = None,
    ) -> None:
        self.units = units
        self.options = options or BeamOptions()
        self._prior = prior
        trie = Trie.build(lexicon, units)
        self._ahead = np.zeros(len(trie.parent))
        lm_ids = np.zeros(len(trie.words), np.int32)
        if lm is not None:
            ids = {word: i for i, word in enumerate(lm.words)}
            lm_ids = np.array([ids.get(word, _UNKNOWN) for word in trie.words], np.int32)
            self._ahead = trie.best_below(np.maximum(lm.unigrams[lm_ids], np.float32(_FLOOR)))
            self._ahead[[0, trie.start]] = 0.0  # where no word has begun, nothing is due yet
        self._knowledge = self._weigh(trie, lm, lm_ids)

    def _weigh(self, trie: Trie, lm: LanguageModel | None, lm_ids: NDArray[np.int32]) -> Knowledge:
        ahead = self.options.lm_weight * self._ahead
        return Knowledge(trie, lm, lm_ids, ahead, np.exp(ahead - ahead[trie.parent]), self.options)

    def with_options(self, options: BeamOptions) -> LexiconBeam:
        """The same search with other settings, at little cost (for tuning): the tree is shared."""
        other = object.__new__(LexiconBeam)
        other.__dict__.update(self.__dict__)
        other.options = options
        other._knowledge = other._weigh(self._knowledge.trie, self._knowledge.lm, self._knowledge.lm_ids)
        return other

    def decode(self, log_probs: Sequence[NDArray[np.float32]]) -> list[Hypothesis]:
        """The best hypothesis of each utterance (float32 [frames, units], natural log), in the order given.

        Raises:
            DataError: scores of the wrong shape, or that are not numbers.
        """
        for i, utterance in enumerate(log_probs):
            if utterance.ndim != 2 or utterance.shape[1] != len(self.units):
                raise DataError(
                    f"Utterance {i + 1} has scores of shape {utterance.shape}, not [frames, {len(self.units)}]"
                )
            if not np.isfinite(utterance.max(axis=1)).all():
                raise DataError(f"The acoustic scores of utterance {i + 1} are not numbers")
        # Utterances of like length share a batch: few rows idle.
        order = sorted(range(len(log_probs)), key=lambda i: -len(log_probs[i]))
        result: list[Hypothesis] = [Hypothesis((), 0.0)] * len(order)
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            scores = [log_probs[i] for i in batch]
            found = Search(self._knowledge, scores, self._prior).run()
            for i, hypothesis in zip(batch, self._with_times(scores, found), strict=True):
                result[i] = hypothesis
        return result

    def _with_times(self, log_probs: list[NDArray[np.float32]], found: list[Found]) -> list[Hypothesis]:
        """Aligns the words found with the frames: their times, and how well each fits."""
        trie = self._knowledge.trie
        said = [[trie.spelling(i) for i in path.pronunciations] for path in found]
        gap = np.array([] if trie.separator is None else [trie.separator], np.int64)
        # A separator before every word but the first.
        ids = [
            np.concatenate([gap, *(part for units in words for part in (gap, units))])[2 * len(gap) :] for words in said
        ]
        paths = align_batch(log_probs, ids)
        result = []
        for scores, path, units, labels, place in zip(log_probs, found, said, ids, paths, strict=True):
            words = []
            if path.pronunciations:
                frames = spans(place, len(labels))
                chosen = scores[np.arange(len(scores)), np.where(place < 0, 0, labels[place])]
                loss = np.maximum(chosen, np.float32(_FLOOR)) - scores.max(axis=1)
                total = np.concatenate(([0.0], np.cumsum(loss, dtype=np.float64)))
                at = 0
                for pronunciation, sounds, lm in zip(path.pronunciations, units, path.lm, strict=True):
                    start, end = int(frames[at, 0]), int(frames[at + len(sounds) - 1, 1])
                    score = float(total[end] - total[start]) / (end - start)
                    words.append(DecodedWord(trie.words[trie.word[pronunciation]], start, end, min(score, 0.0), lm))
                    at += len(sounds) + len(gap)
            result.append(Hypothesis(tuple(words), path.score))
        return result
