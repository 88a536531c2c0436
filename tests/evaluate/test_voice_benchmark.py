"""benchmarks/voices.py: what speaks, what judges are asked, and the figures; the judges are made up."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonet import audio

HERE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(HERE / "benchmarks"), str(HERE / "tests" / "runtime")]

import voice_systems  # noqa: E402
import voices  # noqa: E402

small = pytest.importorskip("small_voices", reason="onnx is not installed", exc_type=ImportError)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Every batch that a judge was given; it hears "one two" in all."""
    asked: list[list[str]] = []

    class Worker:
        def __init__(self, python: str, judge: str) -> None:
            pass

        def batch(self, files: list[Path]) -> dict[str, Any]:
            asked.append([file.name for file in files])
            return {"texts": ["One, two!"] * len(files)}

        def close(self) -> None:
            pass

    monkeypatch.setattr(voices, "Worker", Worker)
    monkeypatch.setattr(voice_systems, "STARTS", 1)
    monkeypatch.setattr(voices, "PROGRAMS", {})
    return asked


def test_ours_beside_recordings(
    judged: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = tmp_path / "few.txt"
    texts.write_text("one 2\nthree four\n", encoding="utf-8")
    (tmp_path / "few-spoken.txt").write_text("one two\nthree four\n", encoding="utf-8")
    data = tmp_path / "data"
    data.mkdir()
    for name in "ab":
        audio.write(data / f"{name}.wav", np.full(2400, 0.1 if name == "a" else 0.2, np.float32), 24000)
    (data / "transcripts.tsv").write_text("path\ttext\na.wav\tThree four.\nb.wav\tfive six\n", encoding="utf-8")
    bundle = small.voice(tmp_path / "tones.resonet")
    monkeypatch.setattr(sys, "argv", ["voices.py", str(texts), "--voice", str(bundle), "--natural", str(data),
                                      "--peer-python", "python", "--judges", "whisper", "--cache",
                                      str(tmp_path / "cache"), "--output", str(tmp_path / "out.json")])  # fmt: skip
    voices.main()
    told = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    ours, natural = told["systems"]["resonet tones"], told["systems"]["natural data"]
    assert ours["judges"]["whisper"]["wer_percent"] == 50
    assert ours["real_time_factor"] > 0
    assert ours["first_audio_cold_ms"] > ours["first_audio_warm_ms"] > 0
    assert ours["installed_mb"] > ours["model_mb"] > 0
    assert ours["not_spoken"] == []
    assert (natural["sentences"], natural["judges"]["whisper"]["words"]) == (1, 2)
    assert natural["not_spoken"] == ["one 2: no recording"]
    assert "| resonet tones | 50.0 |" in capsys.readouterr().out
    assert judged == [["0000.wav", "0001.wav"], ["a.wav"]]
    voices.main()
    assert len(judged) == 2  # the same sounds are not heard again


def test_recordings_of_other_sentences(tmp_path: Path) -> None:
    for i in range(6):
        audio.write(tmp_path / f"{i}.wav", np.full(2400, 0.1, np.float32), 24000)
    rows = [f"{i}.wav\tsentence {i}" for i in range(6)]
    (tmp_path / "transcripts.tsv").write_text("\n".join(["path\ttext", *rows]) + "\n", encoding="utf-8")
    spoken = voice_systems.recordings(tmp_path, ["something else", "and more"])
    assert spoken.references == ["sentence 0", "sentence 3"]
    assert [file.name for file in spoken.files if file] == ["0.wav", "3.wav"]
    assert "other sentences" in spoken.about["settings"]


def test_what_peers_said_is_kept(tmp_path: Path) -> None:
    calls = []

    def speak(folder: Path) -> voice_systems.Spoken:
        calls.append(folder)
        (folder / "a.wav").write_bytes(b"x")
        return voice_systems.Spoken(files=[folder / "a.wav", None], cold=[1.0])

    first = voice_systems.kept(speak, tmp_path, ["a"], fresh=False)
    assert voice_systems.kept(speak, tmp_path, ["a"], fresh=False) == first
    assert len(calls) == 1
    voice_systems.kept(speak, tmp_path, ["b"], fresh=False)
    voice_systems.kept(speak, tmp_path, ["b"], fresh=True)
    (tmp_path / "a.wav").unlink()
    voice_systems.kept(speak, tmp_path, ["b"], fresh=False)
    assert len(calls) == 4


def test_a_program_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", "raise SystemExit(2)", "{text}", "{file}"]
    monkeypatch.setitem(voice_systems.PROGRAMS, "flite", (command, [sys.executable, "--version"]))
    spoken = voice_systems.by_program("flite", ["hello"], tmp_path, "en")
    assert spoken.files == [None]
    assert spoken.errors == ["hello: exit code 2"]
