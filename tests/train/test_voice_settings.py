"""Settings of a voice that cannot be had are told in a sentence before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from sung_speech import SETTINGS, corpus

from resonet.bundle import write
from resonet.bundle.mel import MelConfig
from resonet.errors import BundleError, DataError, TrainError, UsageError
from resonet.train import recipe, voice, voice_data, voice_units
from resonet.train.finish import RUNS

SET = [part for setting in SETTINGS for part in ("--set", setting)]


def graph() -> bytes:
    """A graph that gives back what it gets."""
    sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, 80]) for name in ("mel", "pcm")]
    nodes = [helper.make_node("Identity", ["mel"], ["pcm"])]
    model = helper.make_model(helper.make_graph(nodes, "vocoder", sides[:1], sides[1:]), ir_version=9)
    made: bytes = model.SerializeToString()
    return made


def bundle(path: Path, mel: MelConfig) -> Path:
    manifest = {
        "kind": "voice", "name": path.stem, "family": "resnet_mel", "sample_rate": mel.sample_rate,
        "frame_shift": mel.shift, "units": {"type": "characters", "list": ["<blank>", "|", ".", "a"], "blank": 0},
        "languages": ["la"], "speakers": ["ann"], "licence": [],
        "runtime": {"resonet": RUNS, "context": 7, "speakers": {"ann": {"language": "la"}}},
    }  # fmt: skip
    write(path, manifest, {"acoustic.onnx": graph(), "vocoder.onnx": graph(), "mel.json": mel.to_bytes()})
    return path


def test_a_vocoder_of_a_bundle_with_another_spectrogram(tmp_path: Path) -> None:
    place = bundle(tmp_path / "other.resonet", MelConfig(hop=300, high=8000.0))
    with pytest.raises(BundleError) as told:
        voice.check_vocoder(recipe.load("voice", [f"voice.vocoder={place}"]))
    sentence = str(told.value)
    assert "other and this training are not the same" in sentence
    assert "hop 300 and 256" in sentence and "high 8000.0 and 12000.0" in sentence and "mels" not in sentence
    same = bundle(tmp_path / "same.resonet", MelConfig())
    assert voice.vocoder_of(str(same), MelConfig()) == (graph(), 7, "same")


def test_a_vocoder_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no training of a vocoder in .*empty"):
        voice.check_vocoder(recipe.load("voice", [f"voice.vocoder={tmp_path / 'empty'}"]))
    with pytest.raises(BundleError, match="no-such-voice"):
        voice.check_vocoder(recipe.load("voice", ["voice.vocoder=no-such-voice"]))
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "checkpoint.pt").write_bytes(b"nothing")
    (damaged / "recipe.yaml").write_text("task: vocode\nfamily: resnet_istft\npreset: base\npasses: 1\n")
    with pytest.raises(TrainError):
        voice.check_vocoder(recipe.load("voice", [f"voice.vocoder={damaged}"]))
    with pytest.raises(UsageError, match="huge"):
        voice.check_vocoder(recipe.load("voice", ["voice.vocoding.preset=huge"]))


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("voice.vocoder=nowhere", "nowhere"),
        ("voice.speakers={cleo: Cleo}", "voice.speakers names 'cleo', and the data hold nothing of such a speaker"),
        ("voice.without=[none.txt]", "voice.without: none.txt cannot be read"),
        ("voice.speeker=x", "voice.speeker is no setting; did you mean 'speakers'?"),
        ("voice.vocoding.segment=2", "voice.vocoding.segment: Input should be greater than or equal to 8"),
        ("units.type=bpe", "a voice is spelled in characters or phones"),
        ("units.type=phones", "units of type phones need a lexicon"),
    ],
)
def test_the_command_says_it_and_trains_nothing(resonet: Callable[..., Any], setting: str, told: str) -> None:
    language = ["--set", "language=en"] if setting == "units.type=phones" else []
    ran = resonet("train", "--task", "synthesize", "--data", corpus(Path("sung"), 4), "-o", "v", *SET, "--set", setting,
                  *language)  # fmt: skip
    assert ran.code in (2, 3) and told in ran.err and "Traceback" not in ran.err
    assert not list(Path("v").glob("*/checkpoint.pt"))


def test_durations_of_a_training_that_is_not_there(resonet: Callable[..., Any]) -> None:
    ran = resonet("train", "--task", "synthesize", "--data", corpus(Path("sung"), 4), "-o", "v", *SET,
                  "--set", "voice.durations=gone")  # fmt: skip
    assert ran.code == 2 and "gone/aligner/durations.npz cannot be read" in ran.err
    (Path("gone") / "aligner").mkdir(parents=True)
    np.savez(Path("gone/aligner/durations.npz"), train_key=np.array("other"))
    ran = resonet("train", "--task", "synthesize", "--data", "sung", "-o", "w", *SET, "--set", "voice.durations=gone")
    assert ran.code == 1 and "gone aligned other recordings or other units" in ran.err


def test_names_of_speakers() -> None:
    there = ["kerstin-de/reader", "corpus/ann", "corpus/bob", "alone/unknown", ""]
    voice_data.check_names(there, [])
    voice_data.check_names(there, ["kerstin-de", "kerstin-de/reader", "corpus/bob", "alone"])
    with pytest.raises(UsageError, match=r"names 'ann'.*they have alone, corpus/ann, corpus/bob, kerstin-de"):
        voice_data.check_names(there, ["corpus/bob", "ann"])
    with pytest.raises(UsageError, match=r"reader-5 and 3 more"):
        voice_data.check_names([f"c/reader-{i}" for i in range(9)], ["x"])
    with pytest.raises(UsageError, match="name no speakers"):
        voice_data.check_names([""], ["x"])


def test_a_word_without_a_pronunciation_is_not_spelled(tmp_path: Path) -> None:
    """Its letters would be learnt as if they sounded like that."""
    (tmp_path / "lexicon").write_text("TREE  T R IY1\nA  AH0\n")
    plan = recipe.load("voice", ["units.type=phones", f"units.lexicon={tmp_path / 'lexicon'}"])
    units = voice_units.build(plan, {"en": ["a tree"]})
    assert [units.symbols[i] for i in units.encode("A tree.", "en")] == ["|", "AH0", "|", "T", "R", "IY1", "."]
    with pytest.raises(DataError, match="no pronunciation of 'xylonet'"):
        units.encode("a xylonet", "en")
    with pytest.raises(DataError, match="cannot be read"):
        voice_units.build(recipe.load("voice", ["units.type=phones", "units.lexicon=gone"]), {"en": ["a"]})
