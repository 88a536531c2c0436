"""`resonet prepare` and `resonet doctor`: results on stdout, the rest on stderr, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resonet.cli import main
from resonet.data import installation


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_prepare(tmp_path: Path, table_corpus, capsys) -> None:
    corpus = table_corpus(dict.fromkeys("abc", 2))
    assert main(["prepare", str(corpus), str(tmp_path / "out")]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[:3] for line in out.splitlines()] == [
        [name, "2", "utterances"] for name in ("train", "dev", "test")
    ]
    assert err == ""


def test_prepare_several_as_one_split(tmp_path: Path, table_corpus, capsys) -> None:
    one, two = table_corpus({"a": 2}, "one"), table_corpus({"b": 1}, "two")
    assert main(["prepare", str(one), str(two), str(tmp_path / "out"), "--as", "train", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["splits"]["train"]["utterances"] == 3


def test_prepare_names_what_it_left_out(tmp_path: Path, table_corpus, capsys) -> None:
    corpus = table_corpus({"a": 3})
    (corpus / "a" / "1.wav").write_text("no sound")
    assert main(["prepare", str(corpus), str(tmp_path / "out"), "--as", "test"]) == 1
    out, err = capsys.readouterr()
    assert out.split()[:2] == ["test", "2"]
    assert err.count("\n") == 1
    assert "transcripts.tsv: line 3" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["prepare", "gone", "out"], 1, "gone does not exist"),
        (["prepare", "empty", "out"], 1, "empty is empty"),
        (["prepare", "out"], 2, "SOURCE"),
        (["prepare", "a", "out", "--as", "training"], 2, "training"),
        (["doctor", "gone"], 1, "gone does not exist"),
        (["doctor", "--quick"], 2, "need DATA"),
        (["doctor", "empty", "--frame-shift", "0"], 2, "above 0"),
    ],
)
def test_faults_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, arguments: list[str], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_doctor_of_raw_data(tmp_path: Path, table_corpus, capsys) -> None:
    corpus = table_corpus({"a": 3, "b": 2}, text="so {speaker} says {index}")
    (corpus / "a" / "1.wav").write_text("no sound")
    page = tmp_path / "page.html"
    assert main(["doctor", str(corpus), "--page", str(page)]) == 1
    out, _ = capsys.readouterr()
    assert "error: utterances that `prepare` left out: 1" in out
    assert "outside the vocabulary" in out
    assert page.read_text().startswith("<!doctype html>")
    assert not (tmp_path / "cache").exists()


def test_doctor_of_prepared_data_as_json(tmp_path: Path, table_corpus, capsys) -> None:
    corpus = table_corpus({"a": 1, "b": 1, "c": 1}, text="hello")
    assert main(["prepare", str(corpus), str(tmp_path / "out")]) == 0
    capsys.readouterr()
    assert main(["doctor", str(tmp_path / "out"), "--json", "--quick"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["splits"]["train"]["utterances"] == 1
    assert [finding["kind"] for finding in told["findings"]] == ["sentence in two splits"]


def test_doctor_of_this_installation(capsys) -> None:
    code = main(["doctor", "--json"])
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert code == (1 if any(check["status"] == "problem" for check in checks) else 0)
    found = {check["name"]: check for check in checks}
    assert found["python"]["status"] == "ok"
    assert {"numpy", "onnxruntime", "onnxruntime providers", "libsndfile", "processor", "disk (here)"} <= set(found)
    assert main(["doctor"]) == code
    assert "numpy" in capsys.readouterr().out


def test_installation_names_the_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = installation._version
    monkeypatch.setattr(installation, "_version", lambda name: None if name == "jiwer" else real(name))
    missing = [check for check in installation.examine() if check.name == "extra [evaluate]"]
    assert [(check.status, check.advice) for check in missing] == [("missing", "pip install 'resonet[evaluate]'")]


def test_installation_looks_into_bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("RESONET_HOME", str(tmp_path))
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles" / "bad.resonet").write_bytes(b"half")
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "problem  bundle bad" in out and "is no bundle" in out


@pytest.mark.parametrize(
    ("version", "requirement", "outside"),
    [
        ("2.4.6", "numpy<3,>=1.26", False),
        ("1.25.2", "numpy<3,>=1.26", True),
        ("3.0", "numpy<3,>=1.26", True),
        ("2.13.0+cpu", "torch<2.14,>=2.4", False),
        ("8.1.0", "click>=8.1", False),
    ],
)
def test_bounds(version: str, requirement: str, outside: bool) -> None:
    assert installation._outside(version, requirement) is outside
