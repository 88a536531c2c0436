"""How fast somebody speaks: words and characters over the time from the first sound of speech to the last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.evaluate.metrics.word_errors import plain


@dataclass(frozen=True)
class SpeakingRate:
    """words and characters (letters and digits, no spaces) of the text; seconds: from first to last speech, pauses
    included; pauses: the share (0..1) of that in which nothing is said, pauses under half a second not counted."""

    words: int
    characters: int
    seconds: float
    pauses: float

    @property
    def words_a_minute(self) -> float:
        return 60 * self.words / self.seconds if self.seconds else 0.0

    @property
    def characters_a_second(self) -> float:
        return self.characters / self.seconds if self.seconds else 0.0


def speaking_rate(text: str, samples: NDArray[np.float32], sample_rate: int) -> SpeakingRate:
    """The rate of a recording, float32 [time], of a text. Where no speech stands out, the whole counts as speech."""
    sound = np.asarray(samples, np.float32)
    regions = audio.speech_regions(sound, sample_rate) or [(0.0, len(sound) / sample_rate)]
    seconds = regions[-1][1] - regions[0][0]
    spoken = sum(end - start for start, end in regions)
    words = plain(text).split()
    characters = sum(c.isalnum() for word in words for c in word)
    return SpeakingRate(len(words), characters, seconds, max(0.0, 1 - spoken / seconds) if seconds else 0.0)
