"""English words in short: abbreviations, acronyms, single letters, Roman numerals; and the words of numbers."""

from __future__ import annotations

import re
from collections.abc import Callable

from resonet.text.frontend import numbers
from resonet.text.frontend.english_tables import (
    ABBREVIATIONS,
    ACRONYMS,
    BEFORE_NUMBERS,
    DOTS,
    JOINS,
    MONTH_NUMBERS,
    MONTHS,
    NAMES,
    PARTS,
    RULERS,
    SHORT,
    SIGNS,
    SPELLED,
    STREETS,
)
from resonet.text.frontend.rules import Reading, Rule

_SAYABLE = re.compile(r"(?:[^aeiou]?[aeiou]){2,}[^aeiou]{0,2}|[^aeiou]?[aeiou][^aeiou][aeiou]?[nrslt]?[aeiou]?")
_LOOSE = re.compile(r"(?:[^aeiouy]{0,3}[aeiouy]{1,2}){2,8}[^aeiouy]{0,3}")
_PREVIOUS = re.compile(r"([\w.'-]+)[\s,]*\Z")


class EnglishShort(Reading):
    """What is short for words. `day_first`: the tag is of a country that says 120 as one hundred and twenty."""

    dots = DOTS
    names = NAMES
    signs = SIGNS
    acronyms = ACRONYMS
    short = SHORT
    joins = JOINS
    special = frozenset(
        [name.lower().rstrip(".") for name in MONTH_NUMBERS]
        + [key.rstrip(".") for key in ABBREVIATIONS if "." not in key.rstrip(".")]
        + [key.rstrip(".") for key in BEFORE_NUMBERS]
        + ["x", "www", "http", "https", "ftp", "w", "c", "n"]
    )

    def __init__(self, tag: str, known: Callable[[str], bool] | None = None) -> None:
        super().__init__(tag, known)
        region = tag.split("-")[-1].upper()
        self.day_first = region in ("GB", "UK", "AU", "NZ", "IE", "IN", "ZA")

    def letter_rules(self) -> list[Rule]:
        return [
            *super().letter_rules(),
            (r"(?:w/o|w/|c/o|n/a|&c)(?!\w)", self.short_form),
            (r"(?P<r>[IVXLCDM]{1,15})(?P<s>'s)?(?![\w'])", self.roman),
            (r"(?:[A-Za-z]+\.){1,6}(?:[A-Za-z](?![\w.]))?(?P<s>'?s(?!\w))?", self.abbreviation),
            (r"[A-Za-z]{2,6}(?!\w)(?!\.\w)", self.short_form),
            (r"A(?![\w'.])", self.letter_a),
        ]

    def integer(self, digits: str) -> str:
        if len(digits) > numbers.MOST_DIGITS or (len(digits) > 1 and digits[0] == "0"):
            return self.digits(digits)
        words = numbers.cardinal(int(digits), "en").replace("-", " ")
        return words if self.day_first else words.replace(" and ", " ")

    def digits(self, digits: str) -> str:
        return " ".join(numbers.cardinal(int(digit), "en") for digit in digits)

    def ordinal_of(self, digits: str) -> str:
        return self.ordinal(digits)

    def ordinal(self, digits: str) -> str:
        digits = digits.replace(",", "")
        if len(digits) > numbers.MOST_DIGITS:
            return self.digits(digits)
        words = numbers.ordinal(int(digits), "en").replace("-", " ")
        return words if self.day_first else words.replace(" and ", " ")

    def year(self, year: int) -> str:
        """1905 -> nineteen oh five, 2005 -> two thousand five, 2024 -> twenty twenty four."""
        century, rest = divmod(year, 100)
        if not 11 <= century <= 20 or 2000 <= year < 2010:
            return self.integer(str(year))
        return f"{self.integer(str(century))} {self.short_year(rest) if rest else 'hundred'}"

    def short_year(self, year: int) -> str:
        return f"oh {self.integer(str(year))}" if year < 10 else self.integer(str(year))

    def roman(self, match: re.Match[str]) -> str | None:
        value = numbers.roman(match["r"])
        previous = _PREVIOUS.search(match.string[max(0, match.start() - 24) : match.start()])
        before = previous[1].lower() if previous else ""
        tail = match["s"] or ""
        if not value:
            return None
        if match["r"] == "I" and not tail:
            clear = re.match(
                r"\s*(?:of|and|in|died|reigned|became|ruled)\b|\s*\Z|\s*[^\w\s]",
                match.string[match.end() : match.end() + 12],
            )
            if not previous or not previous[1][0].isupper() or not clear:
                return None
        if before in RULERS:
            return f"the {self.ordinal(str(value))}{tail}"
        small = len(match["r"]) > 1 and set(match["r"]) <= set("IVX") and match["r"] not in ("XX", "XXX")
        if (before in PARTS and match["r"] not in "CDLM") or small or len(match["r"]) > 4:
            return self.year(value) + tail
        return None

    def sayable(self, word: str) -> bool:
        if word in SPELLED:
            return False
        return self.known(word) or bool(_SAYABLE.fullmatch(word) or (len(word) > 5 and _LOOSE.fullmatch(word)))

    def word(self, word: str, shouted: bool, alone: bool) -> list[str]:
        stem, _, tail = word.partition("'")
        if (stem == "I" and tail != "s") or (len(stem) == 1 and len(tail) > 1 and tail not in ("ll", "re", "ve")):
            return [word.lower()]
        return super().word(word, shouted, alone)

    def letter_a(self, match: re.Match[str]) -> str | None:
        """The article, unless A stands among small letters: vitamin A."""
        text, i = match.string, match.start()
        following = re.match(r"\s+(\w+)", text[i + 1 : i + 30])
        previous = _PREVIOUS.search(text[max(0, i - 24) : i])
        article = following and (len(following[1]) > 1 or not following[1].isupper())
        first = not previous or not previous[1][0].islower()
        return "a" if article and first and not (previous and previous[1].lower() in PARTS) else "A"

    def short_form(self, match: re.Match[str]) -> str | None:
        """Short forms without a dot: Mr, vs, w/."""
        key = match[0]
        if key.lower() in ABBREVIATIONS and (key[0].isupper() or "/" in key or key.lower() in ("vs", "etc")):
            return self._expanded(match, key.lower())
        return None

    def abbreviation(self, match: re.Match[str]) -> str | None:
        key = match[0].lower()
        following = match.string[match.end() : match.end() + 12]
        if key in BEFORE_NUMBERS and re.match(r"\s?\d|\s[IVX]+\b", following):
            return BEFORE_NUMBERS[key]
        if key in ABBREVIATIONS:
            return self._expanded(match, key)
        if match[0] in MONTH_NUMBERS and re.match(r"\s?\d|,|\s*\Z", following):
            return MONTHS[MONTH_NUMBERS[match[0]] - 1]
        tail = match["s"] or ""
        letters = match[0][: len(match[0]) - len(tail)].split(".")
        if all(len(letter) <= 1 for letter in letters) and (len(letters) > 2 or self.initial(match)):
            names = [letter.upper() for letter in letters if letter]
            return " ".join(names) + ("'s" if tail else "")
        return None

    def initial(self, match: re.Match[str]) -> bool:
        """Whether a letter with a dot is that of a name."""
        text, i = match.string, match.start()
        previous = _PREVIOUS.search(text[max(0, i - 24) : i])
        named = not (previous and previous[1].lower() in PARTS)
        return named and text[i].isupper() and bool(re.match(r"\s\w", text[match.end() : match.end() + 2]))

    def _expanded(self, match: re.Match[str], key: str) -> str | None:
        text = match.string
        following = re.match(r"\s?([A-Z])", text[match.end() : match.end() + 3])
        previous = _PREVIOUS.search(text[max(0, match.start() - 24) : match.start()])
        before = previous[1] if previous and text[match.start() - 1 : match.start()] == " " else ""
        plain = key.rstrip(".")
        if plain in STREETS:
            street, title = STREETS[plain]
            number = re.search(r"\d\w*\s+(?:[\w.]+\s+){1,3}\Z", text[max(0, match.start() - 60) : match.start()])
            if title and following and not (number and before[:1].isupper()):
                return title
            return street if before[:1].isupper() or before[:1].isdigit() else title or None
        return ABBREVIATIONS[key]
