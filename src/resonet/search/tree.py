"""A query as a tree, and questions about one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Words:
    """A word, or several one after the other.

    Fields:
        tokens: at least one (tokens.py).
        text: the words as the recognizer writes them.
        prefix: the last token is only how a word begins. edits: letters that may be other, 0..2.
    """

    tokens: tuple[str, ...]
    text: str = ""
    prefix: bool = False
    edits: int = 0


@dataclass(frozen=True)
class And:
    """All of its parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Run:
    """Words typed one after the other without quotes: all of them, and better one after the other, as `together`."""

    parts: tuple[Words, ...]
    together: Words


@dataclass(frozen=True)
class Or:
    """At least one of its parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Not:
    """Anything but its part."""

    part: Node


@dataclass(frozen=True)
class Near:
    """Both sides with at most so many words between them."""

    left: Node
    right: Node
    between: int


@dataclass(frozen=True)
class Filter:
    """A property of the recording: its text (`file`, `speaker`, `language`) or its bounds (`date`).

    at: where it was typed, for errors.
    """

    name: str
    text: str = ""
    low: str = ""
    high: str = ""
    at: int = field(default=0, compare=False)


Node = Words | And | Run | Or | Not | Near | Filter


@dataclass(frozen=True)
class Query:
    """A tree, and the scores (0..1) that hits may have."""

    tree: Node
    low: float = 0.0
    high: float = 1.0


def keywords(node: Node) -> Iterator[Words]:
    """The plain words and phrases of a tree that hits should hold, which can be listened for as well as looked up."""
    match node:
        case Words(prefix=False, edits=0):
            yield node
        case And(parts) | Or(parts):
            for part in parts:
                yield from keywords(part)
        case Run(together=together):
            # Alone, each of its words would be heard in many places, and each costs as much as all of them together.
            yield together
        case Near(left, right):
            yield from keywords(left)
            yield from keywords(right)


def filters(node: Node) -> Iterator[Filter]:
    match node:
        case Filter():
            yield node
        case And(parts) | Or(parts):
            for part in parts:
                yield from filters(part)
        case Not(part):
            yield from filters(part)


def holds_something(node: Node) -> bool:
    """Whether it says what a hit is, and not only what it is not."""
    match node:
        case And(parts) | Or(parts):
            return any(map(holds_something, parts))
        case Not():
            return False
    return True


def has_place(node: Node) -> bool:
    """Whether it has a place among the words of a text."""
    match node:
        case Words() | Near():
            return True
        case Or(parts):
            return all(map(has_place, parts))
    return False
