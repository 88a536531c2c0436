"""Inventories of phones, in the order of their unit ids.

ARPAbet as the CMU pronouncing dictionary uses it: 39 phones without stress for recognition and search, and with stress
(0 none, 1 primary, 2 secondary) for voices. Mandarin: pinyin initials and toned finals, tone 5 for the neutral one.
"""

from __future__ import annotations

ARPABET: tuple[str, ...] = (
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY", "JH", "K",
    "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip

VOWELS: frozenset[str] = frozenset(
    ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
)

ARPABET_STRESSED: tuple[str, ...] = tuple(
    phone + stress for phone in ARPABET for stress in (("0", "1", "2") if phone in VOWELS else ("",))
)

PINYIN_INITIALS: tuple[str, ...] = (
    "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "zh", "ch", "sh", "r", "z", "c", "s",
)  # fmt: skip

# Written in full: what pinyin writes as iu, ui, un is iou, uei, uen; ju, jue are j v, j ve; yi is i, wu is u, yu is v.
PINYIN_FINALS: tuple[str, ...] = (
    "a", "o", "e", "ai", "ei", "ao", "ou", "an", "en", "ang", "eng", "ong", "er",
    "i", "ia", "ie", "iao", "iou", "ian", "in", "iang", "ing", "iong",
    "u", "ua", "uo", "uai", "uei", "uan", "uen", "uang", "ueng", "v", "ve", "van", "vn",
)  # fmt: skip

PINYIN: tuple[str, ...] = (*PINYIN_INITIALS, *(final + tone for final in PINYIN_FINALS for tone in "12345"))


def without_stress(phone: str) -> str:
    """`AH0` -> `AH`: the phone in upper case without its stress digit."""
    return phone.upper().rstrip("012")
