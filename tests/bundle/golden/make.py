"""Makes the golden files again with today's code: python tests/bundle/golden/make.py (needs onnx, extra [train]).

Only for a change of the format number: what older versions wrote must be read, and be written again as it is.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from resonet.bundle import Histogram, Stats, unpack, write
from resonet.bundle.manifest import dump
from resonet.bundle.stats import DURATION_EDGES, LOUDNESS_EDGES
from resonet.text import subtitles
from resonet.text.transcript import Segment, Transcript, Word

HERE = Path(__file__).parent
UNITS = ["<blank>", "|", "a", "b", "c"]
HOP, STATE = 640, 3

TRANSCRIPT = Transcript(
    text="café müller & söhne told us that the quick brown fox jumps over the lazy dog near the old river bank "
    "and comes back <every> evening",
    words=(),
    segments=(),
    duration=13.5,
    language="en",
)


def model() -> bytes:
    """The smallest graph with the interface of a recognizer: scores follow the mean of each 640 samples."""
    info = helper.make_tensor_value_info
    nodes = [
        helper.make_node("Reshape", ["pcm", "shape"], ["frames"]),
        helper.make_node("ReduceMean", ["frames"], ["mean"], axes=[2], keepdims=1),
        helper.make_node("Mul", ["mean", "weights"], ["scores"]),
        helper.make_node("LogSoftmax", ["scores"], ["log_probs"], axis=2),
        helper.make_node("Identity", ["state"], ["next_state"]),
    ]
    graph = helper.make_graph(
        nodes,
        "golden",
        [
            info("pcm", TensorProto.FLOAT, ["batch", "samples"]),
            info("state", TensorProto.FLOAT, ["batch", STATE]),
        ],
        [
            info("log_probs", TensorProto.FLOAT, ["batch", "frames", len(UNITS)]),
            info("next_state", TensorProto.FLOAT, ["batch", STATE]),
        ],
        [
            numpy_helper.from_array(np.array([0, -1, HOP], np.int64), "shape"),
            numpy_helper.from_array(np.arange(len(UNITS), dtype=np.float32), "weights"),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def transcript() -> Transcript:
    """Words of 0.2 to 0.6 s with a pause after the seventh."""
    words, at = [], 0.25
    for i, word in enumerate(TRANSCRIPT.text.split()):
        end = at + 0.2 + 0.05 * (i % 9)
        words.append(Word(word, round(at, 3), round(end, 3), round(0.99 - 0.01 * i, 3)))
        at = end + (0.9 if i == 6 else 0.06)
    segments = tuple(
        Segment(part[0].start, part[-1].end, " ".join(word.word for word in part)) for part in (words[:7], words[7:])
    )
    return Transcript(TRANSCRIPT.text, tuple(words), segments, TRANSCRIPT.duration, TRANSCRIPT.language)


FIELDS = {
    "kind": "recognizer",
    "name": "golden",
    "family": "resnet_ctc",
    "created": "2026-01-31T12:00:00Z",
    "sample_rate": 16000,
    "frame_shift": 0.01,
    "subsampling": 4,
    "units": {"type": "characters", "list": UNITS, "blank": 0},
    "languages": ["en"],
    "licence": [{"set": "nothing", "spdx": "CC0-1.0", "url": "https://creativecommons.org/publicdomain/zero/1.0/"}],
    "data": {"name": "nothing", "sha256": "0" * 64},
    "commit": "0" * 40,
    "metrics": [{"name": "wer", "value": 100.0, "set": "nothing", "command": "resonet evaluate --bundle golden"}],
    "decoding": {"lm_weight": 0.5, "word_bonus": 1.0, "beam": 32, "confidence": [2.8, 2.0, 0.8, -0.2, 1.7, 0.26, 0.11]},
    "runtime": {"resonet": "0.1.0", "onnxruntime": "1.18", "delay": 0, "state": STATE},
}

if __name__ == "__main__":
    stats = Stats(
        utterances=3,
        hours=0.01,
        loudness=Histogram.of([-20.5, -19, -90], LOUDNESS_EDGES, "dBFS"),
        duration=Histogram.of([2.5, 3.0, 31.0], DURATION_EDGES, "s"),
        units={"|": 4, "a": 7, "b": 2, "c": 1},
    )
    card = "# golden\n\nA model that recognizes nothing, to pin down the format. Größe: 1 kB.\n".encode()
    bundle = write(HERE / "golden.resonet", FIELDS, {"model.onnx": model(), "card.md": card, "stats.json": dump(stats)})
    folder = unpack(bundle, HERE / "unpacked")
    (folder / "manifest.json").replace(HERE / "manifest.json")
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    spoken = transcript()
    written = {
        "transcript.json": json.dumps(spoken.as_dict("talk.wav"), ensure_ascii=False) + "\n",
        "transcript.srt": subtitles.srt(spoken),
        "transcript.vtt": subtitles.vtt(spoken),
        "transcript.tsv": subtitles.tsv(spoken),
    }
    for name, text in written.items():
        (HERE / name).write_bytes(text.encode("utf-8"))
