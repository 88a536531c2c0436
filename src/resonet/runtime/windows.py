"""Classifiers that judge a window of sound as a whole (hidden Markov models): they run anew at every hop."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle
from resonet.runtime.acoustic import Samples, Scores, batches, session

# Seconds between two windows.
_HOP = 0.08


class Windows:
    """The graph of a classifier without a stream state, with the face of a `Network`; safe to share between threads."""

    delay = 0

    def __init__(self, bundle: Bundle, threads: int, window: float) -> None:
        self.sample_rate = bundle.manifest.sample_rate
        self.stride = round(_HOP * self.sample_rate)
        self.shift = self.stride / self.sample_rate
        self.columns = len(bundle.manifest.labels)
        self.window = max(round(window * self.sample_rate), self.stride)
        self._session = session(bundle.read("model.onnx"), threads, f"{bundle.path}: model.onnx")

    def run(self, pcm: Samples) -> Scores:
        """pcm [batch, samples] -> log-probs [batch, columns]."""
        return self._session.run(["log_probs"], {"pcm": pcm})[0]

    def scores(self, recordings: Sequence[Samples], stop: Event | None = None) -> list[Scores]:
        """Log-probs [frames, columns] of whole recordings, in order.

        One no longer than the window has only its last frame, which judges all of it: those before are zeros.
        """
        found = [np.zeros((-(-len(r) // self.stride), self.columns), np.float32) for r in recordings]
        same: dict[int, list[int]] = {}
        for i, recording in enumerate(recordings):
            if len(recording) > self.window:
                stream = self.stream()
                found[i] = np.concatenate([stream.push(recording), stream.finish()])
            elif len(recording):
                same.setdefault(len(recording), []).append(i)
        for places in same.values():
            for batch in batches([len(recordings[i]) for i in places], self.sample_rate):
                if stop is not None and stop.is_set():
                    return found
                scores = self.run(np.stack([recordings[places[j]] for j in batch]).astype(np.float32))
                for j, row in zip(batch, scores, strict=True):
                    found[places[j]][-1] = row
        return found

    def stream(self) -> WindowStream:
        """The windows of sound that comes in pieces."""
        return WindowStream(self)


class WindowStream:
    """A window ends at every hop; in those at the start silence comes before the sound."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._held = np.zeros(windows.window - windows.stride, np.float32)
        self.samples = 0

    def push(self, samples: Samples) -> Scores:
        """Log-probs [frames, columns] of the windows that are whole now."""
        self.samples += len(samples)
        held = np.concatenate([self._held, samples.astype(np.float32, copy=False)])
        hop, width = self._windows.stride, self._windows.window
        count = max(0, (len(held) - width) // hop + 1)
        self._held = held[count * hop :]
        if not count:
            return np.empty((0, self._windows.columns), np.float32)
        return self._run(np.lib.stride_tricks.sliding_window_view(held, width)[::hop][:count])

    def finish(self) -> Scores:
        """The log-probs of the end, filled up with silence to a whole hop."""
        short = -self.samples % self._windows.stride
        return self.push(np.zeros(short, np.float32)) if short else np.empty((0, self._windows.columns), np.float32)

    def _run(self, views: NDArray[np.float32]) -> Scores:
        # Two minutes of windows at a time: long pieces overlap themselves many times over.
        most = max(1, 120 * self._windows.sample_rate // self._windows.window)
        parts = [self._windows.run(np.ascontiguousarray(views[i : i + most])) for i in range(0, len(views), most)]
        return np.concatenate(parts)
