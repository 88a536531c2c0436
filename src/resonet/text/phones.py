"""The 39 ARPAbet phones of the CMU pronouncing dictionary, without stress marks, in the order of their unit ids."""

from __future__ import annotations

ARPABET: tuple[str, ...] = (
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY", "JH", "K",
    "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip


def without_stress(phone: str) -> str:
    """`AH0` -> `AH`: the phone in upper case without its stress digit."""
    return phone.upper().rstrip("012")
