"""English words to the phones of the teacher, by CMUdict with stress: no other program, and no guess.

The teacher (Kokoro-82M) reads IPA with single letters for diphthongs and affricates (A I O W Y for the vowels of day,
my, go, now, boy; ʤ ʧ), T for the flap of "city", ᵊ for a vowel that nearly goes, ᵻ for the one of "wanted". Its stress
marks stand directly before the vowel (kˈɔfi), not before the syllable; so they do here. Small words lose their stress
inside a clause and keep it before a pause, as in what it was trained with: "ˈʌv" and "ˈænd" sound like a list.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

# Marks that the teacher reads and our voices have a symbol for; the dash of our texts is – and the teacher's is —.
PAUSES = ",.?!;:–"

_CONSONANTS = {
    "B": "b", "CH": "ʧ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "ʤ", "K": "k", "L": "l", "M": "m",
    "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "V": "v", "W": "w", "Y": "j",
    "Z": "z", "ZH": "ʒ",
}  # fmt: skip
_VOWELS = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "W", "AY": "I", "EH": "ɛ", "ER": "ɜɹ", "EY": "A", "IH": "ɪ",
    "IY": "i", "OW": "O", "OY": "Y", "UH": "ʊ", "UW": "u",
}  # fmt: skip
_WEAK = {"AH": "ə", "ER": "əɹ"}
_VOWEL_SIGNS = "ɑæʌɔWIɛɜəAɪiOYʊuɐᵊᵻ"
_STRESS = {"0": "", "1": "ˈ", "2": "ˌ"}
_SIBILANTS = frozenset(("S", "Z", "SH", "ZH", "CH", "JH"))
_VARIANT = re.compile(r"\(\d+\)$")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# No stress inside a clause.
_UNSTRESSED = _words(
    "a an the of to and or nor as at by for from in into if than through that this these those there it its is are was "
    "were be been am has had have will would can could he she they we you your my his their with it's i'm i'll he's "
    "she's they're we're you're that's he'd she'd they'd we'd you'd"
)
# A light one.
_LIGHT = _words(
    "i i've i'd me him her them us our what when where which who how but not on up down so some must should shall "
    "might may"
)
# Said otherwise than the dictionary's first line says them.
_OWN = {"a": "ɐ", "an": "ɐn", "the": "ðə", "to": "tə", "was": "wʌz", "than": "ðən", "on": "ˈɔn"}
_BEFORE_VOWEL = {"the": "ði", "to": "tʊ"}
_ALONE = {"a": "ˈA", "an": "ˈæn", "the": "ðˈi", "to": "tˈu", "was": "wˈʌz", "than": "ðˈæn", "on": "ˈɔn"}

# Words said in two ways by meaning: nothing here can tell which is meant, so sentences with them go.
TWO_WAYS = _words(
    "bass bow bowed bows buffet close closer content contract converse deliberate desert estimate excuse invalid "
    "lead live lives moderate object perfect permit polish present presents primer produce project read rebel record "
    "records refuse resume row rows separate sewer slough sow subject subjects tear tears use used uses wind winds "
    "wound wounds"
)


class Dictionary:
    """CMUdict: the first pronunciation of each word, with stress."""

    def __init__(self, file: Path) -> None:
        self._phones: dict[str, tuple[str, ...]] = {}
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                fields = [] if line.startswith(";;;") else line.split("#", 1)[0].split()
                if fields:
                    self._phones.setdefault(_VARIANT.sub("", fields[0]).lower(), tuple(fields[1:]))

    def __getitem__(self, word: str) -> tuple[str, ...]:
        return self._phones[word]

    def __contains__(self, word: object) -> bool:
        return word in self._phones

    def __iter__(self):
        return iter(self._phones)


def word_phones(phones: Sequence[str]) -> str:
    """ARPAbet with stress digits to the teacher's phones: `K AO1 F IY0` -> `kˈɔfi`.

    Raises:
        KeyError: an unknown phone.
    """
    said = []
    for i, phone in enumerate(phones):
        before = phones[i - 1] if i else ""
        after = phones[i + 1] if i + 1 < len(phones) else ""
        name, stress = phone[:-1], phone[-1]
        if not stress.isdigit():
            said.append("T" if phone == "T" and _flaps(phones, i) else _CONSONANTS[phone])
        elif phone == "AH0" and before and not before[-1].isdigit() and _syllabic(before, after, phones[i + 2 :]):
            said.append("ᵊ")
        elif phone in ("IH0", "AH0") and i == len(phones) - 2 and _inflected(before, after):
            said.append("ᵻ")
        elif name == "IY" and after == "R":
            said.append(_STRESS[stress] + "ɪ")
        else:
            said.append(_STRESS[stress] + (_WEAK if stress == "0" and name in _WEAK else _VOWELS)[name])
    return "".join(said)


def _flaps(phones: Sequence[str], i: int) -> bool:
    """T between a vowel (or R) and a vowel without stress, but not before a swallowed N (button)."""
    before, after = phones[i - 1] if i else "", phones[i + 1 : i + 3]
    if not after or after[0][-1] != "0" or not (before[-1:].isdigit() or before == "R"):
        return False
    return list(after) != ["AH0", "N"]


def _syllabic(before: str, after: str, further: Sequence[str]) -> bool:
    """AH0 before an L or N that ends the word, but for an S, Z or D: bottle, listens."""
    if further and (len(further) > 1 or further[0] not in ("S", "Z", "D")):
        return False
    return before in ("T", "D", "S", "Z") if after == "N" else after == "L" and before not in ("R", "L", "Y", "W", "JH")


def _inflected(before: str, after: str) -> bool:
    """roses, wanted."""
    return before in _SIBILANTS if after == "Z" else after == "D" and before in ("T", "D")


def tokens(text: str) -> list[str]:
    """Words (lower case) and pauses of a sentence: `Well, go!` -> `well` `,` `go` `!`."""
    found = (token.strip("'") for token in re.findall(r"[a-z']+|[,.?!;:–]", text.lower()))
    return [token for token in found if token]


def teacher_phones(text: str, dictionary: Dictionary) -> str | None:
    """A sentence in the teacher's symbols; None where a word is unknown or said in two ways."""
    said: list[str] = []
    for part in reversed(tokens(text)):  # from the end: what follows decides on stress, on "the" and on "to"
        if part in PAUSES:
            said.append(" —" if part == "–" else part)
        elif part in dictionary and part not in TWO_WAYS:
            said.append(" " + _in_sentence(part, dictionary[part], said[-1] if said else ""))
        else:
            return None
    return "".join(reversed(said)).strip()


def _in_sentence(word: str, phones: Sequence[str], following: str) -> str:
    if not following.startswith(" ") or following == " —":
        return _ALONE.get(word) or word_phones(phones)
    if word in _BEFORE_VOWEL and following.lstrip(" ˈˌ")[0] in _VOWEL_SIGNS:
        return _BEFORE_VOWEL[word]
    said = _OWN.get(word) or word_phones(phones)
    if word in _UNSTRESSED:
        return said.replace("ˈ", "").replace("ˌ", "")
    return said.replace("ˈ", "ˌ") if word in _LIGHT else said
