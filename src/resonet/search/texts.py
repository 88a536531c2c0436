"""What the texts of an index hold of a query: segments that may fit from the full-text table, then a look at each.

SQLite finds at least all segments that fit by their words and the fields of their recordings; whether one really does,
and where, is decided here, on its tokens and the times of its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

from resonet.search.filters import Fields, holds, where
from resonet.search.said import MERGED, Occurrence, Said, merged
from resonet.search.store import Store
from resonet.search.tokens import tokens
from resonet.search.tree import And, Filter, Near, Node, Not, Or, Run, Words
from resonet.search.vocabulary import Vocabulary

if TYPE_CHECKING:
    from resonet.search.keywords import Heard

__all__ = ["AllHeard", "Texts", "tokens"]

# Where words of a query were heard, by number of segment.
AllHeard: TypeAlias = "Mapping[Words, Mapping[int, Sequence[Heard]]]"

# What each letter that is other takes of the score, and what it takes that words typed side by side stand apart.
_EDITED, _APART = 0.7, 0.7
# Numbers that one statement asks for at once.
_TOGETHER = 500

_FIELDS = "s.id, s.start, s.finish, s.text, s.words, r.path, r.speaker, r.date, r.language"


class Texts:
    """The texts of an index."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.refresh()

    def refresh(self) -> None:
        """Forgets what was kept of the index, which has changed."""
        self._words: Vocabulary | None = None
        self._alike: dict[Words, dict[str, int]] = {}

    def candidates(self, tree: Node, after: int, limit: int, fields: Fields | None = None) -> list[Said]:
        """At least all segments that fit by text and fields, so many at most, with numbers above `after`, in order.

        Args:
            fields: what is asked of the recording, where that is not what the tree asks.
        """
        match, (condition, arguments) = self._match(tree), fields or where(tree) or ("true", ())
        if match is None:
            source = "segments s cross join recordings r on r.id = s.recording where s.id > ?"
            bound: list[Any] = [after]
        else:
            # In this order: the full-text table gives its rows one by one, and stops at the limit.
            source = (
                "texts cross join segments s on s.id = texts.rowid cross join recordings r on r.id = s.recording "
                "where texts match ? and texts.rowid > ?"
            )
            bound = [match, after]
        order = "s.id" if match is None else "texts.rowid"
        statement = f"select {_FIELDS} from {source} and {condition} order by {order} limit ?"
        return [Said(*row) for row in self._store.rows(statement, [*bound, *arguments, limit])]

    def numbered(self, numbers: Iterable[int]) -> list[Said]:
        """Segments by number; those that are gone are left out."""
        wanted, found = sorted(set(numbers)), list[Said]()
        for start in range(0, len(wanted), _TOGETHER):
            some = wanted[start : start + _TOGETHER]
            statement = (
                f"select {_FIELDS} from segments s join recordings r on r.id = s.recording "
                f"where s.id in ({','.join('?' * len(some))})"
            )
            found += [Said(*row) for row in self._store.rows(statement, some)]
        return found

    def segments(self, fields: Fields) -> list[int]:
        """The segments of recordings that are as is asked."""
        condition, arguments = fields
        statement = f"select s.id from recordings r join segments s on s.recording = r.id where {condition}"
        return [number for (number,) in self._store.rows(statement, arguments)]

    def occurrences(self, node: Node, said: Said, heard: AllHeard | None = None) -> list[Occurrence] | None:
        """Where a query is in a segment; None where the segment does not fit, empty where it fits as a whole.

        Args:
            heard: places of words of the query, by number of segment, beside those that the text has.
        """
        match node:
            case Words():
                places = self._of_words(node, said)
                if heard and (more := heard.get(node, {}).get(said.id)):
                    places = _and_heard(places, [said.heard(h.start, h.end, h.score, h.accepted) for h in more])
                return places or None
            case Filter():
                return [] if holds(node, said) else None
            case Not(part):
                return [] if self.occurrences(part, said) is None else None
            case And(parts):
                return _all([self.occurrences(part, said, heard) for part in parts])
            case Or(parts):
                each = [found for part in parts if (found := self.occurrences(part, said, heard)) is not None]
                return merged([place for found in each for place in found]) if each else None
            case Run(parts, together):
                apart = _all([self.occurrences(part, said, heard) for part in parts]) or []
                apart = [replace(place, score=_APART * place.score) for place in apart]
                return merged([*(self.occurrences(together, said, heard) or []), *apart]) or None
            case Near(left, right, between):
                sides = self.occurrences(left, said, heard), self.occurrences(right, said, heard)
                return list(_near(sides[0] or [], sides[1] or [], between)) or None
        raise AssertionError(node)

    def _of_words(self, words: Words, said: Said) -> list[Occurrence]:
        there, wanted = said.tokens, words.tokens
        if words.edits:
            alike = self._like(words)
            return [said.at(i, i, _EDITED ** alike[token]) for i, token in enumerate(there) if token in alike]
        whole, last = (wanted[:-1], wanted[-1]) if words.prefix else (wanted, "")
        length, found = len(wanted), []
        for i in range(len(there) - length + 1):
            if there[i : i + len(whole)] == whole and there[i + length - 1].startswith(last):
                found.append(said.at(i, i + length - 1))
        return found

    def _like(self, words: Words) -> dict[str, int]:
        if words not in self._alike:
            if self._words is None:
                self._words = Vocabulary.of(self._store)
            self._alike[words] = self._words.like(words.tokens[0], words.edits)
        return self._alike[words]

    def _match(self, node: Node) -> str | None:
        """What the full-text table is asked: a text holds at least this; None: it may hold anything."""
        match node:
            case Words(wanted, prefix=prefix, edits=edits):
                if edits:
                    return " OR ".join(_quoted([word]) for word in self._like(node)) or _quoted(wanted)
                return f"{_quoted(wanted)} *" if prefix else _quoted(wanted)
            case And(parts) | Run(parts):
                known = [f"({asked})" for part in parts if (asked := self._match(part)) is not None]
                return " AND ".join(known) or None
            case Or(parts):
                each = [self._match(part) for part in parts]
                return None if None in each else " OR ".join(f"({asked})" for asked in each)
            case Near(left, right):
                return self._match(And((left, right)))
        return None


def _quoted(words: Iterable[str]) -> str:
    joined = " ".join(words).replace('"', '""')
    return f'"{joined}"'


def _and_heard(places: list[Occurrence], heard: Sequence[Occurrence]) -> list[Occurrence]:
    """Places that the text has, judged by what was heard there; and places that were only heard."""
    found, left = [], list(heard)
    for place in places:
        same = [other for other in heard if abs(other.middle - place.middle) <= MERGED]
        left = [other for other in left if other not in same]
        if same:
            best = max(same, key=lambda other: other.score)
            place = replace(place, score=best.score, accepted=best.accepted)
        found.append(place)
    return sorted([*found, *merged(left)], key=lambda place: place.start)


def _joined(places: Sequence[Occurrence]) -> Occurrence:
    """Places as one, that all are there as though they were independent."""
    return Occurrence(
        min(place.start for place in places),
        max(place.end for place in places),
        prod(place.score for place in places),
        min(place.first for place in places),
        max(place.last for place in places),
        tuple(sorted({token for place in places for token in place.tokens})),
        all(place.accepted for place in places),
    )


def _all(parts: Sequence[list[Occurrence] | None]) -> list[Occurrence] | None:
    """All parts of a query in one segment: where only one has places, these; else the closest ones, as one."""
    found: list[list[Occurrence]] = []
    for part in parts:
        if part is None:
            return None
        if part:
            found.append(part)
    if len(found) < 2:
        return found[0] if found else []
    found.sort(key=len)
    chosen = [
        [place, *(min(other, key=lambda p: (abs(p.middle - place.middle), -p.score)) for other in found[1:])]
        for place in found[0]
    ]
    return [_joined(min(chosen, key=lambda c: max(p.end for p in c) - min(p.start for p in c)))]


def _near(left: Sequence[Occurrence], right: Sequence[Occurrence], between: int) -> Iterator[Occurrence]:
    for a in left:
        for b in right:
            gap = max(b.first - a.last, a.first - b.last) - 1
            if 0 <= gap <= between:
                yield _joined([a, b])
