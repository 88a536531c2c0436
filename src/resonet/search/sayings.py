"""How the words of a query are said, in the units of the recognizer that made an index.

Of the recognizer's bundle only its lexicon and its reader of unknown words are opened, each when it is first needed: a
search is over before the network would have been read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import islice, product
from pathlib import Path
from typing import Any

from resonet.bundle import Bundle
from resonet.errors import BundleError, DataError
from resonet.search.bundles import bundle_of
from resonet.text.g2p import GraphemeToPhone
from resonet.text.lexicon import Lexicon
from resonet.text.units import Units

# Ways to say a phrase: every word's pronunciations with every other's, the first ones first.
_MOST_WAYS = 16
# Readings of a word that no lexicon holds: so many, each at least so likely beside the best one.
_READINGS, _LEAST_LIKELY = 3, 0.3
_LONGEST_READ = 40  # letters of such a word


class Sayings:
    """Words to units; made by `Sayings.of`.

    Args:
        bundle: the recognizer; closed by `close`.
    """

    def __init__(self, bundle: Bundle) -> None:
        assert bundle.manifest.units is not None  # of a recognizer, which the manifest was checked for
        self._bundle = bundle
        self._units = Units(bundle.manifest.units.type, bundle.manifest.units.symbols)
        self._read: dict[str, list[tuple[str, ...]]] = {}

    @classmethod
    def of(cls, meta: Mapping[str, Any], named: str | Path | None = None) -> Sayings:
        """From the recognizer that an index was made with, by what the index says of it.

        Args:
            named: where that recognizer is, if not installed.

        Raises:
            BundleError: it is not there, damaged, or has other units than the index.
        """
        made = meta["recognizer"]
        # Another edition of the recognizer says words in the same units mostly: then its lexicon will do.
        bundle = Bundle.open(bundle_of(made, "recognizer", named=named)[0], kind="recognizer")
        units = bundle.manifest.units
        if units is None or list(units.symbols) != list(meta["units"]):
            bundle.close()
            raise BundleError(
                f"the index was made with the recognizer {made['name']}, and {bundle.path} has other units",
                f"name the one whose model.onnx has the SHA-256 {made['sha256'][:16]}...",
            )
        return cls(bundle)

    def ways(self, text: str) -> list[tuple[int, ...]]:
        """Ways to say words (as the recognizer writes them, spaces between), as ids of units without blanks.

        None where the units cannot write it, or a word is not known and nothing here reads unknown words.
        """
        if self._units.type != "phones":
            try:
                return [tuple(self._units.encode(text))]
            except DataError:
                return []
        said = [self._lexicon.pronunciations(word) or self._unknown(word) for word in text.split()]
        whole = islice(product(*said), _MOST_WAYS)
        phones = dict.fromkeys(tuple(phone for word in way for phone in word) for way in whole)
        try:
            return [tuple(self._units.encode(list(way))) for way in phones if way]
        except DataError:  # a phone that the recognizer does not hear
            return []

    def close(self) -> None:
        """Closes the bundle."""
        self._bundle.close()

    @cached_property
    def _lexicon(self) -> Lexicon:
        return Lexicon.from_bytes(self._bundle.read("lexicon.bin")) if self._bundle.has("lexicon.bin") else Lexicon(())

    @cached_property
    def _reader(self) -> GraphemeToPhone | None:
        return GraphemeToPhone(self._bundle.read("g2p.onnx")) if self._bundle.has("g2p.onnx") else None

    def _unknown(self, word: str) -> list[tuple[str, ...]]:
        if len(word) > _LONGEST_READ:  # what takes a network a minute to read is no word
            return []
        if word not in self._read:
            reader = self._reader
            self._read[word] = reader.readings(word, _READINGS, _LEAST_LIKELY) if reader is not None else []
        return self._read[word]
