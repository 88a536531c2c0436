"""`resonet evaluate` with a fake runtime: what it prints, writes, and how it ends."""

from __future__ import annotations

import json
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


def test_wrong_arguments_are_one_sentence(evaluate: Any, corpus: Path, tmp_path: Path) -> None:
    code, out, err = evaluate("--data", corpus, "--by", "accent")
    assert (code, out) == (2, "")
    assert "no column 'accent'" in err and "subset" in err
    code, out, err = evaluate("--data", tmp_path / "nothing")
    assert (code, out) == (2, "")
    assert "Traceback" not in err
