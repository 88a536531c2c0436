"""A text as the rules see it, and where each of its characters came from.

Quotes, dashes, spaces and digits of many kinds become one kind each, letters are composed (NFC), signs without a form
of their own go. What is found in the clean text is told in places of the text that was given.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

# Stands for a stretch of SSML whose reading is given; a private character that texts cannot bring in (see `clean`).
OPAQUE = "\ue000"
# The thin space that groups digits (1 000 000); every other space becomes the plain one.
GROUP = "\u202f"

_SAME: dict[str | int, str | int | None] = (
    {
        **dict.fromkeys("’‘ʼ‛`´‚′", "'"),
        **dict.fromkeys("“”„‟«»″「」『』《》〈〉", '"'),
        **dict.fromkeys("‐‑", "-"),
        **dict.fromkeys("―⸺", "—"),
        **dict.fromkeys(map(chr, (0xA0, 0x1680, *range(0x2000, 0x200B), 0x205F, 0x3000)), " "),
        **dict.fromkeys("\u2028\u2029\x85", "\n"),
        **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},  # full width
        "、": ",",
        "。": ".",
        "．": ".",
        "｡": ".",
        "؟": "?",
        "،": ",",
        "؛": ";",
        "।": ".",
        "॥": ".",
        "։": ".",
        "⁄": "/",
        "∕": "/",
        "−": "-",
        "﹣": "-",
        "∶": ":",
        "〜": "~",
        "µ": "μ",
        "º": "°",
        "˚": "°",
        "・": "·",
        "‧": "·",
    }
)  # fmt: skip
_ONE_TO_ONE = str.maketrans(_SAME)  # type: ignore[arg-type]
# Nothing to do for these: Latin letters with and without accents, Han, and the signs that rules know.
_CLEAN = re.compile("[\x00-\x7f¡-¬®-ÿĀ-ſ‐-‧€™←-⇿∀-⋿■-◿\u4e00-\u9fffμ…\u202f]*")
_GROUPING = re.compile("(?<=[0-9])[\u00a0\u2009](?=[0-9]{3}(?![0-9]))")
_STRAY = re.compile("(?<![0-9])\u202f|\u202f(?![0-9]{3}(?![0-9]))")


@dataclass(frozen=True)
class Clean:
    """`text`, and for its character i the stretch `starts[i]:ends[i]` of what was given."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]


def clean(raw: str, opaque: bool = False) -> Clean:
    """Cleans a text. With `opaque` the placeholder stays, else it goes as any private character does."""
    text = raw
    if not raw.isascii():
        text = _STRAY.sub(" ", _GROUPING.sub(GROUP, raw)).translate(_ONE_TO_ONE)
        if not _CLEAN.fullmatch(text):
            return _by_character(text, opaque)
    return Clean(text, range(len(text)), range(1, len(text) + 1))


def _by_character(text: str, opaque: bool) -> Clean:
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    i, n = 0, len(text)
    while i < n:
        first = i
        c = text[i]
        i += 1
        while i < n and text[i] > "\x7f" and unicodedata.category(text[i])[0] == "M":
            i += 1
        for new in _written(c, text[first:i], opaque):
            characters.append(new)
            starts.append(first)
            ends.append(i)
    return Clean("".join(characters), starts, ends)


def _written(c: str, cluster: str, opaque: bool) -> str:
    """A character with its marks as the rules see it."""
    if c <= "\x7f":
        return c if len(cluster) == 1 else unicodedata.normalize("NFC", _without_variants(cluster))
    category = unicodedata.category(c)
    if category in ("Cf", "Co", "Cs", "Cc", "Cn"):
        return c if opaque and c == OPAQUE else ""
    if category == "Nd":
        return str(unicodedata.decimal(c))
    if category == "No" and c not in "²³¹" and unicodedata.normalize("NFKC", c).isdigit():  # in circles, raised
        return unicodedata.normalize("NFKC", c)
    if category in ("Lu", "Ll", "Lo", "Nl") or 0x3300 <= ord(c) <= 0x33FF or c in "℃℉":
        # Ligatures, letters in frames, full width Katakana, Roman numerals, square units: compatibility forms.
        return unicodedata.normalize("NFKC", _without_variants(cluster)).replace("⁄", "/")
    return unicodedata.normalize("NFC", _without_variants(cluster))


def _without_variants(cluster: str) -> str:
    """Without variation selectors, which only choose a glyph."""
    return "".join(c for c in cluster if not 0xFE00 <= ord(c) <= 0xFE0F)
