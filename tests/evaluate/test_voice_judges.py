"""Judges of voices: recognizers of ours, and programs by both of their protocols."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from resonet.errors import BundleError, ResonetError, UsageError
from resonet.evaluate import judges

LINES = """
import json, sys
print("reading", len(sys.argv) - 1, "files")
for file in sys.argv[1:]:
    if not file.endswith("2.wav"):
        print(json.dumps({"file": file, "text": "heard " + file[-5]}))
"""
TABLE = """
import json, sys
rows = [line.split("\\t") for line in open(sys.argv[1], encoding="utf-8").read().splitlines()]
report = {"summary": {"judge": "ears 1.0"}, "utterances": [{"path": p, "hypothesis": t.upper()} for p, t in rows]}
json.dump(report, open(sys.argv[2], "w"))
print(json.dumps(report, indent=1))
"""


@pytest.fixture
def program(tmp_path: Path) -> Any:
    """Writes a program and gives the command that starts it."""

    def write(code: str, arguments: str = "") -> str:
        file = tmp_path / "judge.py"
        file.write_text(code, encoding="utf-8")
        return f"'{sys.executable}' '{file}' {arguments}"

    return write


def test_a_program_given_files(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "FILES", 2)
    files = [Path(f"/nowhere/{i}.wav") for i in range(4)]
    judge = judges.judge(program(LINES))
    found = judge.heard(files, [""] * 4)
    assert found[:2] == ["heard 0", "heard 1"]
    assert isinstance(found[2], ResonetError)
    assert "2.wav: " in str(found[2])
    assert found[3] == "heard 3"
    assert judge.name.endswith("judge.py")
    assert "/" not in judge.name


def test_a_program_given_a_table(program: Any) -> None:
    judge = judges.judge(program(TABLE, "{table} {report}"))
    files = [Path("/nowhere/a b.wav"), Path("/nowhere/c.wav")]
    assert judge.heard(files, ["one\ttwo\nthree", "four"]) == ["ONE TWO THREE", "FOUR"]
    assert judge.name == "ears 1.0"
    assert judge.heard([], []) == []


@pytest.mark.parametrize("code", ["print('[1, 2]')", "print('{\"file\": 3}')", "print('{')", "print('null')", ""])
def test_a_program_that_says_something_else(program: Any, code: str) -> None:
    (found,) = judges.judge(program(code)).heard([Path("/nowhere/a.wav")], ["a"])
    assert isinstance(found, ResonetError)


def test_commands_that_cannot_be_run(program: Any) -> None:
    with pytest.raises(UsageError, match="cannot be taken apart"):
        judges.judge("'open")
    with pytest.raises(UsageError, match="no program that can be run"):
        judges.judge("no-such-program --at all")
    with pytest.raises(BundleError, match="no bundle named 'no-such-program'"):
        judges.judge("no-such-program")
    with pytest.raises(BundleError, match="there is no bundle file"):
        judges.judge("no-such.resonet")
    with pytest.raises(UsageError, match="exit code 3"):
        judges.judge(program("raise SystemExit(3)")).heard([Path("/nowhere/a.wav")], ["a"])


def test_a_recognizer(parrot: Any, corpus: Path) -> None:
    judge = judges.RecognizerJudge("parrot", parrot(bad=["2.wav"]))
    found = judge.heard([corpus / "a" / "1.wav", corpus / "a" / "2.wav"], ["", ""])
    assert found[0] == "the cat sat"
    assert isinstance(found[1], ResonetError)
