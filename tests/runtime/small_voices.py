"""Tiny voices: a letter is a tone of its own, some frames long, so that what must sound, and when, is known exactly.

The networks have the inputs and outputs of real ones and no weights that were learned.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from resonet.bundle import write

RATE, HOP, MELS = 24000, 256, 80
LETTERS = "abcdefghijklmnopqrstuvwxyzäöüßéèêëàâîïôûçñ'"
SYMBOLS = ("<blank>", "|", ",", ".", "?", "!", ";", ":", "–", *LETTERS)
SILENT = SYMBOLS[:9]
FRAMES = 6  # of a letter
STOP = 10  # of what is silent: boundaries of words and punctuation
STEP = RATE / HOP  # Hz between bands: whole periods a frame, so that a tone goes on as one
LEVEL = -2.0  # natural log of a letter's tone
QUIET = -9.0  # of everything in between: a faint hum
CONTEXT = 4


def band(letter: str) -> int:
    """The mel band that a letter sounds in."""
    return 4 + SYMBOLS.index(letter) - len(SILENT)


def hertz(letter: str) -> float:
    """The tone of that band."""
    return STEP * (3 + band(letter))


def _constant(value: Any, name: str, kind: Any) -> Any:
    return numpy_helper.from_array(np.asarray(value, kind), name)


def _value(name: str, kind: int, *shape: Any) -> Any:
    return helper.make_tensor_value_info(name, kind, list(shape))


def _model(nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: list[Any]) -> bytes:
    graph = helper.make_graph(nodes, "voice", inputs, outputs, weights)
    opset = [helper.make_opsetid("", 17)]
    made: bytes = helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    return made


def acoustic(loud: bool = False, frames: int = FRAMES, most: int = 75) -> bytes:
    """Units to mels: each its tone, a band higher by a semitone of pitch; a second speaker has it 20 bands higher.

    Args:
        loud: the full stop sounds too, to its last sample.
        frames: of a letter, none longer than `most`.
    """
    rows = np.full((len(SYMBOLS), MELS), QUIET, np.float32)
    for letter in LETTERS:
        rows[SYMBOLS.index(letter), band(letter)] = LEVEL
    if loud:
        rows[SYMBOLS.index("."), 10] = LEVEL
    lengths = np.array([STOP if symbol in SILENT else frames for symbol in SYMBOLS], np.float32)
    weights = [
        _constant(rows, "rows", np.float32),
        _constant(lengths, "lengths", np.float32),
        _constant(1, "least", np.float32),
        _constant(most, "most", np.float32),
        _constant(0, "zero", np.int64),
        _constant(1, "one", np.int64),
        _constant([0], "axis0", np.int64),
        _constant([1], "axis1", np.int64),
        _constant([2], "axis2", np.int64),
        _constant([-1], "flat", np.int64),
        _constant(np.log(10) / 20, "nepers", np.float32),
        _constant(20, "apart", np.int64),
        _constant(np.arange(MELS), "bands", np.int64),
        _constant(MELS, "mels", np.int64),
    ]
    node = helper.make_node
    nodes = [
        node("Gather", ["lengths", "units"], ["plain"]),
        node("Div", ["plain", "speed"], ["scaled"]),
        node("Round", ["scaled"], ["rounded"]),
        node("Clip", ["rounded", "least", "most"], ["clipped"]),
        node("Cast", ["clipped"], ["durations"], to=TensorProto.INT64),
        node("Reshape", ["durations", "flat"], ["flat_durations"]),
        node("CumSum", ["flat_durations", "zero"], ["ends"]),
        node("ReduceSum", ["flat_durations", "axis0"], ["frames"], keepdims=0),
        node("Range", ["zero", "frames", "one"], ["clock"]),
        node("Unsqueeze", ["clock", "axis1"], ["column"]),
        node("Unsqueeze", ["ends", "axis0"], ["row"]),
        node("LessOrEqual", ["row", "column"], ["over"]),
        node("Cast", ["over"], ["over_ints"], to=TensorProto.INT64),
        node("ReduceSum", ["over_ints", "axis1"], ["place"], keepdims=0),  # the unit of each frame
        node("Gather", ["rows", "units"], ["tones"]),
        # Bands are rolled upwards by what speaker and pitch ask.
        node("Round", ["pitch"], ["semitones"]),
        node("Cast", ["semitones"], ["steps"], to=TensorProto.INT64),
        node("Mul", ["speaker", "apart"], ["by_speaker"]),
        node("Add", ["steps", "by_speaker"], ["shift"]),
        node("Unsqueeze", ["shift", "axis2"], ["shift3"]),
        node("Sub", ["bands", "shift3"], ["from_band"]),
        node("Mod", ["from_band", "mels"], ["from_there"]),
        node("GatherElements", ["tones", "from_there"], ["moved"], axis=2),
        node("Mul", ["energy", "nepers"], ["louder"]),
        node("Unsqueeze", ["louder", "axis2"], ["louder3"]),
        node("Add", ["moved", "louder3"], ["sounding"]),
        # Graphs may not have inputs that nothing uses.
        node("Sub", ["language", "language"], ["nothing"]),
        node("Add", ["place", "nothing"], ["placed"]),
        node("Gather", ["sounding", "placed"], ["mel"], axis=1),
    ]
    whole, number = TensorProto.INT64, TensorProto.FLOAT
    inputs = [
        _value("units", whole, 1, "n"),
        _value("speaker", whole, 1),
        _value("language", whole, 1),
        *(_value(name, number, 1, "n") for name in ("speed", "pitch", "energy")),
    ]
    outputs = [_value("mel", number, 1, "frames", MELS), _value("durations", whole, 1, "n")]
    return _model(nodes, inputs, outputs, weights)


def vocoder(gain: float = 1.0, hop: int = HOP) -> bytes:
    """Each band a windowed tone of four frames, laid over one another; smoothed over five frames before."""
    length = 4 * HOP
    time = (np.arange(length) - length / 2) / RATE
    tones = np.stack([np.cos(2 * np.pi * STEP * (3 + band) * time) for band in range(MELS)])
    kernels = gain * np.hanning(length + 1)[:-1] * tones
    smooth = np.repeat(np.array([0.05, 0.1, 0.7, 0.1, 0.05], np.float32)[None, None], MELS, 0)
    weights = [
        _constant(kernels[:, None], "kernels", np.float32),
        _constant(smooth, "smooth", np.float32),
        _constant([1], "axis1", np.int64),
    ]
    node, before = helper.make_node, (length - HOP) // 2
    nodes = [
        node("Exp", ["mel"], ["sizes"]),
        node("Transpose", ["sizes"], ["across"], perm=[0, 2, 1]),
        node("Conv", ["across", "smooth"], ["smoothed"], group=MELS, pads=[2, 2]),
        node("ConvTranspose", ["smoothed", "kernels"], ["wide"], strides=[hop], pads=[before, before]),
        node("Squeeze", ["wide", "axis1"], ["pcm"]),
    ]
    inputs = [_value("mel", TensorProto.FLOAT, 1, "frames", MELS)]
    return _model(nodes, inputs, [_value("pcm", TensorProto.FLOAT, 1, "samples")], weights)


def mel_json(**changed: Any) -> bytes:
    fields = {"sample_rate": RATE, "hop": HOP, "fft": 1024, "window": 1024, "mels": MELS, "low": 0.0, "high": 12000.0}
    return json.dumps({**fields, "floor": 1e-5, "norm": "slaney", **changed}).encode()


def voice(
    path: Path,
    *,
    members: dict[str, bytes] | None = None,
    context: int = CONTEXT,
    speakers: dict[str, str] | None = None,
    **graph: Any,
) -> Path:
    """A bundle of a voice that speaks letters; `speakers` with their languages, ann and bob of Esperanto otherwise."""
    speakers = speakers or {"ann": "eo", "bob": "eo"}
    languages = list(dict.fromkeys(speakers.values()))
    return write(
        path,
        {
            "kind": "voice",
            "name": path.stem,
            "family": "letters",
            "sample_rate": RATE,
            "frame_shift": HOP / RATE,
            "units": {"type": "characters", "list": list(SYMBOLS), "blank": 0},
            "languages": languages,
            "speakers": list(speakers),
            "runtime": {
                "context": context,
                "speakers": {name: {"language": language} for name, language in speakers.items()},
            },
        },
        {"acoustic.onnx": acoustic(**graph), "vocoder.onnx": vocoder(), "mel.json": mel_json(), **(members or {})},
    )
