"""What a voice is spelled in: its unit symbols, and how texts become them, by the front end of each language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from resonet.errors import DataError, UsageError
from resonet.text.frontend import FrontEnd, voice_symbols
from resonet.text.g2p import GraphemeToPhone
from resonet.text.lexicon import Lexicon
from resonet.train.recipe import Recipe
from resonet.train.vocabulary import g2p_graph

# Languages that are written in phones where the recipe asks for phones (all others keep their letters), and which of
# them are read by a lexicon.
_PHONES = ("en", "zh", "cmn")
_WITH_LEXICON = ("en",)
# Symbols of a piece: in training a sentence stays whole, however long.
_WHOLE = 100_000


@dataclass(frozen=True)
class VoiceUnits:
    """Symbols, in the order of their numbers, and the front ends that write in them.

    type: as the manifest's. lexicon, g2p: what the bundle takes along to read English words by.
    """

    type: str
    symbols: tuple[str, ...]
    front_ends: Mapping[str, FrontEnd] = field(repr=False)
    lexicon: Lexicon | None = field(default=None, repr=False)
    g2p: bytes | None = field(default=None, repr=False)

    def encode(self, text: str, language: str) -> list[int]:
        """Numbers of its units. Raises ResonetError where the front end cannot read it, or could only spell a word."""
        codes: list[int] = []
        for sentence in self.front_ends[language].sentences(text, longest=_WHOLE):
            if self.lexicon is not None and self.g2p is None and base(language) in _WITH_LEXICON:
                self._check(sentence.spoken)
            codes += [self._places[symbol] for symbol in sentence.symbols]
        return codes

    @cached_property
    def _places(self) -> dict[str, int]:
        return {symbol: i for i, symbol in enumerate(self.symbols)}

    def _check(self, spoken: str) -> None:
        """Spelled in letters, an unknown word would teach the voice that its letters sound like that."""
        assert self.lexicon is not None
        for word in spoken.lower().replace("-", " ").split():
            if len(word) > 1 and word not in self.lexicon and word.strip("'") not in self.lexicon:
                raise DataError(f"the lexicon has no pronunciation of {word!r}", "name a g2p bundle with units.g2p")


def build(recipe: Recipe, texts: Mapping[str, Sequence[str]]) -> VoiceUnits:
    """The units for `texts` of each language.

    Raises UsageError: phones without a lexicon; DataError, BundleError: lexicon or g2p cannot be read.
    """
    phones = recipe.units.type == "phones"
    if recipe.units.type == "bpe":
        raise UsageError("a voice is spelled in characters or phones", "--set units.type=characters")
    lexicon, graph = None, None
    read = [language for language in texts if phones and base(language) in _WITH_LEXICON]
    if read:
        if recipe.units.lexicon is None:
            raise UsageError("units of type phones need a lexicon", "--set units.lexicon=FILE (CMUdict with stress)")
        lexicon = stressed(Path(recipe.units.lexicon))
        graph = g2p_graph(recipe.units.g2p) if recipe.units.g2p else None
    g2p = GraphemeToPhone(graph) if graph else None
    symbols: dict[str, None] = {}
    for language, said in texts.items():
        # Letters of English and Mandarin, where nobody asked for phones, are those of the texts.
        tag = language if phones or base(language) not in _PHONES else "und"
        symbols |= dict.fromkeys(voice_symbols(tag, said))
    front_ends = {
        language: FrontEnd(language, tuple(symbols), lexicon=lexicon, g2p=g2p)
        if language in read
        else FrontEnd(language, tuple(symbols))
        for language in texts
    }
    return VoiceUnits("phones" if phones else "characters", tuple(symbols), front_ends, lexicon, graph)


def stressed(path: Path) -> Lexicon:
    """The lexicon with stress marks, from CMUdict text or lines of word<TAB>phones."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the lexicon {path} cannot be read: {error}") from error
    try:
        if any("\t" in line for line in lines[:100]):
            rows = [line.partition("\t")[2].split() for line in lines]
            return Lexicon.read_text(lines, sorted({phone for row in rows for phone in row}))
        return Lexicon.read_cmudict(lines, stress=True)
    except DataError as error:
        raise DataError(f"{path}: {error.message}", error.hint) from error


def base(language: str) -> str:
    """`en` of `en-GB`."""
    return language.replace("_", "-").split("-")[0].lower()
