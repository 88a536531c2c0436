"""The written form that recognition works with: lower case, words as they are spoken, single spaces.

Texts of language models and transcripts of recordings go through the same function, so that both write a word alike.
"""

from __future__ import annotations

import re
import unicodedata

# Apostrophes by all their names; and signs without a form of their own (soft hyphen, joiners, directions), which go.
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("’‘ʼ`´", "'"),
        **dict.fromkeys("\u00ad\u200c\u200d\u200e\u200f\u2060\ufeff"),
    }
)
# Anything but letters, digits, apostrophes; the underscore is a \w that is none of them.
_OTHER = re.compile(r"[^\w']|_")
# An apostrophe at the edge of a word cannot be told from a quote mark.
_QUOTES = re.compile(r"(?<!\w)'+|'+(?!\w)")
# How readers of English say what is printed short; transcripts of speech mostly write it out. The dot is required
# where the letters are a word or a name of their own.
_SHORT = re.compile(r"\b(?:(?:mrs?|dr|messrs|etc)\b\.?|(?:prof|rev|capt|lieut)\.|st\.(?=\s+\w))|&(?:c\b)?")
_SPOKEN = {
    "mr": "mister",
    "mrs": "missus",
    "dr": "doctor",
    "messrs": "messieurs",
    "etc": "et cetera",
    "prof": "professor",
    "rev": "reverend",
    "capt": "captain",
    "lieut": "lieutenant",
    "st": "saint",
    "&": " and ",
    "&c": " et cetera",
}


def normalise(text: str, language: str = "en") -> str:
    """Lower case, NFC, letters with their marks, digits and inner apostrophes only; everything else separates words.

    Digits are kept: nothing here guesses how a number was read aloud (`resonet doctor` names the rows that hold some).
    `language` is a BCP 47 tag. English drops accents (café -> cafe) and writes titles out (Mr. -> mister); other
    languages keep accents and vowel signs, and their abbreviations as they are.
    """
    text = unicodedata.normalize("NFC", text.translate(_SIGNS).lower())
    if language.split("-")[0].lower() == "en":
        text = _SHORT.sub(lambda match: _SPOKEN[match[0].rstrip(".")], text)
        if not text.isascii():
            text = text.replace("æ", "ae").replace("œ", "oe")
            bare = (c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
            text = unicodedata.normalize("NFC", "".join(bare))
    if text.isascii():
        return " ".join(_separated(text).split())
    kept = _separated(_unmarked(text))
    return " ".join("".join(c if place != " " else " " for c, place in zip(text, kept, strict=True)).split())


def _separated(text: str) -> str:
    """The text, as long as it was, with a space for all that is in no word."""
    return _QUOTES.sub(lambda match: " " * len(match[0]), _OTHER.sub(" ", text))


def _unmarked(text: str) -> str:
    """A letter in place of each combining mark that follows one (or such a mark): `re` takes marks for no letters,
    but Hindi, Thai and Arabic write vowels with them."""
    found, letter = [], False
    for c in text:
        mark = unicodedata.category(c).startswith("M")
        letter = letter if mark else c.isalpha()
        found.append("x" if mark and letter else c)
    return "".join(found)
