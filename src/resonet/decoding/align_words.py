"""CTC forced alignment of the words of a text that may not be all that was said: some words may be missing in the
sound, and there may be speech that no word stands for.

Four things differ from `align`. What a frame costs over its best unit has a limit, so that a unit that was not heard
cannot bend all that lies around it. Runs of words may be left out, at a price. Between words there may be other speech,
at a price, and then at little cost a frame, so that no word is torn from its place by what sounds like it in speech
that the text lacks. And memory is bounded: scores are kept at a few frames, and the way back is found block by block
from them (checkpoints: Grice, Hughey and Speck 1997, Computer Applications in the Biosciences 13:45).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_IMPOSSIBLE = np.float32(-1e30)
# Natural log: the most that a frame costs over its best unit; the price of each unit of words that are left out and
# that of each run of such words; the price of each stretch of other speech, and the most that one of its frames costs.
# Chosen with en-small on development recordings whose texts had words added, taken out and replaced.
LIMIT, UNIT, RUN, OTHER, FRAME = 8.0, 3.0, 12.0, 20.0, 1.0
# Steps back (frames times states) that are held at once: up to as many, one pass does.
_AT_ONCE = 1 << 24
# What other speech beside a blank did in a frame: it began with it, it was left for the blank.
_ENTERED, _LEFT = 1, 2


def costs(log_probs: NDArray[np.float32]) -> NDArray[np.float32]:
    """What each unit loses against the best of its frame, 0 down to -LIMIT; float32 [frames, units]."""
    lost: NDArray[np.float32] = np.maximum(log_probs - log_probs.max(axis=1, keepdims=True), np.float32(-LIMIT))
    return lost


def align_words(lost: NDArray[np.float32], words: Sequence[Sequence[int]]) -> NDArray[np.int32]:
    """The likeliest path of the words through a stretch of sound.

    Args:
        lost: `costs` of its log-probs [frames, units], blank first.
        words: the units of each; a word without units is passed over.

    Returns:
        int32 [frames]: the place, in the units of all words in a row, of what the frame says; -1 for a blank or other
        speech. Words that were left out have no frame.
    """
    path = _Path(lost, [word for word in words if len(word)])
    block = path.frames if path.frames * path.states <= _AT_ONCE else int(2 * np.sqrt(path.frames)) + 1
    return path.trace(block)


class _Path:
    """States 0, 2, 4.. are blanks, 1, 3.. the units; beside each blank between words lies a state of other speech. From
    the blank before a word that before any later one is reached without a frame."""

    def __init__(self, lost: NDArray[np.float32], words: Sequence[Sequence[int]]) -> None:
        ids = np.array([unit for word in words for unit in word], np.int64)
        ends = np.cumsum([0, *map(len, words)])
        self.states = 2 * len(ids) + 1
        self._symbols = np.zeros(self.states, np.int64)
        self._symbols[1::2] = ids
        self._skip = np.full(self.states, _IMPOSSIBLE, np.float32)
        self._skip[3::2] = np.where(ids[1:] != ids[:-1], np.float32(0), _IMPOSSIBLE)
        self._edges = 2 * ends
        self._edge_of = np.full(self.states, -1)
        self._edge_of[self._edges] = np.arange(len(ends))
        self._left_out = (UNIT * ends).astype(np.float32)
        # A frame of silence at the end: from there all words that are still to come can be left out.
        self._lost = np.concatenate([lost, np.full((1, lost.shape[1]), _IMPOSSIBLE, np.float32)])
        self._lost[-1, 0] = 0.0
        self.frames = len(self._lost)

    def trace(self, block: int) -> NDArray[np.int32]:
        """The path, with the way back of `block` frames held at a time."""
        starts = range(0, self.frames, block)
        kept = [self._before()]
        for start in starts[:-1]:
            scores, other = (held.copy() for held in kept[-1])
            for frame in range(start, start + block):
                self._step(scores, other, frame)
            best = scores.max()  # near zero float32 is precise
            kept.append((scores - best, other - best))
        path = np.full(self.frames, -1, np.int32)
        state, speech = self.states - 1, False  # `speech`: in the other speech beside that blank
        for start in reversed(starts):
            steps, came, turns = self._back(*kept.pop(), start, min(start + block, self.frames))
            for frame in range(len(steps) - 1, -1, -1):
                edge = int(self._edge_of[state])
                if edge >= 0 and not speech:
                    edge = int(came[frame, edge])
                    state = int(self._edges[edge])
                    speech = bool(turns[frame, edge] & _LEFT)
                if speech:
                    speech = not turns[frame, edge] & _ENTERED
                else:
                    if state % 2:
                        path[start + frame] = state // 2
                    state -= int(steps[frame, state])
        return path[:-1]

    def _before(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores before the first frame: of the states, and of other speech beside the blanks between words.

        Two impossible states in front make the moves from one and two states back plain slices.
        """
        scores = np.full(self.states + 2, _IMPOSSIBLE, np.float32)
        scores[2] = 0.0
        self._leave_out(scores)
        return scores, np.full(len(self._edges), _IMPOSSIBLE, np.float32)

    def _step(self, scores: NDArray[np.float32], other: NDArray[np.float32], frame: int) -> None:
        self._speak(scores, other, frame)
        best = np.maximum(scores[2:], scores[1:-1])
        np.maximum(best, scores[:-2] + self._skip, out=best)
        best += self._lost[frame].take(self._symbols)
        best[self._edges] = np.maximum(best[self._edges], other)
        scores[2:] = best
        self._leave_out(scores)

    def _speak(self, scores: NDArray[np.float32], other: NDArray[np.float32], frame: int) -> NDArray[np.bool_]:
        """A frame of other speech; whether it begins with it, [words + 1]."""
        begun = scores[2 + self._edges] - np.float32(OTHER)
        entered: NDArray[np.bool_] = begun > other
        np.maximum(other, begun, out=other)
        other += np.maximum(self._lost[frame, 0], np.float32(-FRAME))
        return entered

    def _leave_out(self, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Lets the blanks between words be reached from earlier ones; whether each now is, [words + 1]."""
        here = scores[2 + self._edges]
        there = np.maximum.accumulate(here + self._left_out) - self._left_out - np.float32(RUN)
        scores[2 + self._edges] = np.maximum(here, there)
        found: NDArray[np.bool_] = there > here
        return found

    def _back(
        self, scores: NDArray[np.float32], other: NDArray[np.float32], start: int, end: int
    ) -> tuple[NDArray[np.int8], NDArray[np.int32], NDArray[np.int8]]:
        """The way back through a block.

        Returns:
            steps back int8 [frames, states]; of each blank between words, int32 and int8 [frames, words + 1]: that from
            which it was reached within the frame, itself where no word was left out; and what other speech did there.
        """
        steps = np.zeros((end - start, self.states), np.int8)
        own = np.arange(len(self._edges), dtype=np.int32)
        came = np.tile(own, (end - start, 1))
        turns = np.zeros((end - start, len(own)), np.int8)
        for i, frame in enumerate(range(start, end)):
            turns[i, self._speak(scores, other, frame)] = _ENTERED
            best, step = scores[2:].copy(), steps[i]
            for distance, move in ((1, scores[1:-1]), (2, scores[:-2] + self._skip)):
                better = move > best
                np.copyto(best, move, where=better)
                step[better] = distance
            best += self._lost[frame].take(self._symbols)
            turns[i, other > best[self._edges]] |= _LEFT
            best[self._edges] = np.maximum(best[self._edges], other)
            scores[2:] = best
            paid = best[self._edges] + self._left_out
            left = self._leave_out(scores)
            if left.any():
                first = np.maximum.accumulate(np.where(paid >= np.maximum.accumulate(paid), own, 0))
                came[i, left] = first[left]
        return steps, came, turns
