"""What a recognizer emits and which words it knows: units, pronunciations and the lexicon, from recipe and texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle
from resonet.decoding import LexiconBeam, ngram
from resonet.decoding.ngram import NgramModel
from resonet.errors import BundleError, DataError, UsageError
from resonet.text.g2p import GraphemeToPhone
from resonet.text.lexicon import Lexicon
from resonet.text.phones import ARPABET
from resonet.text.units import Units
from resonet.train.recipe import Recipe
from resonet.train.tune import START

# Letters that a language writes with, whether or not a small corpus has them all: words of a language model need them.
_ENGLISH = "'abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Vocabulary:
    """Units, and how texts become them and scores become texts.

    encode: unit ids of a normalised text; raises DataError for what the units cannot write.
    lexicon: the words that can be recognized: those of the training texts, and of the language model.
    lm: the language model that the recipe names. g2p: the graph that read what the lexicon lacked.
    read, unread: words whose phones the graph gave, and words that have none.
    """

    units: Units
    encode: Callable[[str], list[int]] = field(repr=False)
    lexicon: Lexicon = field(repr=False)
    lm: NgramModel | None = field(default=None, repr=False)
    g2p: bytes | None = field(default=None, repr=False)
    read: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def decoder(self, prior: NDArray[np.float32]) -> Callable[[list[NDArray[np.float32]]], list[str]] | None:
        """From log-probs of many utterances to texts, for word error rates while training; None without any word."""
        if not len(self.lexicon):
            return None
        beam = LexiconBeam(self.units, self.lexicon, self.lm, START, prior)
        return lambda scores: [" ".join(word.word for word in found.words) for found in beam.decode(scores)]


def build(recipe: Recipe, train: Sequence[str], dev: Sequence[str]) -> Vocabulary:
    """The vocabulary of a recipe for normalised texts.

    Raises:
        UsageError: phones without a lexicon.
        DataError, BundleError: the lexicon, the language model or the g2p bundle cannot be read.
    """
    lm = ngram.load(recipe.lm) if recipe.lm else None
    known = dict.fromkeys(word for text in train for word in text.split())
    if lm is not None:
        known.update(dict.fromkeys(lm.words[3:]))  # after <unk>, <s>, </s>
    if recipe.units.type == "phones":
        return _phones(recipe, known, (word for text in dev for word in text.split()), lm)
    if recipe.units.type == "bpe":
        units = Units.learn_bpe(train, recipe.units.size)
    else:
        units = Units.characters(alphabet(train))
    return Vocabulary(units, units.encode, Lexicon.spelled(known, units), lm)


def alphabet(texts: Iterable[str]) -> str:
    """The letters of normalised texts, sorted, and all of English where one of these is seen. Digits are no letters:
    nobody knows how they were read, so utterances with digits are left out."""
    seen = {c for text in texts for c in text if c.isalpha() or c == "'"}
    if seen & set(_ENGLISH):
        seen |= set(_ENGLISH)
    return "".join(sorted(seen))


def pronunciations(path: Path) -> Lexicon:
    """CMUdict text, or `word<TAB>phones` lines with any phones. Raises DataError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the lexicon {path} cannot be read: {error}") from error
    rows = [line.partition("\t")[2].split() for line in lines if "\t" in line]
    try:
        if len(rows) < len([line for line in lines if line.strip()]):
            return Lexicon.read_cmudict(lines)
        phones = {phone for row in rows for phone in row}
        return Lexicon.read_text(lines, ARPABET if phones <= set(ARPABET) else sorted(phones))
    except DataError as error:
        raise DataError(f"{path}: {error.message}", error.hint) from error


def _phones(recipe: Recipe, known: Iterable[str], others: Iterable[str], lm: NgramModel | None) -> Vocabulary:
    if recipe.units.lexicon is None:
        raise UsageError("units of type phones need a lexicon", "--set units.lexicon=FILE (CMUdict or word<TAB>phones)")
    sounds = pronunciations(Path(recipe.units.lexicon))
    known = list(known)
    lacking = [word for word in dict.fromkeys([*known, *others]) if word not in sounds]
    graph, read, unread = None, [], lacking
    if recipe.units.g2p and lacking:
        graph, unread = g2p_graph(recipe.units.g2p), []
        for word, phones in zip(lacking, GraphemeToPhone(graph).phones(lacking), strict=True):
            if phones and not any(c.isdigit() for c in word):
                sounds.add(word, phones)
                read.append(word)
            else:
                unread.append(word)
    units = Units.phones(sounds.symbols)

    def encode(text: str) -> list[int]:
        ids: list[int] = []
        for word in text.split():
            spoken = sounds.pronunciations(word)
            if not spoken:
                raise DataError(f"the lexicon has no pronunciation of {word!r}")
            ids += units.encode(spoken[0])
        return ids

    return Vocabulary(units, encode, sounds.subset(known), lm, graph, tuple(read), tuple(unread))


def g2p_graph(name_or_path: str) -> bytes:
    """`g2p.onnx` of a bundle of kind g2p, or of any bundle that brings one. Raises BundleError."""
    with Bundle.open(name_or_path) as bundle:
        if not bundle.has("g2p.onnx"):
            raise BundleError(f"the bundle {name_or_path} brings no g2p.onnx", "name one of kind g2p")
        return bundle.read("g2p.onnx")
