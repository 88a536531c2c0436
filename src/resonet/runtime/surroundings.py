"""Where a clip could have been recorded: in a room, with noise, with the hiss of a microphone, at some distance."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from resonet import audio
from resonet.audio.rooms import convolve, direct_first
from resonet.runtime.acoustic import Samples

RATE = 16000  # Hz, of all sound here: what networks that hear words take

# Recordings of a folder, seconds of each and of all together that are held in memory at most: 115 MB each.
_MOST, _TOGETHER = 450, 1800.0
_NOISE, _ROOM = 120.0, 4.0
# Shares of the clips, and how loud noise is: decibels by which the speech lies above it.
_IN_ROOM, _IN_NOISE, _SNR = 0.5, 0.7, (5.0, 30.0)
# No microphone is silent: decibels of its hiss below the speech.
_HISS = (40.0, 65.0)
# dBFS of the speech: mean, deviation and bounds; and the highest peak.
_LEVEL, _DEVIATION, _LEVELS, _PEAK = -22.0, 5.0, (-36.0, -12.0), 0.95


class Surroundings:
    """Noises and rooms, held in memory; safe to share between threads.

    Args:
        noise, rooms: folders of recordings, of impulse responses; None: clips have none. Of a folder with more than 450
            files every so many are taken, and of long ones their beginning.

    Raises:
        AudioError: no recording in a folder, or one that cannot be read.
    """

    def __init__(self, noise: str | Path | None = None, rooms: str | Path | None = None) -> None:
        self._noises = _loaded(noise, _NOISE)
        self._rooms = [direct_first(room) for room in _loaded(rooms, _ROOM)]

    def __call__(self, speech: Samples, spoken: slice, rng: np.random.Generator) -> Samples:
        """The clip as it could have been recorded, float32 [time] at 16 kHz, as long as it was.

        Args:
            spoken: where the words lie in it, in samples: noise and level are measured against these.
        """
        sound = speech
        if self._rooms and rng.random() < _IN_ROOM:
            sound = convolve(sound, self._rooms[int(rng.integers(len(self._rooms)))])
        level = _rms(sound[spoken])
        hiss = rng.normal(size=len(sound)).astype(np.float32)
        sound = sound + hiss * np.float32(level * 10 ** (-rng.uniform(*_HISS) / 20))
        if self._noises and rng.random() < _IN_NOISE:
            noise = self._noises[int(rng.integers(len(self._noises)))]
            # From a random place on, and again from its beginning where it ends.
            under = noise[(int(rng.integers(len(noise))) + np.arange(len(sound))) % len(noise)]
            sound = sound + under * np.float32(level / max(_rms(under), 1e-6) * 10 ** (-rng.uniform(*_SNR) / 20))
        wanted = 10 ** (np.clip(rng.normal(_LEVEL, _DEVIATION), *_LEVELS) / 20)
        gain = min(wanted / max(level, 1e-6), _PEAK / max(float(np.abs(sound).max(initial=0.0)), 1e-6))
        return (sound * gain).astype(np.float32)


def _loaded(folder: str | Path | None, longest: float) -> list[Samples]:
    if folder is None:
        return []
    files = audio.find(folder)
    if len(files) > _MOST:
        files = [files[i * len(files) // _MOST] for i in range(_MOST)]
    seconds = min(longest, _TOGETHER / len(files))
    read = [next(audio.blocks(file, RATE, seconds), np.empty(0, np.float32)) for file in files]
    return [sound for sound in read if np.any(sound)]


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
