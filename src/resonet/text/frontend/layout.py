"""From words and punctuation to sequences of symbols, none longer than asked for.

A piece is `|` and its units for every word, and after a word the punctuation that follows it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from resonet.text.frontend.words import PAUSE, Group
from resonet.text.units import SEPARATOR

ENDS = ".?!"
SHORTEST = 8  # symbols that a piece may at least have
_QUOTED = 3  # words from which on quote marks are heard
# What a voice without a mark says instead.
_INSTEAD = {"–": ",", ";": ",", ":": ",", "!": ".", "?": ".", "…": ","}
_STRENGTH = {mark: i for i, mark in enumerate(",:;–.!?")}
# Costs of a cut, beside its distance from the best place as a share of the longest piece.
_AT_COMMA, _BEFORE_JOIN, _AT_WORD, _WITHIN = 0.1, 0.35, 0.6, 1.2


class Atom(NamedTuple):
    """A word with the mark after it. `before` and `after`: units of its group that come before and after these;
    `word`: what is said, empty for the rest of a long word."""

    group: int
    units: tuple[str, ...]
    mark: str
    before: int
    after: int
    word: str


@dataclass(frozen=True)
class Piece:
    """`spans`: (group, first symbol, last symbol, units of the group before these, after these)."""

    symbols: tuple[str, ...]
    spoken: tuple[str, ...]
    spans: tuple[tuple[int, int, int, int, int], ...]


def pieces(
    groups: Sequence[Group], symbols: Collection[str], longest: int, goes_on: bool, joins: Collection[str] = ()
) -> Iterator[Piece]:
    """The pieces of a sentence. `goes_on`: it is not over. `joins`: words before which one may rather be cut."""
    between = (SEPARATOR,) if SEPARATOR in symbols else ()
    atoms = _atoms(groups, symbols, longest - len(between) - 1)
    if not atoms:
        return
    last = atoms[-1].mark
    if not goes_on or not last:
        wanted = last if last and last in ENDS else "," if goes_on else "."
        atoms[-1] = atoms[-1]._replace(mark=_symbol(wanted, symbols))
    comma = _symbol(",", symbols)
    sizes = [len(between) + len(atom.units) + len(atom.mark) for atom in atoms]
    left = sum(sizes)
    first = 0
    while first < len(atoms):
        end = len(atoms)
        if left > longest:
            end = _cut(atoms, sizes, first, left, longest, groups, joins)
        yield _piece(atoms[first:end], between, "" if end == len(atoms) else comma)
        left -= sum(sizes[first:end])
        first = end


def _symbol(mark: str, symbols: Collection[str]) -> str:
    """A mark as the voice has it, or what it has instead, or nothing."""
    while mark and mark not in symbols:
        mark = _INSTEAD.get(mark, "")
    return mark


def _atoms(groups: Sequence[Group], symbols: Collection[str], longest: int) -> list[Atom]:
    """Words with their marks; words of more than `longest` units in parts."""
    spoken = _heard(groups)
    atoms: list[Atom] = []
    for i, group in enumerate(groups):
        if group.mark:
            if atoms and i in spoken:
                _mark(atoms, spoken[i], symbols)
            continue
        total = sum(len(part) for part in group.parts if part is not PAUSE)
        done = 0
        words = list(group.words)
        if len(words) != sum(part is not PAUSE for part in group.parts):
            words = [" ".join(words)]
        for part in group.parts:
            if part is PAUSE:
                if atoms and done:
                    _mark(atoms, ",", symbols)
                continue
            word = words.pop(0) if words else ""
            for at in range(0, len(part), longest):
                units = part[at : at + longest]
                atoms.append(Atom(i, units, "", done, total - done - len(units), "" if at else word))
                done += len(units)
    return atoms


def _heard(groups: Sequence[Group]) -> dict[int, str]:
    """Marks by place, with brackets, and quotes around a clause, as commas; other quotes are not heard."""
    found: dict[int, str] = {}
    opened, words = -1, 0
    for i, group in enumerate(groups):
        if not group.mark:
            words += len(group.words) or 1
        elif group.mark == '"':
            if opened >= 0 and words >= _QUOTED:
                found[opened] = found[i] = ","
                opened = -1
            else:
                opened, words = (i, 0) if opened < 0 else (-1, 0)
        else:
            found[i] = "," if group.mark == "(" else group.mark
    return found


def _mark(atoms: list[Atom], mark: str, symbols: Collection[str]) -> None:
    """Adds a mark after the last word; of several the strongest is heard."""
    mark = _symbol(mark, symbols)
    if mark and _STRENGTH[mark] >= _STRENGTH.get(atoms[-1].mark, -1):
        atoms[-1] = atoms[-1]._replace(mark=mark)


def _cut(
    atoms: Sequence[Atom], sizes: Sequence[int], first: int, left: int, longest: int, groups: Sequence[Group],
    joins: Collection[str],
) -> int:  # fmt: skip
    """The end of a piece that starts at `first`: of about equal length as the others, at a mark where there is one."""
    target = left / -(-left // (longest - 1))
    size = 0
    best, cost = first + 1, float("inf")
    for i in range(first, len(atoms) - 1):
        size += sizes[i]
        mark = atoms[i].mark
        if size + (not mark) > longest:
            break
        if mark:
            quality = _AT_COMMA if mark == "," else 0.0
        elif atoms[i + 1].group == atoms[i].group:
            quality = _WITHIN
        else:
            words = groups[atoms[i + 1].group].words
            quality = _BEFORE_JOIN if words and words[0] in joins else _AT_WORD
        found = abs(size - target) / longest + quality
        if found < cost:
            best, cost = i + 1, found
    return best


def _piece(atoms: Sequence[Atom], between: tuple[str, ...], comma: str) -> Piece:
    symbols: list[str] = []
    spans: list[tuple[int, int, int, int, int]] = []
    for atom in atoms:
        symbols += between
        first = len(symbols)
        symbols += atom.units
        if spans and spans[-1][0] == atom.group:
            group, start, _, before, _ = spans[-1]
            spans[-1] = (group, start, len(symbols), before, atom.after)
        else:
            spans.append((atom.group, first, len(symbols), atom.before, atom.after))
        if atom.mark:
            symbols.append(atom.mark)
    if comma and not atoms[-1].mark:
        symbols.append(comma)
    return Piece(tuple(symbols), tuple(atom.word for atom in atoms if atom.word), tuple(spans))
