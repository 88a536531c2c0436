"""The query language: what a person types, as a tree.

    trent case                      both words; better where they follow each other
    "trent's last case"             these words, one after the other
    tren*                           words that begin so
    trent~  trent~2                 words like it: one letter (two letters) more, fewer or other
    trent OR case, trent NOT gray, trent -gray, (trent OR gray) case
    trent NEAR/5 case               at most five words between them, in any order
    file:talks/*.flac  speaker:mary  date:2026-01..2026-02  language:en      of such recordings
    confidence:0.5                  hits with this score at least

The words in capitals are what they mean only in capitals and without quotes. Whatever is typed gives a tree or one
UsageError, and no text of it is ever part of a statement to the database but letters within quotes.
"""

from __future__ import annotations

from collections.abc import Iterator

from resonet.errors import UsageError
from resonet.search.pieces import Cutter, Piece, short, wrong
from resonet.search.tree import And, Filter, Near, Node, Not, Or, Query, Run, Words, filters, has_place, holds_something

# Far above what people type, and below what the parsers of SQLite and Python take.
_LONGEST, _DEEPEST, _MOST_WORDS = 2000, 20, 64


def parse(text: str, language: str = "en") -> Query:
    """The tree of a query.

    Args:
        text: as typed.
        language: BCP 47 tag of what is searched: words are brought into the form in which its recognizer writes.

    Raises:
        UsageError: what is wrong, at which character, and what to type instead.
    """
    if len(text) > _LONGEST:
        raise UsageError(f"the query has {len(text)} characters", f"at most {_LONGEST} are taken: ask in parts")
    return _Parser(text, language).query()


class _Parser:
    def __init__(self, text: str, language: str) -> None:
        self._text, self._language = text, language
        self._pieces = [*Cutter(text, language).pieces(), Piece("end", len(text) + 1)]
        self._next = self._depth = 0
        if sum(len(p.node.tokens) for p in self._pieces if isinstance(p.node, Words)) > _MOST_WORDS:
            raise UsageError(f"the query has more than {_MOST_WORDS} words", "ask in parts")

    def query(self) -> Query:
        if len(self._pieces) == 1:
            raise UsageError(
                f"there is no word in {short(self._text)!r}" if self._text.strip() else "the query is empty",
                "give a word, as in: resonet search lighthouse",
            )
        tree = self._either()
        if self._piece.kind == "close":
            raise wrong(self._piece.at, "a ) closes nothing", "remove it, or put a ( before what it closes")
        parts = tree.parts if isinstance(tree, And) else (tree,)
        scores = [part for part in parts if isinstance(part, Filter) and part.name == "confidence"]
        rest = [part for part in parts if part not in scores]
        if misplaced := next((f for part in rest for f in filters(part) if f.name == "confidence"), None):
            raise wrong(
                misplaced.at, "confidence: is about the whole query", "put it beside the rest, outside of OR and NOT"
            )
        if not any(holds_something(part) for part in rest):
            raise UsageError(
                "the query says only what hits must not be" if rest else "confidence: alone names nothing to look for",
                "add a word that they hold, as in: lighthouse -keeper",
            )
        return Query(
            rest[0] if len(rest) == 1 else And(tuple(rest)),
            max((float(f.low) for f in scores), default=0.0),
            min((float(f.high) for f in scores), default=1.0),
        )

    @property
    def _piece(self) -> Piece:
        return self._pieces[self._next]

    def _took(self, kind: str) -> bool:
        if self._piece.kind != kind:
            return False
        self._next += 1
        return True

    def _either(self) -> Node:
        parts = [self._all()]
        while self._took("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self) -> Node:
        # Plain words side by side are gathered as they come: they may be meant as a phrase.
        parts: list[Node] = [self._close()]
        side_by_side: list[list[Node]] = [parts[:]]
        while self._piece.kind in ("and", "not", "open", "words", "filter"):
            joined = self._took("and")
            parts.append(self._close())
            if joined:
                side_by_side.append([])
            side_by_side[-1].append(parts[-1])
        found: list[Node] = []
        for group in side_by_side:
            found += _runs(group)
        flat = [part for node in found for part in (node.parts if isinstance(node, And) else (node,))]
        return flat[0] if len(flat) == 1 else And(tuple(flat))

    def _close(self) -> Node:
        node = self._one()
        while self._piece.kind == "near":
            near = self._piece
            self._next += 1
            right = self._one()
            if not (has_place(node) and has_place(right)):
                raise wrong(near.at, "NEAR stands between words and phrases", "as in: lighthouse NEAR/5 keeper")
            node = Near(node, right, near.number)
        return node

    def _one(self) -> Node:
        piece = self._piece
        self._next += 1
        if piece.node is not None:
            return piece.node
        self._depth += 1
        if self._depth > _DEEPEST:
            raise wrong(piece.at, f"more than {_DEEPEST} parts stand within each other", "ask in parts")
        if piece.kind == "not":
            node: Node = Not(self._close())
        elif piece.kind == "open":
            if self._piece.kind == "close":
                raise wrong(piece.at, "nothing stands between the parentheses", "put a word there, or remove them")
            node = self._either()
            if not self._took("close"):
                raise wrong(piece.at, "the ( is not closed", "put a ) where it ends")
        else:
            self._next -= 1
            raise self._missing(piece)
        self._depth -= 1
        return node

    def _missing(self, piece: Piece) -> UsageError:
        """A word must stand where this piece does."""
        if piece.kind == "end":
            before = self._pieces[self._next - 1]
            return wrong(before.at, f"nothing follows {_CALLED[before.kind]}", "put a word after it")
        if piece.kind == "close":
            return wrong(piece.at, "a ) stands where a word should", "put a word before it, or remove it")
        fix = f'put one there; or look for the word itself: "{piece.kind}"'
        return wrong(piece.at, f"no word stands before {_CALLED[piece.kind]}", fix)


_CALLED = {"and": "AND", "or": "OR", "not": "NOT", "near": "NEAR", "open": "the ("}


def _runs(nodes: list[Node]) -> Iterator[Node]:
    """The nodes, with plain words side by side as a run; filters between them are set aside."""
    plain: list[Words] = []
    for node in [*sorted(nodes, key=lambda node: isinstance(node, Filter)), None]:
        if isinstance(node, Words) and not (node.prefix or node.edits):
            plain.append(node)
            continue
        if len(plain) > 1:
            joined = tuple(token for words in plain for token in words.tokens)
            yield Run(tuple(plain), Words(joined, " ".join(words.text for words in plain)))
        else:
            yield from plain
        plain = []
        if node is not None:
            yield node
