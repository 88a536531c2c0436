"""The compact form of a model, and its bytes (`lm.bin` in a bundle): 2 to 3 bytes an n-gram.

N-grams stand in the order of their contexts, so a context needs only the number of words that follow it; those words
are differences of 16-bit ids. Log probabilities and backoff weights are numbers in code books of 256 values a level.

Bytes (little-endian): magic `RNLM`, format (major, minor) and order as uint16, two bytes 0, CRC-32 of all that follows
as uint32. Then, as uint32, how many n-grams of each length, the bytes that the words take, and those of each array.
Then the words (one a line, zlib) and the arrays, each packed by zlib's Huffman coder alone: it is as good here as the
full one, opens faster, and cannot grow more than eightfold, which bounds what a false head can ask for.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.decoding.ngram.backoff import MAX_ORDER, NEVER, SPECIAL, Backoff, Level
from resonet.errors import BundleError, DataError

MAGIC = b"RNLM"
FORMAT = (1, 0)
MOST_WORDS = 1 << 16
_HEAD = struct.Struct("<4sHHH2xI")
# Arrays of the single words, and of each longer length.
_UNIGRAM_ARRAYS, _LEVEL_ARRAYS = 2, 8
_CODES = 256
# A context with this many following words or more has its number in a list of its own.
_MANY = 255
_UNPACKS_TO = 8


@dataclass(frozen=True)
class Coded:
    """Numbers as places in a code book: codes uint8 [n], book float32 [<= 256], ascending."""

    codes: NDArray[np.uint8]
    book: NDArray[np.float32]

    @property
    def values(self) -> NDArray[np.float32]:
        return self.book[self.codes] if len(self.book) else np.zeros(0, np.float32)


@dataclass(frozen=True)
class CompactLevel:
    """The n-grams of one length above one word, in the order of their prefixes.

    `followers` int64 [n-grams one word shorter] is how many of them each prefix has; `word` uint16 [n] ascends within
    a prefix; `backoff` is empty in the highest level.
    """

    followers: NDArray[np.int64]
    word: NDArray[np.uint16]
    log_prob: Coded
    backoff: Coded


@dataclass(frozen=True)
class Compact:
    """A model of at most 65,536 words. `log_prob` and `backoff` float16 [words] are those of the single words."""

    words: tuple[str, ...]
    log_prob: NDArray[np.float16]
    backoff: NDArray[np.float16]
    levels: tuple[CompactLevel, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        return (len(self.words), *(len(level.word) for level in self.levels))


def compress(model: Backoff) -> Compact:
    """The compact form: log probabilities and weights within a few hundredths of what they were.

    Raises:
        DataError: more than 65,536 words.
    """
    if len(model.words) > MOST_WORDS:
        raise DataError(
            f"The model has {len(model.words):,} words; the compact form holds {MOST_WORDS:,}",
            f"train with --vocabulary {MOST_WORDS - len(SPECIAL)}, or write an ARPA file",
        )
    unigrams = model.levels[0]
    levels = []
    for below, level in pairwise(model.levels):
        last = level is model.levels[-1]
        backoff = encode(np.zeros(0) if last else level.backoff)
        followers = np.bincount(level.prefix, minlength=len(below))
        levels.append(CompactLevel(followers, level.word.astype(np.uint16), encode(level.log_prob), backoff))
    return Compact(
        model.words, unigrams.log_prob.astype(np.float16), unigrams.backoff.astype(np.float16), tuple(levels)
    )


def expand(compact: Compact) -> Backoff:
    """The exchange form; weights are as coded, so contexts sum to one only nearly (`normalised` puts that right)."""
    words = np.arange(len(compact.words), dtype=np.int32)
    levels = [
        Level(np.zeros_like(words), words, compact.log_prob.astype(np.float64), compact.backoff.astype(np.float64))
    ]
    for level in compact.levels:
        prefix = np.repeat(np.arange(len(level.followers), dtype=np.int32), level.followers)
        backoff = level.backoff.values if len(level.backoff.codes) else np.zeros(len(level.word))
        values = level.log_prob.values.astype(np.float64), backoff.astype(np.float64)
        levels.append(Level(prefix, level.word.astype(np.int32), *values))
    return Backoff(compact.words, tuple(levels))


def encode(values: NDArray[np.float64]) -> Coded:
    """A code book by k-means in one dimension (on at most 200,000 of the values), and the codes.

    Zero stays zero: a backoff weight of 0 says that an n-gram is no context, so that decoder states can be joined.
    """
    if not len(values):
        return Coded(np.zeros(0, np.uint8), np.zeros(0, np.float32))
    book = np.unique(values)
    if len(book) > _CODES:
        some = values[values != 0]
        sample = np.sort(some[:: max(1, len(some) // 200_000)])
        # Half the first centres by rank, half by value: rare extremes get centres too.
        half = _CODES // 2
        ranks = sample[np.linspace(0, len(sample) - 1, half - 1).astype(np.int64)]
        book = np.unique(np.concatenate([ranks, np.linspace(some.min(), some.max(), half)]))
        for _ in range(20):
            nearest = np.searchsorted((book[1:] + book[:-1]) / 2, sample)
            size = np.bincount(nearest, minlength=len(book))
            book = np.where(size > 0, np.bincount(nearest, sample, len(book)) / np.maximum(size, 1), book)
        book = np.append(book, 0.0) if len(some) < len(values) else book
    centres = np.unique(book.astype(np.float32))
    codes = np.searchsorted((centres[1:] + centres[:-1]) / 2, values)
    return Coded(codes.astype(np.uint8), centres)


def to_bytes(compact: Compact) -> bytes:
    """The model as a file."""
    packed = [_pack(array) for array in _arrays(compact)]
    text = zlib.compress("\n".join(compact.words).encode(), 9)
    numbers = [*compact.counts, len(text), *map(len, packed)]
    rest = b"".join([struct.pack(f"<{len(numbers)}I", *numbers), text, *packed])
    return _HEAD.pack(MAGIC, *FORMAT, len(compact.counts), zlib.crc32(rest)) + rest


def _arrays(compact: Compact) -> Iterator[NDArray[Any]]:
    """The arrays in the order of the file; high and low bytes apart, since they are spread differently."""
    yield from (compact.log_prob, compact.backoff)
    for level in compact.levels:
        many = level.followers >= _MANY
        yield np.where(many, _MANY, level.followers).astype(np.uint8)
        yield level.followers[many].astype("<u2")
        first = np.cumsum(level.followers) - level.followers
        step = np.diff(level.word, prepend=level.word[:1])
        at = first[level.followers > 0]
        step[at] = level.word[at]
        yield (step >> 8).astype(np.uint8)
        yield step.astype(np.uint8)
        yield from (level.log_prob.codes, level.log_prob.book, level.backoff.codes, level.backoff.book)


def _pack(array: NDArray[Any]) -> bytes:
    data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    coder = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
    return coder.compress(data) + coder.flush()


def from_bytes(data: bytes, name: str = "lm.bin") -> Compact:
    """Reads what `to_bytes` wrote.

    Raises:
        BundleError: damaged, not such a file, or of a later format.
    """
    try:
        return _Parser(data).parse()
    except _Fault as fault:
        raise BundleError(f"{name} is no sound language model: {fault}", "fetch or make it again") from None


class _Fault(Exception):
    pass


def _need(condition: Any, otherwise: str) -> None:
    if not condition:
        raise _Fault(otherwise)


class _Parser:
    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)

    def parse(self) -> Compact:
        counts, text_size, array_sizes = self._head()
        n = counts[0]
        words = self._words(text_size, n)
        sizes = iter(array_sizes)
        unigrams = [self._array(next(sizes), np.dtype("<f2"), n) for _ in range(2)]
        levels = []
        for k, (below, n) in enumerate(pairwise(counts)):
            followers = self._array(next(sizes), np.dtype("u1"), below).astype(np.int64)
            many = followers == _MANY
            followers[many] = self._array(next(sizes), np.dtype("<u2"), int(many.sum()))
            _need(int(followers.sum()) == n, "its counts do not add up")
            high, low = (self._array(next(sizes), np.dtype("u1"), n) for _ in range(2))
            word = _from_steps(followers, (high.astype(np.uint16) << 8) | low)
            _need(n == 0 or word.max() < len(words), "an n-gram holds no word")
            log_prob = self._coded(next(sizes), next(sizes), n)
            backoff = self._coded(next(sizes), next(sizes), 0 if k + 2 == len(counts) else n)
            _need(not (log_prob.book > 0).any(), "a probability is above one")
            levels.append(CompactLevel(followers, word, log_prob, backoff))
        _need(not self.data, "bytes are left over")
        for values in unigrams:
            _need(np.isfinite(values).all(), "a value is no number")
        _need((unigrams[0] <= 0).all(), "a probability is above one")
        return Compact(words, unigrams[0], unigrams[1], tuple(levels))

    def _head(self) -> tuple[list[int], int, list[int]]:
        """The n-grams of each length, the bytes of the words, and of each array."""
        _need(len(self.data) >= _HEAD.size and self.data[:4] == MAGIC, "it does not begin as one")
        _, major, minor, order, checksum = _HEAD.unpack(self._take(_HEAD.size))
        _need(major == FORMAT[0], f"its format {major}.{minor} is not {FORMAT[0]}.x, which this version reads")
        _need(zlib.crc32(self.data) == checksum, "its checksum is wrong, bytes were changed or lost")
        _need(1 <= order <= MAX_ORDER, "its order is false")
        n = order + 1 + _UNIGRAM_ARRAYS + _LEVEL_ARRAYS * (order - 1)
        numbers = list(struct.unpack(f"<{n}I", self._take(4 * n)))
        _need(len(SPECIAL) <= numbers[0] <= MOST_WORDS, "its number of words is false")
        return numbers[:order], numbers[order], numbers[order + 1 :]

    def _take(self, size: int) -> memoryview:
        _need(size <= len(self.data), "it is cut off")
        part, self.data = self.data[:size], self.data[size:]
        return part

    def _words(self, size: int, n: int) -> tuple[str, ...]:
        unpacker = zlib.decompressobj()
        try:
            # No word is longer than 1,000 bytes on average.
            text = unpacker.decompress(self._take(size), n * 1000)
            words = tuple(text.decode().split("\n"))
        except (zlib.error, UnicodeDecodeError):
            raise _Fault("its words cannot be read") from None
        _need(unpacker.eof and len(words) == n and len(set(words)) == n, "its words do not add up")
        _need(words[: len(SPECIAL)] == SPECIAL and all(words), "its words are not in order")
        return words

    def _array(self, size: int, dtype: np.dtype[Any], n: int) -> NDArray[Any]:
        packed = self._take(size)
        _need(n * dtype.itemsize <= _UNPACKS_TO * size, "an array is too short")
        unpacker = zlib.decompressobj(-15)
        try:
            data = unpacker.decompress(packed, max(n * dtype.itemsize, 1))
            # The end mark may still be ahead once all bytes are out.
            rest = b"" if unpacker.eof else unpacker.decompress(unpacker.unconsumed_tail, 1)
        except zlib.error:
            raise _Fault("an array cannot be read") from None
        _need(len(data) == n * dtype.itemsize and not rest and unpacker.eof, "an array has a false length")
        return np.frombuffer(data, dtype)

    def _coded(self, size: int, book_size: int, n: int) -> Coded:
        codes = self._array(size, np.dtype("u1"), n)
        # The book's length follows from its packed bytes only roughly: it is read as far as it goes.
        packed = self._take(book_size)
        unpacker = zlib.decompressobj(-15)
        try:
            data = unpacker.decompress(packed, 4 * _CODES + 1)
        except zlib.error:
            raise _Fault("a code book cannot be read") from None
        _need(len(data) % 4 == 0 and len(data) <= 4 * _CODES, "a code book has a false length")
        book = np.frombuffer(data, "<f4")
        _need(n == 0 or int(codes.max()) < len(book), "a value is in no code book")
        _need(np.isfinite(book).all() and (abs(book) <= 1.01 * abs(NEVER)).all(), "a value is no number")
        return Coded(codes, book)


def _from_steps(followers: NDArray[np.int64], step: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Word ids from their differences within each context (the first of a context is whole)."""
    total = np.cumsum(step, dtype=np.uint16)
    first = np.cumsum(followers) - followers
    has = followers > 0
    base = np.zeros(len(followers), np.uint16)
    base[has] = total[first[has]] - step[first[has]]
    word: NDArray[np.uint16] = total - np.repeat(base, followers)
    inner = np.ones(len(word), np.bool_)
    inner[first[has]] = False
    rises = np.concatenate(([True], word[1:] > word[:-1])) if len(word) else inner
    _need((rises | ~inner).all(), "the words after a context are out of order")
    return word
