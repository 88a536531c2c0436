"""What sounds like a phrase and is none: words at a small distance in its place, parts of it, words swapped.

A classifier that never heard these takes "nights on" for "lights on". None of them holds a phrase, nor anything that
sounds like one: as a row of phones, of which "stopped" holds "stop".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from resonet.errors import DataError
from resonet.text.lexicon import Lexicon
from resonet.text.normalise import normalise
from resonet.text.phones import ARPABET_STRESSED, without_stress

Kind = Literal["near", "part", "swapped", "other"]
# The units of each word of a text, as a voice says it.
Says = Callable[[str], Sequence[Sequence[str]]]

# For a phrase at most: texts with a word that is near in sound, parts of it, and texts with words swapped.
_NEAR, _PARTS, _SWAPPED = 24, 12, 12
_TRIED = 10  # for each that is wanted
_WAYS = 16  # to say a text
_MOST_WORDS = 3  # of a text that is nothing like the phrases
_STRESSED = frozenset(ARPABET_STRESSED)
# Vowels that many speakers do not tell apart: who says "dawn" like "don" must not be told that it is another word.
_MERGED = {"AO": "AA"}
# Where words are not parted by spaces, a sign is one.
_SIGN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(f"[{_SIGN}]|[^\\s{_SIGN}]+")
# Letters that are changed for one of another group: within a group some language says them alike (Rad and Rat).
_VOWELS, _CONSONANTS = ("a", "e", "i", "o", "u"), ("bp", "dt", "fvw", "gk", "sz", "l", "m", "n", "r")


@dataclass(frozen=True)
class Alike:
    """A text to be spoken that is none of the phrases, and what makes it like them (`other`: nothing does)."""

    text: str
    kind: Kind


class Sounds:
    """How texts sound, as rows of phones (or letters) without stress.

    Args:
        says: of each voice, which knows best how it reads.
        lexicon: further pronunciations, and the words that may be near; of the same language.
    """

    def __init__(self, says: Sequence[Says], lexicon: Lexicon | None = None, language: str = "en") -> None:
        self._says, self._lexicon, self._language = says, lexicon, language
        self.words = Words(lexicon) if lexicon is not None and len(lexicon) else None
        self.ways = lru_cache(10_000)(self._ways)

    def first(self, text: str) -> set[str]:
        """The way in which each voice says the text, and the lexicon's first one.

        Raises:
            DataError: a voice finds nothing to say in it.
        """
        rows = [tuple(unit for word in says(text) for unit in word) for says in self._says]
        rows += islice(self._looked_up(text), 1)
        return {_row(map(_phone, row)) for row in rows if row}

    def _ways(self, text: str) -> frozenset[str]:
        """All ways to say the text, with vowels that many do not tell apart as one; none where a voice cannot."""
        rows: list[Sequence[str]] = list(islice(self._looked_up(text), _WAYS))
        for says in self._says:
            try:
                units = [unit for word in says(text) for unit in word]
            except DataError:
                return frozenset()
            if not units:
                return frozenset()
            rows.append(units)
        return frozenset(_row(map(_merged, row)) for row in rows)

    def phones(self, word: str) -> list[tuple[str, ...]]:
        """The ways to say a word, in the phones of the lexicon; none where only letters are known of it."""
        if self.words is None:
            return []
        found = [tuple(row.split()) for row in sorted(self.ways(word))]
        return [row for row in found if row and self.words.alphabet.issuperset(row)]

    def _looked_up(self, text: str) -> Iterator[tuple[str, ...]]:
        if self._lexicon is None:
            return
        said = [self._lexicon.pronunciations(word) for word in normalise(text, self._language).split()]
        if said and all(said):
            for way in product(*said):
                yield tuple(phone for word in way for phone in word)


class Words:
    """The words of a lexicon by how near they sound.

    Attributes:
        alphabet: their phones, without stress.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        arrays = lexicon.arrays()
        names = [_merged(symbol) for symbol in lexicon.symbols]
        self._ids = {name: i for i, name in enumerate(dict.fromkeys(names))}
        self.alphabet = frozenset(self._ids)
        self._phones = np.array([self._ids[name] for name in names], np.int32)[arrays.phones]
        self._starts, self._lengths = arrays.offsets[:-1], np.diff(arrays.offsets)
        self._words, self._word = arrays.words, arrays.word
        plain = np.array([_is_plain(word) for word in arrays.words], bool)
        self._usable = plain[arrays.word]
        self._plain = np.flatnonzero(plain)

    def near(self, target: Sequence[str], most: int) -> list[tuple[int, str]]:
        """Words within `most` phones changed, added or left out, but at least one: their distance, and the word."""
        ids = [self._ids.get(phone, -1) for phone in target]
        rows = np.flatnonzero(self._usable & (np.abs(self._lengths - len(ids)) <= most))
        if not len(rows):
            return []
        lengths = self._lengths[rows]
        width = int(lengths.max())
        padded = self._padded(rows, width)
        before = np.tile(np.arange(width + 1, dtype=np.int16), (len(rows), 1))
        for i, phone in enumerate(ids, 1):
            now = np.empty_like(before)
            now[:, 0] = i
            differs = (padded != phone).astype(np.int16)
            for j in range(1, width + 1):
                kept_or_changed = before[:, j - 1] + differs[:, j - 1]
                now[:, j] = np.minimum(np.minimum(before[:, j], now[:, j - 1]) + 1, kept_or_changed)
            before = now
        distances = before[np.arange(len(rows)), lengths]
        best: dict[str, int] = {}
        for row, distance in zip(rows.tolist(), distances.tolist(), strict=True):
            word = self._words[self._word[row]]
            best[word] = min(distance, best.get(word, distance))
        return sorted((distance, word) for word, distance in best.items() if 0 < distance <= most)

    def inside(self, target: Sequence[str]) -> list[str]:
        """Words that the target begins or ends with, at least half as long as it is."""
        ids = np.array([self._ids.get(phone, -1) for phone in target])
        found = []
        for length in range(max(2, -(-len(ids) // 2)), len(ids)):
            rows = np.flatnonzero(self._usable & (self._lengths == length))
            if not len(rows):
                continue
            padded = self._padded(rows, length)
            fits = (padded == ids[:length]).all(1) | (padded == ids[-length:]).all(1)
            found += [self._words[self._word[row]] for row in rows[fits].tolist()]
        return sorted(set(found))

    def any(self, rng: np.random.Generator) -> str:
        """A word by chance; empty where there is none."""
        return self._words[int(rng.choice(self._plain))] if len(self._plain) else ""

    def _padded(self, rows: NDArray[np.int64], width: int) -> NDArray[np.int32]:
        """The phones of pronunciations, [rows, width]; beyond their end is anything."""
        places = self._starts[rows, None] + np.arange(width)
        return self._phones[np.minimum(places, len(self._phones) - 1)]


class Alikes:
    """What sounds like some phrases; the same for the same seed.

    Attributes:
        found: near ones, parts and swapped ones, those of all phrases.

    Raises:
        DataError: two of the phrases sound the same, or one cannot be said.
    """

    def __init__(self, phrases: Sequence[str], sounds: Sounds, seed: int = 0) -> None:
        self._sounds, self._phrases = sounds, list(phrases)
        self._same = {phrase.casefold() for phrase in phrases}
        self._tokens = [_WORD.findall(phrase) for phrase in phrases]
        self._check_apart()
        self._rows = [row for phrase in phrases for row in sounds.ways(phrase)]
        found: dict[str, Kind] = {}
        for i, phrase in enumerate(self._phrases):
            rng = generator(seed, phrase)
            for text in self._taken(self._near(i, rng), _NEAR):
                found.setdefault(text, "near")
            for text in self._taken(self._parts(i, rng), _PARTS):
                found.setdefault(text, "part")
            for text in self._taken(self._swapped(i, rng), _SWAPPED):
                found.setdefault(text, "swapped")
        self.found = tuple(Alike(text, kind) for text, kind in found.items())

    @property
    def others(self) -> bool:
        """Whether there are words that are nothing like the phrases."""
        return self._sounds.words is not None

    def other(self, rng: np.random.Generator) -> Alike | None:
        """One to three words that are nothing like the phrases; None where there are none."""
        words = self._sounds.words
        for _ in range(_TRIED if words is not None else 0):
            assert words is not None
            text = " ".join(words.any(rng) for _ in range(int(rng.integers(1, _MOST_WORDS + 1))))
            if self._apart(text):
                return Alike(text, "other")
        return None

    def holds(self, text: str) -> bool:
        """Whether a phrase, or what sounds like it, can be heard in the text."""
        return any(phrase in row for row in self._sounds.ways(text) for phrase in self._rows)

    def _apart(self, text: str) -> bool:
        """Whether the text can be said, and holds no phrase."""
        return text.casefold() not in self._same and bool(self._sounds.ways(text)) and not self.holds(text)

    def _check_apart(self) -> None:
        heard: dict[str, str] = {}
        for phrase in self._phrases:
            try:
                ways = self._sounds.first(phrase)
            except DataError as error:
                raise DataError(f"the phrase {phrase!r} cannot be said: {error.message}", error.hint) from None
            if not ways:
                raise DataError(f"there is nothing to say in the phrase {phrase!r}", "give some words")
            for way in sorted(ways):
                if heard.setdefault(way, phrase) != phrase:
                    raise DataError(f"{heard[way]!r} and {phrase!r} sound the same", "leave one of them out")

    def _taken(self, texts: Iterable[str], most: int) -> list[str]:
        """The first `most` of the texts that hold no phrase; few are tried beyond that."""
        found: dict[str, str] = {}
        for text in islice(texts, _TRIED * most):
            if len(found) < most and self._apart(text):
                found.setdefault(min(self._sounds.ways(text)), text)  # write and right are the same negative
        return list(found.values())

    def _near(self, i: int, rng: np.random.Generator) -> Iterator[str]:
        """The phrase with another word in the place of one, in turn: the nearest first, by chance among equals."""
        tokens = self._tokens[i]
        per_place = [self._instead(token, rng) for token in tokens]
        for depth in range(max(map(len, per_place), default=0)):
            for place, words in enumerate(per_place):
                if depth < len(words):
                    yield _joined([*tokens[:place], words[depth], *tokens[place + 1 :]])

    def _instead(self, token: str, rng: np.random.Generator) -> list[str]:
        words = self._sounds.words
        found: dict[str, int] = {}
        for phones in self._sounds.phones(token):
            assert words is not None
            for distance, word in words.near(phones, max(1, min(3, (len(phones) + 1) // 3))):
                found[word] = min(distance, found.get(word, distance))
        if not found:
            return _misspelled(token, rng)
        order = rng.permutation(len(found)).tolist()
        ranked = sorted(zip(found.items(), order, strict=True), key=lambda entry: (entry[0][1], entry[1]))
        return [word for (word, _), _ in ranked[: _TRIED * _NEAR]]

    def _parts(self, i: int, rng: np.random.Generator) -> Iterator[str]:
        """Runs of the words of the phrase, the long ones first; of a single word, words that it begins or ends with."""
        tokens = self._tokens[i]
        if len(tokens) > 1:
            for length in range(len(tokens) - 1, 0, -1):
                for start in range(len(tokens) - length + 1):
                    yield _joined(tokens[start : start + length])
            return
        (word,) = tokens
        known = self._sounds.phones(word)
        for phones in known:
            assert self._sounds.words is not None
            inside = self._sounds.words.inside(phones)
            yield from (inside[k] for k in rng.permutation(len(inside)))
        if not known and len(word) >= 6:
            yield word[: (len(word) + 1) // 2]
            yield word[len(word) // 2 :]

    def _swapped(self, i: int, rng: np.random.Generator) -> Iterator[str]:
        """The phrase with a word of another phrase of as many words, or backwards."""
        tokens = self._tokens[i]
        if len(tokens) < 2:
            return
        yield _joined(tokens[::-1])
        for k in rng.permutation(len(self._tokens)).tolist():
            other = self._tokens[k]
            if k == i or len(other) != len(tokens):
                continue
            for place in range(len(tokens)):
                if other[place] != tokens[place]:
                    yield _joined([*tokens[:place], other[place], *tokens[place + 1 :]])


def generator(seed: int, *names: object) -> np.random.Generator:
    """Random numbers that depend on the seed and the names alone."""
    digest = hashlib.blake2b("\0".join(map(str, names)).encode(), digest_size=8).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "little")])


def _is_plain(word: str) -> bool:
    """Whether nobody reads the word as anything else: no single letter, no abbreviation, no other signs."""
    spelled = word.isascii() and not any(letter in "aeiouy" for letter in word)
    return len(word) > 1 and word.replace("'", "").isalpha() and not spelled


def _phone(symbol: str) -> str:
    """Without stress; tones stay, for they tell words apart."""
    return without_stress(symbol) if symbol in _STRESSED else symbol


def _merged(symbol: str) -> str:
    phone = _phone(symbol)
    return _MERGED.get(phone, phone)


def _row(phones: Iterable[str]) -> str:
    """Phones between spaces, also in front and behind: one row holds another where its text does."""
    return f" {' '.join(phones)} "


def _joined(tokens: Sequence[str]) -> str:
    """Words with spaces, but for signs of a script without them."""
    return re.sub(f"(?<=[{_SIGN}]) (?=[{_SIGN}])", "", " ".join(tokens))


def _misspelled(word: str, rng: np.random.Generator) -> list[str]:
    """Words with one letter changed, vowels for vowels and consonants for consonants, in an order by chance."""
    found = []
    for place, letter in enumerate(word.lower()):
        before, after = word[:place], word[place + 1 :]
        for groups in (_VOWELS, _CONSONANTS):
            if not any(letter in group for group in groups):
                continue
            others = "".join(group for group in groups if letter not in group)
            found += [before + other + after for other in others if other not in (before[-1:], after[:1])]
    return [found[k] for k in rng.permutation(len(found))]
