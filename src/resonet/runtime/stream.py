"""Recognition of running sound: pieces in, finished stretches of words out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resonet.decoding.segment import segments
from resonet.runtime.acoustic import Acoustic, AcousticStream, Scores
from resonet.runtime.words import Part, Words, transcript
from resonet.text.transcript import Transcript, Word

# Seconds of blank behind a stretch before it counts as finished.
_PAUSE = 0.8


class Stream:
    """Made by `Recognizer.stream()`; belongs to one thread.

    `push` sound as it comes; words are given when a pause (or 16 s) ends their stretch. The acoustic scores are those
    of the whole recording, whatever the pieces; only the cuts may fall differently.
    """

    def __init__(self, acoustic: Acoustic, words: Words, language: str) -> None:
        self._acoustic, self._words, self._language = acoustic, words, language
        self._stream = AcousticStream(acoustic)
        self._held: Scores = np.empty((0, acoustic.units), np.float32)
        self._first = 0
        self._all: list[Word] = []

    def push(self, samples: NDArray[np.float32]) -> list[Word]:
        """Takes samples float32 [time] at the bundle's rate; the words of the stretches that they finished."""
        self._held = np.concatenate([self._held, self._stream.push(samples)])
        spans = segments(self._held, self._acoustic.shift)
        pause = round(_PAUSE / self._acoustic.shift)
        done = [s for s in spans if s[1] + pause <= len(self._held)]
        if done:
            used = done[-1][1]
        else:
            used = 0 if spans else max(0, len(self._held) - 2 * pause)
        words = self._decode(done)
        self._held, self._first = self._held[used:], self._first + used
        return words

    def finish(self) -> list[Word]:
        """The words of the rest; the stream takes no more sound after that."""
        self._held = np.concatenate([self._held, self._stream.finish()])
        words = self._decode(segments(self._held, self._acoustic.shift))
        self._held = self._held[:0]
        return words

    def transcript(self) -> Transcript:
        """All words so far."""
        return transcript(list(self._all), self._stream.samples / self._acoustic.sample_rate, self._language)

    def _decode(self, spans: list[tuple[int, int]]) -> list[Word]:
        parts = [Part(self._first + a, self._held[a:b]) for a, b in spans]
        words = [w for part in self._words.decode(parts) for w in part]
        self._all += words
        return words
