"""Words of a query listened for: how they are said (sayings.py), and where that may have been heard (keywords.py)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from resonet.errors import BundleError
from resonet.search.filters import Fields
from resonet.search.keywords import Heard, InText, Keywords
from resonet.search.sayings import Sayings
from resonet.search.store import Store
from resonet.search.tree import Words

# Answers that are kept, for who turns pages.
_KEPT = 64


class Listening:
    """Listens for words in an index; one thread's, as its store is.

    Args:
        named: the recognizer that the index was made with, where it is not installed.

    Attributes:
        note: why it cannot listen, and the recognized text alone speaks; else empty.
    """

    def __init__(self, store: Store, named: str | Path | None = None) -> None:
        self._keywords = Keywords(store)
        self._kept: dict[tuple[Words, Fields | None], dict[int, list[Heard]]] = {}
        self._sayings: Sayings | None = None
        self.note = ""
        try:
            self._sayings = Sayings.of(store.meta, named)
        except BundleError as error:
            if named is not None:
                raise
            self.note = f"{error.message}: only what was recognized is searched, not what it may have been"

    def forget(self) -> None:
        """Forgets what was found, for the index has changed."""
        self._kept = {}

    def close(self) -> None:
        """Closes the bundle."""
        if self._sayings is not None:
            self._sayings.close()

    def kept(self, words: Words, fields: Fields | None = None) -> dict[int, list[Heard]] | None:
        """What was found before, among the segments of these fields; None where that is not known any more."""
        return self._kept.get((words, fields))

    def find(
        self,
        words: Words,
        said: Mapping[int, Sequence[InText]],
        among: Collection[int] | None = None,
        fields: Fields | None = None,
    ) -> dict[int, list[Heard]]:
        """Places where words may be said, by number of segment; what the text has of them is among these.

        Nothing where nobody knows how they are said: then the confidences of the text stay what they are.

        Args:
            said: places where the text has them.
            among: segments to listen to, those of recordings with these `fields`; None: all.
        """
        ways = self._sayings.ways(words.text) if self._sayings is not None else []
        found: dict[int, list[Heard]] = {}
        for place in self._keywords.find(ways, said, among) if ways else ():
            found.setdefault(place.segment, []).append(place)
        if len(self._kept) >= _KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[words, fields] = found
        return found
