"""The manifest: strict about what it knows, lenient to newer minor formats, plain about other majors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from resonet.bundle.manifest import FORMAT, Manifest, check_runtime, dump, name_from, parse
from resonet.cli import bundle as verb
from resonet.errors import BundleError

Fields = dict[str, Any]


@pytest.fixture
def whole(fields: Fields) -> Fields:
    return {"format": list(FORMAT), **fields, "members": {"model.onnx": {"sha256": "ab" * 32, "bytes": 3}}}


def read(fields: Any) -> Manifest:
    return parse(json.dumps(fields).encode(), "x.resonet")


def test_round_trip(whole: Fields) -> None:
    manifest = read(whole)
    assert parse(dump(manifest), "x") == manifest
    assert manifest.units is not None and manifest.units.symbols == ("<blank>", "|", "a")
    assert json.loads(dump(manifest))["units"]["list"] == ["<blank>", "|", "a"]
    assert manifest.decoding is not None and manifest.decoding.beam == 32 and manifest.decoding.confidence is None
    with pytest.raises(ValidationError):
        manifest.name = "other"  # type: ignore[misc]


def test_unknown_fields_are_refused(whole: Fields) -> None:
    with pytest.raises(BundleError, match="colour: Extra inputs"):
        read({**whole, "colour": "red"})
    whole["decoding"]["beem"] = 3
    with pytest.raises(BundleError, match=r"decoding\.beem: Extra inputs"):
        read(whole)


def test_unknown_fields_of_a_newer_minor_format_are_ignored(whole: Fields) -> None:
    known = read(whole)
    whole["format"] = [FORMAT[0], FORMAT[1] + 1]
    whole["colour"] = {"hue": 1}
    whole["licence"][0]["since"] = 2027
    whole["members"]["model.onnx"]["crc"] = 0
    newer = read(whole)
    assert newer.model_copy(update={"format": FORMAT}) == known
    whole["sample_rate"] = "16000"
    with pytest.raises(BundleError, match="sample_rate: Input should be a valid integer"):
        read(whole)


@pytest.mark.parametrize("major", [0, 2, 99])
def test_another_major_format_is_refused_whatever_else_it_says(major: int) -> None:
    with pytest.raises(BundleError, match=rf"has bundle format {major}\.7, this version reads 1\.x") as caught:
        read({"format": [major, 7], "all": "new"})
    assert ("newer resonet" in caught.value.hint) == (major > 1)
    with pytest.raises(BundleError, match=r"resonet 3\.1 reads it: pip install --upgrade 'resonet>=3\.1'"):
        read({"format": [major, 7], "runtime": {"resonet": "3.1"}})
    with pytest.raises(BundleError) as caught:
        read({"format": [major, 7], "runtime": {"resonet": "1'; echo bad"}})
    assert "echo" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"format": 1}', b'{"format": ["1", "0"]}', b'{"format": [1.0, 0]}',
     b'{"format": [1, 0], "sample_rate": NaN}', b"[" * 100_000, b'{"format": [1, 0]} x'],
)  # fmt: skip
def test_what_is_no_manifest(content: bytes) -> None:
    with pytest.raises(BundleError, match=r"^x\.resonet: manifest\.json"):
        parse(content, "x.resonet")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("kind", "singer"), ("name", "Über"), ("name", "a/b"), ("name", "-a"), ("name", ""), ("created", "yesterday"),
        ("sample_rate", 16000.5), ("sample_rate", "16000"), ("sample_rate", -1), ("sample_rate", 0),
        ("frame_shift", "0.01"), ("frame_shift", 0), ("subsampling", 0), ("languages", "en"),
        ("languages", ["English"]),
        ("units", None), ("units", {"type": "runes", "list": ["a", "b"], "blank": 0}),
        ("units", {"type": "phones", "list": ["a", "a"], "blank": 0}),
        ("units", {"type": "phones", "list": ["a", "b"], "blank": 2}),
        ("licence", [{"spdx": "MIT"}]), ("data", {"name": "x", "sha256": "zz"}), ("runtime", {}),
        ("runtime", {"delay": -1, "state": 3}), ("runtime", {"delay": 1.5, "state": 3}),
        ("runtime", {"delay": True, "state": 3}),
        ("members", {}), ("members", {"model.onnx": {"sha256": "ab" * 32, "bytes": -1}}),
        ("members", {"model.onnx": {"sha256": "ab" * 32, "bytes": 1}, "../x": {"sha256": "ab" * 32, "bytes": 1}}),
        ("runtime", {"delay": 1, "state": 3, "onnxruntime": "1'; echo bad"}),
        ("decoding", {"confidence": ["high"]}), ("metrics", [{"name": "wer", "value": None, "set": "x"}]),
    ],
)  # fmt: skip
def test_values_that_do_not_fit(whole: Fields, place: str, value: Any) -> None:
    with pytest.raises(BundleError, match="does not fit its format"):
        read({**whole, place: value})


@pytest.mark.parametrize("missing", ["kind", "name", "family", "created", "members", "units"])
def test_what_cannot_be_left_out(whole: Fields, missing: str) -> None:
    del whole[missing]
    with pytest.raises(BundleError, match=missing):
        read(whole)


def test_needs_of_the_kinds(whole: Fields) -> None:
    with pytest.raises(BundleError, match=r"a voice needs the member acoustic\.onnx, vocoder\.onnx, mel\.json"):
        read({**whole, "kind": "voice"})
    with pytest.raises(BundleError, match="a classifier needs labels"):
        read({**whole, "kind": "classifier"})
    with pytest.raises(BundleError, match="runtime of a classifier: window"):
        read({**whole, "kind": "classifier", "labels": ["yes"]})
    small = {"format": [1, 0], "kind": "g2p", "name": "x", "family": "y", "created": "2026-01-31T12:00:00Z"}
    assert read({**small, "members": {"g2p.onnx": {"sha256": "ab" * 32, "bytes": 1}}}).sample_rate == 0


SPEAKER = {"size": 8, "languages": ["en", "zh-Hans"], "speakers": {"en": 3}}
VOICES = {"speaker.onnx": {"sha256": "cd" * 32, "bytes": 5}}


@pytest.fixture
def embedder(whole: Fields) -> Fields:
    return {**whole, "kind": "embedder", "units": None, "decoding": None, "runtime": {"speaker": SPEAKER},
            "members": {**whole["members"], **VOICES}}  # fmt: skip


def test_an_embedder_knows_words_voices_or_both(embedder: Fields, whole: Fields) -> None:
    found = read(embedder).identity
    assert found is not None and found.size == 8 and found.languages == ("en", "zh-Hans")
    assert (found.shortest, found.longest) == (0.5, 10.0)
    assert read({**embedder, "members": VOICES}).identity == found
    assert read({**embedder, "members": whole["members"], "runtime": {}}).identity is None
    with pytest.raises(BundleError, match=r"an embedder needs the member model\.onnx \(words\) or speaker\.onnx"):
        read({**embedder, "members": {}, "runtime": {}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"runtime": {}}, r"speaker\.onnx and runtime\.speaker go together"),
        ({"members": {"model.onnx": {"sha256": "ab" * 32, "bytes": 3}}}, r"runtime\.speaker go together"),
        ({"sample_rate": 24000}, "takes 16000 samples a second"),
        ({"runtime": {"speaker": 3}}, r"runtime\.speaker: Input should be an object"),
        ({"runtime": {"speaker": {"size": 8}}}, r"runtime\.speaker: languages: Field required"),
        ({"runtime": {"speaker": {**SPEAKER, "size": 0}}}, r"runtime\.speaker: size"),
        ({"runtime": {"speaker": {**SPEAKER, "size": True}}}, r"runtime\.speaker: size"),
        ({"runtime": {"speaker": {**SPEAKER, "languages": []}}}, r"runtime\.speaker: languages"),
        ({"runtime": {"speaker": {**SPEAKER, "languages": ["en", "en"]}}}, "languages holds a tag twice"),
        ({"runtime": {"speaker": {**SPEAKER, "languages": ["../x"]}}}, r"runtime\.speaker: languages\.0"),
        ({"runtime": {"speaker": {**SPEAKER, "longest": 0.6}}}, "longest is less than twice shortest"),
    ],
)
def test_what_voices_need(embedder: Fields, change: Fields, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        read({**embedder, **change})


EMBED = {"delay": 2, "state": 9, "subsampling": 4, "dims": 8, "parts": 5}


@pytest.fixture
def classifier(whole: Fields) -> Fields:
    runtime = {"delay": 1, "state": 3, "window": 1, "recipe": {"seed": 1}}
    return {**whole, "kind": "classifier", "units": None, "labels": ["yes", "unknown", "silence"], "runtime": runtime}


def test_what_running_a_classifier_takes(classifier: Fields) -> None:
    found = read(classifier).classifier
    assert (found.window, found.streams, found.delay, found.state, found.embed) == (1.0, True, 1, 3, None)
    whole_clips = read({**classifier, "runtime": {"window": 1.5, "streams": False}}).classifier
    assert (whole_clips.streams, whole_clips.state) == (False, None)
    classifier["members"]["embed.onnx"] = {"sha256": "ab" * 32, "bytes": 1}
    classifier["runtime"] |= {"embed": EMBED, "thresholds": {"yes": 0.7}}
    found = read(classifier).classifier
    assert found.embed is not None and (found.embed.dims, found.thresholds) == (8, {"yes": 0.7})


@pytest.mark.parametrize(
    ("runtime", "said"),
    [
        ({"window": 0}, "window"), ({"window": "1"}, "window"), ({"window": None}, "window"),
        ({"window": 61}, "window"),
        ({"state": None}, "state"), ({"state": -1}, "state"), ({"delay": -1}, "delay"), ({"delay": 1.5}, "delay"),
        ({"streams": 1}, "streams"), ({"thresholds": {"yes": 1.5}}, "thresholds"),
        ({"thresholds": {"no": 0.5}}, "'no', which is no label"), ({"embed": EMBED}, "go together"),
    ],
)  # fmt: skip
def test_a_classifier_that_does_not_fit(classifier: Fields, runtime: Fields, said: str) -> None:
    with pytest.raises(BundleError, match=said):
        read({**classifier, "runtime": {k: v for k, v in (classifier["runtime"] | runtime).items() if v is not None}})


def test_a_classifier_and_its_embedder_go_together(classifier: Fields) -> None:
    classifier["members"]["embed.onnx"] = {"sha256": "ab" * 32, "bytes": 1}
    with pytest.raises(BundleError, match=r"embed\.onnx and runtime\.embed go together"):
        read(classifier)
    classifier["runtime"]["embed"] = {**EMBED, "parts": 0}
    with pytest.raises(BundleError, match=r"embed\.parts"):
        read(classifier)
    with pytest.raises(BundleError, match="a label twice"):
        read({**classifier, "labels": ["yes", "yes"]})


@pytest.mark.parametrize(
    ("text", "name"),
    [("en-small", "en-small"), ("My Model_2", "my-model-2"), ("--x--", "x"), ("日本", "bundle"), ("a" * 99, "a" * 64)],
)
def test_names(text: str, name: str) -> None:
    assert name_from(text) == name


def test_needed_versions(whole: Fields, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resonet.bundle.manifest.metadata.version", lambda package: "1.10.2.post1+cpu")
    for version in ("1.9", "1.10.2", "0.99.99"):
        check_runtime(read({**whole, "runtime": {**whole["runtime"], "onnxruntime": version}}), "x")
    with pytest.raises(BundleError, match=r"x needs onnxruntime 1\.11 or newer, installed is 1\.10\.2.*pip install"):
        check_runtime(read({**whole, "runtime": {**whole["runtime"], "onnxruntime": "1.11"}}), "x")


def test_the_command_line_knows_all_kinds() -> None:
    from resonet.bundle import KINDS

    assert verb.KINDS == KINDS


def test_what_a_voice_must_say(whole: Fields) -> None:
    members = dict.fromkeys(("acoustic.onnx", "vocoder.onnx", "mel.json"), whole["members"]["model.onnx"])
    runtime: dict[str, Any] = {"context": 9, "speakers": {"ann": {"language": "en", "rate": 14.0, "more": 1}}}
    whole = {**whole, "kind": "voice", "speakers": ["ann"], "runtime": runtime, "members": members}
    voice = read(whole).voice
    assert voice.context == 9 and voice.speakers["ann"].rate == 14.0 and voice.longest is None
    for changed, reason in (
        ({"speakers": []}, "a voice needs units, languages and speakers"),
        ({"speakers": ["ann", "ann"]}, "speakers holds a name twice"),
        ({"speakers": ["bob"]}, "runtime.speakers must name the speakers"),
        ({"languages": ["de"]}, "runtime.speakers.ann.language is none of the voice's languages"),
        ({"runtime": {"speakers": runtime["speakers"]}}, "runtime of a voice: context"),
    ):
        with pytest.raises(BundleError, match=reason):
            read({**whole, **changed})
