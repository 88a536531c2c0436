"""Search by meaning: segments whose words, or whose sense, are those of a text.

    meanings = Meanings(store)
    for place in meanings.find("a quarrel about money"):
        print(place.segment, place.score)

Two rankings become one: by vectors of sentences (sentences.py), which know that a boat is a ship, and by the words that
segment and text share (BM25), which know names. Their scores have nothing in common, so their ranks are added up:
reciprocal rank fusion, 1 / (60 + rank) each (Cormack, Clarke and Buettcher 2009).

The vectors lie beside the index in `DIR/meaning.vectors`, a copy that can be made again at any time: after the line
`resonet meanings 1` a line of JSON (generation, run, model, size, count), then int64 segments [count] and int8 vectors
[count, size], little-endian. What a segment says never changes under its number, so only new segments are embedded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import replacing
from resonet.errors import ResonetError, UsageError
from resonet.search.keywords import Heard
from resonet.search.sentences import Sentences, load
from resonet.search.store import Store
from resonet.search.tokens import tokens

COPY = "meaning.vectors"
_HEAD = b"resonet meanings 1"
# Places of each ranking that count, and what is added to a rank: a first place is not worth much more than a fifth.
_RANKED, _SOFT = 200, 60
# A word that is in more than this share of the segments says nothing of what is meant, unless there is no other.
_COMMON = 0.1
# Segments that are embedded at once, and those after which the copy is written in between: a network may take an hour.
_TOGETHER, _WRITTEN = 2_000, 50_000
_CHUNK = 4_096  # vectors that are compared at once
# Share of new segments below which the copy stays as it is: to embed them again is cheaper than to write it.
_WORTH = 0.05

Progress = Callable[[int, int], object]


class Meanings:
    """The segments of an index by what they mean; one thread's, as its store is.

    Args:
        store: the index.
        model: folder of a model of sentences, where it is not the usual one (sentences.load).
        threads: of the processor; all where it is not given.

    Raises:
        MissingExtra: there is no model.
        UsageError: the folder holds no model.
    """

    def __init__(self, store: Store, model: str | Path | Sentences | None = None, threads: int | None = None) -> None:
        self.store = store
        self._sentences = model if isinstance(model, Sentences) else load(model, threads)
        self._generation, self._saved = -1, 0
        self._numbers = np.empty(0, np.int64)
        self._vectors = np.empty((0, self._sentences.size), np.int8)
        self._lengths = np.empty(0, np.float32)

    def find(self, text: str) -> list[Heard]:
        """Segments that mean something like a text, or share its words, best first; at most 400.

        The score is that of the ranks: 1 for a segment that is first in both rankings, 0.5 for one that is first in one
        of them and not in the other. It tells segments apart, not how likely they are what was meant.

        Raises:
            UsageError: there are no words in the text.
            SearchIndexError: the index is damaged.
        """
        words = list(dict.fromkeys(tokens(text).split()))
        if not words:
            raise UsageError("there are no words in the text whose meaning is to be found", "write a few words")
        self.refresh()
        near = self._near(text)
        fused: dict[int, float] = {}
        for ranking in (near, self._sharing(words)):
            for rank, number in enumerate(ranking, 1):
                fused[number] = fused.get(number, 0.0) + (_SOFT + 1) / (_SOFT + rank) / 2
        spans = self._spans(list(fused))
        best = sorted((number for number in fused if number in spans), key=lambda number: (-fused[number], number))
        return [Heard(number, *spans[number], fused[number], fused[number]) for number in best]

    def refresh(self, progress: Progress | None = None) -> int:
        """Embeds what has come to the index since the last look, and forgets what is gone; gives how many were new.

        Without it the first search does this. Where the folder cannot be written, all stays in memory.

        Args:
            progress: told the segments that are done, and all that are new.

        Raises:
            SearchIndexError: the index is damaged.
        """
        mark = self.store.mark()
        if (generation := mark["generation"]) == self._generation:
            return 0
        if self._generation < 0:
            self._read()
        there = np.array(self.store.rows("select id from segments where text != '' order by id"), np.int64).reshape(-1)
        kept = np.isin(self._numbers, there)
        numbers, vectors = [self._numbers[kept]], [self._vectors[kept]]
        new = np.setdiff1d(there, numbers[0], assume_unique=True)
        done = 0
        for some in np.array_split(new, -(-len(new) // _TOGETHER)) if len(new) else ():
            # Numbers rise, and few are gone between two new ones, so that a range of them is read at once.
            rows = self.store.rows(
                "select id, text from segments where id between ? and ?", (int(some[0]), int(some[-1]))
            )
            said = dict(rows)
            found = [number for number in some.tolist() if number in said]
            numbers.append(np.array(found, np.int64))
            vectors.append(quantized(self._sentences.vectors([said[number] for number in found])))
            done += len(some)
            if progress is not None:
                progress(done, len(new))
            if done // _WRITTEN > (done - len(some)) // _WRITTEN:
                self._keep(numbers, vectors)
                self._write(mark)
        self._keep(numbers, vectors)
        if abs(len(self._numbers) - self._saved) > _WORTH * self._saved:
            self._write(mark)
        self._generation = generation
        return len(new)

    def _keep(self, numbers: list[NDArray[np.int64]], vectors: list[NDArray[np.int8]]) -> None:
        self._numbers, self._vectors = np.concatenate(numbers), np.concatenate(vectors)
        found = np.empty(len(self._numbers), np.float32)
        for rows, some in self._chunks():
            found[rows] = np.einsum("ij,ij->i", some, some)
        self._lengths = np.sqrt(np.maximum(found, np.float32(1)))

    def _chunks(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Some vectors after the other as float32, few enough to stay in the processor's cache."""
        for start in range(0, len(self._vectors), _CHUNK):
            rows = slice(start, start + _CHUNK)
            yield rows, self._vectors[rows].astype(np.float32)

    def _near(self, text: str) -> list[int]:
        """Segments by their vectors, nearest first; none where the model knows nothing of the text."""
        query = self._sentences.vectors([text])
        if not len(self._numbers) or not query.any():
            return []
        cosines = np.empty(len(self._numbers), np.float32)
        for rows, some in self._chunks():
            cosines[rows] = some @ query[0]
        cosines /= self._lengths
        best = np.argpartition(-cosines, min(_RANKED, len(cosines)) - 1)[:_RANKED]
        best = best[np.lexsort((best, -cosines[best]))]
        return self._numbers[best[cosines[best] > 0]].tolist()

    def _sharing(self, words: list[str]) -> list[int]:
        """Segments by the words that they share with a text, those with the rarest first."""
        total = self.store.rows("select count(*) from texts_docsize")[0][0]
        self.store.rows("create virtual table if not exists temp.said using fts5vocab(main, texts, row)")
        counts = {word: self._count(word) for word in words}
        known = [word for word in words if counts[word]]
        rare = [word for word in known if counts[word] <= _COMMON * total] or known
        if not rare:
            return []
        asked = " OR ".join(_quoted(word) for word in rare)
        # The best of the table alone, then those that are still there: joined first, every row would be looked up.
        statement = "select rowid from texts where texts match ? order by rank limit ?"
        return [number for (number,) in self.store.rows(statement, (asked, _RANKED))]

    def _count(self, word: str) -> int:
        rows = self.store.rows("select doc from temp.said where term = ?", (word,))
        return int(rows[0][0]) if rows else 0

    def _spans(self, numbers: list[int]) -> dict[int, tuple[float, float]]:
        marks = ",".join("?" * len(numbers))
        rows = self.store.rows(f"select id, start, finish from segments where id in ({marks})", numbers)
        return {number: (start, end) for number, start, end in rows}

    def _read(self) -> None:
        """Takes what the copy beside the index holds, if it was made by this model."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            content = (self.store.folder / COPY).read_bytes()
            head, line, rest = content.split(b"\n", 2)
            fields = json.loads(line)
            count, size = int(fields["count"]), self._sentences.size
            if head != _HEAD or fields["model"] != self._sentences.name or len(rest) != count * (8 + size):
                return
            if not self.store.grew_from(fields["generation"], fields["run"]):
                return
            self._numbers = np.frombuffer(rest, "<i8", count).astype(np.int64)
            self._vectors = np.frombuffer(rest, np.int8, offset=8 * count).reshape(count, size)
            self._saved = count

    def _write(self, mark: Mapping[str, Any]) -> None:
        fields = {
            **mark,
            "model": self._sentences.name,
            "size": self._sentences.size,
            "count": len(self._numbers),
        }
        # A folder that cannot be written, or a full disk: the copy is a copy.
        with suppress(ResonetError), replacing(self.store.folder / COPY) as stream:
            for part in _lines(fields):
                stream.write(part)
            stream.write(self._numbers.astype("<i8").tobytes())
            stream.write(self._vectors.tobytes())
            self._saved = len(self._numbers)


def quantized(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Vectors [n, size] as int8, each in a scale of its own."""
    most = np.maximum(np.abs(vectors).max(axis=1, keepdims=True, initial=0.0), np.float32(1e-9))
    return np.rint(vectors * (127 / most)).astype(np.int8)


def _lines(fields: dict[str, object]) -> Iterator[bytes]:
    yield _HEAD + b"\n"
    yield json.dumps(fields).encode() + b"\n"


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'
