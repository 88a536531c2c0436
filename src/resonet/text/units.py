"""Units: what an acoustic model emits (characters, word pieces or phones), and their numbers.

Unit 0 is the CTC blank. Characters write the space between words as `|`; word pieces carry the SentencePiece mark `▁`
(U+2581) in front of a word. Neither encoding nor decoding needs a library; only learning pieces does.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from resonet.errors import DataError, MissingExtra
from resonet.text.phones import ARPABET

BLANK = "<blank>"
SEPARATOR = "|"
PIECE_MARK = "▁"

UnitType = Literal["characters", "bpe", "phones"]


@dataclass(frozen=True)
class Units:
    """The output symbols of a model, in the order of its outputs; `symbols[0]` is `<blank>`.

    Raises:
        DataError: the symbols do not start with the blank, repeat, or do not fit the type.
    """

    type: UnitType
    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "symbols", tuple(self.symbols))
        if self.type not in ("characters", "bpe", "phones"):
            raise DataError(f"Units of type {self.type!r} are unknown", "use characters, bpe or phones")
        if len(self.symbols) < 2 or self.symbols[0] != BLANK:
            raise DataError(f"The list of units must start with {BLANK} and name at least one unit")
        if len(set(self.symbols)) != len(self.symbols) or "" in self.symbols:
            raise DataError("The list of units holds a unit twice, or an empty one")
        if self.type == "characters" and any(len(symbol) != 1 for symbol in self.symbols[1:]):
            raise DataError("Units of type characters must be single characters", "use type bpe for longer pieces")

    @classmethod
    def characters(cls, alphabet: str = "'abcdefghijklmnopqrstuvwxyz") -> Units:
        """The blank, the space (as `|`) and the characters of `alphabet`, each once."""
        letters = dict.fromkeys(alphabet)
        return cls("characters", (BLANK, SEPARATOR, *(c for c in letters if c not in (" ", SEPARATOR))))

    @classmethod
    def phones(cls, names: Sequence[str] = ARPABET) -> Units:
        """The blank and the phones `names`."""
        return cls("phones", (BLANK, *names))

    @classmethod
    def learn_bpe(cls, texts: Iterable[str], size: int) -> Units:
        """Byte-pair pieces learnt from normalised `texts` (one sentence each): at most `size` units with the blank.

        Raises:
            MissingExtra: SentencePiece is not installed.
            DataError: `size` is too small for the characters of the texts, or there is no text.
        """
        try:
            import sentencepiece
        except ImportError:
            raise MissingExtra("Learning word pieces", "train") from None
        model = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(texts), model_writer=model, model_type="bpe", character_coverage=1.0,
                vocab_size=size, hard_vocab_limit=False, bos_id=-1, eos_id=-1, minloglevel=2,
            )  # fmt: skip
        except RuntimeError as error:
            raise DataError(f"No {size} word pieces could be learnt from the texts: {error}") from error
        processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        pieces = [processor.id_to_piece(i) for i in range(processor.get_piece_size()) if not processor.is_unknown(i)]
        return cls("bpe", (BLANK, *pieces))

    def __len__(self) -> int:
        return len(self.symbols)

    @cached_property
    def index(self) -> dict[str, int]:
        """Unit id of each symbol."""
        return {symbol: i for i, symbol in enumerate(self.symbols)}

    @cached_property
    def _longest(self) -> int:
        return max(len(symbol) for symbol in self.symbols[1:])

    def encode(self, text: str | Sequence[str]) -> list[int]:
        """Unit ids of a normalised text, or for phones of a list of phone names (or of the names in one string).

        Raises:
            DataError: a character or phone that is not among the units; the sentence names it.
        """
        if self.type == "phones":
            names = text.split() if isinstance(text, str) else text
            return [self._id(name) for name in names]
        words = (text if isinstance(text, str) else " ".join(text)).split()
        if self.type == "characters":
            return [self._id(character) for character in SEPARATOR.join(words)]
        return self._pieces("".join(PIECE_MARK + word for word in words))

    def decode(self, ids: Iterable[int]) -> str:
        """The text that unit ids spell without blanks; phone names joined by spaces. CTC repeats are not merged."""
        symbols = [self.symbols[i] for i in ids if i != 0]
        if self.type == "phones":
            return " ".join(symbols)
        mark = SEPARATOR if self.type == "characters" else PIECE_MARK
        return " ".join("".join(symbols).replace(mark, " ").split())

    def _id(self, symbol: str) -> int:
        found = self.index.get(symbol, 0)
        if found == 0:
            raise DataError(f"{symbol!r} is not among the {len(self) - 1} units of this model")
        return found

    def _pieces(self, marked: str) -> list[int]:
        """Greedy longest match: what the net trains on is then what the decoder spells, by construction."""
        ids, position = [], 0
        while position < len(marked):
            for length in range(min(self._longest, len(marked) - position), 0, -1):
                found = self.index.get(marked[position : position + length], 0)
                if found:
                    break
            else:
                raise DataError(f"{marked[position]!r} is not among the {len(self) - 1} units of this model")
            ids.append(found)
            position += length
        return ids
