"""Words given by their spelling: a recognizer's phones in running sound, against whatever else was said there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, product

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle
from resonet.errors import BundleError, DataError
from resonet.runtime.acoustic import Acoustic
from resonet.text.g2p import GraphemeToPhone
from resonet.text.lexicon import Lexicon
from resonet.text.normalise import normalise
from resonet.text.units import Units

# Log ratios below this are cut off: one phone that the recognizer missed must not outweigh all that it heard.
_WORST = -10.0
# The mean log ratio a phone that counts as even odds for a word of six phones, how much lower it lies for each phone
# more, and how steeply the probability rises around it. Chosen with en-small on the ten wake words of a development set
# (four fifths were heard) and 0.7 hours of audiobooks (one false alarm an hour and word).
_MIDDLE, _LOWER, _SLOPE = -1.2, -0.1, 4.0
_PHONES = 6
# Seconds that a word may last: so many a phone, and so many in all beside them.
_PER_PHONE, _BESIDE = 0.2, 0.4
# Ways to say a phrase: every word's pronunciations with every other's, the first ones first.
_MOST_WAYS = 16
_IMPOSSIBLE = np.float32(-1e9)


def pronunciations(bundle: Bundle, text: str) -> list[tuple[str, ...]]:
    """How the recognizer `bundle` would write down `text`: units without blanks, one tuple a way to say it.

    Raises:
        DataError: there is nothing to say in it, or a word whose phones are not known.
    """
    manifest = bundle.manifest
    if manifest.units is None:
        raise BundleError(f"{bundle.path} is no recognizer: it has no units")
    units = Units(manifest.units.type, manifest.units.symbols)
    language = manifest.languages[0] if manifest.languages else "und"
    words = normalise(text, language).split()
    if not words:
        raise DataError(f"there is no word in {text!r}", "give letters, as in --text 'lights on'")
    if units.type != "phones":
        try:
            return [tuple(units.symbols[i] for i in units.encode(" ".join(words)))]
        except DataError as error:
            raise DataError(f"{text!r} cannot be spelled with the units of {bundle.name}: {error.message}") from error
    lexicon = Lexicon.from_bytes(bundle.read("lexicon.bin")) if bundle.has("lexicon.bin") else Lexicon(())
    said = {word: lexicon.pronunciations(word) for word in words}
    unknown = [word for word, ways in said.items() if not ways]
    if unknown and bundle.has("g2p.onnx"):
        read = GraphemeToPhone(bundle.read("g2p.onnx")).phones(unknown)
        said |= {word: [phones] for word, phones in zip(unknown, read, strict=True) if phones}
    for word, ways in said.items():
        if not ways:
            raise DataError(
                f"how {word!r} is said is not known to {bundle.name}", "write it as it sounds, or enroll it by examples"
            )
        if missing := {phone for way in ways for phone in way} - set(units.symbols):
            raise DataError(f"{bundle.name} does not hear the phone {min(missing)} of {word!r}")
    whole = islice(product(*(said[word] for word in words)), _MOST_WAYS)
    return list(dict.fromkeys(tuple(phone for word in way for phone in word) for way in whole))


class Keywords:
    """Words to listen for with a recognizer, each as one or more sequences of its units. Shared by all streams.

    Args:
        ways: of each word, its pronunciations as units.
    """

    def __init__(self, acoustic: Acoustic, units: Units, words: Sequence[str], ways: Sequence[Sequence[Sequence[str]]]):
        self.acoustic, self.words = acoustic, tuple(words)
        flat = [(i, units.encode(list(way))) for i, several in enumerate(ways) for way in several]
        self.word = np.array([i for i, _ in flat])
        self.lengths = np.array([len(ids) for _, ids in flat])
        states = 2 * int(self.lengths.max()) - 1
        # States 0, 2, 4.. are phones, 1, 3.. the blanks between them.
        self.symbols = np.zeros((len(flat), states), np.int64)
        for row, (_, ids) in zip(self.symbols, flat, strict=True):
            row[: 2 * len(ids) : 2] = ids
        self.skip = np.full((len(flat), states), _IMPOSSIBLE, np.float32)
        self.skip[:, 2::2] = np.where(self.symbols[:, 2::2] != self.symbols[:, :-2:2], np.float32(0), _IMPOSSIBLE)
        self.ends = 2 * self.lengths - 2
        self.middle = (_MIDDLE + _LOWER * (self.lengths - _PHONES)).astype(np.float32)
        self.longest = np.ceil((_PER_PHONE * self.lengths + _BESIDE) / acoustic.shift).astype(np.int64)[:, None]

    def listener(self) -> KeywordListener:
        """The words in one stream."""
        return KeywordListener(self)


class KeywordListener:
    """How likely each word has just ended: the best path through its phones, against the best of all paths.

    Path scores are sums over frames of the log probability of the path's unit less that of the frame's best unit, which
    is what a free loop of phones would take; their mean over the phones becomes a probability.
    """

    def __init__(self, keywords: Keywords) -> None:
        self._keywords = keywords
        self._stream = keywords.acoustic.stream()
        self.words, self.shift = keywords.words, keywords.acoustic.shift
        self.delay = keywords.acoustic.delay * self.shift
        shape = keywords.symbols.shape
        # Two states in front that are never reached make the moves from one and two states back plain slices.
        self._scores = np.full((shape[0], shape[1] + 2), _IMPOSSIBLE, np.float32)
        self._begun = np.zeros((shape[0], shape[1] + 2), np.int64)
        self._frame = 0

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._rows(self._stream.push(samples))

    def finish(self) -> NDArray[np.float32]:
        return self._rows(self._stream.finish())

    def _rows(self, log_probs: NDArray[np.float32]) -> NDArray[np.float32]:
        keywords = self._keywords
        found = np.zeros((len(log_probs), len(self.words)), np.float32)
        if not len(log_probs):
            return found
        ratios = np.maximum(log_probs - log_probs.max(axis=1, keepdims=True), np.float32(_WORST))
        ends = np.empty((len(ratios), len(keywords.word)), np.float32)
        at = np.arange(len(keywords.word))
        for i, ratio in enumerate(ratios):
            self._step(ratio[keywords.symbols])
            ends[i] = self._scores[at, keywords.ends + 2]
        exponent = np.clip(_SLOPE * (ends / keywords.lengths - keywords.middle), -50, 50)
        np.maximum.at(found.T, keywords.word, (1 / (1 + np.exp(-exponent))).T)
        return found

    def _step(self, emitted: NDArray[np.float32]) -> None:
        """One frame; emitted [ways, states]."""
        scores, begun = self._scores, self._begun
        best, since = scores[:, 2:].copy(), begun[:, 2:].copy()
        for move, start in (
            (scores[:, 1:-1], begun[:, 1:-1]),
            (scores[:, :-2] + self._keywords.skip, begun[:, :-2]),
        ):
            better = move > best
            np.copyto(best, move, where=better)
            np.copyto(since, start, where=better)
        best[:, 0], since[:, 0] = 0.0, self._frame  # a word may begin at any frame
        best += emitted
        best[self._frame - since >= self._keywords.longest] = _IMPOSSIBLE
        scores[:, 2:], begun[:, 2:] = best, since
        self._frame += 1
