"""Words given by examples: stretches of running sound whose embedding lies near that of the examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from resonet.decoding.pool import pool
from resonet.runtime.embedder import Embedder

# Seconds between two ends of stretches that are looked at, and their lengths beside that of the examples.
_HOP = 0.08
_LENGTHS = (0.8, 1.0, 1.25)
# How much nearer to the word than to other speech a stretch lies that is the word at even odds, and how steeply the
# probability rises around that; for bundles without embeddings of other speech, the cosine to the word instead. With
# three examples of each of nine wake words of a development set, an embedder of 0.45 million weights and 0.7 hours of
# audiobooks, a difference of 0.24 was reached by nine tenths of the words, and by other speech about once an hour.
_MIDDLE, _ALONE, _SLOPE = 0.24, 0.6, 20.0
# So far below the middle the probability is 0.05, less than any threshold that makes sense.
_UNLIKELY = 3 / _SLOPE


class Examples:
    """Words to listen for with an embedder.

    Args:
        words: their names.
        embeddings: of each, [examples, size].
        seconds: how long each lasts.
    """

    def __init__(
        self,
        embedder: Embedder,
        words: Sequence[str],
        embeddings: Sequence[NDArray[np.float32]],
        seconds: Sequence[float],
    ) -> None:
        self.embedder, self.words = embedder, tuple(words)
        # What the examples of a word have in common, word by word, then all examples themselves.
        self.near = np.concatenate(
            [np.stack([embedder.prototype(e) for e in embeddings]), *map(embedder.centred, embeddings)]
        )
        self.first = np.cumsum([0, *map(len, embeddings)])[:-1]
        shift = embedder.network.shift
        own = [{max(1, round(share * s / shift)) for share in _LENGTHS} for s in seconds]
        self.lengths = np.array(sorted(set().union(*own)))
        # Which length is looked at for which word: [lengths, words].
        self.fits = np.array([[length in wanted for wanted in own] for length in self.lengths])
        self.hop = max(1, round(_HOP / shift))

    def cosines(self, stretches: NDArray[np.float32]) -> NDArray[np.float32]:
        """How near centred stretches [n, size] lie to each word, [n, words].

        The mean of the cosine to what the examples have in common and of that to the nearest example: one is surer
        where voices are alike, the other where they differ.
        """
        cosines = stretches @ self.near.T
        nearest = np.maximum.reduceat(cosines[:, len(self.words) :], self.first, axis=1)
        return (cosines[:, : len(self.words)] + nearest) / 2

    def listener(self) -> ExampleListener:
        """The words in one stream."""
        return ExampleListener(self)


class ExampleListener:
    """How likely each word has just ended: the nearest of the stretches that end now, at every hop."""

    def __init__(self, examples: Examples) -> None:
        self._examples = examples
        network = examples.embedder.network
        self._stream = network.stream()
        self.words, self.shift = examples.words, examples.hop * network.shift
        self.delay = network.delay * network.shift
        self._held = np.empty((0, network.columns), np.float32)
        self._first = 0  # frame of the stream that is the first held
        self._rows_done = 0

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._rows(self._stream.push(samples))

    def finish(self) -> NDArray[np.float32]:
        return self._rows(self._stream.finish())

    def _rows(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        hop, longest = self._examples.hop, int(self._examples.lengths[-1])
        self._held = np.concatenate([self._held, frames])
        rows = (self._first + len(self._held)) // hop
        ends = np.arange(self._rows_done + 1, rows + 1) * hop
        self._rows_done = rows
        found = self._probabilities(ends - self._first) if len(ends) else np.empty((0, len(self.words)), np.float32)
        drop = max(0, len(self._held) - longest - hop)
        self._held, self._first = self._held[drop:], self._first + drop
        return found

    def _probabilities(self, ends: NDArray[np.integer]) -> NDArray[np.float32]:
        """Rows [ends, words]; `ends` in frames held."""
        examples, embedder = self._examples, self._examples.embedder
        starts = ends[:, None] - examples.lengths
        stretches = pool(self._held, starts.ravel(), np.repeat(ends, len(examples.lengths)), embedder.parts)
        stretches = embedder.centred(stretches)
        cosines = examples.cosines(stretches).reshape(*starts.shape, -1)
        cosines[starts + self._first < 0] = -1
        cosines = np.where(examples.fits, cosines, np.float32(-1))
        place = cosines.argmax(1)  # the nearest length, [ends, words]
        nearest = np.take_along_axis(cosines, place[:, None], 1)[:, 0]
        middle = _MIDDLE if embedder.knows_others else _ALONE
        near = nearest - np.float32(embedder.least_likeness) > middle - _UNLIKELY
        if embedder.knows_others and near.any():
            row, word = np.nonzero(near)
            chosen = row * len(examples.lengths) + place[row, word]
            different, back = np.unique(chosen, return_inverse=True)
            nearest[row, word] -= embedder.likeness(stretches[different])[back]
        exponent = np.clip(_SLOPE * (nearest - middle), -50, 50)
        return np.where(near, 1 / (1 + np.exp(-exponent)), 0).astype(np.float32)
