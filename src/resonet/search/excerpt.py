"""The sound of a hit, cut out of its recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.errors import AudioError

# Seconds before and after a hit that belong to its sound: words begin softly, and people want to hear where they are.
MARGIN = 0.3


def excerpt(file: str | Path, start: float, end: float, margin: float = MARGIN) -> tuple[NDArray[np.float32], int]:
    """What sounds from `start` to `end` seconds, with the margin on both sides: float32 [time], and its rate in Hz.

    Raises:
        AudioError: the recording is not where it was when it was indexed, cannot be read, or has become shorter.
    """
    if not Path(file).is_file():
        raise AudioError(
            f"{file} is not there any more", "it was moved or removed after it was indexed: index its folder again"
        )
    rate = audio.info(file).sample_rate
    first, last = max(0, round((start - margin) * rate)), round((end + margin) * rate)
    pieces, at = [np.empty(0, np.float32)], 0
    for block in audio.blocks(file, rate):
        pieces.append(block[max(0, first - at) : max(0, last - at)])
        at += len(block)
        if at >= last:
            break
    samples = np.concatenate(pieces)
    if not len(samples):
        raise AudioError(f"{file} ends before {start:.3f} s", "it has changed since it was indexed: index it again")
    return samples, rate
