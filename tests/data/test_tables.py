"""Tables: what is written as TSV, CSV or JSON lines is read back, and no table at all gives more than one sentence."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.data import tables
from resonet.errors import DataError

# What a cell may hold in any of the forms; line breaks and tabs have no place in a TSV.
CELL = st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1, max_size=20).map(str.strip)
ROWS = st.lists(st.tuples(CELL.filter(bool), CELL.filter(bool), CELL), min_size=1, max_size=6)


def write(folder: str, suffix: str, rows: list[tuple[str, str, str]]) -> Path:
    names = ("path", "text", "speaker")
    path = Path(folder, f"table{suffix}")
    if suffix == ".jsonl":
        lines = [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    elif suffix == ".json":
        path.write_text(json.dumps([dict(zip(names, row, strict=True)) for row in rows]), encoding="utf-8")
    elif suffix == ".tsv":
        path.write_text("".join("\t".join(row) + "\n" for row in [names, *rows]), encoding="utf-8", newline="")
    else:
        text = io.StringIO(newline="")
        csv.writer(text).writerows([names, *rows])
        path.write_text(text.getvalue(), encoding="utf-8", newline="")
    return path


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from([".tsv", ".csv", ".jsonl", ".json"]))
def test_what_was_written_is_read(rows: list[tuple[str, str, str]], suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = list(tables.utterances(write(folder, suffix, rows), Path(folder)))
    assert [(u.audio.relative_to(folder) if not Path(p).is_absolute() else u.audio, u.text) for u, (p, _, _) in
            zip(found, rows, strict=True)] == [(Path(p), text) for p, text, _ in rows]  # fmt: skip
    for utterance, (_, _, speaker) in zip(found, rows, strict=True):
        assert utterance.speaker == ("" if speaker.lower() in tables.UNKNOWN_SPEAKERS else speaker)
        assert utterance.id


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200) | st.text(st.sampled_from('ab"\t,;|\n\r {}[]:0.-'), max_size=80).map(str.encode),
    st.sampled_from([".tsv", ".csv", ".jsonl", ".json", ".tsv.gz"]),
    st.sampled_from([b"", b"path\ttext\tstart\tend\n", b"path,text\n", b'{"path": "a", "text": "b"}\n', b"\x1f\x8b"]),
)
def test_any_bytes_are_read_or_refused_in_one_sentence(content: bytes, suffix: str, head: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"table{suffix}")
        path.write_bytes(head + content)
        assert all(isinstance(name, str) for name in tables.header(path))
        try:
            found = list(tables.utterances(path, Path(folder)))
        except DataError as error:
            assert str(path) in error.message
            assert "\n" not in error.message
            return
        for utterance in found:
            assert utterance.id
            assert utterance.start >= 0
            assert utterance.end is None or utterance.start < utterance.end


@pytest.mark.parametrize(("path", "name"), [(".", "."), ("/", "/"), ("a.b/c", "a.b/c"), ("x\\y.wav", "x/y")])
def test_ids_of_odd_paths(tmp_path: Path, path: str, name: str) -> None:
    (tmp_path / "t.tsv").write_text(f"path\ttext\n{path}\tone\n")
    assert [u.id for u in tables.utterances(tmp_path / "t.tsv", tmp_path)] == [name]


def test_a_label_is_the_text_and_the_word_is_kept_beside(tmp_path: Path) -> None:
    table = tmp_path / "t.tsv"
    table.write_text("path\tlabel\tspeaker\tseconds\tword\tofficial\na.wav\tunknown\t-\t1.0\tmarvin\ttesting\n")
    (utterance,) = tables.utterances(table, tmp_path)
    assert (utterance.text, utterance.speaker) == ("unknown", "")
    assert utterance.columns == {"word": "marvin", "official": "testing"}
    table.write_text("path\tword\tspeaker\tseconds\tsplit\na.wav\they computer\t-\t2.0\ttest\n")
    (utterance,) = tables.utterances(table, tmp_path)
    assert (utterance.text, utterance.split, dict(utterance.columns)) == ("hey computer", "test", {})
