"""ARPA files, the text form that every n-gram tool reads and writes; plain or compressed with gzip, xz or bzip2."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO, cast

import numpy as np

from resonet.bundle.atomic import replacing
from resonet.decoding.ngram.backoff import MAX_ORDER, NEVER, SPECIAL, Backoff, from_rows
from resonet.decoding.ngram.text import lines
from resonet.errors import DataError

_LOG10 = math.log(10.0)
_COUNT = re.compile(r"ngram (\d+)\s*=\s*(\d+)")
_SECTION = re.compile(r"\\(\d+)-grams:")
_WRITERS: dict[str, Callable[..., IO[str]]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
_BLOCK = 100_000


def write_arpa(model: Backoff, path: Path) -> None:
    """Writes the model; the file appears whole or not at all. `.gz`, `.xz` and `.bz2` are compressed."""
    with _whole(path) as out:
        out.write("\\data\\\n")
        for k, n in enumerate(model.counts):
            out.write(f"ngram {k + 1}={n}\n")
        texts = list(model.words)
        for k, level in enumerate(model.levels):
            out.write(f"\n\\{k + 1}-grams:\n")
            if k:
                texts = [f"{texts[p]} {model.words[w]}" for p, w in zip(level.prefix, level.word, strict=True)]
            log_probs, backoffs = level.log_prob / _LOG10, level.backoff / _LOG10
            for start in range(0, len(level), _BLOCK):
                block = slice(start, start + _BLOCK)
                rows = zip(log_probs[block].tolist(), texts[block], backoffs[block].tolist(), strict=True)
                if k + 1 < model.order:
                    out.write("".join(f"{p:.7g}\t{text}\t{b:.7g}\n" for p, text, b in rows))
                else:
                    out.write("".join(f"{p:.7g}\t{text}\n" for p, text, _ in rows))
        out.write("\n\\end\\\n")


def read_arpa(path: Path) -> Backoff:
    """Reads a model of order 1 to 5, in natural logs.

    `<unk>` is put in where it is missing (with a probability of practically nothing), so are pruned suffixes. N-grams
    in any order.

    Raises:
        DataError: not an ARPA file, or one that contradicts itself; the sentence names the line.
    """
    return _Reader(path).read()


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        self.lines = self._numbered()

    def _numbered(self) -> Iterator[str]:
        for line in lines(self.path):
            self.number += 1
            yield line.strip()

    def _fault(self, what: str) -> DataError:
        return DataError(
            f"{self.path}, line {self.number}: {what}", "an ARPA file, as n-gram tools write it, is needed"
        )

    def read(self) -> Backoff:
        counts = self._counts()
        ids: dict[str, int] = {word: i for i, word in enumerate(SPECIAL)}
        parts = []
        for k, n in enumerate(counts):
            words, log_probs, backoffs = self._section(k, n, last=k + 1 == len(counts))
            rows = np.array([self._id(ids, word, k) for word in words], np.int32).reshape(-1, k + 1)
            if k == 0:
                missing = sorted(set(range(len(SPECIAL))) - set(rows[:, 0].tolist()))
                rows = np.concatenate([rows, np.array(missing, np.int32)[:, None]]).astype(np.int32)
                log_probs += [NEVER] * len(missing)
                backoffs += [0.0] * len(missing)
            parts.append((rows, np.maximum(np.array(log_probs), NEVER), np.array(backoffs)))
        try:
            return from_rows(list(ids), *(list(column) for column in zip(*parts, strict=True)))
        except ValueError as error:
            k, row, what = error.args
            text = " ".join(list(ids)[i] for i in parts[k][0][row]) if row < len(parts[k][0]) else ""
            fault = "stands there twice" if what == "twice" else "lacks the n-gram of its first words"
            raise DataError(f"{self.path}: the {k + 1}-gram '{text}' {fault}", "make the ARPA file again") from None

    def _counts(self) -> list[int]:
        if not any(line == "\\data\\" for line in self.lines):
            raise self._fault("no \\data\\ section")
        counts: list[int] = []
        for line in self.lines:
            if not line:
                if counts:
                    break
                continue
            match = _COUNT.fullmatch(line)
            if not match or int(match[1]) != len(counts) + 1:
                raise self._fault(f"'ngram {len(counts) + 1}=...' was expected")
            counts.append(int(match[2]))
        if not 1 <= len(counts) <= MAX_ORDER:
            raise self._fault(f"order {len(counts)}, but 1 to {MAX_ORDER} can be read")
        return counts

    def _section(self, k: int, n: int, last: bool) -> tuple[list[str], list[float], list[float]]:
        """The words of all n-grams in one list, log probabilities and backoffs."""
        line = next((line for line in self.lines if line), "")
        match = _SECTION.fullmatch(line)
        if not match or int(match[1]) != k + 1:
            raise self._fault(f"\\{k + 1}-grams: was expected")
        words: list[str] = []
        log_probs: list[float] = []
        backoffs: list[float] = []
        for line in self.lines:
            if not line or line == "\\end\\":
                break
            cells = line.split()
            try:
                log_prob = float(cells[0]) * _LOG10
                backoff = float(cells[k + 2]) * _LOG10 if len(cells) == k + 3 and not last else 0.0
            except ValueError:
                raise self._fault("a number was expected") from None
            if len(cells) not in (k + 2, k + 3):
                raise self._fault(f"{k + 1} words between two numbers were expected")
            if not log_prob <= 1e-4 or not -math.inf < backoff < math.inf:
                raise self._fault(f"{cells[0]} is no log probability" if not log_prob <= 1e-4 else "no backoff weight")
            words += cells[1 : k + 2]
            log_probs.append(min(log_prob, 0.0))
            backoffs.append(max(backoff, NEVER))
        if len(log_probs) != n:
            raise self._fault(f"{len(log_probs)} {k + 1}-grams, but the head of the file says {n}")
        if last and line != "\\end\\" and not any(line == "\\end\\" for line in self.lines):
            raise self._fault("the file ends without \\end\\")
        return words, log_probs, backoffs

    def _id(self, ids: dict[str, int], word: str, k: int) -> int:
        if word not in ids:
            if word.lower() in SPECIAL:  # <UNK>, as SRILM may write it
                return ids[word.lower()]
            if k:
                raise self._fault(f"'{word}' stands in a {k + 1}-gram but is no 1-gram")
            ids[word] = len(ids)
        return ids[word]


@contextmanager
def _whole(path: Path) -> Iterator[TextIO]:
    """A text file that gets its name when all is written."""
    with replacing(path) as raw:
        opener = _WRITERS.get(path.suffix.lower())
        if opener is None:
            text = io.TextIOWrapper(raw, encoding="utf-8", newline="\n")
            yield text
            text.flush()
            text.detach()
        else:
            with opener(raw, "wt", encoding="utf-8", newline="\n") as out:
                yield cast(TextIO, out)
