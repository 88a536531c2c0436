"""Greedy CTC decoding: the best unit of every frame, repeats merged, blanks dropped. Needs no lexicon."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from resonet.decoding.hypothesis import DecodedWord, Hypothesis
from resonet.text.units import PIECE_MARK, SEPARATOR, Units


def decode(log_probs: Sequence[NDArray[np.float32]], units: Units) -> list[Hypothesis]:
    """One hypothesis an utterance (float32 [frames, units], natural log); of phone units each phone is a word.

    The path *is* the best of each frame, so a word's score here is the mean log probability of its frames.
    """
    return [_decode(scores, units) for scores in log_probs]


def _decode(scores: NDArray[np.float32], units: Units) -> Hypothesis:
    best = scores.argmax(axis=1)
    chosen = scores.max(axis=1)
    edges = np.flatnonzero(np.diff(best)) + 1
    starts, ends = np.concatenate(([0], edges)), np.concatenate((edges, [len(best)]))
    words: list[tuple[list[int], int, int]] = []  # units, first frame, frame after the last
    fresh = True
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        unit = int(best[start]) if len(best) else 0
        if unit == 0:
            continue
        symbol = units.symbols[unit]
        if units.type == "characters" and symbol == SEPARATOR:
            fresh = True
            continue
        if fresh or units.type == "phones" or symbol.startswith(PIECE_MARK):
            words.append(([unit], start, end))
        else:
            words[-1] = ([*words[-1][0], unit], words[-1][1], end)
        fresh = False
    decoded = [
        DecodedWord(units.decode(spelling), start, end, float(chosen[start:end].mean()))
        for spelling, start, end in words
    ]
    # A word-piece mark alone is no word.
    return Hypothesis(tuple(word for word in decoded if word.word), float(chosen.sum(dtype=np.float64)))
