"""A text laid over the scores of a recording of any length, each of its words said in the way that fits best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from resonet.decoding.align import align_batch
from resonet.decoding.align_words import align_words, costs
from resonet.decoding.anchors import cuts
from resonet.errors import DataError

# Frames times units of a stretch without a place to cut: with as many the search takes two minutes. An hour of sound
# and of text has more, and where they belong together hundreds of places to cut.
_MOST = 2_000_000_000
# Ways to say words that are compared in one go, the frames around a word in which they are, and the most there may be.
_TOGETHER, _AROUND, _ROOM = 256, 25, 500

Ways = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Place:
    """Where a word is.

    Fields:
        way: the place, among its ways, of the one that was taken.
        frames: first frame of each of its units and the frame after its last, int64 [units, 2]; none where the word was
            left out.
        loss: what its frames, from the first to the last, lost against the best units: 0 or below.
    """

    way: int
    frames: NDArray[np.int64]
    loss: float


def align_text(
    log_probs: NDArray[np.float32],
    words: Sequence[Ways],
    shift: float,
    separator: int | None = None,
    whole: float = 120.0,
    apart: float = 20.0,
) -> list[Place]:
    """Where each word is.

    Args:
        log_probs: float32 [frames, units], natural log, blank first.
        words: units of each way to say each word, the likeliest way first; a word without a way is left out.
        shift: seconds a frame.
        separator: the unit that stands between words, where there is one.
        whole: seconds up to which a recording is aligned in one piece; a longer one is cut where that is safe.
        apart: seconds that two cuts are apart at least.

    Raises:
        DataError: a stretch that is too long has no place where text and sound certainly meet.
    """
    lost = costs(log_probs)
    chosen = [0] * len(words)
    units = _units(words, chosen, separator)
    path = _path(log_probs, lost, units, shift, whole, apart)
    better = _choose(lost, words, chosen, _spans(path, units))
    if better != chosen:
        chosen, units = better, _units(words, better, separator)
        path = _path(log_probs, lost, units, shift, whole, apart)
    ids = np.array([unit for word in units for unit in word], np.int64)
    took = np.where(path >= 0, ids[path], 0) if len(ids) else np.zeros(len(path), np.int64)
    losses = np.concatenate([[0.0], np.cumsum(lost[np.arange(len(lost)), took], dtype=np.float64)])
    return [
        Place(way, frames, float(losses[frames[-1, 1]] - losses[frames[0, 0]]) if len(frames) else 0.0)
        for way, frames in zip(chosen, _own(_spans(path, units), units, separator), strict=True)
    ]


def _units(words: Sequence[Ways], chosen: Sequence[int], separator: int | None) -> list[tuple[int, ...]]:
    """The units of each word in its chosen way, with the separator before it."""
    found: list[tuple[int, ...]] = []
    begun = False
    for ways, way in zip(words, chosen, strict=True):
        said = tuple(ways[way]) if ways else ()
        found.append((separator, *said) if said and begun and separator is not None else said)
        begun = begun or bool(said)
    return found


def _path(
    log_probs: NDArray[np.float32],
    lost: NDArray[np.float32],
    units: Sequence[tuple[int, ...]],
    shift: float,
    whole: float,
    apart: float,
) -> NDArray[np.int32]:
    """For each frame the place in the units of all words, -1 for a blank."""
    found = cuts(log_probs, units, round(apart / shift)) if len(log_probs) * shift > whole else []
    begins = np.cumsum([0, *map(len, units)])
    path = np.full(len(log_probs), -1, np.int32)
    edges = [(0, 0), *found, (len(log_probs), len(units))]
    for (start, first), (end, last) in pairwise(edges):
        if (end - start) * (begins[last] - begins[first]) > _MOST:
            raise DataError(
                f"the text does not fit the recording: from {start * shift:.0f} to {end * shift:.0f} s they have "
                "nothing in common that is certain",
                "give the text that is said in it, or both in parts",
            )
        part = align_words(lost[start:end], units[first:last])
        path[start:end] = np.where(part >= 0, part + begins[first], -1)
    return path


def _spans(path: NDArray[np.int32], units: Sequence[tuple[int, ...]]) -> list[NDArray[np.int64]]:
    """Frames of the units of each word, int64 [units, 2]; none where it was left out."""
    begins = np.cumsum([0, *map(len, units)])
    frames = np.flatnonzero(path >= 0)
    said = path[frames]
    first = np.searchsorted(said, np.arange(begins[-1]))
    after = np.searchsorted(said, np.arange(begins[-1]), side="right")
    there = after > first
    times = np.zeros((len(first), 2), np.int64)
    times[there, 0], times[there, 1] = frames[first[there]], frames[after[there] - 1] + 1
    return [times[a:b] if b > a and there[a] else np.empty((0, 2), np.int64) for a, b in pairwise(begins)]


def _own(
    spans: Sequence[NDArray[np.int64]], units: Sequence[tuple[int, ...]], separator: int | None
) -> list[NDArray[np.int64]]:
    """Without the separator that is in front of every word but the first."""
    if separator is None:
        return list(spans)
    return [
        frames[int(word[0] == separator) :] if len(frames) else frames
        for frames, word in zip(spans, units, strict=True)
    ]


def _choose(
    lost: NDArray[np.float32], words: Sequence[Ways], chosen: Sequence[int], spans: Sequence[NDArray[np.int64]]
) -> list[int]:
    """The way to say each word that fits best in the room that the words beside it leave, also of one that in the first
    way was left out."""
    tried: list[tuple[int, int, NDArray[np.float32]]] = []
    for i, start, end in _rooms(spans, len(lost)):
        if len(words[i]) < 2 or end - start > _ROOM:
            continue
        for way, units in enumerate(words[i]):
            if end - start >= len(units) + sum(a == b for a, b in pairwise(units)):
                tried.append((i, way, lost[start:end]))
    tried.sort(key=lambda item: len(item[2]))  # those of like length go together
    best: dict[int, tuple[float, int]] = {}
    for first in range(0, len(tried), _TOGETHER):
        some = tried[first : first + _TOGETHER]
        paths = align_batch([room for _, _, room in some], [words[i][way] for i, way, _ in some])
        for (i, way, room), path in zip(some, paths, strict=True):
            ids = np.where(path >= 0, np.asarray(words[i][way])[path], 0)
            # Of ways that fit alike the first one.
            best[i] = max(best.get(i, (-np.inf, 0)), (float(room[np.arange(len(room)), ids].sum()), -way))
    return [-best[i][1] if i in best else way for i, way in enumerate(chosen)]


def _rooms(spans: Sequence[NDArray[np.int64]], frames: int) -> list[tuple[int, int, int]]:
    """Of each word the frame after the word before it that was said, and the first frame of the one after it."""
    starts, start = [], 0
    for own in spans:
        starts.append(max(start, int(own[0, 0]) - _AROUND) if len(own) else start)
        start = int(own[-1, 1]) if len(own) else start
    ends, end = [], frames
    for own in reversed(spans):
        ends.append(min(end, int(own[-1, 1]) + _AROUND) if len(own) else end)
        end = int(own[0, 0]) if len(own) else end
    return list(zip(range(len(spans)), starts, reversed(ends), strict=True))
