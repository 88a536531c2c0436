"""benchmarks/search_queries.py and search_peers.py: what is chosen, where it is said, and what plain search finds."""

from __future__ import annotations

import json
import lzma
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from resonet.errors import DataError, UsageError
from resonet.evaluate import queries as reading
from resonet.text.transcript import Word

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import search_peers
import search_queries

TEXTS = {
    "a.wav": "The Zorblax met Quimby's cat, the cat.",
    "b.wav": "THE CAT SAT ON THE MAT AND THE ZORBLAX SANG",
    "c.wav": "nothing of any use here",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "somewhere" / "set" / "test"
    folder.mkdir(parents=True)
    rows = "".join(f"{name}\tann\t9\t{text}\n" for name, text in TEXTS.items())
    (folder / "transcripts.tsv").write_text(f"path\tspeaker\tseconds\ttext\n{rows}", encoding="utf-8")
    return folder


class EverySecond:
    """Aligns a word a second; what is said in `c.wav` cannot be aligned."""

    @classmethod
    def load(cls, bundle: str) -> EverySecond:
        return cls()

    def align(self, path: Path, text: str) -> Any:
        if path.name == "c.wav":
            raise DataError("too few frames")
        words = [Word(word, float(i), i + 0.5, 1.0) for i, word in enumerate(text.split())]
        return types.SimpleNamespace(words=words)


@pytest.fixture
def made(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of queries, made as a user would."""
    module = types.ModuleType("resonet.runtime.alignment")
    module.Aligner = EverySecond  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "resonet.runtime.alignment", module)
    known = tmp_path / "known.txt.xz"
    known.write_bytes(lzma.compress(b"Nothing met the cat; it sat on the mat\nand sang of any use here."))
    words = tmp_path / "words.dict"
    words.write_text("quimby(2)  K W IH M\nquimby's  K W IH M Z\n", encoding="utf-8")
    output = tmp_path / "queries.jsonl"
    monkeypatch.setattr(
        sys, "argv", ["x", str(data), "--known", str(known), str(words), "--seen", "40", "-o", str(output)]
    )
    search_queries.main()
    return output


def test_queries_are_chosen_and_timed(made: Path) -> None:
    read = reading.read(made)
    # c.wav could not be aligned: it is not looked through, and what is said in it alone is no query.
    assert read.recordings == ("set/test/a.wav", "set/test/b.wav")
    by_text = {q.text: q for q in read.queries}
    assert not {"nothing", "here"} & by_text.keys()
    (rare,) = [q for q in read.queries if q.group == "unseen"]
    assert rare.text == "zorblax"
    assert [(h.file, h.start, h.end) for h in rare.hits] == [
        ("set/test/a.wav", 1.0, 1.5), ("set/test/b.wav", 8.0, 8.5)]  # fmt: skip
    # Words of three letters alone tell little, and no seen query has an unseen word.
    assert "cat" not in by_text and "quimby's" in by_text and "the zorblax" not in by_text
    phrase = by_text['"quimby\'s cat"']
    assert [(h.start, h.end) for h in phrase.hits] == [(3.0, 4.5)] and phrase.group == "seen"


def test_a_seed_repeats_them(data: Path) -> None:
    said = search_queries.recordings([data])
    first, second = (search_queries.chosen(said, {"zorblax"}, 8, 5, seed) for seed in (0, 0))
    assert first == second and len(first[0]) == 8 and first[1] == [("zorblax",)]
    assert search_queries.chosen(said, {"zorblax"}, 8, 5, 1) != first


def test_words_said_too_often_are_no_queries() -> None:
    said = [
        search_queries.Recording(f"{i}.wav", Path(f"{i}.wav"), ("often", "seldom")[: 1 + (i == 0)]) for i in range(21)
    ]
    words, _ = search_queries.chosen(said, set(), 40, 0, 0)
    assert ("often",) not in words and ("seldom",) in words
    # A phrase of a word may be rare though the word is not.
    assert ("often", "seldom") in words


def words(*rows: tuple[str, float, float, float]) -> list[search_peers.Word]:
    return [search_peers.Word(*row) for row in rows]


TEXTS_UNDERSTOOD = {
    "/x/1.wav": words(("the", 0, 0.2, 0.9), ("last", 0.2, 0.6, 0.8), ("case", 0.7, 1.1, 0.4), ("last", 3, 3.4, 0.7)),
    "/x/2.wav": words(("case", 0, 0.5, 0.6)),
}


def query(text: str) -> reading.Query:
    return reading.Query("1", text, None, "", ())


def found(text: str) -> list[tuple[str, float, float, float]]:
    hits = search_peers.PlainSearch(TEXTS_UNDERSTOOD)(query(text))
    assert all(hit.accepted for hit in hits)
    return [(hit.file, hit.start, hit.end, hit.score) for hit in hits]


def test_plain_search_finds_words_one_after_the_other() -> None:
    assert found('"last case"') == [("/x/1.wav", 0.2, 1.1, 0.4)]
    assert found("last") == [("/x/1.wav", 0.2, 0.6, 0.8), ("/x/1.wav", 3, 3.4, 0.7)]
    assert found("case") == [("/x/1.wav", 0.7, 1.1, 0.4), ("/x/2.wav", 0, 0.5, 0.6)]
    assert found('"case last the"') == found("nothing") == []
    for other in ("last case", "last OR case", "las*", '""', "Last"):
        with pytest.raises(UsageError, match="neither a word nor a phrase"):
            found(other)


def test_what_the_peer_answered_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    class Worker:
        def __init__(self, python: str, peer: str) -> None:
            self.about = {"start_cpu_seconds": 1.0, "versions": {}, "settings": "s"}

        def batch(self, files: Sequence[Path]) -> dict[str, Any]:
            asked.append([file.name for file in files])
            texts = [[["Word", 0.1, 0.5, 0.9]] for _ in files]
            return {"id": 0, "texts": texts, "seconds": [2.0] * len(files), "cpu_seconds": 1.0}

        def close(self) -> None:
            pass

    monkeypatch.setattr(search_peers, "Worker", Worker)
    files = []
    for i in range(search_peers.BATCH + 1):
        (tmp_path / f"{i:02}.wav").write_bytes(b"sound %d" % i)
        files.append(str(tmp_path / f"{i:02}.wav"))
    for _ in range(2):
        texts, about = search_peers.understood_by_peer("python", tmp_path / "cache", files)
    assert [len(batch) for batch in asked] == [search_peers.BATCH, 1]
    assert texts[files[-1]] == words(("word", 0.1, 0.5, 0.9))
    assert about["cpu_seconds_per_audio_second"] == pytest.approx(2 / (2 * len(files)), abs=1e-4)
    (tmp_path / "00.wav").write_bytes(b"another sound")
    search_peers.understood_by_peer("python", tmp_path / "cache", files)
    assert len(asked) == 3


def test_the_table_has_a_row_for_each_system_and_group() -> None:
    group = dict.fromkeys(search_peers.COLUMNS, 0.5) | {"keywords": 2}
    whole = {**group, "true_hits": 5, "seconds_searched": 100.0, "by_group": {"unseen": group | {"map": None}}}
    told = search_peers.table({"ours": {"found": whole}, "theirs": {"found": whole}})
    assert told.count("| ours |") == told.count("| theirs |") == 2
    assert "T = 100 s, 2 queries said 5 times" in told and "–" in told
    assert json.dumps(told)
