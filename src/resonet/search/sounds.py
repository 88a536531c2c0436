"""What segments may sound like, as words of a full-text index: runs of a few units over the best path and its likely
alternatives, so that the few segments that may hold a keyword are found without reading the posteriors of all.

The frames of a segment become slots: neighbouring frames in which the same unit is the likeliest that is no blank. A
slot has alternatives, each with the highest probability it reaches there, and may be skipped with what is left for the
blank. Every run of `order(units)` units through the slots that is likely enough is a gram, written in base 36.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonet.search.posteriors import Kept, read
from resonet.search.store import Store

# An alternative of a slot is told from this probability, a gram from this product of them.
_UNIT, _GRAM = 0.03, 0.01
# Slots that a gram may skip between two of its units.
_SKIPS = 3
# Rows of the full-text table that a query reads at most, for the rarest of its grams (0.1 microseconds each), and the
# first segments of the index, from which it guesses which are rare.
_ROWS, _SAMPLE = 80_000, 20_000
# Of the segments that come first some may be gone from the index.
_STALE = 1.4
_DIGITS = np.frombuffer(b"0123456789abcdefghijklmnopqrstuvwxyz", np.uint8)


def order(units: int) -> int:
    """How many units a gram has where there are so many (blank included): about as many grams as make one rare."""
    return 3 if units <= 128 else 2 if units <= 4096 else 1


def grams(blob: bytes, units: int) -> str:
    """The grams of a segment from its posteriors (posteriors.py), with spaces between them; each once.

    Args:
        units: how many there are, blank included.

    Raises:
        SearchIndexError: the blob is damaged.
    """
    return " ".join(_written(_runs(_slots(read([blob])), units), units))


def grams_of(way: Sequence[int], units: int) -> list[str]:
    """The grams of a way to say something (ids of units), in order; none where it is shorter than one."""
    n = order(units)
    ids = np.asarray(way, np.int64)
    if len(ids) < n:
        return []
    codes = np.zeros(len(ids) - n + 1, np.int64)
    for i in range(n):
        codes = codes * units + ids[i : len(ids) - n + 1 + i]
    return _written(codes, units)


def shortlist(
    store: Store, ways: Sequence[Sequence[int]], limit: int, among: Collection[int] | None = None
) -> list[int]:
    """Numbers of the segments that share most with ways to say something, the best first; some may be gone by now.

    Each gram counts by how rare it is and in how many of the ways it is. Of many grams only the rarest are looked up.

    Args:
        among: segments to choose from; None: all.
    """
    units = len(store.meta["units"])
    share: dict[str, float] = {}
    for way in ways:
        for gram in set(grams_of(way, units)):
            share[gram] = share.get(gram, 0.0) + 1 / len(ways)
    newest = store.rows("select max(id) from segments")[0][0] or 0
    sampled = min(newest, _SAMPLE)
    often = {
        gram: store.rows("select count(*) from grams where grams match ? and rowid <= ?", (gram, sampled))[0][0]
        for gram in share
    }
    found: list[NDArray[np.int64]] = []
    weights: list[NDArray[np.float64]] = []
    rows = 0.0
    for gram in sorted(share, key=lambda gram: often[gram]):
        rows += often[gram] * newest / max(sampled, 1)
        if found and rows > _ROWS:
            break
        # One text of all numbers: SQLite makes that in a tenth of the time that a row each takes.
        listed = store.rows("select group_concat(rowid) from grams where grams match ?", (gram,))[0][0]
        if listed:
            found.append(np.fromstring(listed, np.int64, sep=","))
            weights.append(np.full(len(found[-1]), share[gram] * np.log(1 + newest / len(found[-1]))))
    if not found:
        return []
    score = np.bincount(np.concatenate(found), np.concatenate(weights))
    if among is not None:
        allowed = np.zeros(len(score), bool)
        allowed[[number for number in among if number < len(score)]] = True
        score *= allowed
    # Only what shares anything: most of a large index does not.
    there = np.flatnonzero(score)
    score = score[there]
    if len(there) > (wanted := int(limit * _STALE)):
        best = np.argpartition(-score, wanted)[:wanted]
        there, score = there[best], score[best]
    return there[np.lexsort((there, -score))].tolist()


@dataclass(frozen=True)
class _Slots:
    """Alternatives of the slots of a segment, by slot: `slot`, `unit`, `prob` [alternatives]; `skip` [slots]: natural
    log of the probability that there is nothing."""

    slot: NDArray[np.int64]
    unit: NDArray[np.int64]
    prob: NDArray[np.float64]
    skip: NDArray[np.float64]


def _slots(kept: Kept) -> _Slots:
    frame = kept.frame
    weight = np.exp(kept.ratio)
    prob = weight / np.bincount(frame, weight)[frame]
    sounded = (kept.unit != 0) & (prob >= _UNIT)
    frame, unit, prob = frame[sounded], kept.unit[sounded].astype(np.int64), prob[sounded]
    if not len(frame):
        return _Slots(frame, unit, prob, np.empty(0))
    # Best first within a frame: where the frame changes stands the likeliest unit that is no blank.
    first = np.diff(frame, prepend=-1) > 0
    there, best = frame[first], unit[first]
    new = (np.diff(there, prepend=-9) > 1) | (np.diff(best, prepend=-1) != 0)
    slot_of = np.cumsum(new) - 1
    slot = np.repeat(slot_of, np.diff(np.append(np.flatnonzero(first), len(frame))))
    key = slot * (int(unit.max()) + 1) + unit
    keys, inverse = np.unique(key, return_inverse=True)
    highest = np.zeros(len(keys))
    np.maximum.at(highest, inverse, prob)
    sound = np.zeros(int(slot_of[-1]) + 1)
    np.maximum.at(sound, slot, np.bincount(frame, prob)[frame])
    skip = np.log(np.maximum(1 - sound, 1e-9))
    return _Slots(keys // (int(unit.max()) + 1), keys % (int(unit.max()) + 1), highest, skip)


def _runs(slots: _Slots, units: int) -> NDArray[np.int64]:
    """The grams, as numbers, each once."""
    count = len(slots.skip)
    first = np.searchsorted(slots.slot, np.arange(count + 1))
    skipped = np.concatenate([[0.0], np.cumsum(slots.skip)])
    log_prob = np.log(slots.prob)
    at = np.arange(len(slots.slot))
    code, score = slots.unit, log_prob
    for _ in range(order(units) - 1):
        ends, codes, scores = [], [], []
        for skips in range(_SKIPS + 1):
            after = slots.slot[at] + 1 + skips
            there = after < count
            there[there] = (score[there] + skipped[after[there]] - skipped[after[there] - skips]) >= np.log(_GRAM)
            after, some = after[there], np.flatnonzero(there)
            many = first[after + 1] - first[after]
            some = np.repeat(some, many)
            to = np.arange(len(some)) - np.repeat(np.cumsum(many) - many, many) + np.repeat(first[after], many)
            total = score[some] + log_prob[to] + np.repeat(skipped[after] - skipped[after - skips], many)
            likely = total >= np.log(_GRAM)
            ends.append(to[likely])
            codes.append(code[some[likely]] * units + slots.unit[to[likely]])
            scores.append(total[likely])
        at, code, score = np.concatenate(ends), np.concatenate(codes), np.concatenate(scores)
    return np.unique(code)


def _written(codes: NDArray[np.int64], units: int) -> list[str]:
    width = 1
    while 36**width < units ** order(units):
        width += 1
    digits = np.empty((len(codes), width), np.uint8)
    for i in range(width):
        codes, rest = np.divmod(codes, 36)
        digits[:, width - 1 - i] = _DIGITS[rest]
    text = digits.tobytes().decode("ascii")
    return [text[i : i + width] for i in range(0, len(text), width)]
