"""The lexicon: which words there are and how each is said (or spelled), as text and as `lexicon.bin` of a bundle.

`lexicon.bin`, all numbers little-endian: the magic `RESONLEX`, then uint32 version, bytes of the symbol list, bytes of
the word list, number of words, of pronunciations, of phones; then the symbols and the words as UTF-8 joined by line
feeds, uint8 pronunciations of each word, uint8 phones of each pronunciation, and the phones as ids into the symbol list
(uint8, or uint16 where there are more than 256 symbols).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonet.errors import BundleError, DataError
from resonet.text.phones import ARPABET, ARPABET_STRESSED, without_stress
from resonet.text.units import Units

_MAGIC = b"RESONLEX"
_VERSION = 1
_HEADER = struct.Struct("<8s6I")
_MOST = 255  # pronunciations of a word, and phones of a pronunciation: uint8 in the file
_VARIANT = re.compile(r"\(\d+\)$")

Source = str | Path | Iterable[str]


@dataclass(frozen=True)
class LexiconArrays:
    """A lexicon flat: pronunciation i belongs to `words[word[i]]` and has phones `phones[offsets[i]:offsets[i + 1]]`.

    `word` int32 [pronunciations], `offsets` int64 [pronunciations + 1], `phones` ids into `Lexicon.symbols`.
    """

    words: list[str]
    word: NDArray[np.int32]
    offsets: NDArray[np.int64]
    phones: NDArray[np.unsignedinteger]


class Lexicon:
    """Words with one or more pronunciations each; iterating gives the words in the order they came.

    Args:
        symbols: the phones (or letters, or pieces) that pronunciations are made of.
    """

    def __init__(self, symbols: Sequence[str] = ARPABET) -> None:
        self.symbols = tuple(symbols)
        self._ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        self._type = np.dtype("u1") if len(self.symbols) <= 256 else np.dtype("<u2")
        # A pronunciation is kept as the bytes of its phone ids: a tenth of the memory and load time of tuples of names.
        self._entries: dict[str, tuple[bytes, ...]] = {}

    @classmethod
    def read_cmudict(cls, source: Source, stress: bool = False) -> Lexicon:
        """CMUdict text (a path, or its lines): `WORD(2)  P H1 O N E S  # remark`.

        Stress digits are dropped, as recognition wants it; with `stress` they stay, as voices want it, and every vowel
        must have one.

        Raises:
            DataError: a line that names no phones or an unknown one; the file cannot be read.
        """
        lexicon = cls(ARPABET_STRESSED if stress else ARPABET)
        name_of = str.upper if stress else without_stress
        for number, line in _lines(source):
            fields = [] if line.startswith(";;;") else line.split("#", 1)[0].split()
            if fields:
                word = _VARIANT.sub("", fields[0]).lower()
                lexicon._add(word, [name_of(phone) for phone in fields[1:]], f"line {number} of {_name(source)}")
        return lexicon

    @classmethod
    def read_text(cls, source: Source, symbols: Sequence[str] = ARPABET) -> Lexicon:
        """Plain text (a path, or its lines): the word, a tab or two spaces, its phones. A word may have several lines.

        Raises:
            DataError: a line without that form or with an unknown phone; the file cannot be read.
        """
        lexicon = cls(symbols)
        for number, line in _lines(source):
            if line.strip():
                word, _, phones = line.strip().replace("\t", "  ", 1).partition("  ")
                lexicon._add(word, phones.split(), f"line {number} of {_name(source)}")
        return lexicon

    @classmethod
    def spelled(cls, words: Iterable[str], units: Units) -> Lexicon:
        """Each word by its letters or pieces (units of type characters or bpe), but those that `units` cannot write."""
        lexicon = cls(units.symbols[1:])
        for word in words:
            try:
                ids = units.encode(word)
            except DataError:
                continue
            if 0 < len(ids) <= _MOST and not any(c.isspace() for c in word):
                lexicon._insert(word, (np.array(ids) - 1).astype(lexicon._type).tobytes())
        return lexicon

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, word: object) -> bool:
        return word in self._entries

    def add(self, word: str, phones: Sequence[str]) -> None:
        """Adds a pronunciation; one that the word already has is not added again.

        Raises:
            DataError: the word is empty or holds white space, or a phone is unknown.
        """
        self._add(word, phones, "a word that was added")

    def pronunciations(self, word: str) -> list[tuple[str, ...]]:
        """The pronunciations of `word`, the first (preferred) one first; empty for an unknown word."""
        return [
            tuple(self.symbols[i] for i in np.frombuffer(phones, self._type).tolist())
            for phones in self._entries.get(word, ())
        ]

    def subset(self, words: Iterable[str]) -> Lexicon:
        """The lexicon of those of `words` that are in this one, in the order of `words`."""
        chosen = Lexicon(self.symbols)
        chosen._entries = {word: self._entries[word] for word in words if word in self._entries}
        return chosen

    def arrays(self) -> LexiconArrays:
        """All pronunciations as flat arrays, for the decoder."""
        counts = np.fromiter(map(len, self._entries.values()), np.int64, len(self._entries))
        pronunciations = [phones for entry in self._entries.values() for phones in entry]
        offsets = np.zeros(len(pronunciations) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, pronunciations), np.int64, len(pronunciations)), out=offsets[1:])
        return LexiconArrays(
            words=list(self._entries),
            word=np.repeat(np.arange(len(counts), dtype=np.int32), counts),
            offsets=offsets // self._type.itemsize,
            phones=np.frombuffer(b"".join(pronunciations), self._type),
        )

    def to_bytes(self) -> bytes:
        """The content of `lexicon.bin` (layout: docstring of this module)."""
        arrays = self.arrays()
        symbols = "\n".join(self.symbols).encode()
        words = "\n".join(arrays.words).encode()
        counts = np.bincount(arrays.word, minlength=len(arrays.words)).astype(np.uint8)
        lengths = np.diff(arrays.offsets).astype(np.uint8)
        header = _HEADER.pack(
            _MAGIC, _VERSION, len(symbols), len(words), len(counts), len(lengths), len(arrays.phones)
        )  # fmt: skip
        return b"".join((header, symbols, words, counts.tobytes(), lengths.tobytes(), arrays.phones.tobytes()))

    @classmethod
    def from_bytes(cls, data: bytes) -> Lexicon:
        """Reads `lexicon.bin`.

        Raises:
            BundleError: not a lexicon, one of a later version, or damaged.
        """
        if len(data) < _HEADER.size or not data.startswith(_MAGIC):
            raise BundleError("lexicon.bin is not a resonet lexicon")
        _, version, *sizes = _HEADER.unpack_from(data)
        if version != _VERSION:
            raise BundleError(
                f"lexicon.bin has version {version}, this resonet reads version {_VERSION}", "install a newer resonet"
            )
        try:
            return cls._parse(memoryview(data)[_HEADER.size :], *sizes)
        except ValueError as error:  # UnicodeDecodeError is one too
            raise BundleError(f"lexicon.bin is damaged: {error}", "fetch or build the bundle again") from error

    @classmethod
    def _parse(
        cls, body: memoryview, symbol_bytes: int, word_bytes: int, n_words: int, n_prons: int, n_phones: int
    ) -> Lexicon:
        parts = []
        for size in (symbol_bytes, word_bytes, n_words, n_prons):
            if size > len(body):
                raise ValueError("it is shorter than its header says")
            parts.append(bytes(body[:size]))
            body = body[size:]
        symbols, words = (part.decode().split("\n") if part else [] for part in parts[:2])
        counts, lengths = (np.frombuffer(part, np.uint8) for part in parts[2:])
        lexicon = cls(symbols)
        if len(body) != n_phones * lexicon._type.itemsize or int(lengths.sum()) != n_phones:
            raise ValueError("the number of its phones is not what its header says")
        phones = np.frombuffer(body, lexicon._type)
        if len(words) != n_words or len(set(words)) != n_words or "" in words or len(lexicon._ids) != len(symbols):
            raise ValueError("its words or symbols are not what its header says")
        if int(counts.sum()) != n_prons or (n_words and not counts.all()) or (n_prons and not lengths.all()):
            raise ValueError("the number of its pronunciations is not what its header says")
        if n_phones and int(phones.max()) >= len(symbols):
            raise ValueError("it uses a phone that it does not name")
        content = bytes(body)
        ends = (np.cumsum(lengths, dtype=np.int64) * lexicon._type.itemsize).tolist()
        pronunciations = [content[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        position = 0
        for word, count in zip(words, counts.tolist(), strict=True):
            lexicon._entries[word] = tuple(pronunciations[position : position + count])
            position += count
        return lexicon

    def _add(self, word: str, phones: Sequence[str], where: str) -> None:
        if not word or any(character.isspace() for character in word):
            raise DataError(f"{word!r} ({where}) cannot be a word of a lexicon", "give one word without spaces")
        if not 0 < len(phones) <= _MOST:
            raise DataError(f"The word {word!r} ({where}) has {len(phones)} phones", f"give 1 to {_MOST}")
        try:
            content = np.array([self._ids[phone] for phone in phones], dtype=self._type).tobytes()
        except KeyError as error:
            raise DataError(
                f"The word {word!r} ({where}) uses the unknown phone {error.args[0]!r}",
                "known are " + " ".join(self.symbols[:50]),
            ) from None
        self._insert(word, content)

    def _insert(self, word: str, phones: bytes) -> None:
        entry = self._entries.get(word, ())
        if phones not in entry:
            if len(entry) == _MOST:
                raise DataError(f"The word {word!r} has more than {_MOST} pronunciations")
            self._entries[word] = (*entry, phones)


def _lines(source: Source) -> Iterator[tuple[int, str]]:
    if not isinstance(source, (str, Path)):
        yield from enumerate(source, 1)
        return
    try:
        with open(source, encoding="utf-8") as file:
            yield from enumerate(file, 1)
    except OSError as error:
        raise DataError(f"The lexicon {source} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"The lexicon {source} is not UTF-8 text", "convert it to UTF-8") from error


def _name(source: Source) -> str:
    return str(source) if isinstance(source, (str, Path)) else "the lexicon"
