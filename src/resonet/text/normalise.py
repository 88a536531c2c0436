"""The written form that recognition works with: lower case, letters and apostrophes, single spaces."""

from __future__ import annotations

import re
import unicodedata

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'"})
# Anything but letters (with their combining marks), digits, apostrophes; the underscore is a \w that is none of them.
_OTHER = re.compile(r"[^\w']|_")
# An apostrophe that does not stand inside or at the end of a word is a quote mark.
_QUOTES = re.compile(r"(?<!\w)'+|'+(?!\w)")


def normalise(text: str, language: str = "en") -> str:
    """Lower case, NFC, letters, digits and inner apostrophes only; everything else separates words.

    Digits are kept: nothing here guesses how a number was read aloud (`resonet doctor` names the rows that hold some).
    `language` chooses accents: English drops them (café -> cafe), other languages keep them.
    """
    text = unicodedata.normalize("NFC", text).translate(_APOSTROPHES).lower()
    if language.split("-")[0] == "en":
        text = text.replace("æ", "ae").replace("œ", "oe")
        text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return " ".join(_QUOTES.sub(" ", _OTHER.sub(" ", text)).split())
