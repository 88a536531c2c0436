"""Networks over sound: PCM in, rows of numbers out (log-probabilities of units or labels), batched and streamed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle
from resonet.errors import BundleError

Samples = NDArray[np.float32]
Scores = NDArray[np.float32]

# Seconds of audio in one call of the network: enough to fill two cores, little enough for 100 MB of activations.
_BATCH_SECONDS = 120.0


def default_threads() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def session(graph: bytes, threads: int, where: str) -> Any:
    """An ONNX Runtime session. Raises BundleError, naming `where`, if the graph cannot be run."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that wait by turning would take the cores that the decoder needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BundleError(f"{where} cannot be run: {error}", "reinstall the bundle") from error


class Network:
    """A graph that keeps its caches in a state; safe to share between threads.

    Attributes:
        sample_rate: of the PCM, Hz.
        stride: PCM samples a frame of output.
        shift: seconds a frame of output.
        delay: frames by which the outputs of a stream lag its sound.
        state_size: numbers of its state.
        columns: numbers a frame.

    Raises:
        BundleError: the graph cannot be run; the sentence names `where`.
    """

    def __init__(
        self,
        graph: bytes,
        threads: int,
        *,
        where: str,
        output: str = "log_probs",
        sample_rate: int,
        shift: float,
        delay: int,
        state: int,
        columns: int,
    ) -> None:
        self.sample_rate, self.shift = sample_rate, shift
        self.stride = round(shift * sample_rate)
        self.delay, self.state_size, self.columns = delay, state, columns
        self._outputs = [output, "next_state"]
        self._session = session(graph, threads, where)

    def frames(self, samples: int) -> int:
        """Frames of output for a recording of so many samples."""
        return -(-samples // self.stride)

    def step(self, pcm: Samples, state: NDArray[np.float32]) -> tuple[Scores, NDArray[np.float32]]:
        """pcm [batch, n * stride], state [batch, state_size] -> scores [batch, n, columns], next state."""
        scores, state = self._session.run(self._outputs, {"pcm": pcm, "state": state})
        return scores, state

    def scores(self, recordings: Sequence[Samples], stop: Event | None = None) -> list[Scores]:
        """Scores [frames, columns] of whole recordings, in order; recordings of like length go together.

        What is not begun when `stop` is set stays empty.
        """
        found: list[Scores] = [np.empty((0, self.columns), np.float32)] * len(recordings)
        for rows in batches([len(r) for r in recordings], self.sample_rate):
            if stop is not None and stop.is_set():
                break
            longest = self.frames(max(len(recordings[i]) for i in rows)) + self.delay
            pcm = np.zeros((len(rows), longest * self.stride), np.float32)
            for row, i in zip(pcm, rows, strict=True):
                row[: len(recordings[i])] = recordings[i]
            scores, _ = self.step(pcm, np.zeros((len(rows), self.state_size), np.float32))
            for row, i in zip(scores, rows, strict=True):
                found[i] = row[self.delay : self.delay + self.frames(len(recordings[i]))]
        return found

    def stream(self) -> AcousticStream:
        """The network over sound that comes in pieces."""
        return AcousticStream(self)


class Acoustic(Network):
    """The network of a recognizer: log-probabilities of its units."""

    def __init__(self, bundle: Bundle, threads: int) -> None:
        manifest = bundle.manifest
        super().__init__(
            bundle.read("model.onnx"),
            threads,
            where=f"{bundle.path}: model.onnx",
            sample_rate=manifest.sample_rate,
            shift=manifest.output_shift,
            delay=int(manifest.runtime["delay"]),  # type: ignore[arg-type]
            state=int(manifest.runtime["state"]),  # type: ignore[arg-type]
            columns=len(manifest.units.symbols) if manifest.units else 0,
        )
        self.units = self.columns


def batches(lengths: Sequence[int], sample_rate: int) -> Iterator[list[int]]:
    """Places in `lengths` (samples) of recordings to run together, short ones first; empty ones are in no batch."""
    limit = _BATCH_SECONDS * sample_rate
    batch: list[int] = []
    for i in sorted((i for i, n in enumerate(lengths) if n), key=lambda i: lengths[i]):
        if batch and lengths[i] * (len(batch) + 1) > limit:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


class AcousticStream:
    """The network over sound that comes in pieces; the result is that of the whole, whatever the pieces."""

    def __init__(self, acoustic: Network) -> None:
        self._acoustic = acoustic
        self._state = np.zeros((1, acoustic.state_size), np.float32)
        self._rest = np.empty(0, np.float32)
        self._drop = acoustic.delay
        self.samples = 0

    def push(self, samples: Samples) -> Scores:
        """Scores [frames, columns] of what is now certain: up to `delay` frames behind the end of the sound."""
        self.samples += len(samples)
        pcm = np.concatenate([self._rest, samples.astype(np.float32, copy=False)])
        whole = len(pcm) // self._acoustic.stride * self._acoustic.stride
        self._rest = pcm[whole:]
        return self._run(pcm[:whole])

    def finish(self) -> Scores:
        """The scores of the end; the stream takes no more sound after that."""
        stride = self._acoustic.stride
        flush = -len(self._rest) % stride + self._acoustic.delay * stride
        scores = self._run(np.concatenate([self._rest, np.zeros(flush, np.float32)]))
        self._rest = np.empty(0, np.float32)
        return scores

    def _run(self, pcm: Samples) -> Scores:
        if not len(pcm):
            return np.empty((0, self._acoustic.columns), np.float32)
        scores, self._state = self._acoustic.step(pcm[None], self._state)
        kept = scores[0, self._drop :]
        self._drop = max(0, self._drop - scores.shape[1])
        return kept


def stream_scores(acoustic: Network, blocks: Iterable[Samples]) -> Iterator[tuple[Scores, int]]:
    """Scores block by block, each with the samples that were read for it, for a recording too long to hold."""
    stream = AcousticStream(acoustic)
    for block in blocks:
        yield stream.push(block), len(block)
    yield stream.finish(), 0
