"""The two networks of a voice: units to a mel spectrogram, and that to sound, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.errors import BundleError
from resonet.runtime.acoustic import Samples, session

Mel = NDArray[np.float32]

LONGEST_UNIT = 75  # frames
_HINT = "install or train the bundle again"


class UnitsToMel:
    """`acoustic.onnx`: what to say, to a log-mel spectrogram; safe to share between threads.

    Raises:
        BundleError: the graph cannot be run, or is not that of a voice; the sentence names `where`.
    """

    _INPUTS = ("units", "speaker", "language", "speed", "pitch", "energy")

    def __init__(self, graph: bytes, threads: int, *, where: str, mels: int) -> None:
        self._where, self._mels = where, mels
        self._session = session(graph, threads, where)
        _check(self._session, self._INPUTS, ("mel", "durations"), where)

    def __call__(
        self,
        units: NDArray[np.int64],
        speaker: int,
        language: int,
        speed: NDArray[np.float32],
        pitch: NDArray[np.float32],
        energy: NDArray[np.float32],
    ) -> tuple[Mel, NDArray[np.int64]]:
        """Units [n], each with its speed (2: twice as fast), pitch (semitones) and energy (dB).

        Returns:
            The spectrogram [frames, mels] and the frames of each unit [n], 1 to 75, whose sum it has.

        Raises:
            BundleError: the graph gave something else.
        """
        values = (units[None], np.array([speaker]), np.array([language]), speed[None], pitch[None], energy[None])
        mel, durations = _run(self._session, ["mel", "durations"], self._INPUTS, values, self._where)
        if durations.shape != (1, len(units)) or mel.shape != (1, int(durations.sum()), self._mels):
            raise _wrong(self._where, f"{len(units)} units became {durations.shape} durations and {mel.shape} mels")
        if durations.min() < 1 or durations.max() > LONGEST_UNIT:
            raise _wrong(self._where, f"units of {durations.min()} to {durations.max()} frames")
        if not np.isfinite(mel).all():
            raise _wrong(self._where, "numbers that are not finite")
        return mel[0], durations[0]


class Vocoder:
    """`vocoder.onnx`: a log-mel spectrogram to sound, in chunks that are together what the whole would be.

    Safe to share between threads.

    Args:
        hop: samples a frame.
        context: frames on either side that bear on one; that many more are run at each inner end of a chunk, and what
            they give is dropped.

    Raises:
        BundleError: the graph cannot be run, or is no vocoder; the sentence names `where`.
    """

    def __init__(self, graph: bytes, threads: int, *, where: str, hop: int, context: int) -> None:
        self._where, self.hop, self.context = where, hop, context
        self._session = session(graph, threads, where)
        _check(self._session, ("mel",), ("pcm",), where)

    def chunks(self, mel: Mel, sizes: Iterable[int]) -> Iterator[Samples]:
        """The sound of mel [frames, mels] in chunks of so many frames each, float32 [frames * hop].

        The last chunk takes what is left; a crumb that would cost its context for little is added to the one before.
        """
        start, frames = 0, len(mel)
        for size in sizes:
            end = start + size if start + size + size // 4 < frames else frames
            yield self._chunk(mel, start, end)
            if end == frames:
                return
            start = end
        yield self._chunk(mel, start, frames)

    def _chunk(self, mel: Mel, start: int, end: int) -> Samples:
        first, last = max(0, start - self.context), min(len(mel), end + self.context)
        (pcm,) = _run(self._session, ["pcm"], ("mel",), (mel[None, first:last],), self._where)
        if pcm.shape != (1, (last - first) * self.hop):
            raise _wrong(self._where, f"{last - first} frames became {pcm.shape} samples")
        sound: Samples = pcm[0, (start - first) * self.hop : (end - first) * self.hop]
        if not np.isfinite(sound).all():
            raise _wrong(self._where, "samples that are not finite")
        return sound


def _check(graph: Any, inputs: tuple[str, ...], outputs: tuple[str, ...], where: str) -> None:
    """Raises BundleError where the graph has other inputs, or lacks an output."""
    takes, gives = [i.name for i in graph.get_inputs()], [o.name for o in graph.get_outputs()]
    if set(takes) != set(inputs) or not set(outputs) <= set(gives):
        raise BundleError(
            f"{where} is not the graph of a voice: it takes {', '.join(takes)} and gives {', '.join(gives)}",
            f"it should take {', '.join(inputs)} and give {', '.join(outputs)}",
        )


def _run(graph: Any, outputs: list[str], inputs: tuple[str, ...], values: tuple[Any, ...], where: str) -> list[Any]:
    try:
        found: list[Any] = graph.run(outputs, dict(zip(inputs, values, strict=True)))
    except Exception as error:  # ONNX Runtime's own kinds, which have no common base but this
        raise BundleError(f"{where} failed: {str(error).splitlines()[0]}", _HINT) from error
    return found


def _wrong(where: str, what: str) -> BundleError:
    return BundleError(f"{where} does not do what a voice's graph should: it gave {what}", _HINT)
