"""English words as phones: letters, endings, words with two readings, and the article before vowels."""

from __future__ import annotations

from collections.abc import Sequence

from resonet.text.frontend.split import word_set
from resonet.text.frontend.words import Phones, fit
from resonet.text.phones import VOWELS

LETTERS = {
    "A": "EY1", "B": "B IY1", "C": "S IY1", "D": "D IY1", "E": "IY1", "F": "EH1 F", "G": "JH IY1", "H": "EY1 CH",
    "I": "AY1", "J": "JH EY1", "K": "K EY1", "L": "EH1 L", "M": "EH1 M", "N": "EH1 N", "O": "OW1", "P": "P IY1",
    "Q": "K Y UW1", "R": "AA1 R", "S": "EH1 S", "T": "T IY1", "U": "Y UW1", "V": "V IY1", "W": "D AH1 B AH0 L Y UW0",
    "X": "EH1 K S", "Y": "W AY1", "Z": "Z IY1", "0": "Z IH1 R OW0", "1": "W AH1 N", "2": "T UW1", "3": "TH R IY1",
    "4": "F AO1 R", "5": "F AY1 V", "6": "S IH1 K S", "7": "S EH1 V AH0 N", "8": "EY1 T", "9": "N AY1 N",
}  # fmt: skip

_HISSING = frozenset(("S", "Z", "SH", "ZH", "CH", "JH"))
_VOICELESS = frozenset(("P", "T", "K", "F", "TH"))
_TAILS = {"'ll": "AH0 L", "'d": "D", "'ve": "AH0 V", "'re": "ER0", "'m": "M"}
# What CMUdict's first reading gets wrong in running text.
_ALWAYS = {"a": "AH0", "the": "DH AH0", "miz": "M IH1 Z"}

# Nouns with the stress in front, verbs with it behind: the lexicon has both.
_BY_STRESS = word_set(
    "addict conduct conflict contest content contract contrast convert convict decrease defect desert digest "
    "discount escort export extract import increase insert insult object permit present produce progress project "
    "protest rebel record refund reject research subject survey suspect torment transfer transport upset"
)
# Verbs that end in EY T, nouns and adjectives in AH T.
_BY_ATE = word_set(
    "advocate aggregate alternate animate approximate appropriate articulate associate coordinate delegate "
    "deliberate degenerate designate duplicate elaborate estimate graduate intimate moderate postulate predicate "
    "separate subordinate syndicate"
)
# Verbs that end in Z, nouns and adjectives in S.
_BY_VOICE = frozenset(("use", "house", "excuse", "abuse", "close", "misuse"))
_NOUN_AFTER = word_set(
    "the a an this that these those my your his her its our their some any no every each of in with for from new "
    "old first second last good great same whole best other such very so too"
)
_VERB_AFTER = word_set(
    "to will would can could may might must shall should not i you we they who did do does don't didn't doesn't "
    "won't can't couldn't wouldn't shouldn't let let's please i'll you'll he'll she'll we'll they'll i'd you'd "
    "we'd they'd cannot never always"
)
_DONE_BY = word_set(
    "have has had having was were is are been being be he she it i've you've we've they've he'd she'd well"
)
# word: (reading, reading where the word before is one of, where the word after is one of)
_READINGS: dict[str, tuple[str, str, frozenset[str], frozenset[str]]] = {
    "read": ("R IY1 D", "R EH1 D", _DONE_BY, word_set("aloud")),
    "lead": ("L IY1 D", "L EH1 D", word_set("of"), word_set("pipe pipes paint poisoning pencil bullet bullets")),
    "live": (
        "L IH1 V",
        "L AY1 V",
        word_set("a the broadcast go went going"),
        word_set("music show shows concert concerts broadcast tv performance action stream event audience wire"),
    ),
    "lives": (
        "L IH1 V Z",
        "L AY1 V Z",
        word_set("their our your his her the of many two three save saved lost human nine"),
        frozenset(),
    ),
    "wind": ("W IH1 N D", "W AY1 N D", word_set("to"), word_set("up down")),
    "wound": ("W UW1 N D", "W AW1 N D", frozenset(), word_set("up around through round")),
    "tear": ("T IH1 R", "T EH1 R", _VERB_AFTER, word_set("up down apart off open away")),
    "tears": ("T IH1 R Z", "T EH1 R Z", word_set("he she it"), word_set("up down apart off open away")),
    "bass": ("B EY1 S", "B AE1 S", word_set("sea striped"), word_set("fishing")),
    "dove": ("D AH1 V", "D OW1 V", word_set("he she they i we"), word_set("into in")),
    "minute": ("M IH1 N AH0 T", "M AY0 N UW1 T", frozenset(), word_set("detail details traces amounts quantities")),
}


class EnglishPhones(Phones):
    """ARPAbet; the words around decide between readings."""

    letters = LETTERS

    def read(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        found = super().read(words)
        for i, word in enumerate(words):
            if word == "the":
                following = next((units for units in found[i + 1 : i + 2] if units), ())
                if following and following[0].rstrip("012") in VOWELS:
                    found[i] = fit(("DH", "IY0"), self.symbols)
            elif word in _READINGS or word in _BY_STRESS or word in _BY_ATE or word in _BY_VOICE:
                before = words[i - 1] if i else ""
                after = words[i + 1] if i + 1 < len(words) else ""
                found[i] = self._reading(word, before, after) or found[i]
        return found

    def _reading(self, word: str, before: str, after: str) -> tuple[str, ...]:
        if word.lower() in self.user:
            return ()
        if word in _READINGS:
            usual, other, behind, ahead = _READINGS[word]
            return fit((other if before in behind or after in ahead else usual).split(), self.symbols)
        verb = before in _VERB_AFTER and before not in _NOUN_AFTER
        if word == "close":
            verb = verb or (
                before not in _NOUN_AFTER | _DONE_BY and after in ("the", "your", "it", "this", "that", "his")
            )
        for phones in self.variants(word):
            if word in _BY_STRESS:
                stressed = next((phone for phone in phones if phone[-1] in "012"), "0")
                fits = (stressed[-1] != "1") == verb
            elif word in _BY_ATE:
                fits = len(phones) > 1 and phones[-2].startswith("EY") == verb
            else:
                fits = (phones[-1] == "Z") == verb
            if fits:
                return phones
        return ()

    def _looked_up(self, word: str) -> tuple[str, ...] | None:
        if word in _ALWAYS and word not in self.user:
            return fit(_ALWAYS[word].split(), self.symbols)
        found = super()._looked_up(word)
        if found is not None or "'" not in word:
            return found
        stem, _, tail = word.rpartition("'")
        if not stem:
            return super()._looked_up(tail)
        if tail == "" or tail == "s" or "'" + tail in _TAILS:
            base = super()._looked_up(stem)
            if base is None and stem:
                base = self._unread([stem])[0]
            if base and tail == "s":
                return (*base, *self._possessive(base[-1]))
            if base:
                return (*base, *fit(_TAILS.get("'" + tail, "").split(), self.symbols))
        return None

    def _possessive(self, last: str) -> tuple[str, ...]:
        bare = last.rstrip("012")
        phones = ("IH0", "Z") if bare in _HISSING else ("S",) if bare in _VOICELESS else ("Z",)
        return fit(phones, self.symbols)
