"""Finding the n-gram of a context and a word, for thousands of pairs at once."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_WORD_BITS = 16


class Table(Protocol):
    """Where n-grams stand."""

    def find(self, contexts: NDArray[np.int32], words: NDArray[np.int32]) -> NDArray[np.int32]:
        """The place of the n-gram of each context (0: none) and word, or -1; arrays [n]."""


class Hashed:
    """A hash table that loses nothing: built by one sort, about 1.6 looks a query.

    The key (context, word) is hashed by a multiplication that can be undone: an odd number, modulo a power of two. Its
    upper bits choose the bucket (on average less than one n-gram), the rest are kept as a tag. Equal bucket and tag
    mean an equal key.

    `order` is where the keys stood that now stand in the order of their places.
    """

    def __init__(self, contexts: NDArray[np.int32], words: NDArray[np.uint16], most: int) -> None:
        """`contexts` are at most `most`."""
        bits = _WORD_BITS + most.bit_length()
        bucket_bits = max(len(contexts).bit_length(), bits - 32)
        self._mask = (1 << bits) - 1
        # The golden ratio spreads keys in a row best (Knuth, The Art of Computer Programming, 6.4).
        self._multiplier = int((math.sqrt(5) - 1) / 2 * (1 << bits)) | 1
        self._shift = bits - bucket_bits
        self._tag_mask = (1 << self._shift) - 1
        hashed = self._hash(contexts, words)
        self.order = np.argsort(hashed)
        hashed = hashed[self.order]
        self._tags = np.append((hashed & self._tag_mask).astype(np.uint32), np.uint32(0))
        size = np.bincount(hashed >> self._shift, minlength=1 << bucket_bits)
        self._start = np.zeros(len(size) + 1, np.int32)
        np.cumsum(size, out=self._start[1:])

    def _hash(self, contexts: NDArray[np.int32], words: NDArray[np.int32] | NDArray[np.uint16]) -> NDArray[np.int64]:
        return ((contexts.astype(np.int64) << _WORD_BITS) | words) * self._multiplier & self._mask

    def find(self, contexts: NDArray[np.int32], words: NDArray[np.int32]) -> NDArray[np.int32]:
        hashed = self._hash(contexts, words)
        tag = (hashed & self._tag_mask).astype(np.uint32)
        bucket = hashed >> self._shift
        place, end = self._start.take(bucket), self._start.take(bucket + 1)
        hit = (self._tags.take(place) == tag) & (place < end)
        result = np.where(hit, place, np.int32(-1))
        open_ = np.flatnonzero(~hit & (place + 1 < end))
        rows = open_
        while len(open_):
            place, end, tag = place.take(open_) + 1, end.take(open_), tag.take(open_)
            hit = self._tags.take(place) == tag
            found = np.flatnonzero(hit)
            result[rows.take(found)] = place.take(found)
            open_ = np.flatnonzero(~hit & (place + 1 < end))
            rows = rows.take(open_)
        return result


class Bisected:
    """Words in the order of their contexts, found by bisection among those of one context; nothing to build."""

    def __init__(self, followers: NDArray[np.int64], words: NDArray[np.uint16]) -> None:
        """`followers`: how many words each context has, context 0 first (none)."""
        self._words = np.append(words, np.uint16(0))
        self._start = np.zeros(len(followers) + 1, np.int32)
        np.cumsum(followers, out=self._start[1:])

    def find(self, contexts: NDArray[np.int32], words: NDArray[np.int32]) -> NDArray[np.int32]:
        place = self._start.take(contexts)
        left = self._start.take(contexts + 1) - place
        some = left > 0
        wanted = words.astype(np.uint16)
        for _ in range(int(left.max(initial=1) - 1).bit_length()):
            half = left >> 1
            middle = place + half
            place = np.where(self._words.take(middle) <= wanted, middle, place)
            left -= half
        return np.where(some & (self._words.take(place) == wanted), place, np.int32(-1))
