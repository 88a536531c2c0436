"""Searching an index: by text, by a spoken example, by a voice, by meaning. For example:

    with Finder.open("meetings.index") as finder:
        for hit in finder.search('"last case" -trial date:2026-01'):
            print(hit.file, hit.start, hit.text)

Every way to search gives hits, best first. What each needs beside the index is loaded when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from resonet.errors import UsageError
from resonet.search.filters import where
from resonet.search.query import parse
from resonet.search.said import Occurrence, Said
from resonet.search.store import Store
from resonet.search.texts import AllHeard, Texts
from resonet.search.tree import Node, Query, Words, keywords

if TYPE_CHECKING:
    from resonet.runtime.identity import Identity
    from resonet.runtime.recordings import Source
    from resonet.search.example import Examples
    from resonet.search.keywords import Heard
    from resonet.search.listening import Listening
    from resonet.search.meaning import Meanings
    from resonet.search.qdrant import Collection
    from resonet.search.speakers import Speakers

# Segments that are looked at together, and ranked: of a word that is everywhere, the first so many come first. Large
# enough that words worth a search are ranked as a whole, small enough to take a hundredth of a second.
_BLOCK = 256
# Words of a query that are listened for at most.
_LISTENED = 8


@dataclass(frozen=True)
class Hit:
    """A place in a recording.

    Fields:
        file: the recording, as an absolute path.
        start, end: seconds.
        score: how likely it is what was asked for, 0..1; accepted: whether that is enough to stand by it.
        text: of the segment around it, as it was recognized.
        speaker, date: of the recording; may be empty.
        matches: where in `text` the words are, as (start, end) in characters; where the text lacks them, what it has in
            their place.
    """

    file: str
    start: float
    end: float
    score: float
    text: str
    speaker: str = ""
    date: str = ""
    matches: tuple[tuple[int, int], ...] = ()
    accepted: bool = True

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of `resonet search --format json`; times with three decimals."""
        return {
            "file": self.file,
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "score": round(self.score, 4),
            "text": self.text,
        }


class Finder:
    """An index that is asked; made by `Finder.open`.

    Thread safety: one thread's; others open their own. While another process writes, what it has written is found.

    Attributes:
        store: the index.
        notes: sentences on what the last search had to leave out.
    """

    def __init__(
        self,
        store: Store,
        threads: int | None = None,
        bundle: str | Path | None = None,
        embedder: str | Path | None = None,
        qdrant: str | None = None,
    ) -> None:
        self.store, self.notes = store, list[str]()
        self._threads, self._recognizer, self._embedder, self._qdrant = threads, bundle, embedder, qdrant
        self._texts = Texts(store)
        self._listening: Listening | None = None
        self._examples: Examples | None = None
        self._collection: Collection | None = None
        self._meanings: Meanings | None = None
        self._speakers: Speakers | None = None
        self._identity: Identity | None = None
        self._generation = -1
        self._language = "und"

    @classmethod
    def open(
        cls,
        folder: str | Path,
        threads: int | None = None,
        bundle: str | Path | None = None,
        embedder: str | Path | None = None,
        qdrant: str | None = None,
    ) -> Finder:
        """The index in a folder.

        Args:
            threads: of the processor, for search by voice; all where it is not given.
            bundle, embedder: the ones that the index was made with, where they are not installed.
            qdrant: address or folder to which the index's vectors were brought (`qdrant.update`), to look them up there
                in search by voice.

        Raises:
            SearchIndexError: there is no index, or it is damaged.
        """
        return cls(Store.open(folder), threads, bundle, embedder, qdrant)

    @property
    def seconds(self) -> float:
        """Of all recordings that are searched."""
        return self.store.seconds

    def search(self, query: str, limit: int | None = 20, offset: int = 0, *, exact: bool = False) -> list[Hit]:
        """Where words are said, best first (the language of queries: resonet.search.query).

        Words and phrases are looked up in the recognized text, and listened for in what the recognizer thought likely,
        so that what it missed is found too. Each place is a hit; of several parts that belong together, their closest
        places in a segment.

        Args:
            limit: hits to give, None for all; offset: hits to leave out before them.
            exact: the text alone.

        Raises:
            UsageError: the query is none; the sentence says where and why.
            SearchIndexError, BundleError: the index or the recognizer that made it cannot be read.
        """
        _check(limit, offset)
        self._look()
        asked = parse(query, self._language)
        if self._empty():
            return []
        heard: AllHeard = {} if exact else self._listen(asked.tree)
        found: list[tuple[Occurrence, Said]] = []
        for block in self._blocks(asked.tree, heard):
            if limit is not None and len(found) >= offset + limit:
                break
            places = [(place, said) for said in block for place in self._places(asked, said, heard)]
            found += sorted(places, key=lambda pair: (-pair[0].score, pair[1].path, pair[0].start))
        return [_hit(*pair) for pair in found[offset : None if limit is None else offset + limit]]

    def by_voice(
        self, source: Source, limit: int | None = 20, offset: int = 0, *, sample_rate: int | None = None
    ) -> list[Hit]:
        """Where is said what a recording says, in any language, best first: by its sound, without any text.

        Args:
            source: a path, the bytes of a file, an open file, or samples float32 [time], which need `sample_rate` (Hz).

        Raises:
            AudioError: the recording cannot be read, or is too short.
            SearchIndexError, BundleError: the index cannot be searched so, or its bundles are not there.
            MissingExtra: the client of Qdrant is not installed.
        """
        _check(limit, offset)
        self._look()
        if self._empty():
            return []
        if self._examples is None:
            from resonet.search.example import Examples

            if self._qdrant is not None and self._collection is None:
                from resonet.search.embedding import reader
                from resonet.search.qdrant import Collection

                read = reader(self.store, "windows")
                self._collection = Collection.open(self.store, "windows", read, self._qdrant)
            self._examples = Examples(self.store, self._recognizer, self._embedder, self._threads, self._collection)
        found = self._examples.find(source, sample_rate)
        if self._examples.note:
            self.notes.append(self._examples.note)
        return self._hits(found, limit, offset)

    def by_meaning(self, text: str, limit: int | None = 20, offset: int = 0) -> list[Hit]:
        """Segments that mean something like a text, best first.

        Raises:
            MissingExtra: what that needs is not installed.
        """
        _check(limit, offset)
        self._look()
        if self._empty():
            return []
        if self._meanings is None:
            from resonet.search.meaning import Meanings

            self._meanings = Meanings(self.store)
        return self._hits(self._meanings.find(text), limit, offset)

    def by_speaker(
        self, source: Source, limit: int | None = 20, offset: int = 0, *, sample_rate: int | None = None
    ) -> list[Hit]:
        """Recordings of who speaks in a sample, the most alike first, each with the segment that is most like it.

        Args:
            source: a path, the bytes of a file, an open file, or samples float32 [time], which need `sample_rate` (Hz).

        Raises:
            AudioError: the sample cannot be read, or holds too little speech.
            SearchIndexError, BundleError: the index has no voices, or their embedder is not there.
        """
        _check(limit, offset)
        self._look()
        if self._speakers is None:
            from resonet.search.speakers import Speakers

            self._speakers = Speakers(self.store)
        voice = self._voice(source, sample_rate)
        chosen = self._speakers.nearest(voice, None if limit is None else offset + limit)[offset:]
        recordings = self.store.recordings_of(voice.recording for voice in chosen)
        return [
            Hit(found.path, voice.start, voice.end, max(0.0, voice.cosine), text, found.speaker, found.date)
            for voice in chosen
            if (found := recordings.get(voice.recording)) is not None
            for text in [self._text(voice.recording, voice.start)]
        ]

    def close(self) -> None:
        """Closes the index, and the bundle that was opened for it."""
        if self._listening is not None:
            self._listening.close()
        if self._collection is not None:
            self._collection.close()
        self.store.close()

    def __enter__(self) -> Finder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _voice(self, source: Source, sample_rate: int | None) -> NDArray[np.float32]:
        """The voice of a sample, by the embedder that the index was made with; empty where it was made with none."""
        if (made := self.store.meta.get("speaker")) is None:
            return np.empty(0, np.float32)
        if self._identity is None:
            from resonet.runtime.identity import Identity
            from resonet.search.bundles import same_bundle

            path = same_bundle(made, "embedder", "speaker.onnx", self._embedder)
            self._identity = Identity.load(path, self._threads or 1)
        from resonet.runtime.known_voices import hear

        return hear(self._identity, source, sample_rate).voice

    def _text(self, recording: int, start: float) -> str:
        rows = self.store.rows("select text from segments where recording = ? and start = ?", (recording, start))
        return str(rows[0][0]) if rows else ""

    def _hits(self, found: Sequence[Heard], limit: int | None, offset: int) -> list[Hit]:
        """Places in segments, best first, as hits."""
        chosen = found[offset : None if limit is None else offset + limit]
        said = {segment.id: segment for segment in self._texts.numbered(place.segment for place in chosen)}
        return [
            _hit(segment.heard(place.start, place.end, place.score, place.accepted), segment)
            for place in chosen
            if (segment := said.get(place.segment)) is not None
        ]

    def _look(self) -> None:
        """Begins a search: what was kept of an index that has changed since is forgotten."""
        self.notes = []
        if (generation := self.store.generation) != self._generation:
            self._generation = generation
            self._texts.refresh()
            if self._listening is not None:
                self._listening.forget()
            # One recognizer made all of it: its language is that of any recording.
            languages = self.store.rows("select language from recordings limit 1")
            self._language = (languages[0][0] if languages else "") or "und"

    def _empty(self) -> bool:
        """Whether there is nothing to search, which is noted."""
        if self.store.rows("select 1 from segments limit 1"):
            return False
        self.notes.append(f"the index {self.store.folder} holds no recording in which something is said")
        return True

    def _listen(self, tree: Node) -> AllHeard:
        """Where the words of a query may be said. Those that are in very many texts are not listened for."""
        listened: dict[Words, dict[int, list[Heard]]] = {}
        fields, among = where(tree), None
        for words in list(dict.fromkeys(keywords(tree)))[:_LISTENED]:
            if self._listening is None:
                from resonet.search.listening import Listening

                self._listening = Listening(self.store, self._recognizer)
            if (found := self._listening.kept(words, fields)) is None:
                block = self._texts.candidates(words, 0, _BLOCK, fields)
                if len(block) == _BLOCK:
                    continue
                there = {said.id: self._texts.occurrences(words, said) or [] for said in block}
                places = {id: [(p.start, p.end, p.score) for p in found] for id, found in there.items() if found}
                if fields is not None and among is None:
                    among = self._texts.segments(fields)
                found = self._listening.find(words, places, among, fields)
            listened[words] = found
        if self._listening is not None and self._listening.note:
            self.notes.append(self._listening.note)
        return listened

    def _blocks(self, tree: Node, heard: AllHeard) -> Iterator[list[Said]]:
        """Segments that may fit, in groups that are ranked one after the other; what was heard is in the first."""
        listened = {number for places in heard.values() for number in places}
        after, first = 0, True
        while True:
            block = self._texts.candidates(tree, after, _BLOCK)
            told = {said.id for said in block}
            if first:
                yield block + self._texts.numbered(listened - told)
            else:
                yield [said for said in block if said.id not in listened]
            if len(block) < _BLOCK:
                return
            after, first = block[-1].id, False

    def _places(self, asked: Query, said: Said, heard: AllHeard) -> list[Occurrence]:
        places = self._texts.occurrences(asked.tree, said, heard)
        if places is not None and not places:
            places = [Occurrence(said.start, said.end, 1.0, 0, -1)]
        return [place for place in places or () if asked.low <= place.score <= asked.high]


def _hit(place: Occurrence, said: Said) -> Hit:
    return Hit(
        said.path,
        place.start,
        place.end,
        place.score,
        said.text,
        said.speaker,
        said.date,
        said.characters(place.tokens),
        place.accepted,
    )


def _check(limit: int | None, offset: int) -> None:
    if offset < 0 or (limit is not None and limit < 1):
        raise UsageError(f"limit {limit} and offset {offset} name no hits", "limit is at least 1, offset at least 0")
