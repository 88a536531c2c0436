"""The engine that turns written text into words to say: a language is tables and a list of rules.

A clean text (`clean`) is read from left to right. Where a plain word stands, it is a token; anywhere else the rules of
the language are tried in order, and the first that matches there and does not decline says what its stretch is in
words. What no rule claims is a word, a number, punctuation, a sign with a name, or nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from resonet.text.frontend.clean import OPAQUE
from resonet.text.frontend.sentence import Said
from resonet.text.frontend.split import Dots, word_set

# A pattern, and what is said for what it matches; None declines, and the next rule is asked.
Rule = tuple[str, Callable[[re.Match[str]], "str | None"]]

# A word, or several with hyphens between them, of letters and digits; marks of other scripts are added by `word_end`.
_NO_LETTER = "_²³¹¼-¾\u2070-\u209f\u2150-\u215f"  # in \w nonetheless
_LETTER = rf"[^\W\d{_NO_LETTER}]"
_LETTER_OR_DIGIT = rf"[^\W{_NO_LETTER}]"
_WORD = re.compile(rf"{_LETTER}+(?:'{_LETTER}+)*")
_COMPOUND = re.compile(rf"{_LETTER_OR_DIGIT}+(?:'{_LETTER}+)*(?:-{_LETTER}{_LETTER_OR_DIGIT}*(?:'{_LETTER}+)*)*")
_RUNS = re.compile(rf"{_LETTER}+(?:'{_LETTER}+)*|\d+|-")
_PLAIN_AFTER = frozenset(' ,;!?)]}"\n\t…')
_MARKS = {
    ",": ",", ";": ";", ":": ":", ".": ".", "?": "?", "!": "!", "…": "–", "–": "–", "—": "–", '"': '"', "(": "(",
    ")": "(", "[": "(", "]": "(", "{": "(", "}": "(",
}  # fmt: skip
_DOTS = re.compile(r"\.(?:\s?\.)+")
_CHUNK = re.compile(r"\S{1,64}")

_END = r"(?<![.,:!?)\]'…])"  # what follows an address is not part of it
URL = rf"(?:https?://|ftp://|www\.)[!#-+\--:=?-~À-ſ]{{1,500}}{_END}"
EMAIL = r"[A-Za-z0-9À-ſ_.+-]{1,64}@(?:[A-Za-z0-9À-ſ_-]{1,63}\.){1,6}[a-zA-Z]{2,24}(?![A-Za-z0-9À-ſ])"
DOMAIN = (
    r"(?:[A-Za-z0-9À-ſ_-]{1,63}\.){1,6}(?:com|org|net|edu|gov|info|io|ai|co|de|at|ch|eu|uk|us|fr|cn|tv|app|dev|biz|"
    r"txt|pdf|docx?|xlsx?|jpe?g|png|mp3|mp4|wav|zip|html?|py|js|json|csv)(?![.-]?[A-Za-z0-9À-ſ_])"
    rf"(?:/[!#-+\--:=?-~À-ſ]{{0,300}}{_END})?"
)
_PARTS = re.compile(r"[^\W\d_]+|\d+|\S")
# What SSML's say-as may ask for.
KINDS = word_set(
    "characters spell-out verbatim letters digits cardinal number ordinal telephone date time fraction unit "
    "measure currency money address url email name"
)
# A label of an address that can be said as a word, and those of two letters that are spelled although they could.
_LABEL = re.compile(r"(?:[^aeiouyäöü]{0,4}[aeiouyäöü]{1,3}){1,8}[^aeiouyäöü]{0,3}|co|me|go|my")
_CODES = word_set("de at uk us eu fr it es io ai cn tv be se no nl pl pt jp ru ca au ch in ie url api gif")


def any_of(names: Iterable[str]) -> str:
    """A pattern for any of these, the longest that fits."""
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


class Token(NamedTuple):
    """A stretch of clean text: the words said for it (`,` among them: a short pause), or a mark of punctuation.

    `units` where the reading is given in units. Marks are `, ; : . ? ! –`, and `(` and `"` for brackets and quotes.
    """

    start: int
    end: int
    words: tuple[str, ...] = ()
    mark: str = ""
    units: tuple[str, ...] | None = None


class Reading:
    """Base of the languages; itself it reads letters only.

    Class attributes are the tables: `names` of signs in addresses (`.`, `@`, `/` ...), `signs` that are said wherever
    they stand, `special` words (lower case) that rules must see, `acronyms` that are words in spite of their capitals
    and `short` words that are no acronyms, `joins` words before which a long sentence may be cut.
    """

    dots = Dots()
    names: Mapping[str, str] = {}
    signs: Mapping[str, str] = {}
    special: frozenset[str] = frozenset()
    acronyms: frozenset[str] = frozenset()
    short: frozenset[str] = frozenset()
    joins: frozenset[str] = frozenset()

    def __init__(self, tag: str, known: Callable[[str], bool] | None = None) -> None:
        """`tag`: BCP 47; `known`: whether the lexicon has a word."""
        self.tag = tag
        self.known = known or (lambda word: False)
        self.for_letters, self.for_digits, self.for_signs = (
            [(re.compile(pattern), say) for pattern, say in rules]
            for rules in (self.letter_rules(), self.digit_rules(), self.sign_rules())
        )

    def letter_rules(self) -> list[Rule]:
        """For what begins with a letter."""
        return [(URL, self.url), (EMAIL, self.address), (DOMAIN, self.address)]

    def digit_rules(self) -> list[Rule]:
        """For what begins with a digit."""
        return [(EMAIL, self.address), (DOMAIN, self.address)]

    def sign_rules(self) -> list[Rule]:
        """For what begins with any other sign."""
        return []

    # What a language says of plain things.

    def integer(self, digits: str) -> str:
        """Digits as a number."""
        return self.digits(digits)

    def digits(self, digits: str) -> str:
        """One digit after the other."""
        return " ".join(digits)

    def spell(self, letters: str) -> list[str]:
        """The names of letters and digits."""
        return [self.digits(c) if c.isdecimal() else c.upper() for c in letters]

    def ordinal_of(self, digits: str) -> str:
        """The ordinal of a number, empty where the language has none here."""
        return ""

    def spoken_date(self, day: int, month: int, year: str = "") -> str | None:
        """A date in words; None for what is no date."""
        return None

    def say_as(self, kind: str, form: str, text: str) -> list[str] | None:
        """Words for SSML's say-as; None: read it as any text. `form` is a format as `dmy`."""
        plain = text.strip()
        said: str | None = None
        if kind in ("characters", "spell-out", "verbatim", "letters"):
            return [word for c in plain if not c.isspace() for word in self.character(c)]
        if kind == "telephone":
            groups = re.findall(r"\d+", plain)
            said = (("+" in plain and self.names.get("+", "")) or "") + " " + " , ".join(map(self.digits, groups))
        elif kind == "date":
            parts = re.findall(r"\d+", plain)
            form = form or ("ymd" if parts and len(parts[0]) == 4 else "")
            named = dict(zip(form, parts, strict=False)) if len(form) == len(parts) else {}
            if "d" in named and "m" in named:
                said = self.spoken_date(int(named["d"][:4]), int(named["m"][:4]), named.get("y", "")[:4])
        elif plain.isascii() and plain.isdigit():
            ways = {"digits": self.digits, "cardinal": self.integer, "number": self.integer, "ordinal": self.ordinal_of}
            said = ways[kind](plain) if kind in ways else None
        return said.replace(",", " , ").split() if said and said.strip() else None

    def character(self, c: str) -> list[str]:
        """The name of one character; empty where it has none."""
        if c.isalpha() or c.isdecimal():
            return self.spell(c)
        return (self.names.get(c) or self.signs.get(c) or "").split()

    # Tokens.

    def tokens(self, text: str, named: Mapping[str, Said] | None = None) -> list[Token]:
        """The tokens of a clean text in order. `named`: how words (lower case, with signs too) are said by the user."""
        found: list[Token] = []
        shouted = shouts(text)
        i, n = 0, len(text)
        while i < n:
            c = text[i]
            if c.isspace():
                i += 1
                continue
            if c == OPAQUE:
                token = Token(i, i + 1, (OPAQUE,))
            else:
                token = (named and _named(text, i, named)) or self._token(text, i, shouted)
            if token.words or token.mark or token.units:
                found.append(token)
            i = max(token.end, i + 1)
        return found

    def _token(self, text: str, i: int, shouted: bool) -> Token:
        c = text[i]
        if c.isalpha():
            end = word_end(text, i)
            word = text[i:end]
            lower = word.lower()
            plain = lower == word or (lower[1:] == word[1:] and len(word) > 1 and word[1] != "'")
            if plain and (end == len(text) or text[end] in _PLAIN_AFTER) and lower not in self.special:
                return Token(i, end, (lower,))
            rules = self.for_letters
        else:
            rules = self.for_digits if c.isdecimal() else self.for_signs
        for pattern, say in rules:
            match = pattern.match(text, i)
            if match and match.end() > i:
                said = say(match)
                if said is not None:
                    return Token(i, match.end(), tuple(said.replace(",", " , ").split()))
        if c.isalpha() or c.isdecimal():
            return self.compound(text, i, shouted)
        return self._sign(text, i)

    def compound(self, text: str, i: int, shouted: bool) -> Token:
        """Words and numbers with hyphens or nothing between them: well-known, MP3, F-16."""
        match = _COMPOUND.match(text, i)
        end = match.end() if match else i + 1
        if end < len(text) and text[end] > "\x7f" and unicodedata.category(text[end])[0] == "M":
            end = word_end(text, i)
            return Token(i, end, (text[i:end].lower(),))
        words: list[str] = []
        for run in _RUNS.findall(text, i, end):
            if run[0].isdecimal():
                words += self.integer(run).split()
            elif run != "-":
                words += self.word(run, shouted, len(run) == end - i)
        return Token(i, end, tuple(words))

    def word(self, word: str, shouted: bool, alone: bool) -> list[str]:
        """A run of letters as it is said; `shouted`: all around are capitals, `alone`: no other run is tied to it."""
        stem, apostrophe, tail = word.partition("'")
        if not stem.isupper() or (shouted and len(stem) > 1 and alone):
            if stem[:-1].isupper() and len(stem) > 2 and stem[-1] == "s" and not shouted:  # DVDs
                letters = self._letters(stem[:-1])
                return [*letters[:-1], letters[-1] + "'s"] if letters else [word.lower()]
            return [word.lower()]
        letters = self._letters(stem) if len(stem) > 1 else self.spell(stem)
        if not letters:
            return [word.lower()]
        return [*letters[:-1], letters[-1] + apostrophe + tail.lower()]

    def _letters(self, word: str) -> list[str]:
        """The letters of an acronym that is spelled, empty for one that is a word."""
        lower = word.lower()
        if lower in self.acronyms or lower in self.short:
            return []
        return [] if len(word) > 3 and self.sayable(lower) else self.spell(word)

    def sayable(self, word: str) -> bool:
        """Whether capitals, or a label of an address, make a word that can be said as one."""
        return self.known(word)

    def label(self, word: str) -> bool:
        """Whether a part of an address can be said as a word."""
        return len(word) > 1 and word not in _CODES and (self.known(word) or bool(_LABEL.fullmatch(word)))

    def _sign(self, text: str, i: int) -> Token:
        c = text[i]
        before, after = text[i - 1 : i], text[i + 1 : i + 2]
        if c == "-":
            end = i + 1
            while text[end : end + 1] == "-":
                end += 1
            dash = end - i > 1 or ((not before or before.isspace()) and (not after or after.isspace()))
            return Token(i, end, mark="–" if dash else "")
        if c == "." and (dots := _DOTS.match(text, i)):
            return Token(i, dots.end(), mark="–")
        if c in "()" and _tied(text, i):
            return Token(i, i + 1)
        if c in _MARKS:
            return Token(i, i + 1, mark=_MARKS[c])
        return Token(i, i + 1, tuple(self.signs.get(c, "").split()))

    # Addresses of the net.

    def url(self, match: re.Match[str]) -> str | None:
        """https://example.com/a: without its scheme."""
        text = match[0]
        return self._address(text.split("://", 1)[-1])

    def address(self, match: re.Match[str]) -> str | None:
        """An e-mail address, a domain or the name of a file."""
        return self._address(match[0])

    def _address(self, text: str) -> str:
        words: list[str] = []
        for part in _PARTS.findall(text):
            if part.isdecimal():
                words += (self.integer(part) if len(part) < 5 and part[0] != "0" else self.digits(part)).split()
            elif not part.isalpha():
                words += self.names.get(part, "").split()
            elif not self.label(part.lower()):
                words += self.spell(part)
            else:
                words.append(part.lower())
        return " ".join(words)


def word_end(text: str, i: int) -> int:
    """The end of the word (letters with their marks, apostrophes within) that starts at i."""
    n = len(text)
    while True:
        match = _WORD.match(text, i)
        i = match.end() if match else i
        if i >= n or text[i] <= "\x7f" or unicodedata.category(text[i])[0] != "M":
            return i
        while i < n and text[i] > "\x7f" and unicodedata.category(text[i])[0] == "M":
            i += 1


def shouts(text: str) -> bool:
    """Whether a text of several words is mostly in capitals, so that capitals do not mean acronyms."""
    capitals = sum(map(str.isupper, text))
    return capitals > 8 and capitals > 0.6 * sum(map(str.isalpha, text)) and " " in text.strip()


def _tied(text: str, i: int) -> bool:
    """Whether the bracket at i belongs to a part of a word: word(s)."""
    opening = i if text[i] == "(" else text.rfind("(", max(0, i - 12), i)
    closing = i if text[i] == ")" else text.find(")", i, i + 12)
    return 0 < opening < closing and text[opening - 1].isalpha() and text[opening + 1 : closing].isalpha()


def _named(text: str, i: int, named: Mapping[str, Said]) -> Token | None:
    """The longest of the user's words that stands at i as a whole."""
    if i and text[i - 1].isalnum():
        return None
    match = _CHUNK.match(text, i)
    chunk = match[0] if match else ""
    if chunk[:1] > "\u2e80":  # no spaces between words
        for end in range(i + min(len(chunk), 12), i, -1):
            if said := named.get(text[i:end].lower()):
                return Token(i, end, said.words, units=said.units)
        return None
    foreign = next((k for k, c in enumerate(chunk) if c > "\u2e80"), len(chunk))
    chunk = chunk[:foreign]
    while chunk:
        end = i + len(chunk)
        said = named.get(chunk.lower())
        if said is not None and not (
            chunk[-1].isalnum() and "0" <= text[end : end + 1] < "\u2e80" and text[end].isalnum()
        ):
            return Token(i, end, said.words, units=said.units)
        stripped = chunk.rstrip("""'".,;:!?)]}…-/""")
        chunk = stripped if stripped != chunk else chunk[:-1] if not chunk[-1].isalnum() else ""
    return None
