"""IPA to ARPAbet, for SSML's `phoneme` with English voices."""

from __future__ import annotations

import unicodedata

_CONSONANTS = {
    "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "ɡ": "G", "g": "G", "m": "M", "n": "N", "ŋ": "NG", "f": "F",
    "v": "V", "θ": "TH", "ð": "DH", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH", "ɦ": "HH", "l": "L", "ɫ": "L",
    "ɹ": "R", "r": "R", "ɾ": "D", "j": "Y", "w": "W", "ʍ": "W", "x": "K", "ʔ": "", "tʃ": "CH", "dʒ": "JH", "ʧ": "CH",
    "ʤ": "JH", "n̩": "AH0 N", "l̩": "AH0 L", "m̩": "AH0 M", "ɬ": "L", "ç": "HH",
}  # fmt: skip
_VOWELS = {
    "i": "IY", "iː": "IY", "ɪ": "IH", "e": "EH", "ɛ": "EH", "eɪ": "EY", "æ": "AE", "a": "AA", "ɑ": "AA", "ɑː": "AA",
    "ɒ": "AA", "ɔ": "AO", "ɔː": "AO", "ʊ": "UH", "u": "UW", "uː": "UW", "ʌ": "AH", "ə": "AH", "ɐ": "AH", "ɜ": "ER",
    "ɜː": "ER", "ɝ": "ER", "ɚ": "ER", "ɜɹ": "ER", "əɹ": "ER", "ɜːɹ": "ER", "aɪ": "AY", "aʊ": "AW", "ɔɪ": "OY",
    "oʊ": "OW", "əʊ": "OW", "o": "OW", "oː": "OW", "eː": "EY", "ɛː": "EH", "aː": "AA", "ɨ": "IH", "y": "UW", "ø": "ER",
}  # fmt: skip
_TABLE = {unicodedata.normalize("NFC", ipa): phone for ipa, phone in {**_CONSONANTS, **_VOWELS}.items()}
_LONGEST = max(map(len, _TABLE))
_SILENT = frozenset(" .|‖‿ːˑ͜͡()/[]")


def arpabet(text: str) -> tuple[list[str], str]:
    """The phones of a transcription, and the first sign of it that is not known ("" for none).

    Stress marks stand before the syllable and go to its vowel; a single vowel without any takes the primary one.
    """
    text = unicodedata.normalize("NFC", text.strip()).replace("͡", "").replace("͜", "")
    phones: list[str] = []
    stress = "0"
    i = 0
    while i < len(text):
        c = text[i]
        if c in "ˈ'":
            stress = "1"
        elif c in "ˌ,":
            stress = "2"
        elif c not in _SILENT:
            for length in range(min(_LONGEST, len(text) - i), 0, -1):
                sign = text[i : i + length]
                if sign in _TABLE:
                    break
            else:
                return phones, c
            phone = _TABLE[sign]
            if sign in _VOWELS:
                phone += stress
                stress = "0"
            phones += phone.split()
            i += length
            continue
        i += 1
    vowels = [n for n, phone in enumerate(phones) if phone[-1] in "012"]
    if vowels and not any(phones[n][-1] == "1" for n in vowels):
        n = vowels[0]
        phones[n] = phones[n][:-1] + "1"
    return phones, ""
