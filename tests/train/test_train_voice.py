"""A voice from a dozen utterances: all stages, resumption, and a bundle whose graphs speak."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from sung_speech import SETTINGS, corpus

from resonet.bundle import Bundle
from resonet.bundle.mel import MEL, MelConfig, read_mel

SET = [part for setting in SETTINGS for part in ("--set", setting)]


def speaks(path: Path, speakers: tuple[str, ...]) -> np.ndarray:
    """PCM of a few units by the graphs of the bundle."""
    with Bundle.open(path, "voice") as bundle:
        manifest = bundle.manifest
        graphs = [onnxruntime.InferenceSession(bundle.read(f"{name}.onnx")) for name in ("acoustic", "vocoder")]
        assert read_mel(bundle.read(MEL), "here") == MelConfig()
    assert manifest.speakers == speakers and manifest.units is not None
    assert manifest.sample_rate == 24000 and manifest.voice.context > 0
    units = [manifest.units.symbols.index(s) for s in "|mama|sumo."]
    plain = np.ones((1, len(units)), np.float32)
    mel, durations = graphs[0].run(
        None,
        {"units": np.array([units]), "speaker": np.array([0]), "language": np.array([0]), "speed": plain,
         "pitch": plain * 0, "energy": plain * 0},
    )  # fmt: skip
    assert durations.shape == (1, len(units)) and durations.min() >= 1 and durations.max() <= 75
    assert mel.shape == (1, durations.sum(), 80)
    (pcm,) = graphs[1].run(None, {"mel": mel})
    assert pcm.shape == (1, 256 * durations.sum()) and np.isfinite(pcm).all()
    return pcm[0]


@pytest.mark.slow
def test_a_voice_from_recordings_to_sound(tmp_path: Path, resonet: Callable[..., Any]) -> None:
    data = corpus(tmp_path / "sung")
    ran = resonet("train", "--task", "synthesize", "--data", data, "-o", "voice", *SET)
    assert ran.code == 0, ran.err
    assert "alignment: median unit" in ran.err
    speaks(Path("voice/voice.resonet"), ("sung/ann", "sung/bob"))
    for stage in ("aligner", "acoustic", "vocoder"):
        assert (Path("voice") / stage / "done.json").is_file() and (Path("voice") / stage / "progress.html").is_file()
    assert "data:image/png" in Path("voice/acoustic/progress.html").read_text()
    assert "1-vocoder.wav" in Path("voice/vocoder/progress.html").read_text()
    assert "acoustic/progress.html" in Path("voice/progress.html").read_text()

    # Done is done: only the bundle is made anew. More passes of the acoustic model are trained, nothing else.
    ran = resonet("train", "--resume", "voice", "--set", "passes=5")
    assert ran.code == 0, ran.err
    assert "acoustic: resnet_mel" in ran.err and "goes on after step" in ran.err
    assert "aligner: " not in ran.err and "vocoder: " not in ran.err

    # A vocoder of its own, which also hears what that voice predicts; then a voice that takes it.
    small = [s for s in SETTINGS if not s.startswith(("network", "passes", "batch", "voice.aligner"))]
    vocoding = ["network={width: 16, inner: 32, dilations: [1, 2]}", "passes=1", "batch_seconds=2"]
    ran = resonet("train", "--task", "vocode", "--data", data, "-o", "shared", "--set", "voice.predicted=[voice]",
                  *[part for s in (*small, *vocoding) for part in ("--set", s)])  # fmt: skip
    assert ran.code == 0, ran.err
    assert Path("shared/vocoder.onnx").is_file() and Path("shared/mel.json").is_file()
    ran = resonet("train", "--task", "synthesize", "--data", data, "-o", "second", *SET,
                  "--set", "voice.vocoder=shared", "--set", "voice.durations=voice",
                  "--set", "voice.speakers={sung/ann: Ann, sung/bob: Bob}")  # fmt: skip
    assert ran.code == 0, ran.err
    assert "takes the vocoder of shared" in ran.err and not Path("second/vocoder").exists()
    speaks(Path("second/second.resonet"), ("Ann", "Bob"))
    assert json.loads(Path("second/run.json").read_text())["name"] == "second"
