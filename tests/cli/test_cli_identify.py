"""`resonet identify` with a network whose voices are mixtures of tones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonet import Finder
from resonet.bundle import write
from resonet.errors import AudioError, DataError
from resonet.runtime.identity import Identity
from resonet.runtime.known_voices import KnownVoices, hear, speakers_of
from resonet.search.known_speakers import known_speakers
from resonet.search.rows import Recording, Segment
from resonet.search.speakers import Speakers, pack
from resonet.search.store import Tokens, writing

LANGUAGES = ("de", "en", "zh")


def bundle(small: Any, path: Path) -> Path:
    """A voice is how loud each tone is; the lowest speak German, the highest Mandarin."""
    graph = small.Graph()
    padded = graph("Pad", "pcm", graph.constant([0, 0, 0, small.STRIDE - 1], np.int64))
    samples = graph("Gather", graph("Shape", padded), graph.constant([1], np.int64))
    stride, at = graph.constant(small.STRIDE, np.int64), graph.constant([1], np.int64)
    end = graph("Mul", graph("Div", samples, stride), stride)
    whole = graph("Slice", padded, graph.constant([0], np.int64), end, at)
    mean = graph("ReduceMean", graph.energies(small.SCALE, whole), axes=[1], keepdims=0)
    length = graph("ReduceL2", mean, axes=[1], keepdims=1)
    graph("Div", mean, graph("Add", length, graph.constant(1e-6)), name="voice")
    weights = np.zeros((len(small.SCALE), 3))
    weights[:3, 0] = weights[3:6, 1] = weights[6:, 2] = 8
    graph("LogSoftmax", graph("MatMul", mean, graph.constant(weights)), name="languages", axis=-1)
    from onnx import TensorProto, helper

    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["a", f"{name}1"])
        for name in ("pcm", "voice", "languages")
    ]
    made = helper.make_model(
        helper.make_graph(graph.nodes, "voices", values[:1], values[1:], graph.weights),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    speaker = {"size": len(small.SCALE), "languages": list(LANGUAGES), "shortest": 0.5, "longest": 4.0}
    manifest = {
        "kind": "embedder",
        "name": "voices",
        "family": "tones",
        "sample_rate": small.RATE,
        "frame_shift": 0.01,
        "languages": list(LANGUAGES),
        "runtime": {"speaker": speaker},
    }
    return write(path, manifest, {"speaker.onnx": made.SerializeToString()})


@pytest.fixture(scope="session")
def voices(small: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle(small, tmp_path_factory.mktemp("voices") / "voices.resonet")


@pytest.fixture
def identify(spotting: Any, voices: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("RESONET_BUNDLE_EMBEDDER", str(voices))
    return lambda *arguments: spotting("identify", *arguments)


@pytest.fixture
def spoken(small: Any, clip: Callable[..., Path]) -> Callable[..., Path]:
    """A recording of somebody who speaks in these tones, of the given seconds, with silence around it."""

    def make(name: str, *tones: int, seconds: float = 2.0) -> Path:
        turns = round(seconds / 0.16)
        said = small.said(*(small.PHONES[tones[i % len(tones)]] for i in range(turns)))
        return clip(name, small.quiet(1.0), said, small.quiet(1.0), small.hiss(1.0, level=1e-5))

    return make


def test_language(identify, spoken) -> None:
    low, high = spoken("low.wav", 0, 1), spoken("high.wav", 6, 7)
    ran = identify(low)
    assert ran.err == "" and ran.code == 0
    language, probability = ran.out.split("\t")
    assert language == "de" and 0.5 < float(probability) <= 1
    assert [line.split("\t")[:2] for line in identify(low, high).out.splitlines()] == [
        [str(low), "de"],
        [str(high), "zh"],
    ]
    (line,) = identify(high, "--json").out.splitlines()
    found = json.loads(line)
    assert list(found) == ["file", "language", "languages"] and found["language"] == "zh"
    assert next(iter(found["languages"])) == "zh" and sum(found["languages"].values()) == pytest.approx(1, abs=1e-3)


def test_who_speaks_most_like_it(identify, spoken, tmp_path) -> None:
    for speaker, tones in {"anna": (0, 1), "ben": (3, 4), "cleo": (6, 7)}.items():
        for take in (1, 2):
            spoken(f"known/{speaker}/{take}.wav", *tones)
    spoken("known/dora.wav", 2, 5)
    (tmp_path / "known" / "ben" / "3.wav").write_text("no sound")
    ran = identify(spoken("who.wav", 3, 4, 4), "--speakers", tmp_path / "known", "--json")
    assert ran.code == 1 and "3.wav" in ran.err and ran.err.count("\n") == 1
    found = json.loads(ran.out)["speakers"]
    assert found[0]["speaker"] == "ben" and 0.9 < found[0]["score"] <= 1 and len(found) == 3
    ran = identify(tmp_path / "who.wav", "--speakers", tmp_path / "known", "--limit", 1)
    assert ran.out.split("\t")[2] == "ben" and len(ran.out.split("\t")) == 4
    assert identify(tmp_path / "who.wav", "--speakers", tmp_path / "none").code == 1


def test_silence_around_a_sample_changes_no_voice(identify, spoken, voices, small, clip, tmp_path) -> None:
    """`search --speaker` hears what `identify` hears: speech alone."""
    identity = Identity.load(voices)
    meta = {"recognizer": None, "speaker": {"name": "voices", "sha256": identity.sha256}}
    voice = pack(hear(identity, spoken("a.wav", 0, 1)).voice)
    with writing(tmp_path / "index", meta, Tokens(str, lambda blob: "")) as writer:
        writer.add(Recording("/a.wav", 1, 1, "a", 4.0), [Segment(0.0, 2.0, (), voice=voice)])
    with Finder.open(tmp_path / "index", embedder=voices) as finder:
        assert finder.by_speaker(spoken("who.wav", 0, 1))[0].score > 0.99
        with pytest.raises(AudioError, match=r"less than 0.5 s of speech"):
            finder.by_speaker(clip("hiss.wav", small.hiss(3.0, level=1e-5)))


def test_who_of_an_index(identify, spoken, voices, tmp_path) -> None:
    identity = Identity.load(voices)
    meta = {"recognizer": None, "speaker": {"name": "voices", "sha256": identity.sha256}}
    with writing(tmp_path / "index", meta, Tokens(str, lambda blob: "")) as writer:
        for name, speaker, tones in (("a", "anna", (0, 1)), ("b", "anna", (0, 1, 2)), ("c", "", (6, 7))):
            voice = pack(hear(identity, spoken(f"{name}.wav", *tones)).voice)
            writer.add(
                Recording(f"/calls/{name}.wav", 1, 1, name, 4.0, speaker=speaker), [Segment(0.0, 2.0, (), voice=voice)]
            )
        who = hear(identity, spoken("who.wav", 0, 1)).voice
        assert [one.speaker for one in known_speakers(Speakers(writer), who)] == ["anna", "c.wav"]
    ran = identify(tmp_path / "who.wav", "--index", tmp_path / "index", "--json", "--bundle", voices)
    assert [one["speaker"] for one in json.loads(ran.out)["speakers"]] == ["anna", "c.wav"], ran.err
    with writing(tmp_path / "deaf", {"speaker": None}, Tokens(str, lambda blob: "")):
        pass
    ran = identify(tmp_path / "who.wav", "--index", tmp_path / "deaf")
    assert ran.code == 3 and "knows no voices" in ran.err
    assert identify(tmp_path / "who.wav", "--index", tmp_path / "none").code == 3


def test_no_bundle_that_knows_voices(spotting, spoken) -> None:
    ran = spotting("identify", spoken("a.wav", 1))
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("resonet: no embedder bundle is installed, which is what knows voices and languages\n")


def test_nobody_speaks(identify, clip, small, spoken) -> None:
    quiet, good = clip("quiet.wav", small.quiet(3.0)), spoken("good.wav", 1)
    ran = identify(quiet, good)
    assert ran.code == 1 and ran.out.startswith(f"{good}\t")
    assert ran.err.startswith(f"resonet: {quiet} holds less than 0.5 s of speech") and ran.err.count("\n") == 1


def test_usage(identify, spoken, tmp_path) -> None:
    a = spoken("a.wav", 1)
    for arguments in ([], [a, "--speakers", tmp_path, "--index", tmp_path], [a, "--limit", 0], [a, "--output", a]):
        assert identify(*arguments).code == 2


def test_a_long_recording_is_heard_in_portions(voices, small) -> None:
    identity = Identity.load(voices)
    turns = [small.said(*(small.PHONES[i] for i in (tones * 40)[:120])) for tones in ((0, 1), (0, 1), (6, 7))]
    pauses = small.quiet(1.0)
    samples = np.concatenate([part for turn in turns for part in (pauses, turn)])
    heard = hear(identity, samples, small.RATE)
    assert float(np.linalg.norm(heard.voice)) == pytest.approx(1, abs=1e-5)
    assert next(iter(heard.languages)) == "de" and sum(heard.languages.values()) == pytest.approx(1, abs=1e-4)
    alone = hear(identity, np.concatenate([pauses, turns[0], pauses]), small.RATE).voice
    assert 0.5 < float(heard.voice @ alone) < 0.999
    with pytest.raises(AudioError, match="the recording holds less than"):
        hear(identity, small.quiet(2.0), small.RATE)


def test_folders_of_speakers(voices, tmp_path) -> None:
    for name in ("anna/1.wav", "anna/deep/2.flac", "ben/1.wav", "alone.ogg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [speaker for speaker, _ in speakers_of(tmp_path)] == ["alone", "anna", "anna", "ben"]
    told: list[Any] = []
    with pytest.raises(DataError, match="no voice of a known speaker"):
        KnownVoices.of_recordings(Identity.load(voices), speakers_of(tmp_path), told.append)
    assert len(told) == 4
