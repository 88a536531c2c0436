"""Number words, from num2words (extra [speak]); every result is lower case, words with spaces between.

Numbers of more digits than anybody says as one are the caller's to read digit by digit.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from resonet.errors import MissingExtra

MOST_DIGITS = 15  # 999 trillion; num2words knows more, listeners do not


@lru_cache(16384)
def cardinal(number: int, language: str) -> str:
    """`cardinal(21, "en")` -> "twenty-one", as num2words spells it, in lower case and without commas; "" where the
    language has none. Raises MissingExtra."""
    return _words(number, language, "cardinal")


@lru_cache(4096)
def ordinal(number: int, language: str) -> str:
    """`ordinal(3, "de")` -> "dritte"; "" where the language has none. Raises MissingExtra."""
    return _words(number, language, "ordinal")


@lru_cache(1024)
def decimal(number: str, language: str) -> str:
    """`decimal("3.14", "fr")` -> "trois virgule un quatre"; "" where the language has none. Raises MissingExtra."""
    return _words(Decimal(number), language, "cardinal")


def roman(numeral: str) -> int:
    """The value of a Roman numeral in capitals, 0 where it is not a well-formed one below 4000."""
    value = sum(
        -_ROMAN[c] if i + 1 < len(numeral) and _ROMAN[numeral[i + 1]] > _ROMAN[c] else _ROMAN[c]
        for i, c in enumerate(numeral)
    )
    return value if 0 < value < 4000 and _roman(value) == numeral else 0


_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_PAIRS = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
    (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip


def _roman(value: int) -> str:
    text = ""
    for amount, letters in _PAIRS:
        times, value = divmod(value, amount)
        text += letters * times
    return text


def _code(language: str) -> str | None:
    try:
        from num2words import CONVERTER_CLASSES
    except ImportError:
        raise MissingExtra("Reading numbers aloud", "speak") from None
    code = language.replace("-", "_")
    base = code.split("_")[0].lower()
    whole = base + "_" + code.split("_")[1].upper() if "_" in code else base
    return whole if whole in CONVERTER_CLASSES else base if base in CONVERTER_CLASSES else None


def _words(number: int | Decimal, language: str, form: str) -> str:
    code = _code(language)
    if code is None:
        return ""
    from num2words import num2words

    try:
        said = num2words(number, lang=code, to=form)
    except Exception:  # some languages lack ordinals, or large numbers, each with an error of its own
        return ""
    return " ".join(str(said).lower().replace(",", " ").split())
