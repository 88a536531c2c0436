"""CTC forced alignment: which frame says which unit of a known text (Viterbi, all utterances of a batch at once)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from resonet.errors import DataError

_IMPOSSIBLE = np.float32(-1e30)
# Probabilities of zero become this, so that any text can be aligned and no score is infinite.
_FLOOR = np.float32(-1e4)


def align(log_probs: NDArray[np.float32], ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int32]:
    """The likeliest CTC path of `ids` through one utterance.

    Args:
        log_probs: float32 [frames, units], natural log, blank first.
        ids: the units said, without blanks.

    Returns:
        int32 [frames]: for each frame the place in `ids` of the unit it emits, -1 for a blank.

    Raises:
        DataError: fewer frames than units and the blanks between equal ones need, or an id that is no unit.
    """
    return align_batch([log_probs], [ids])[0]


def align_batch(
    log_probs: Sequence[NDArray[np.float32]], ids: Sequence[Sequence[int] | NDArray[np.int64]]
) -> list[NDArray[np.int32]]:
    """`align` for many utterances; best given in batches of like length."""
    labels = [np.asarray(units, np.int64) for units in ids]
    for i, (frames, units) in enumerate(zip(log_probs, labels, strict=True)):
        needed = len(units) + int((units[1:] == units[:-1]).sum())
        if len(frames) < needed:
            raise DataError(f"Utterance {i + 1} has {len(frames)} frames, too few for its {len(units)} units")
        if len(units) and not 0 < units.min() <= units.max() < frames.shape[1]:
            raise DataError(f"Utterance {i + 1} names a unit that the model does not have")
    if not len(log_probs):
        return []
    # Longest first: the utterances that still run are then the first rows, and finished ones cost nothing.
    order = sorted(range(len(log_probs)), key=lambda i: -len(log_probs[i]))
    back, final = _forward([log_probs[i] for i in order], [labels[i] for i in order])
    paths = _trace(back, final, [len(log_probs[i]) for i in order], [len(labels[i]) for i in order])
    result: list[NDArray[np.int32]] = [np.empty(0, np.int32)] * len(order)
    for place, i in enumerate(order):
        result[i] = paths[place, : len(log_probs[i])]
    return result


def spans(path: NDArray[np.int32], n: int) -> NDArray[np.int64]:
    """First frame of each of `n` units and the frame after its last, int64 [n, 2], from what `align` returned."""
    frames = np.flatnonzero(path >= 0)
    places = np.arange(n)
    said = path[frames]
    return np.stack(
        (frames[np.searchsorted(said, places)], frames[np.searchsorted(said, places, side="right") - 1] + 1), axis=1
    )


def _forward(
    log_probs: list[NDArray[np.float32]], labels: list[NDArray[np.int64]]
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Steps back int8 [frames, utterances, states] and the scores after the last frame [utterances, states].

    States 0, 2, 4.. are blanks, 1, 3.. the units.
    """
    count, states = len(labels), 2 * max(len(units) for units in labels) + 1
    lengths = np.array([len(frames) for frames in log_probs])
    symbols = np.zeros((count, states), np.int64)
    for row, units in enumerate(labels):
        symbols[row, 1 : 2 * len(units) : 2] = units
    may_skip = np.zeros((count, states), bool)
    may_skip[:, 3::2] = symbols[:, 3::2] != symbols[:, 1:-2:2]
    skip_cost = np.where(may_skip, np.float32(0), _IMPOSSIBLE)
    # Two impossible states in front make the moves from one and two states back plain slices.
    scores = np.full((count, states + 2), _IMPOSSIBLE, np.float32)
    scores[:, 2] = 0.0
    back = np.zeros((int(lengths[0]), count, states), np.int8)
    emitted = np.zeros((len(back), count, log_probs[0].shape[1]), np.float32)
    for row, frames in enumerate(log_probs):
        np.maximum(frames, _FLOOR, out=emitted[: len(frames), row])
    places = np.arange(count)[:, None] * emitted.shape[2] + symbols
    for frame in range(len(back)):
        active = int(np.searchsorted(-lengths, -frame))
        now = scores[:active]
        best, step = now[:, 2:].copy(), back[frame, :active]
        for distance, move in ((1, now[:, 1:-1]), (2, now[:, :-2] + skip_cost[:active])):
            better = move > best
            np.copyto(best, move, where=better)
            step[better] = distance
        now[:, 2:] = best + emitted[frame].reshape(-1).take(places[:active])
    return back, scores[:, 2:]


def _trace(
    back: NDArray[np.int8], final: NDArray[np.float32], lengths: list[int], n_labels: list[int]
) -> NDArray[np.int32]:
    """The states as places in the labels, -1 for blanks: int32 [utterances, frames]."""
    rows = np.arange(len(lengths))
    ends = np.array(lengths)
    last = 2 * np.array(n_labels)
    on_label = np.maximum(last - 1, 0)
    state = np.where(final[rows, on_label] > final[rows, last], on_label, last)
    paths = np.full((len(lengths), len(back)), -1, np.int32)
    for frame in range(len(back) - 1, -1, -1):
        active = int(np.searchsorted(-ends, -frame))
        here = state[:active]
        paths[:active, frame] = np.where(here % 2 == 1, here // 2, -1)
        state[:active] = here - back[frame, rows[:active], here]
    return paths
