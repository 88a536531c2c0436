"""Fields of recordings in a query: asked of the database, and decided on what it gives."""

from __future__ import annotations

from typing import Any, TypeAlias
from unicodedata import normalize

from resonet.search.said import Said
from resonet.search.tree import And, Filter, Node, Or

# A condition of SQL on a recording `r`, and its arguments.
Fields: TypeAlias = tuple[str, tuple[Any, ...]]


def holds(asked: Filter, said: Said) -> bool:
    """Whether a segment's recording is as a filter asks."""
    match asked.name:
        case "date":
            date = said.date
            return bool(date) and date >= asked.low and (not asked.high or date[: len(asked.high)] <= asked.high)
        case "file":
            return _like(f"*{asked.text}*", said.path)
        case "language":
            return _like(asked.text, said.language) or _like(f"{asked.text}-*", said.language)
    return _like(asked.text, said.speaker)


def _like(pattern: str, value: str) -> bool:
    """Whether a value is as a pattern, in which * stands for anything; capitals count as small letters, and
    letters with marks are the same however they are composed: some file systems take them apart."""
    first, *rest = normalize("NFC", pattern.lower()).split("*")
    value = normalize("NFC", value.lower())
    if not rest:
        return value == first
    if not value.startswith(first):
        return False
    at = len(first)
    for part in rest[:-1]:
        at = value.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return value.endswith(rest[-1]) and len(value) - len(rest[-1]) >= at


def where(node: Node) -> Fields | None:
    """What the database is asked of the recording: true wherever the query may hold; None: nothing."""
    match node:
        case Filter("date", low=low, high=high):
            return "(r.date <> '' and r.date >= ? and substr(r.date, 1, ?) <= ?)", (low, len(high) or 10, high or "9")
        case Filter(name, text=text):
            # SQLite knows capitals of ASCII alone: any other letter may be any letters here.
            plain = "".join(c if c.isascii() else "%" for c in normalize("NFC", _escaped(text))).replace("*", "%")
            if name == "language":
                return "(r.language like ? escape '\\' or r.language like ? escape '\\')", (plain, f"{plain}-%")
            column, pattern = ("path", f"%{plain}%") if name == "file" else ("speaker", plain)
            return f"r.{column} like ? escape '\\'", (pattern,)
        case And(parts):
            known = [asked for part in parts if (asked := where(part)) is not None]
            if not known:
                return None
            return " and ".join(text for text, _ in known), tuple(value for _, values in known for value in values)
        case Or(parts):
            each = [where(part) for part in parts]
            if any(asked is None for asked in each):
                return None
            every = [asked for asked in each if asked is not None]
            return f"({' or '.join(text for text, _ in every)})", tuple(
                value for _, values in every for value in values
            )
    return None


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
