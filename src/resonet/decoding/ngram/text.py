"""Text for language models: files of any usual compression, paragraphs cut into sentences, words as they are spoken."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from resonet.errors import DataError, UsageError
from resonet.text.normalise import normalise

# First bytes of a compressed file; what a file is called does not matter.
_OPENERS: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"\xfd7zXZ\x00", lzma.open),
    (b"BZh", bz2.open),
)
# A sentence ends at . ? ! and closing quotes before a blank, unless a lower-case letter goes on ("What?" he said).
_END = re.compile(r"([.?!]+)[\"'”’»)\]]*\s+(?=[\"'“‘«(\[]*[^\Wa-zß-öø-ÿ])|([。？！]+)(?=[^\s\"'”’»)\]])")
# Words whose dot ends no sentence; initials (J. S. Mill) are none either.
_ABBREVIATIONS = frozenset(
    {
        *("mr", "mrs", "ms", "dr", "st", "prof", "rev", "hon", "capt", "col", "gen", "lieut", "sergt", "gov", "messrs"),
        *("mme", "mlle", "vol", "no", "viz", "vs", "jr", "sr", "mt", "ft", "co", "esq", "cf", "i.e", "e.g"),
        *("bzw", "ca", "nr", "str", "frl", "hr", "fr", "z.b", "d.h"),
    }
)
_OPENING = "\"'“‘«(["
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Source:
    """A text file, and how many times each of its sentences counts."""

    path: Path
    weight: int = 1

    @classmethod
    def parse(cls, argument: str) -> Source:
        """`TEXT` or `TEXT:WEIGHT` as given on the command line; a file of exactly that name wins.

        Raises:
            UsageError: a weight below 1.
        """
        path, colon, weight = argument.rpartition(":")
        if not colon or not weight.lstrip("-").isdigit() or Path(argument).exists():
            return cls(Path(argument))
        if not 1 <= int(weight) <= 1000:
            raise UsageError(f"The weight of {path} is {weight}", "weights are whole numbers from 1 to 1000")
        return cls(Path(path), int(weight))


def sentences(path: Path, language: str = "en") -> Iterator[list[str]]:
    """The sentences of a text file as words, normalised; sentences that hold digits are left out.

    The file is UTF-8, plain or compressed (gzip, xz, bzip2): a sentence or a paragraph a line, or a table (`.tsv`)
    with a column `text`, whose cells are taken whole. A line is the most that is held in memory.

    Raises:
        DataError: the file cannot be read, is damaged, or is not text.
    """
    for sentence in _raw_sentences(path):
        if _DIGIT.search(sentence):
            continue
        words = normalise(sentence, language).split()
        if words:
            yield words


def split_sentences(paragraph: str) -> list[str]:
    """Cuts a paragraph after the marks that end a sentence, but not after abbreviations and initials."""
    parts, start = [], 0
    for end in _END.finditer(paragraph):
        if end[1] == "." and _is_abbreviation(paragraph[start : end.start()]):
            continue
        parts.append(paragraph[start : end.end()].strip())
        start = end.end()
    parts.append(paragraph[start:].strip())
    return [part for part in parts if part]


def _is_abbreviation(before: str) -> bool:
    last = before[before.rfind(" ") + 1 :].lstrip(_OPENING)
    return (len(last) == 1 and last.isalpha()) or last.lower() in _ABBREVIATIONS


def lines(path: Path) -> Iterator[str]:
    """The lines of a text file, plain or compressed, without their ends.

    Raises:
        DataError: the file cannot be read, is damaged, or is not UTF-8.
    """
    try:
        with path.open("rb") as raw, _decompressed(raw) as stream:
            for line in io.TextIOWrapper(cast(BinaryIO, stream), encoding="utf-8-sig"):
                yield line.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text ({error.reason})", "give plain text, or text in gzip, xz or bzip2"
        ) from None
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged: {error}", "make or fetch the compressed file again") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None


def _raw_sentences(path: Path) -> Iterator[str]:
    rows = lines(path)
    if path.suffix.lower() == ".tsv":
        columns = next(rows, "").split("\t")
        if "text" not in columns:
            raise DataError(f"{path} has no column 'text' (first line: {', '.join(columns[:8])})")
        column = columns.index("text")
        for row in rows:
            cells = row.split("\t")
            if len(cells) > column:
                yield cells[column]
    else:
        for row in rows:
            yield from split_sentences(row)


def _decompressed(raw: BinaryIO) -> IO[bytes]:
    start = raw.read(8)
    raw.seek(0)
    for magic, opener in _OPENERS:
        if start.startswith(magic):
            return cast(IO[bytes], opener(raw, "rb"))
    return raw
