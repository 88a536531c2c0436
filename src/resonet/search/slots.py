"""Posteriors as a short string: one slot for every sound that a recognizer heard, with what it may have been.

The posteriors of CTC are peaks with blanks between them. Neighbouring frames in which the same unit is the likeliest
that is no blank are a slot; a unit has there the highest probability that it reaches. A slot that may be nothing weighs
less. Slots are a third of the frames and do not tell how fast somebody speaks, which is what comparing two recordings
wants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonet.search.posteriors import Kept, pack, read

# Probability of all units but the blank from which a frame belongs to a slot.
_SOUND = 0.1
# The chance of a match with anything at all, in place of units that neither side has told. Anything between a third and
# three times this finds as much (development recordings).
_CHANCE = 0.01
# Of the ways through some slots: how many, how many units of a slot are tried, and the least probability of one.
_WAYS, _TRIED, _LIKELY = 12, 3, 0.1


@dataclass(frozen=True)
class Slots:
    """The slots of some segments, one segment after the other.

    Fields:
        first: int64 [segments + 1], the first slot of each segment, and the end of the last.
        start, end: int64 [slots], first frame of each, and the one after its last, counted within its segment.
        weight: float32 [slots], 0..1: how sure it is that there is a sound.
        slot, unit: int64 [told] and prob: float32 [told]: the units that may be there; a slot's add up to its weight.
    """

    first: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    weight: NDArray[np.float32]
    slot: NDArray[np.int64]
    unit: NDArray[np.int64]
    prob: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.weight)

    def dense(self, units: NDArray[np.int64]) -> NDArray[np.float32]:
        """Probabilities of some units over the weight of each slot, float32 [slots, units]."""
        row = np.full(int(max(units.max(initial=0), self.unit.max(initial=0))) + 1, -1)
        row[units] = np.arange(len(units))
        rows = row[self.unit]
        told = rows >= 0
        found = np.zeros((len(self), len(units)), np.float32)
        found[self.slot[told], rows[told]] = self.prob[told]
        found /= np.maximum(self.weight[:, None], np.float32(1e-6))
        return found

    def costs(self, query: Slots) -> NDArray[np.float32]:
        """What it costs to take each slot of a query for each of these, float32 [query, slots]: minus the natural log
        of how likely both are the same unit, times the weight of the query's."""
        units = np.unique(query.unit)
        same = query.dense(units) @ self.dense(units).T
        return -np.log(same * np.float32(1 - _CHANCE) + np.float32(_CHANCE)) * query.weight[:, None]

    def ways(self) -> list[list[int]]:
        """The likeliest sequences of units of the only segment, best first; a slot may also be nothing."""
        ways: list[tuple[float, list[int]]] = [(0.0, [])]
        for slot in range(len(self)):
            told = self.slot == slot
            order = np.argsort(-self.prob[told], kind="stable")[:_TRIED]
            moves = [(float(p), [int(u)]) for p, u in zip(self.prob[told][order], self.unit[told][order], strict=True)]
            moves = [move for move in moves if move[0] >= _LIKELY] or moves[:1]
            if (nothing := 1 - float(self.weight[slot])) >= _LIKELY:
                moves.append((nothing, []))
            longer = [(score + float(np.log(p)), way + unit) for score, way in ways for p, unit in moves]
            ways = sorted(longer, key=lambda way: -way[0])[:_WAYS]
        return [way for _, way in ways if way]


def slots_of(kept: Kept, units: int) -> Slots:
    """The slots of segments, from what the index keeps of their posteriors over so many units."""
    frame = kept.frame
    prob = np.exp(kept.ratio + kept.best(units)[frame])
    told = np.flatnonzero(kept.unit != 0)
    sound = np.bincount(frame[told], prob[told], kept.frames) > _SOUND
    told = told[sound[frame[told]]]
    frame, unit, prob = frame[told], kept.unit[told].astype(np.int64), prob[told]
    # Best first within a frame: where the frame changes stands the likeliest unit that is no blank.
    head = np.diff(frame, prepend=-1) > 0
    at, best = frame[head], unit[head]
    segment = np.searchsorted(kept.starts, at, side="right") - 1
    new = (np.diff(at, prepend=-9) > 1) | (np.diff(best, prepend=-1) != 0) | (np.diff(segment, prepend=-1) != 0)
    heads = np.flatnonzero(new)
    tails = np.append(heads[1:], len(at))[: len(heads)] - 1
    slot = (np.cumsum(new) - 1)[np.cumsum(head) - 1]
    width = int(unit.max(initial=0)) + 1
    keys, where = np.unique(slot * width + unit, return_inverse=True)
    highest = np.zeros(len(keys), np.float32)
    np.maximum.at(highest, where, prob.astype(np.float32))
    slot, unit = keys // width, keys % width
    total = np.bincount(slot, highest, len(heads)).astype(np.float32)
    highest /= np.maximum(total, np.float32(1))[slot]
    begin = kept.starts[segment[heads]]
    first = np.searchsorted(segment[heads], np.arange(len(kept.starts)))
    return Slots(first, at[heads] - begin, at[tails] + 1 - begin, np.minimum(total, np.float32(1)), slot, unit, highest)


def slots_in(log_probs: NDArray[np.float32]) -> Slots:
    """The slots of one recording's log_probs [frames, units], as they would come out of the index."""
    blobs: Sequence[bytes] = [pack(log_probs)]
    return slots_of(read(blobs), log_probs.shape[1])
