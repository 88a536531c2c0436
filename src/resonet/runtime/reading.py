"""How a voice reads: the front end of each of its languages, with the lexicon it brings and the user's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from resonet.bundle import Bundle
from resonet.errors import BundleError, DataError
from resonet.text.g2p import GraphemeToPhone
from resonet.text.lexicon import Lexicon

if TYPE_CHECKING:
    from resonet.text.frontend import FrontEnd, Sentence

# In a voice of several languages, that whose words are looked up: lexicon.bin and g2p.onnx are its.
_LOOKED_UP = "en"
_LONGEST = 200  # units of a piece, where training has seen pieces as long
_MOST = 16 << 20  # bytes of a user's lexicon
_PHONE = re.compile(r"[A-Z]{1,4}[0-9]?")

Words = dict[str, str | Sequence[str]]


class Reader:
    """Reads texts aloud, as units; safe to share between threads.

    Args:
        words: a lexicon of the user's; see `user_words`.
        warn: is told, in a sentence, of what is read otherwise than it is written; otherwise nobody is.

    Raises:
        DataError: the user's lexicon cannot be read, or has units that the voice lacks.
        BundleError: a damaged member.
    """

    def __init__(self, bundle: Bundle, words: str | Path | None, warn: Callable[[str], object] | None) -> None:
        # Rules of languages are slow to import, and who only recognizes speech needs none.
        from resonet.text.frontend.layout import SHORTEST

        units = bundle.manifest.units
        assert units is not None  # the manifest was checked: a voice has units
        self._symbols, self._languages = units.symbols, bundle.manifest.languages
        self._longest = max(SHORTEST, min(_LONGEST, bundle.manifest.voice.longest or _LONGEST))
        try:
            self._lexicon = Lexicon.from_bytes(bundle.read("lexicon.bin")) if bundle.has("lexicon.bin") else None
            self._g2p = GraphemeToPhone(bundle.read("g2p.onnx")) if bundle.has("g2p.onnx") else None
        except BundleError as error:
            raise BundleError(f"{bundle.path}: {error.message}", error.hint) from error
        self._voices = {name: who.language for name, who in bundle.manifest.voice.speakers.items()}
        self._user = user_words(words) if words is not None else None
        self._warn = warn
        self._single = {language: self._make(language, {}) for language in self._languages}
        self._made: dict[str, FrontEnd] = {}
        self._lock = Lock()

    def sentences(self, text: str, language: str, ssml: bool) -> Iterator[Sentence]:
        """The text in pieces that the voice says in one go.

        Raises:
            DataError: SSML that is faulty, and when the iteration comes to it, that nothing can be said.
        """
        front_end = self._front_end(language)
        return front_end.ssml(text, self._longest) if ssml else front_end.sentences(text, self._longest)

    def _front_end(self, language: str) -> FrontEnd:
        """That of a language, which hands over to those of the others where SSML changes it."""
        if len(self._single) == 1:
            return self._single[language]
        with self._lock:
            if language not in self._made:
                others = {other: front for other, front in self._single.items() if other != language}
                self._made[language] = self._make(language, others)
            return self._made[language]

    def _make(self, language: str, others: dict[str, FrontEnd]) -> FrontEnd:
        from resonet.text.frontend import FrontEnd

        looked_up = len(self._languages) == 1 or language.split("-")[0] == _LOOKED_UP
        return FrontEnd(
            language,
            self._symbols,
            lexicon=self._lexicon if looked_up else None,
            g2p=self._g2p if looked_up else None,
            user=self._user,
            warn=self._tell,
            others=others,
            voices=self._voices,
        )

    def _tell(self, sentence: str) -> None:
        if self._warn is not None:
            self._warn(sentence)


def user_words(path: str | Path) -> Words:
    """A lexicon of the user's: a line a word, with two spaces or a tab before its phones, or before other words to be
    read in its place; `;;;` and `#` begin remarks. Of several lines for a word the first counts.

    Raises:
        DataError: the file cannot be read, or a line has no such form.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_MOST + 1)
        if len(content) > _MOST:
            raise DataError(f"the lexicon {path} has more than {_MOST >> 20} MiB", "a user's words are a few thousand")
        lines = content.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise DataError(f"the lexicon {path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"the lexicon {path} is not UTF-8 text: byte {error.start + 1}", "convert it to UTF-8"
        ) from None
    found: Words = {}
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line or line.startswith((";;;", "#")):
            continue
        word, _, said = line.replace("\t", "  ", 1).partition("  ")
        parts = said.split()
        if not parts:
            raise DataError(
                f"line {number} of the lexicon {path} says nothing of how {word[:40]!r} is read",
                "write the word, two spaces or a tab, and its phones (or words to be read in its place)",
            )
        # What looks like phones is not taken for words where one of them is misspelled.
        found.setdefault(word.strip(), parts if all(map(_PHONE.fullmatch, parts)) else said)
    return found
