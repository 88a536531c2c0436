"""The golden files: what was written once is read, and written again byte by byte; docs/formats.md tells the truth."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from resonet.bundle import Bundle, Manifest, Stats, pack, unpack, verify, write
from resonet.bundle.manifest import dump, parse
from resonet.text import subtitles
from resonet.text.transcript import Segment, Transcript, Word

GOLDEN = Path(__file__).parent / "golden"
PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")


@pytest.fixture
def transcript() -> Transcript:
    fields = json.loads((GOLDEN / "transcript.json").read_text(encoding="utf-8"))
    return Transcript(
        fields["text"],
        tuple(Word(**word) for word in fields["words"]),
        tuple(Segment(**segment) for segment in fields["segments"]),
        fields["duration"],
        fields["language"],
    )


def test_the_bundle_is_read_and_written_again(tmp_path: Path) -> None:
    verify(GOLDEN / "golden.resonet")
    with Bundle.open(GOLDEN / "golden.resonet", "recognizer") as bundle:
        assert bundle.read("manifest.json") == dump(bundle.manifest) == (GOLDEN / "manifest.json").read_bytes()
        members = {name: bundle.read(name) for name in bundle.members}
        again = write(tmp_path / "again.resonet", bundle.manifest, members)
        stats = bundle.stats()
        assert stats is not None and dump(stats) == members["stats.json"]
    assert again.read_bytes() == (GOLDEN / "golden.resonet").read_bytes()
    folder = unpack(GOLDEN / "golden.resonet", tmp_path / "folder")
    assert pack(folder, tmp_path / "packed.resonet").read_bytes() == again.read_bytes()


def test_the_graph_has_the_interface_of_a_recognizer() -> None:
    with Bundle.open(GOLDEN / "golden.resonet") as bundle:
        manifest, graph = bundle.manifest, bundle.read("model.onnx")
    assert manifest.units is not None
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_inputs()] == ["pcm", "state"]
    assert [entry.name for entry in session.get_outputs()] == ["log_probs", "next_state"]
    samples = round(manifest.output_shift * manifest.sample_rate)
    state = np.zeros((2, manifest.runtime["state"]), np.float32)
    log_probs, following = session.run(None, {"pcm": np.zeros((2, 5 * samples), np.float32), "state": state})
    assert log_probs.shape == (2, 5, len(manifest.units.symbols)) and following.shape == state.shape
    assert np.allclose(np.exp(log_probs).sum(-1), 1)


def test_transcripts(transcript: Transcript) -> None:
    line = json.dumps(transcript.as_dict("talk.wav"), ensure_ascii=False) + "\n"
    assert line.encode() == (GOLDEN / "transcript.json").read_bytes()
    for form in (subtitles.srt, subtitles.vtt, subtitles.tsv):
        assert form(transcript).encode() == (GOLDEN / f"transcript.{form.__name__}").read_bytes()


def block(name: str) -> str:
    """The code block of the page that follows the comment `<!-- name -->`."""
    found = re.search(rf"<!-- {re.escape(name)} -->\n+```\w*\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None, name
    return found[1]


def test_the_page_shows_what_is_read() -> None:
    manifest = parse(block("manifest").encode(), "docs/formats.md")
    assert set(json.loads(block("manifest"))) == {field.alias or name for name, field in Manifest.model_fields.items()}
    assert set(json.loads(block("manifest"))["members"]) == set(manifest.members)
    stats = Stats.parse(block("stats").encode(), "docs/formats.md")
    assert set(json.loads(block("stats"))) == set(Stats.model_fields) and stats.snr is not None


def test_the_page_names_every_field() -> None:
    from resonet.bundle.manifest import Licence, Metric, TrainingData, UnitList
    from resonet.bundle.runtime_fields import Decoding

    for part in (Manifest, Stats, Decoding, Licence, Metric, TrainingData, UnitList):
        for name, field in part.model_fields.items():
            assert f"`{field.alias or name}`" in PAGE, f"{part.__name__}.{name} is not on the page"


def test_the_page_shows_the_golden_transcripts(transcript: Transcript) -> None:
    example = json.loads(block("transcript"))
    assert set(example) == set(transcript.as_dict("x"))
    assert {frozenset(word) for word in example["words"]} == {frozenset(transcript.as_dict("x")["words"][0])}
    for form in ("srt", "vtt", "tsv"):
        assert block(form).strip() == (GOLDEN / f"transcript.{form}").read_text(encoding="utf-8").strip()
