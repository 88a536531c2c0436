"""The two layouts that evaluation reads itself, and what it says about others."""

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

    for at in (12, 60):  # the compressed stream itself is broken
        content = bytearray((tmp_path / "dev.cuts.jsonl.gz").read_bytes())
        content[at : at + 20] = bytes(byte ^ 0x55 for byte in content[at : at + 20])
        (tmp_path / "test.cuts.jsonl.gz").write_bytes(content)
        with pytest.raises(DataError, match="damaged"):
            references.read(tmp_path)


@pytest.mark.parametrize("column", ["split", "start", "end", "offset"])
def test_a_table_of_splits_or_stretches_is_for_prepare(corpus: Path, column: str) -> None:
    """Read as a plain one it would score training data, or whole recordings against the text of a part."""
    table = corpus / "transcripts.tsv"
    head, *rows = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([f"{head}\t{column}", *(f"{row}\t1" for row in rows)]), encoding="utf-8")
    assert not references.readable(corpus)
    with pytest.raises(DataError, match="resonet prepare"):
        references.read(corpus)


def test_lists_of_splits_are_for_prepare(corpus: Path) -> None:
    (corpus / "test.txt").write_text("a/1\n", encoding="utf-8")
    assert not references.readable(corpus)


def test_a_split_folder_beside_prepared_cuts_is_not_mixed_in(corpus: Path) -> None:
    assert references.readable(corpus.parent, "test") and not references.readable(corpus.parent, "dev")
    (corpus.parent / "dev.cuts.jsonl.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(DataError, match=r"has no split test"):
        references.read(corpus.parent, "test")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("path\tspeaker\na.wav\tx\n", "columns path and text"),
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
