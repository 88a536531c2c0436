"""What the index takes for a word: the form in which texts and queries meet.

A text becomes tokens with single spaces between them, lower case and without accents, so that `Cafe` finds `café`.
Signs of Chinese and Japanese, which are written without spaces, are a token each. SQLite's own tokenizer changes
nothing of this any more: what it finds and what Python compares are the same.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from resonet.text.normalise import normalise

# Ideographs, kana and their marks of repetition.
_SIGN = re.compile(
    "([\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af])"
)
# A letter to Unicode, and therefore to SQLite, where the plain apostrophe would cut `trent's` in two.
APOSTROPHE = "ʼ"
# Scripts whose marks are accents; those of others are vowels.
_ACCENTED = ("LATIN", "GREEK", "CYRILLIC")
# SQLite takes the vowel signs of Hindi or Thai for spaces: they become letters of private use, of which it has no view.
_PRIVATE = 0xE000


def tokens(text: str) -> str:
    """The tokens of a text with spaces between them; what the full-text table `texts` gets."""
    return " ".join(token for word in text.split() for token in tokens_of(word))


@lru_cache(maxsize=1 << 16)
def tokens_of(word: str) -> tuple[str, ...]:
    """The tokens of one word of a text: mostly one; none where there is no letter in it."""
    # As the language "und": what is printed short stays so, for one word alone does not say whether `st.` is a saint.
    return tuple(_SIGN.sub(r" \1 ", _folded(normalise(word, "und"))).split())


def _folded(text: str) -> str:
    if text.isascii():
        return text.replace("'", APOSTROPHE)
    found: list[str] = []
    accented = False
    for c in unicodedata.normalize("NFD", text.casefold()):
        if unicodedata.category(c)[0] != "M":
            accented = unicodedata.name(c, "").startswith(_ACCENTED)
            found.append(APOSTROPHE if c == "'" else c)
        elif not accented:
            found.append(c)
    joined = unicodedata.normalize("NFC", "".join(found))
    return "".join(chr(_PRIVATE + (ord(c) & 0xFFF)) if unicodedata.category(c)[0] == "M" else c for c in joined)
