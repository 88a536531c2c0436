"""A second look at what a classifier takes for a word: its embedder must find it like the word, too.

A classifier of a few words learns from few speakers, an embedder from all words of hours of speech. What either takes
for a word by mistake is seldom the same. So where the classifier's probability is not small, the stretch that has just
ended is compared with what the clips of the word had in common, and both together make the probability: a logistic
regression, fitted on words in running speech that neither network has learnt from. Second stages that check the first
one's alarms are usual in wake words (as Gruenstein et al. 2017, arXiv 1712.03603); here it costs no second network, for
the embedder is in the bundle to enrol words by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle
from resonet.decoding.pool import pool
from resonet.errors import BundleError
from resonet.runtime.embedder import Embedder, vectors
from resonet.runtime.events import Listener

MEMBER = "prototypes.npy"
# Probabilities below this are not looked at, and become 0: hours of speech have hardly any others.
LOW = 0.1
# Seconds by which a word may have ended before the classifier is sure of it, beyond what the embedder looks ahead: then
# looking costs no more delay.
_ENDED = (0.0, 0.08, 0.16, 0.24)
# Quantiles of a word's clips: the lengths of stretches that are looked at.
_LENGTHS = (0.2, 0.4, 0.6, 0.8)
_NEVER = 1e-6


def odds(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log odds of probabilities, none of them infinite."""
    bounded = np.clip(probability, _NEVER, 1 - _NEVER)
    return np.log(bounded / (1 - bounded))


class SecondLook:
    """What the embedder knows of a classifier's words; shared by all streams.

    Args:
        words: of the classifier.
        prototypes: what the clips of each have in common, float [words, size], not centred.
        lengths: seconds of the stretches that are looked at, [words, n].
        weights: of the log odds by the classifier, of the `features`, and a constant.
    """

    def __init__(
        self,
        embedder: Embedder,
        words: Sequence[str],
        prototypes: NDArray[np.floating],
        lengths: NDArray[np.floating],
        weights: Sequence[float],
    ) -> None:
        self.embedder, self.words = embedder, tuple(words)
        self._near = embedder.centred(prototypes.astype(np.float32))
        self._lengths = np.asarray(lengths, np.float64)
        self.weights = np.asarray(weights, np.float64)
        self._ended = embedder.network.delay * embedder.network.shift + np.array(_ENDED)
        self.seconds = float(self._lengths.max(initial=0.0) + self._ended[-1])

    @classmethod
    def of(cls, bundle: Bundle, words: Sequence[str], threads: int = 1) -> SecondLook | None:
        """That of a classifier bundle with these words; None where it has none.

        Raises:
            BundleError: it does not fit the bundle's words.
        """
        form = bundle.manifest.classifier.second_look
        if form is None:
            return None
        embedder = Embedder.of(bundle, threads)
        prototypes = vectors(bundle, MEMBER, embedder.size)
        if len(prototypes) != len(words) or form.lengths.keys() != set(words):
            raise BundleError(f"{bundle.path}: {MEMBER} is of other words than the bundle has")
        widest = max(map(len, form.lengths.values()))
        # Words with fewer lengths have their last one more than once.
        lengths = [
            [*form.lengths[word], *[form.lengths[word][-1]] * (widest - len(form.lengths[word]))] for word in words
        ]
        return cls(embedder, words, prototypes, np.array(lengths), form.weights)

    @staticmethod
    def of_clips(
        embedder: Embedder, words: Mapping[str, Sequence[tuple[NDArray[np.float32], float, float]]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Prototypes [words, size] and lengths [words, n] from clips of each word: samples, and from when to when, in
        seconds, the word is said in them."""
        prototypes, lengths = [], []
        for clips in words.values():
            prototypes.append(np.mean([embedder.embed(*clip) for clip in clips], 0))
            lengths.append(np.quantile([end - start for _, start, end in clips], _LENGTHS))
        return np.array(prototypes, np.float32), np.array(lengths, np.float32)

    def features(self, frames: NDArray[np.float32], times: NDArray[np.float64], word: int) -> NDArray[np.float32]:
        """How like a word the stretches are that end about some times, [times, 2]: the cosine of the nearest one to it,
        and of that one to the other word that it is most like.

        Args:
            frames: of the embedder, [n, dims + 1]. times: seconds from the first of them.
            word: its place in `words`.
        """
        shift = self.embedder.network.shift
        own = np.array([(length, ended) for length in self._lengths[word] for ended in self._ended])
        ends = (times[:, None] - own[:, 1]) / shift
        starts = ends - own[:, 0] / shift
        stretches = self.embedder.centred(pool(frames, starts.ravel(), ends.ravel(), self.embedder.parts))
        cosines = (stretches @ self._near.T).reshape(len(times), len(own), -1)
        best = cosines[np.arange(len(times)), cosines[:, :, word].argmax(1)]
        others = np.delete(best, word, 1)
        return np.stack([best[:, word], others.max(1, initial=-1.0)], 1).astype(np.float32)

    def judged(self, probabilities: NDArray[np.float32], features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities [n] by both networks."""
        told = np.concatenate([odds(probabilities)[:, None], features, np.ones((len(features), 1))], 1) @ self.weights
        return (1 / (1 + np.exp(-np.clip(told, -50, 50)))).astype(np.float32)

    def listener(self, first: Listener) -> SecondListener:
        """The words in one stream, which `first` hears, too."""
        return SecondListener(self, first)


class SecondListener:
    """The rows of a classifier's listener, looked at again where they are not small."""

    def __init__(self, look: SecondLook, first: Listener) -> None:
        self._look, self._first = look, first
        self.words, self.shift, self.delay = first.words, first.shift, getattr(first, "delay", 0.0)
        network = look.embedder.network
        self._stream, self._frame = network.stream(), network.shift
        self._held = np.empty((0, network.columns), np.float32)
        self._begins = 0  # frame of the stream that is the first held
        self._rows_done = 0

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._again(self._first.push(samples), self._stream.push(samples))

    def finish(self) -> NDArray[np.float32]:
        return self._again(self._first.finish(), self._stream.finish())

    def _again(self, rows: NDArray[np.float32], frames: NDArray[np.float32]) -> NDArray[np.float32]:
        self._held = np.concatenate([self._held, frames])
        found = np.zeros_like(rows)
        times = (self._rows_done + 1 + np.arange(len(rows))) * self.shift + self.delay
        self._rows_done += len(rows)
        for word in range(len(self.words)):
            for place in np.flatnonzero(rows[:, word] >= LOW).tolist():
                # One at a time, from the same frames however the sound comes: running sums round by what they hold.
                found[place, word] = self._at(float(times[place]), word, rows[place, word])
        drop = max(0, len(self._held) - round((self._look.seconds + 1.0) / self._frame))
        self._held, self._begins = self._held[drop:], self._begins + drop
        return found

    def _at(self, time: float, word: int, probability: np.float32) -> np.float32:
        last = int(time / self._frame) + 1 - self._begins
        first = max(0, int((time - self._look.seconds) / self._frame) - 1 - self._begins)
        times = np.array([time - (first + self._begins) * self._frame])
        features = self._look.features(self._held[first:last], times, word)
        return self._look.judged(np.array([probability]), features)[0]
