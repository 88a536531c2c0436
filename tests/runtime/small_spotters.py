"""Tiny bundles that hear tones: a classifier with an embedder, one that takes whole clips, and a recognizer.

A "word" is a tone (or a row of tones), so that what must be heard, and when, is known to the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from resonet.bundle import write
from resonet.runtime.embedder import Embedder, background
from resonet.text.lexicon import Lexicon

RATE, STRIDE = 16000, 640
FRAME = STRIDE / RATE  # seconds
# Multiples of 25 Hz have whole periods in a frame: tones do not leak into each other.
TONES = {"low": 500, "high": 1500, "unknown": 900}
LABELS = ("low", "high", "unknown", "silence")
SCALE = (300, 450, 700, 1000, 1300, 1700, 2200, 3000)
DELAY, WINDOW = 1, 25  # frames
FORM = {"delay": DELAY, "state": DELAY * len(SCALE), "subsampling": 4, "dims": len(SCALE), "parts": 5}


def tone(hertz: float, seconds: float, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def quiet(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def hiss(seconds: float, seed: int = 0, level: float = 0.001) -> np.ndarray:
    return (level * np.random.default_rng(seed).normal(size=round(seconds * RATE))).astype(np.float32)


def melody(notes: Sequence[int], seconds: float = 0.6, level: float = 0.3) -> np.ndarray:
    """A row of tones of SCALE."""
    return np.concatenate([tone(SCALE[note], seconds / len(notes), level) for note in notes])


class Graph:
    """Nodes one after the other; each call adds one and gives the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def constant(self, value: Any, kind: Any = np.float32) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def __call__(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        output = name or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def slice(self, x: str, start: int, end: int, name: str = "") -> str:
        """Of the second dimension."""
        at = [self.constant([v], np.int64) for v in (start, end, 1)]
        return self("Slice", x, *at, name=name)

    def shape(self, x: str, *shape: int, name: str = "") -> str:
        return self("Reshape", x, self.constant(shape, np.int64), name=name)

    def energies(self, hertz: Sequence[float], pcm: str = "pcm") -> str:
        """pcm [batch, samples] -> [batch, frames, tones], 0..1."""
        angle = 2 * np.pi * np.arange(STRIDE)[:, None] * np.array(hertz) / RATE
        frames = self.shape(pcm, 0, -1, STRIDE)
        squares = [
            self("Mul", product, product)
            for wave in (np.sin(angle), np.cos(angle))
            for product in [self("MatMul", frames, self.constant(wave / STRIDE))]
        ]
        power = self("Add", *squares)
        return self("Div", power, self("Add", power, self.constant(1e-4)))

    def delayed(self, x: str, frames: int, width: int) -> str:
        """[batch, frames + n, width] with what the state held in front; makes `next_state`."""
        long = self("Concat", self.shape("state", 0, frames, width), x, axis=1)
        self.shape(self.slice(long, -frames, 1 << 30), 0, frames * width, name="next_state")
        return long

    def model(self, output: str, ranks: int = 3, state: bool = True) -> bytes:
        def value(name: str, rank: int) -> Any:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, [f"{name}{i}" for i in range(rank)])

        inputs = [value("pcm", 2)] + ([value("state", 2)] if state else [])
        outputs = [value(output, ranks)] + ([value("next_state", 2)] if state else [])
        graph = helper.make_graph(self.nodes, "tones", inputs, outputs, self.weights)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        return made.SerializeToString()


def _judged(graph: Graph, share: str) -> str:
    """Shares of a window that each of TONES fills, [..., tones] -> log-probs of LABELS: even odds at a fifth."""
    weights = np.concatenate([30 * np.eye(len(TONES)), np.zeros((len(TONES), 1))], 1)
    logits = graph("Add", graph("MatMul", share, graph.constant(weights)), graph.constant([-6, -6, -6, 0]))
    return graph("LogSoftmax", logits, name="log_probs", axis=-1)


def classifier_graph() -> bytes:
    graph = Graph()
    before = WINDOW - 1 + DELAY
    long = graph.delayed(graph.energies(list(TONES.values())), before, len(TONES))
    across = graph("Transpose", graph.slice(long, 0, -DELAY), perm=[0, 2, 1])
    mean = graph("AveragePool", across, kernel_shape=[WINDOW], strides=[1])
    _judged(graph, graph("Transpose", mean, perm=[0, 2, 1]))
    return graph.model("log_probs")


def clips_graph() -> bytes:
    """One that takes whole windows: pcm [batch, any samples], filled up to whole frames."""
    graph = Graph()
    padded = graph("Pad", "pcm", graph.constant([0, 0, 0, STRIDE - 1], np.int64))
    samples = graph("Gather", graph("Shape", padded), graph.constant([1], np.int64))
    stride, at = graph.constant(STRIDE, np.int64), graph.constant([1], np.int64)
    end = graph("Mul", graph("Div", samples, stride), stride)
    whole = graph("Slice", padded, graph.constant([0], np.int64), end, at)
    _judged(graph, graph("ReduceMean", graph.energies(list(TONES.values()), whole), axes=[1], keepdims=0))
    return graph.model("log_probs", 2, state=False)


def embedder_graph() -> bytes:
    graph = Graph()
    energies = graph.energies(SCALE)
    late = graph.slice(graph.delayed(energies, DELAY, len(SCALE)), 0, -DELAY)
    nothing = graph("Mul", graph("ReduceSum", late, graph.constant([2], np.int64)), graph.constant(0.0))
    graph("Concat", late, nothing, name="frames", axis=2)
    return graph.model("frames")


def others(count: int = 300, seed: int = 0) -> bytes:
    """Embeddings of rows of tones."""
    rng = np.random.default_rng(seed)
    pieces = [melody(rng.integers(0, len(SCALE), rng.integers(2, 6)), rng.uniform(0.3, 1.0)) for _ in range(count)]
    return background(Embedder(embedder_graph(), FORM), pieces)


def classifier(
    path: Path, embed: bool = True, streams: bool = True, members: dict[str, bytes] | None = None, **runtime: Any
) -> Path:
    members = {"model.onnx": classifier_graph() if streams else clips_graph(), **(members or {})}
    fields: dict[str, Any] = {"window": WINDOW * FRAME, "streams": streams}
    if streams:
        fields |= {"delay": DELAY, "state": (WINDOW - 1 + DELAY) * len(TONES)}
    if embed:
        members |= {"embed.onnx": embedder_graph(), "background.npy": others()}
        fields["embed"] = FORM
    manifest = {
        "kind": "classifier",
        "family": "tones",
        "sample_rate": RATE,
        "frame_shift": 0.01,
        "subsampling": 4,
        "labels": list(LABELS),
        "languages": ["en"],
        "runtime": fields | runtime,
    }
    return write(path, manifest, members)


PHONES = ("AA", "B", "K", "OW", "T", "IY", "S", "N")  # a tone of SCALE each
LEXICON = {"boat": "B OW T", "keys": "K IY S", "knock": "N AA K", "see": "S IY", "sea": "S IY"}


def recognizer(path: Path) -> Path:
    graph = Graph()
    late = graph.slice(graph.delayed(graph.energies(SCALE), DELAY, len(SCALE)), 0, -DELAY)
    weights = np.concatenate([np.zeros((len(SCALE), 1)), 12 * np.eye(len(SCALE))], 1)
    logits = graph("Add", graph("MatMul", late, graph.constant(weights)), graph.constant([6.0] + [0.0] * len(SCALE)))
    graph("LogSoftmax", logits, name="log_probs", axis=-1)
    lexicon = Lexicon(PHONES)
    for word, phones in LEXICON.items():
        lexicon.add(word, phones.split())
    manifest = {
        "kind": "recognizer",
        "family": "tones",
        "sample_rate": RATE,
        "frame_shift": 0.01,
        "subsampling": 4,
        "units": {"type": "phones", "list": ["<blank>", *PHONES], "blank": 0},
        "languages": ["en"],
        "runtime": {"delay": DELAY, "state": DELAY * len(SCALE)},
    }
    return write(path, manifest, {"model.onnx": graph.model("log_probs"), "lexicon.bin": lexicon.to_bytes()})


def said(*phones: str, each: float = 0.12) -> np.ndarray:
    """Phones as the recognizer hears them, with short gaps."""
    return np.concatenate([np.concatenate([tone(SCALE[PHONES.index(p)], each), quiet(0.04)]) for p in phones])
