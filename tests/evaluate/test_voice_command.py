"""`resonet evaluate --task synthesize`: with a voice of tones, what it prints, writes, keeps and refuses."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonet import audio, cli

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "runtime"))
small = pytest.importorskip("small_voices", reason="onnx is not installed", exc_type=ImportError)

JUDGE = """
import json, pathlib, sys
for file in sys.argv[1:]:
    print(json.dumps({"file": file, "text": "one two" if "voice" in pathlib.Path(file).parts else "one two three"}))
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.voice(tmp_path_factory.mktemp("bundle") / "tones.resonet")


@pytest.fixture
def judge(tmp_path: Path) -> str:
    file = tmp_path / "ear.py"
    file.write_text(JUDGE, encoding="utf-8")
    return shlex.join([sys.executable, str(file)])


@pytest.fixture
def evaluate(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.main(["evaluate", "--task", "synthesize", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    rows = ["path\tspeaker\ttext"]
    for i in range(5):
        t = np.arange(RATE := 24000) / RATE
        audio.write(folder / f"{i}.wav", (0.1 * np.sin(2 * np.pi * 200 * t) * (t % 0.5)).astype(np.float32), RATE)
        rows.append(f"{i}.wav\tann\tone two three")
    (folder / "transcripts.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_a_voice_beside_recordings(evaluate: Any, bundle: Path, judge: str, data: Path, tmp_path: Path) -> None:
    page, kept = tmp_path / "page.html", tmp_path / "kept"
    code, out, err = evaluate(
        "--voice", bundle, "--judge", judge, "--data", data, "--json", "--report", page, "--sounds", kept
    )
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["voice"] == "tones"
    assert list(told["systems"]) == ["natural", "copy", "voice"]
    (name,) = told["systems"]["voice"]["judges"]
    assert told["systems"]["voice"]["judges"][name]["wer_percent"] == 33.33
    assert told["systems"]["copy"]["judges"][name]["wer_percent"] == 0
    assert told["systems"]["copy"]["si_sdr"] is not None
    assert told["load_ms"] > 0
    assert "<audio" in page.read_text(encoding="utf-8")
    assert sorted(p.name for p in (kept / "tones").iterdir()) == ["copy", "natural", "voice"]


def test_texts_alone(evaluate: Any, bundle: Path, judge: str, tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("one two three\n3 cats\tone two three\n", encoding="utf-8")
    code, out, err = evaluate("--voice", bundle, "--judge", judge, "--data", file)
    assert (code, err) == (0, "")
    assert "2 sentences" in out
    assert "WER  33.33 %" in out
    assert "real-time factor" in out


def test_what_does_not_fit_together(evaluate: Any, bundle: Path, data: Path, judge: str, tmp_path: Path) -> None:
    for arguments, said in (
        (("--bundle", bundle, "--data", data), "--bundle is not for --task synthesize"),
        (("--voice", bundle, "--data", data, "--by", "x"), "--by is not for --task synthesize"),
        (("--voice", bundle, "--data", data, "--speaker", "nobody"), "nobody"),
        (("--voice", bundle, "--data", data, "--judge", "no-such --program"), "no program that can be run"),
        (("--voice", "no-such-voice", "--data", data), "no bundle named 'no-such-voice'"),
        (("--voice", bundle, "--data", data, "--page", tmp_path / "no" / "page.html"), "folder that does not exist"),
        (("--voice", bundle, "--data", data, "--task", "recognize"), "are for --task synthesize"),
    ):
        code, out, err = evaluate(*arguments)
        assert code != 0
        assert out == ""
        assert said in err
        assert "Traceback" not in err


def test_a_text_that_cannot_be_spoken_is_told(evaluate: Any, bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("one two\n...\n", encoding="utf-8")
    code, out, err = evaluate("--voice", bundle, "--data", file, "--json")
    assert code == 1
    assert json.loads(out)["sentences"] == 1
    assert err.count("...") >= 1
