"""Any other language: letters as they are written, numbers by num2words where it knows the language."""

from __future__ import annotations

import re

from resonet.text.frontend import numbers
from resonet.text.frontend.rules import Reading, Rule
from resonet.text.frontend.split import Dots, word_set

# Titles that many languages share, and initials (the splitter knows those by itself).
_NEVER = word_set("dr prof sr sra mr mrs st ste mme mlle p.ex c.à.d ing dott ca vs nr no art fig vol s.a tel")


class Other(Reading):
    """Integers, decimals and percentages; the comma is the decimal sign unless the number is grouped by commas."""

    dots = Dots(never=_NEVER)

    def digit_rules(self) -> list[Rule]:
        return [
            *super().digit_rules(),
            (r"(?P<n>\d{1,3}(?:[.,\u202f]\d{3})+)(?![\d]|[.,]\d)", lambda m: self.integer(re.sub(r"\D", "", m["n"]))),
            (r"(?P<n>\d+)[.,](?P<d>\d+)(?![\d]|[.,]\d)", self.decimal),
            (r"\d+", lambda m: self.integer(m[0])),
        ]

    def integer(self, digits: str) -> str:
        if len(digits) > numbers.MOST_DIGITS or (len(digits) > 1 and digits[0] == "0"):
            return self.digits(digits)
        return numbers.cardinal(int(digits), self.tag).replace("-", " ") or digits

    def digits(self, digits: str) -> str:
        return " ".join(numbers.cardinal(int(c), self.tag).replace("-", " ") or c for c in digits)

    def decimal(self, match: re.Match[str]) -> str | None:
        if len(match[0]) > numbers.MOST_DIGITS:
            return None
        said = numbers.decimal(f"{match['n']}.{match['d']}", self.tag).replace("-", " ")
        return said or f"{self.integer(match['n'])} , {self.digits(match['d'])}"

    def ordinal_of(self, digits: str) -> str:
        return numbers.ordinal(int(digits), self.tag).replace("-", " ") if len(digits) <= numbers.MOST_DIGITS else ""

    def word(self, word: str, shouted: bool, alone: bool) -> list[str]:
        return [word.lower()]
