"""What is to be said in a text: its words as they are written, each with the ways in which a recognizer may hear it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product, zip_longest
from typing import TYPE_CHECKING

from resonet.bundle import Bundle
from resonet.errors import BundleError, DataError
from resonet.text.g2p import GraphemeToPhone
from resonet.text.lexicon import Lexicon
from resonet.text.normalise import normalise
from resonet.text.units import SEPARATOR, Units

if TYPE_CHECKING:
    from resonet.text.frontend.rules import Reading, Token

# Ways to say a written word: as many are tried at most.
_MOST = 8
# Scripts that part no words are written a sign a word: kana and Han.
_ALONE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WRITTEN = re.compile(rf"[{_ALONE}]|[^\s{_ALONE}]+")
_DIGITS = re.compile(r"\d[\d,.]*")


@dataclass(frozen=True)
class Written:
    """A word as it is written, or several that are read as one ($5 million).

    Fields:
        text: with the punctuation that it has.
        characters: its first one in the whole text, and the one after its last.
        ways: units of each way to say it, the likeliest first; none where its letters mean nothing to the recognizer.
    """

    text: str
    characters: tuple[int, int]
    ways: tuple[tuple[int, ...], ...]


class ScriptReader:
    """Reads texts for a recognizer: numbers, dates and abbreviations in words, words in its units. Safe to share.

    Raises:
        BundleError: the bundle has no units, or a damaged lexicon.
    """

    def __init__(self, bundle: Bundle) -> None:
        if bundle.manifest.units is None:
            raise BundleError(f"{bundle.path} is no recognizer: it has no units")
        self.units = Units(bundle.manifest.units.type, bundle.manifest.units.symbols)
        self.language = bundle.manifest.languages[0] if bundle.manifest.languages else "und"
        self._lexicon = Lexicon.from_bytes(bundle.read("lexicon.bin")) if bundle.has("lexicon.bin") else Lexicon()
        self._g2p = GraphemeToPhone(bundle.read("g2p.onnx")) if bundle.has("g2p.onnx") else None
        separate = self.units.type == "characters" and SEPARATOR in self.units.index
        # Letters of a sentence have separators between words, which belong to no word.
        self.separator: int | None = self.units.index[SEPARATOR] if separate else None

    def read(self, text: str) -> list[Written]:
        """The words of a text, in order; what has neither letter nor number in it is no word.

        Raises:
            MissingExtra: numbers without the extra [speak].
        """
        reading = self._reading()
        said = [
            (first, last, self._readings(reading, text[first:last], words))
            for start, end, group in _groups(reading, text)
            for first, last, words in _parted(reading, text, start, end, group)
        ]
        spelled = self._spelled({word for _, _, readings in said for words in readings for word in words})
        return [Written(text[a:b], (a, b), tuple(self._ways(readings, spelled))) for a, b, readings in said]

    def _reading(self) -> Reading:
        # Rules of languages are slow to import, and who only recognizes speech needs none.
        from resonet.text.frontend.english import English
        from resonet.text.frontend.german import German
        from resonet.text.frontend.other import Other

        kinds: dict[str, type[Reading]] = {"en": English, "de": German}
        return kinds.get(self.language.split("-")[0].lower(), Other)(self.language, self._lexicon.__contains__)

    def _readings(self, reading: Reading, written: str, words: Sequence[str]) -> list[tuple[str, ...]]:
        """Words that may be said for a written word: as the rules read it, as it stands, its figures otherwise."""
        found = [tuple(self._words(" ".join(words)))]
        plain = self._words(written)
        if not any(c.isdecimal() for word in plain for c in word):
            found.append(tuple(plain))
        elif figures := _DIGITS.fullmatch(written.strip(".,;:!?()\"'")):
            digits = re.sub(r"\D", "", figures[0])
            one_by_one, whole = reading.digits(digits), reading.integer(digits)
            # "905" is also nine oh five, "105" one hundred and five; in other languages these change nothing.
            oh, more_and = one_by_one.replace("zero", "oh"), re.sub(r"\bhundred (?!and\b)(?=\w)", "hundred and ", whole)
            more = (whole, one_by_one, oh, more_and)
            found += [tuple(self._words(said)) for said in more]
        return [words for words in dict.fromkeys(found) if words]

    def _words(self, text: str) -> list[str]:
        return normalise(text, self.language).split()

    def _spelled(self, words: set[str]) -> dict[str, list[tuple[int, ...]]]:
        """Units of each way to say each word; none where there is none."""
        if self.units.type != "phones":
            return {word: [ids] if (ids := self._encoded(word)) else [] for word in words}
        found = {word: self._lexicon.pronunciations(word) for word in words}
        unknown = sorted(word for word, ways in found.items() if not ways)
        if unknown and self._g2p is not None:
            read = self._g2p.phones(unknown)
            found |= {word: [phones] for word, phones in zip(unknown, read, strict=True) if phones}
        return {word: [ids for way in ways if (ids := self._encoded(way))] for word, ways in found.items()}

    def _encoded(self, word: str | Sequence[str]) -> tuple[int, ...]:
        try:
            return tuple(self.units.encode(word))
        except DataError:
            return ()

    def _ways(
        self, readings: Sequence[Sequence[str]], spelled: dict[str, list[tuple[int, ...]]]
    ) -> Iterator[tuple[int, ...]]:
        between = () if self.separator is None else (self.separator,)
        ways = [
            [
                tuple(unit for i, way in enumerate(whole) for unit in (*(between if i else ()), *way))
                for whole in islice(product(*(spelled[word] for word in words)), _MOST)
            ]
            for words in readings
        ]
        # The first way of each reading, then the second of each: a long number has more than are tried.
        in_turn = dict.fromkeys(way for some in zip_longest(*ways) for way in some if way)
        return islice(in_turn, _MOST)


def _groups(reading: Reading, text: str) -> Iterator[tuple[int, int, list[str]]]:
    """Stretches of text between spaces with the words said for them; what is read as one stays together."""
    from resonet.text.frontend.clean import clean
    from resonet.text.frontend.split import stretches

    written = iter([match.span() for match in _WRITTEN.finditer(text)])
    here = next(written, None)
    start = end = 0
    words: list[str] = []
    for stretch in stretches(text, reading.dots):
        cleaned = clean(text[stretch.start : stretch.end])
        for token in reading.tokens(cleaned.text):
            said = _said(token)
            if not said:
                continue
            first = stretch.start + cleaned.starts[token.start]
            last = stretch.start + cleaned.ends[token.end - 1]
            if words and first >= end:
                yield start, end, words
                words = []
            while here is not None and here[1] <= first:
                here = next(written, None)
            if not words:
                start, end = here or (first, last)
            words += said
            while here is not None and here[0] < last:
                end = max(end, here[1])
                if here[1] > last:
                    break
                here = next(written, None)
    if words:
        yield start, end, words


def _parted(
    reading: Reading, text: str, start: int, end: int, words: Sequence[str]
) -> Iterator[tuple[int, int, Sequence[str]]]:
    """The parts between spaces, where each read alone is what was read of the whole; else the whole."""
    parts = [match.span() for match in _WRITTEN.finditer(text, start, end)]
    if len(parts) > 1:
        alone = [[word for token in reading.tokens(text[a:b]) for word in _said(token)] for a, b in parts]
        if "".join(word for said in alone for word in said) == "".join(words):
            yield from ((a, b, said) for (a, b), said in zip(parts, alone, strict=True) if said)
            return
    yield start, end, words


def _said(token: Token) -> list[str]:
    return [word for word in token.words if word != ","]
