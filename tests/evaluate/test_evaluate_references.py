"""The three layouts that evaluation reads itself, and what it says about others."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from resonet.errors import DataError
from resonet.evaluate import references


def test_a_table_with_its_columns_and_those_of_its_speakers(corpus: Path) -> None:
    found = references.read(corpus)
    assert [(r.path, r.text, r.speaker, r.seconds) for r in found][:1] == [
        (corpus / "a/1.wav", "THE CAT SAT", "ann", 0.5)
    ]
    assert found[2].columns == {"subset": "hard", "gender": "M"}
    assert references.read(corpus / "transcripts.tsv") == found
    assert references.read(corpus.parent, split="test") == found
    assert references.readable(corpus)


def test_prepared_cuts_by_split(tmp_path: Path) -> None:
    def cut(start: float, seconds: float, whole: float) -> str:
        said = {
            "id": "s",
            "start": 0.0,
            "duration": seconds,
            "text": "Hello.",
            "speaker": "set/x",
            "custom": {"age": 7},
        }
        recording = {"id": "r", "duration": whole, "sources": [{"type": "file", "channels": [0], "source": "r.wav"}]}
        return json.dumps(
            {"id": "set/x-1", "start": start, "duration": seconds, "recording": recording, "supervisions": [said]}
        )

    with gzip.open(tmp_path / "dev.cuts.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(cut(0.0, 2.0, 2.004) + "\n" + cut(1.0, 2.0, 5.0) + "\n")
    whole, part = references.read(tmp_path, split="dev")
    assert (whole.path, whole.text, whole.speaker, whole.whole) == (tmp_path / "r.wav", "Hello.", "set/x", True)
    assert whole.columns == {"source": "set", "age": "7"}
    assert (part.start, part.seconds, part.whole) == (1.0, 2.0, False)
    with pytest.raises(DataError, match="no split test"):
        references.read(tmp_path)
    (tmp_path / "test.cuts.jsonl.gz").write_bytes((tmp_path / "dev.cuts.jsonl.gz").read_bytes()[:-20])
    with pytest.raises(DataError, match="damaged"):
        references.read(tmp_path)


def test_texts_beside_recordings(tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    for name, text in (("ann/1.flac", "One."), ("2.wav", "Two.")):
        (tmp_path / name).write_bytes(b"")
        (tmp_path / name).with_suffix(".txt").write_text(text, encoding="utf-8")
    (tmp_path / "3.wav").write_bytes(b"")  # nobody says what is said in it
    assert [(r.path.name, r.text, r.speaker) for r in references.read(tmp_path)] == [
        ("2.wav", "Two.", ""),
        ("1.flac", "One.", "ann"),
    ]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("path\tspeaker\na.wav\tx\n", "has no column text"),
        ("path\ttext\n\thello\n", "line 2 names no recording"),
        ("path\ttext\na.wav\tb\tc\n", "line 2 has more columns"),
        ("path\ttext\tseconds\na.wav\tb\tlong\n", "seconds is 'long'"),
        ("path\ttext\n", "no utterance to score"),
    ],
)
def test_broken_tables_are_named_with_their_line(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "transcripts.tsv").write_text(table, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        references.read(tmp_path)


def test_other_sources_are_sent_to_prepare(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("a|b\n", encoding="utf-8")
    assert not references.readable(tmp_path)
    with pytest.raises(DataError, match="resonet prepare"):
        references.read(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        references.read(tmp_path / "nothing")
    (tmp_path / "transcripts.tsv").write_bytes(b"path\ttext\na.wav\t\xff\n")
    with pytest.raises(DataError, match="not UTF-8"):
        references.read(tmp_path)
