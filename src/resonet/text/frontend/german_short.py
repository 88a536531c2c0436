"""German words in short: abbreviations, acronyms, Roman numerals; numbers in words, ordinals with their endings."""

from __future__ import annotations

import re

from resonet.text.frontend import numbers
from resonet.text.frontend.german_tables import (
    ABBREVIATIONS,
    ACRONYMS,
    BEFORE_NUMBERS,
    DETERMINERS,
    ENDINGS,
    JOINS,
    LETTERS,
    MAYBE,
    MONTH_NUMBERS,
    MONTHS,
    NAMES,
    NEVER,
    ORDINAL_NOUNS,
    PARTS,
    PREPOSITIONS,
    QUEENS,
    RULERS,
    SHORT,
    SIGNS,
    STARTERS,
    WEEKDAYS,
    WORDS,
)
from resonet.text.frontend.rules import Reading, Rule
from resonet.text.frontend.split import Dots

_L = "A-Za-zÄÖÜäöüß"
_SPACED = "|".join(
    r"\.\s?".join(key.rstrip(".").split("."))
    for key in sorted(ABBREVIATIONS, key=len, reverse=True)
    if "." in key.rstrip(".")
)
_SAYABLE = re.compile(r"(?:[^aeiouyäöü]{0,3}[aeiouyäöü]{1,2}){1,6}[^aeiouyäöü]{0,3}")
_CAPITALS = re.compile(r"(?:[^AEIOUÄÖÜ]?[AEIOUÄÖÜ]){2,4}[^AEIOUÄÖÜ]?")
_PREVIOUS = re.compile(r"([\w-]+)[\s,(\".]*\Z")
_LISTED = re.compile(r"(?:\d{1,3}\.\s?(?:und|oder|bis|bis zum|sowie|–|-|,|/)\s?)+\Z")
FEMININE = re.compile(
    r".*(?:ung|heit|keit|schaft|ion|tät|ik|ur|ei|e|frau|stadt|nacht|hand|zahl|person|bank|uhr|mutter|tochter)\Z"
)
_NEUTER = re.compile(r".*(?:chen|lein|um|ment|tel|buch|haus|kind|jahr|mal|ziel|ende)\Z")
_WEEKDAYS = dict(zip(("mo", "di", "mi", "do", "fr", "sa", "so"), WEEKDAYS, strict=False))


def is_ordinal(text: str, start: int, dot: int, following: str) -> bool:
    """Whether the number `text[start:dot]`, before a dot and the word `following`, is an ordinal: no sentence ends."""
    lower = following.lower()
    if following in MONTH_NUMBERS or following + "." in MONTH_NUMBERS:
        return True
    if following[:1].islower():
        return True
    if lower in STARTERS:
        return False
    stem = re.sub(r"(?:es|en|s|e|n)\Z", "", lower)
    if lower in ORDINAL_NOUNS or stem in ORDINAL_NOUNS or lower.endswith(("krieg", "kriegs", "weltkrieges", "auflage")):
        return True
    if dot - start > 3 and text[start].isdigit():
        return False
    previous = _PREVIOUS.search(text[max(0, start - 24) : start])
    before = previous[1].lower() if previous else ""
    if not text[start].isdigit():
        return before in DETERMINERS or before in RULERS or before.removesuffix("s") in RULERS
    return before in DETERMINERS


def word_before(match: re.Match[str]) -> str:
    """The word before, in lower case."""
    previous = _PREVIOUS.search(match.string[max(0, match.start() - 24) : match.start()])
    return previous[1].lower() if previous else ""


class GermanShort(Reading):
    """What is short for words, and numbers."""

    dots = Dots(NEVER, MAYBE, STARTERS, frozenset(BEFORE_NUMBERS), ("str", "pl"), is_ordinal)
    names = NAMES
    signs = SIGNS
    acronyms = ACRONYMS
    short = SHORT
    joins = JOINS
    special = frozenset(
        [key.split(".")[0] for key in ABBREVIATIONS if key.count(".") < 2]
        + [*BEFORE_NUMBERS, *WORDS, "www", "http", "https", "ftp", "x", "e"]
    )  # fmt: skip

    def letter_rules(self) -> list[Rule]:
        return [
            *super().letter_rules(),
            (r"(?P<r>[IVXLC]{1,7})\.(?=\s+(?P<next>\w+)|\s*\Z|[,;:)])", self.roman_ordinal),
            (r"(?P<r>[IVX]{1,7})(?![\w'])(?!\.\w)", self.roman),
            (rf"(?i:{_SPACED})(?:\.|(?!\w))", self.abbreviation),
            (rf"[{_L}-]*[Ss]tr\.(?!\w)", lambda m: m[0][:-1].lower().replace("-", " ") + "aße"),
            (rf"[{_L}]+\.?(?![\w.])", self.abbreviation),
            (rf"[{_L}]+-[{_L}]+(?![\w-])", lambda m: WORDS.get(m[0].lower())),
        ]

    def integer(self, digits: str) -> str:
        if len(digits) > numbers.MOST_DIGITS or (len(digits) > 1 and digits[0] == "0"):
            return self.digits(digits)
        return numbers.cardinal(int(digits), "de")

    def digits(self, digits: str) -> str:
        return " ".join(numbers.cardinal(int(digit), "de") for digit in digits)

    def spell(self, letters: str) -> list[str]:
        return [self.digits(c) if c.isdecimal() else LETTERS.get(c.lower(), c.lower()) for c in letters]

    def ordinal_of(self, digits: str) -> str:
        return self.ordinal_word(int(digits), "") if len(digits) <= numbers.MOST_DIGITS else self.digits(digits)

    def ordinal_word(self, number: int, ending: str) -> str:
        """3, "n" -> dritten; ending "" -> dritte."""
        words = numbers.ordinal(number, "de") if number < 10**6 else self.integer(str(number)) + "ste"
        return words + ending

    def ordinal(self, match: re.Match[str]) -> str | None:
        following = match.groupdict().get("next")
        if following is not None and not is_ordinal(match.string, match.start(), match.end() - 1, following):
            return None
        return self.ordinal_word(int(match["n"]), self.ending(match, following))

    def ordinals(self, match: re.Match[str]) -> str | None:
        """1.-3. Tag -> erster bis dritter."""
        ending = self.ending(match, match["next"])
        return f"{self.ordinal_word(int(match['n']), ending)} bis {self.ordinal_word(int(match['to']), ending)}"

    def day(self, match: re.Match[str]) -> str | None:
        """Heute ist der 3. -> dritte."""
        return self.ordinal(match) if word_before(match) in ("der", "am", "vom", "zum", "den", "dem", "beim") else None

    def ending(self, match: re.Match[str], following: str | None) -> str:
        """What an ordinal takes after `dritte`: by the words before, else by the noun that follows."""
        text = match.string
        before = text[max(0, match.start() - 60) : match.start()]
        before = _LISTED.sub("", before)
        words = re.findall(r"[\w]+", before.lower())
        if not words or re.search(r"[.!?;:]\s*\Z", before):
            words = []
        last = words[-1] if words else ""
        if last in WEEKDAYS or last in _WEEKDAYS:
            return "n" if words[-2:-1] and words[-2] in ("am", "den", "vom", "zum", "bis", "ab") else "r"
        if last == "der" or last in ("dieser", "jener", "jeder", "welcher"):
            return "n" if words[-2:-1] and words[-2] in PREPOSITIONS else ""
        if last in ENDINGS:
            return ENDINGS[last]
        if following is None or following[:1].islower():
            return "r" if following is None else ""
        noun = following.lower()
        known = ORDINAL_NOUNS.get(noun, "")
        if known:
            return known if known != "e" else ""
        return "" if FEMININE.fullmatch(noun) else "s" if _NEUTER.fullmatch(noun) else "r"

    def roman(self, match: re.Match[str]) -> str | None:
        value = numbers.roman(match["r"])
        if not value or (len(match["r"]) == 1 and word_before(match) not in PARTS):
            return None
        return self.integer(str(value))

    def roman_ordinal(self, match: re.Match[str]) -> str | None:
        """Ludwig XIV. -> der vierzehnte; im XX. Jahrhundert -> zwanzigsten."""
        value = numbers.roman(match["r"])
        if not value:
            return None
        before = re.findall(r"\w+", match.string[max(0, match.start() - 40) : match.start()].lower())
        last = before[-1] if before else ""
        if last in RULERS:
            dative = before[-2:-1] and before[-2] in PREPOSITIONS
            article = ("der" if dative else "die") if last in QUEENS else ("dem" if dative else "der")
            return f"{article} {self.ordinal_word(value, 'n' if dative else '')}"
        if last.removesuffix("s") in RULERS:
            return f"{'der' if last.removesuffix('s') in QUEENS else 'des'} {self.ordinal_word(value, 'n')}"
        following = match["next"]
        if following is None or not is_ordinal(match.string, match.start(), match.end() - 1, following):
            return None
        return self.ordinal_word(value, self.ending(match, following))

    def sayable(self, word: str) -> bool:
        return self.known(word) or (len(word) > 2 and bool(_SAYABLE.fullmatch(word)))

    def _letters(self, word: str) -> list[str]:
        lower = word.lower()
        if (
            lower in self.acronyms
            or lower in self.short
            or (len(word) > 3 and (self.known(lower) or _CAPITALS.fullmatch(word)))
        ):
            return []
        if len(word) > 5 and _SAYABLE.fullmatch(lower):
            return []
        return self.spell(word)

    def word(self, word: str, shouted: bool, alone: bool) -> list[str]:
        if word.lower() in WORDS:
            return WORDS[word.lower()].split()
        return super().word(word, shouted, alone)

    def abbreviation(self, match: re.Match[str]) -> str | None:
        text = match[0]
        key = re.sub(r"\s", "", text.lower())
        following = match.string[match.end() : match.end() + 12]
        dotted = key.endswith(".")
        bare = key.rstrip(".")
        if bare in BEFORE_NUMBERS and dotted and re.match(r"\s?\d|\s[IVXLC]+\b", following):
            return BEFORE_NUMBERS[bare]
        if key in ABBREVIATIONS:
            words = ABBREVIATIONS[key]
            if key == "a.d." and re.match(r"\s[A-ZÄÖÜ]", following):
                words = "an der"
            if key == "fr." and not re.match(r"\s[A-ZÄÖÜ]", following):
                words = "freitag"
            return words
        if dotted and bare in _WEEKDAYS and re.match(r",|\s?\d|\s?[-–]", following):
            return _WEEKDAYS[bare]
        if dotted and text in MONTH_NUMBERS:
            return MONTHS[MONTH_NUMBERS[text] - 1]
        if not dotted and key in WORDS:
            return WORDS[key]
        letters = key.split(".")
        if len(letters) > 2 and all(len(letter) <= 1 for letter in letters) and " " not in text:
            return " ".join(self.spell("".join(letters)))
        if dotted and len(bare) == 1 and text[0].isupper() and re.match(r"\s\w", following):  # initials
            return " ".join(self.spell(bare))
        return None
