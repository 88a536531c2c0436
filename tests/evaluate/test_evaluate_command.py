"""`resonet evaluate` with a fake runtime: what it prints, writes, and how it ends."""

from __future__ import annotations

import json
import shutil
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from resonet import bundle, cli
from resonet.bundle import Found
from resonet.evaluate import recognition


@pytest.fixture
def evaluate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], parrot: Any) -> Any:
    """Runs the verb; bundle `bad` cannot read 4.wav."""

    class Recognizer(parrot):  # type: ignore[misc]
        @classmethod
        def load(cls, name: Path, threads: int | None = None) -> Any:
            return cls(bad=["4.wav"] if name.name == "bad" else [])

    runtime = types.ModuleType("resonet.runtime")
    runtime.Recognizer = Recognizer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "resonet.runtime", runtime)
    monkeypatch.setattr(bundle, "find", lambda name, kind: Found(name, Path(name), "test"))
    monkeypatch.setattr(bundle, "choose", lambda kind: Found("only", Path("only"), "test"))
    monkeypatch.setattr(recognition, "vocabulary_of", lambda path: frozenset({"the"}))

    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.main(["evaluate", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_json_holds_the_figures(evaluate: Any, corpus: Path) -> None:
    code, out, err = evaluate("--bundle", "b", "--data", corpus, "--json")
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    told = json.loads(line)
    for key in (
        *("bundle", "data", "utterances", "words", "wer_percent", "wer_interval_percent", "cer_percent"),
        *("median_utterance_wer_percent", "substitutions", "deletions", "insertions", "real_time_factor"),
        *("cpu_seconds_per_audio_second", "peak_mb", "confidence", "out_of_vocabulary", "by", "confused"),
        *("deleted", "inserted", "failures"),
    ):
        assert key in told, key
    assert told["bundle"] == "b"
    assert (told["substitutions"], told["deletions"], told["insertions"]) == (1, 1, 1)
    assert "utterances_scored" not in told
    assert len(json.loads(evaluate("--data", corpus, "--json", "--utterances")[1])["utterances_scored"]) == 4


def test_text_says_it_to_people(evaluate: Any, corpus: Path) -> None:
    code, out, _ = evaluate("--data", corpus, "--by", "subset")
    assert code == 0
    assert out.startswith("only on ")
    for piece in ("WER", "27.27 %", "1 substituted, 1 deleted, 1 inserted", "by subset", "hard", "THE>A 1", "lexicon"):
        assert piece in out, piece


def test_bundles_are_compared_and_failures_told(evaluate: Any, corpus: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, out, err = evaluate("--bundle", "a", "--bundle", "bad", "--data", corpus, "--page", page)
    assert code == 1
    assert err.count("4.wav is no audio") == 1
    assert "against a: +0.00 points" in out
    assert "<svg" in page.read_text(encoding="utf-8")
    first, second = evaluate("--bundle", "a", "--bundle", "a", "--data", corpus, "--json")[1].splitlines()
    assert "verdict" not in json.loads(first)
    assert json.loads(second)["verdict"] == "no clear difference"


@pytest.fixture
def split_folders(corpus: Path, tmp_path: Path) -> Path:
    """Folders train and test with a text beside each recording: 1.wav is test, the others are train."""
    for name, text in (("1.wav", "THE CAT SAT"), ("2.wav", "ON THE MAT"), ("3.wav", "X"), ("4.wav", "Y")):
        folder = tmp_path / "whole" / ("test" if name == "1.wav" else "train") / name[0]
        folder.mkdir(parents=True)
        shutil.copy(next(corpus.rglob(name)), folder / name)
        (folder / name).with_suffix(".txt").write_text(text)
    return tmp_path / "whole"


def test_only_the_split_is_scored(evaluate: Any, split_folders: Path) -> None:
    code, out, err = evaluate("--data", split_folders, "--json", "--utterances")
    assert (code, err) == (0, "")
    assert [Path(u["file"]).name for u in json.loads(out)["utterances_scored"]] == ["1.wav"]
    # Named by itself the folder is the test data, whatever it is called.
    assert evaluate("--data", split_folders / "train", "--json")[0] == 0
    (split_folders / "train").rename(split_folders / "dev")
    code, out, err = evaluate("--data", split_folders / "dev")
    assert (code, out) == (1, "")
    assert f"{split_folders / 'dev'} has no split test" in err and "--split takes what it has: dev" in err


def test_recordings_that_cannot_be_used_are_named(evaluate: Any, split_folders: Path) -> None:
    (split_folders / "train" / "2" / "2.wav").write_text("no sound")
    assert evaluate("--data", split_folders)[0] == 0  # of no concern to the test
    shutil.copytree(split_folders / "test" / "1", split_folders / "test" / "9")
    (split_folders / "test" / "9" / "1.wav").write_text("no sound")
    code, out, err = evaluate("--data", split_folders, "--json")
    assert code == 1
    assert json.loads(out)["utterances"] == 1
    assert err.count("left out: ") == err.count("\n") == 1 and "1.wav is not a recording" in err


def test_wrong_arguments_are_one_sentence(evaluate: Any, corpus: Path, tmp_path: Path) -> None:
    code, out, err = evaluate("--data", corpus, "--by", "accent")
    assert (code, out) == (2, "")
    assert "no column 'accent'" in err and "subset" in err
    code, out, err = evaluate("--data", corpus, "--page", tmp_path / "none" / "r.html")
    assert (code, out) == (2, "") and "none/r.html is in a folder that does not exist" in err
    code, out, err = evaluate("--data", tmp_path / "nothing")
    assert (code, out) == (2, "")
    assert "Traceback" not in err
