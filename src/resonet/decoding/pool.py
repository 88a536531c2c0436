"""Embeddings of stretches of sound from the frames of an embedder, thousands at a time.

A frame has values and an attention logit; its weight is the logit's exponential. A segment is cut into equal parts,
each part is the weighted mean of its frames, the parts side by side are scaled to length 1. Differences of running sums
give all parts of all segments at the cost of a few rows each; borders within a frame take that share of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# A part that holds less weight than this holds nothing: the least that a whole frame weighs is 0.05.
_NOTHING = 1e-6


def pool(frames: NDArray[np.float32], starts: ArrayLike, ends: ArrayLike, parts: int) -> NDArray[np.float32]:
    """Embeddings [segments, parts * dims] of length 1; zeros for a segment without frames.

    Args:
        frames: [n, dims + 1], the attention logit last.
        starts, ends: [segments], in frames from the start of the recording; they may be broken. What lies outside of
            the recording counts as nothing.
        parts: stretches that a segment is cut into, as in the bundle's manifest.
    """
    start, end = (np.asarray(x, np.float64).reshape(-1, 1) for x in (starts, ends))
    n, dims = len(frames), frames.shape[1] - 1
    if n == 0:
        return np.zeros((len(start), parts * dims), np.float32)
    weight = np.exp(frames[:, -1:].astype(np.float64))
    added = np.concatenate([frames[:, :-1] * weight, weight], 1)
    sums = np.concatenate([np.zeros((1, dims + 1)), np.cumsum(added, 0)])
    borders = np.clip(start + (end - start) * np.linspace(0, 1, parts + 1), 0, n)
    whole = np.minimum(borders.astype(np.int64), n - 1)
    reached = sums[whole] + added[whole] * (borders - whole)[..., None]
    part = np.diff(reached, axis=1)
    held = part[..., -1:] > _NOTHING
    means = np.where(held, part[..., :-1] / np.where(held, part[..., -1:], 1.0), 0.0).reshape(len(start), parts * dims)
    length = np.sqrt(np.sum(np.square(means), 1, keepdims=True))
    return (means / np.maximum(length, 1e-12)).astype(np.float32)
