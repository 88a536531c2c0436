"""Units of words: from the user's list, the lexicon, the grapheme-to-phone network, or letter by letter."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from resonet.text.frontend.rules import Token
from resonet.text.frontend.sentence import Said
from resonet.text.g2p import GraphemeToPhone
from resonet.text.lexicon import Lexicon
from resonet.text.phones import VOWELS

_KEPT = 50_000  # words whose units are remembered
# Letters that no accent can be taken from.
_PLAINER = {
    "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ß": "ss", "þ": "th", "ð": "d", "ı": "i", "ħ": "h", "ŋ": "ng",
    "ĸ": "k", "ſ": "s", "ƒ": "f", "ə": "e", "ʒ": "z", "’": "'",
}  # fmt: skip

Warn = Callable[[str], None]
# A short pause among the parts of a group.
PAUSE: tuple[str, ...] = (",",)


class Group(NamedTuple):
    """What was written as one word: `parts` are the units of each word said for it (or PAUSE), `words` what is said.

    `start:end` are characters of the clean text. Or a mark of punctuation.
    """

    start: int
    end: int
    parts: tuple[tuple[str, ...], ...] = ()
    words: tuple[str, ...] = ()
    mark: str = ""


class Letters:
    """Words of a voice whose units are characters.

    Args:
        symbols: the units that the voice has.
        user: how the user wants words said.
        warn: is told, in a sentence, of what cannot be said.
    """

    def __init__(self, symbols: Collection[str], user: Mapping[str, Said], warn: Warn) -> None:
        self.symbols = symbols
        self.user = user
        self.warn = warn
        self.unknown: dict[str, None] = {}  # characters that could not be said, in order, a few of them
        self._known: dict[str, tuple[str, ...]] = {}
        self._capitals = all(len(symbol) == 1 for symbol in symbols)  # else B, D ... are phones

    def read(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """The units of each word; none for what is not said (a `,`, an unknown script)."""
        return [self._remembered(word) for word in words]

    def groups(self, tokens: Sequence[Token]) -> list[Group]:
        """Tokens of a sentence with their units; those that are not said are left out."""
        flat = [word for token in tokens for word in ((token.words if token.units is None else ("",)) or ("",))]
        units = self.read(flat)
        found = []
        i = 0
        for token in tokens:
            if token.units is not None or token.mark or not token.words:
                i += 1
                if token.units:
                    found.append(Group(token.start, token.end, (token.units,), token.words))
                elif token.mark:
                    found.append(Group(token.start, token.end, mark=token.mark))
                continue
            parts: list[tuple[str, ...]] = []
            words: list[str] = []
            for word in token.words:
                if word == ",":
                    parts.append(PAUSE)
                elif units[i]:
                    parts.append(units[i])
                    words.append(word)
                i += 1
            if words:
                found.append(Group(token.start, token.end, tuple(parts), tuple(words)))
        return found

    def _remembered(self, word: str) -> tuple[str, ...]:
        units = self._known.get(word)
        if units is None:
            units = self._word(word) if word else ()
            if units:  # what is missing is to be told again
                self._keep(word, units)
        return units

    def _keep(self, word: str, units: tuple[str, ...]) -> None:
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[word] = units

    def _word(self, word: str) -> tuple[str, ...]:
        said = self.user.get(word.lower())
        if said is not None and said.units is not None:
            return said.units
        return self.spelled(word)

    def spelled(self, word: str) -> tuple[str, ...]:
        """The letters of a word as units; accents that the voice has no unit for are dropped, case is folded."""
        units: list[str] = []
        missing = []
        for c in word.lower():
            found = self._letter(c)
            if found:
                units += found
            elif c.isalnum():
                missing.append(c)
        if missing:
            self.miss(word, missing)
        return tuple(units)

    def miss(self, word: str, missing: Sequence[str]) -> None:
        """Notes characters of a word that cannot be said."""
        for c in missing:
            if len(self.unknown) < 20:
                self.unknown.setdefault(c)
        signs = " ".join(dict.fromkeys(missing[:10]))
        self.warn(f"{word[:40]!r} is not said in full: this voice has no unit for {signs}")

    def _letter(self, c: str) -> list[str]:
        if c in self.symbols:
            return [c]
        if self._capitals and c.upper() in self.symbols:
            return [c.upper()]
        plainer = _PLAINER.get(c) or "".join(
            x for x in unicodedata.normalize("NFKD", c) if not unicodedata.combining(x)
        )
        if plainer == c:
            return []
        found = [self._letter(x) for x in plainer]
        return [unit for units in found for unit in units] if all(found) else []


class Phones(Letters):
    """Words of a voice whose units are phones.

    Args:
        lexicon: pronunciations; phones that the voice lacks are exchanged for what is nearest (another stress).
        g2p: says words that are not in it.
    """

    letters: Mapping[str, str] = {}  # the names of letters (capitals), as phones; without any, accents are kept

    def __init__(
        self,
        symbols: Collection[str],
        user: Mapping[str, Said],
        warn: Warn,
        lexicon: Lexicon | None = None,
        g2p: GraphemeToPhone | None = None,
    ) -> None:
        super().__init__(symbols, user, warn)
        self.lexicon = lexicon
        self.g2p = g2p

    def read(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        found = [self._known.get(word) for word in words]
        new = [i for i, units in enumerate(found) if units is None]
        unread: dict[str, None] = {}
        for i in new:
            word = words[i]
            units = self._looked_up(word) if word else ()
            if units is None:
                unread.setdefault(word)
            else:
                self._keep(word, units)
                found[i] = units
        if unread:
            said = dict(zip(unread, self._unread(list(unread)), strict=True))
            for i in new:
                if found[i] is None:
                    found[i] = said[words[i]]
            for word, units in said.items():
                if units:
                    self._keep(word, units)
        return [units or () for units in found]

    def _looked_up(self, word: str) -> tuple[str, ...] | None:
        """Units of a word that something knows, None else."""
        said = self.user.get(word.lower())
        if said is not None and said.units is not None:
            return said.units
        if len(word) == 1 and word in self.letters:
            return fit(self.letters[word].split(), self.symbols)
        variants = self.variants(word)
        return variants[0] if variants else None

    def variants(self, word: str) -> list[tuple[str, ...]]:
        """The pronunciations that the lexicon has for a word, or for it without its accents."""
        if self.lexicon is None:
            return []
        found = self.lexicon.pronunciations(word)
        if not found and self.letters and not word.isascii():
            found = self.lexicon.pronunciations(plain(word))
        fitting = [fit(phones, self.symbols) for phones in found]
        return [phones for phones in fitting if phones]

    def _unread(self, words: list[str]) -> list[tuple[str, ...]]:
        """Units of words that nothing knows: by the network, else letter by letter."""
        guesses: Sequence[tuple[str, ...]] = [()] * len(words)
        if self.g2p is not None:
            guesses = self.g2p.phones([plain(word) if self.letters else word.lower() for word in words])
        return [fit(guess, self.symbols) or self.spelled(word) for word, guess in zip(words, guesses, strict=True)]

    def spelled(self, word: str) -> tuple[str, ...]:
        if not self.letters:
            return super().spelled(word)
        units: list[str] = []
        missing = []
        for c in plain(word).upper():
            if c in self.letters:
                units += fit(self.letters[c].split(), self.symbols)
            elif c.lower() in self.symbols:
                units.append(c.lower())
            elif c.isalnum():
                missing.append(c.lower())
        if missing:
            self.miss(word, missing)
        return tuple(units)


def fit(phones: Sequence[str], symbols: Collection[str]) -> tuple[str, ...]:
    """Phones as a voice has them: the same, or with another stress mark or tone, or without.

    A vowel without stress gets the primary one if it is the first of the word, else none. What has no counterpart is
    left out.
    """
    units = []
    first = True
    for phone in phones:
        bare = phone.rstrip("012345")
        if phone not in symbols:
            order = (
                ("1", "0", "2") if first and bare == phone else ("0", "2", "1") if bare == phone else ("", *"120534")
            )
            phone = next((bare + mark for mark in order if bare + mark in symbols), "")
        if bare in VOWELS:
            first = False
        if phone:
            units.append(phone)
    return tuple(units)


def plain(word: str) -> str:
    """Without accents, in lower case."""
    word = "".join(_PLAINER.get(c, c) for c in word.lower())
    if word.isascii():
        return word
    return unicodedata.normalize(
        "NFC", "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    )
