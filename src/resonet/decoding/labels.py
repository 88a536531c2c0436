"""From a classifier's probabilities to the label of a clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# The labels that are no words: other speech, and no speech.
UNKNOWN, SILENCE = "unknown", "silence"
# What sets of clips call them.
MADE = {"_background_noise_": SILENCE, "_silence_": SILENCE, "_unknown_": UNKNOWN}


def decide(probabilities: NDArray[np.float32], labels: Sequence[str], window: int) -> tuple[int, float]:
    """The label of a clip, as its place in `labels`, and the probability that speaks for it.

    Args:
        probabilities: float32 [frames, labels]; a frame judges the `window` frames that end with it.

    A clip no longer than the window is judged at its end. In a longer one the word may be anywhere: it is the word with
    the highest probability at any frame whose window lies in the clip, if nothing else is likelier there; else the
    label that is likeliest on average.
    """
    if len(probabilities) <= window:
        best = int(probabilities[-1].argmax())
        return best, float(probabilities[-1, best])
    judged = probabilities[window - 1 :]
    words = [i for i, label in enumerate(labels) if label not in (UNKNOWN, SILENCE)]
    if words:
        frame = int(judged[:, words].max(1).argmax())
        best = int(judged[frame].argmax())
        if best in words:
            return best, float(judged[frame, best])
    mean = judged.mean(0)
    best = int(mean.argmax())
    return best, float(mean[best])
