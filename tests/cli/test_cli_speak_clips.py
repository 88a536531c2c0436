"""`resonet speak --clips`: phrases in, a folder of folders out, resumed after Ctrl-C; what does not go together."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from resonet import audio, cli

pytest.importorskip("onnx")
sys.path.insert(0, str(Path(__file__).parents[1] / "runtime"))
import small_voices as small

sys.path.pop(0)


@dataclass
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.voice(tmp_path_factory.mktemp("voice") / "letters.resonet")


@pytest.fixture
def speak(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Ran]:
    """Runs `resonet speak` in this process and an empty folder, with the voice of letters installed."""
    home, here = tmp_path / "home" / "bundles", tmp_path / "here"
    home.mkdir(parents=True)
    here.mkdir()
    shutil.copyfile(bundle, home / bundle.name)
    monkeypatch.chdir(here)
    monkeypatch.setenv("RESONET_HOME", str(home.parent))
    monkeypatch.delenv("RESONET_BUNDLE_VOICE", raising=False)
    monkeypatch.setattr("resonet.bundle.places._entry_points", list)

    def run(*arguments: object) -> Ran:
        code = cli.main(["speak", *map(str, arguments)])
        return Ran(code, *capsys.readouterr())

    return run


def test_clips_of_phrases(speak: Callable[..., Ran]) -> None:
    ran = speak("--clips", "out", "--phrases", "lumo on,lumo for", "--count", 3)
    assert ran.code == 0
    assert ran.out == "out/lumo on\t3\nout/lumo for\t3\nout/unknown\t3\n"
    assert ran.err.startswith("9 new clips, 2 speakers; ")
    assert sorted(str(path) for path in Path("out").rglob("*.flac")) == sorted(
        f"out/{label}/000{i}.flac" for label in ("lumo on", "lumo for", "unknown") for i in (1, 2, 3)
    )
    assert all(audio.info(path).duration < 3 for path in Path("out").rglob("*.flac"))
    again = speak("--clips", "out", "--phrases", "lumo on,lumo for", "--count", 4, "--json")
    told = json.loads(again.out)
    assert told["clips"] == {"lumo on": 4, "lumo for": 4, "unknown": 4} and told["new"] == 3
    assert told["speakers"] == ["letters/ann", "letters/bob"] and told["held_out"] == [] and again.err == ""


def test_a_file_of_phrases_and_several_voices(speak: Callable[..., Ran], tmp_path: Path) -> None:
    other = small.voice(tmp_path / "other.resonet", speakers={"eve": "eo"})
    Path("mine.txt").write_text("lumo on\nhalt\n", encoding="utf-8")
    ran = speak("--clips", "out", "--phrases", "mine.txt", "--voice", "letters", "--voice", other, "--count", 8, "-q")
    assert ran.code == 0 and ran.err == ""
    told = json.loads(Path("out/clips.json").read_text(encoding="utf-8"))
    assert [voice["name"] for voice in told["settings"]["voices"]] == ["letters", "other"]
    assert {clip["speaker"] for clip in told["clips"]} == {"ann", "bob", "eve"} and len(told["held_out"]) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--clips", "out"], 2, "--clips needs --phrases"),
        (["--phrases", "lumo"], 2, "--phrases is about clips"),
        (["Hello.", "--count", "3"], 2, "--count is about clips"),
        (["--clips", "out", "--phrases", "lumo", "Hello."], 2, "and no other text"),
        (["--clips", "out", "--phrases", "lumo", "--stream"], 2, "--stream and --clips do not go together"),
        (["--clips", "out", "--phrases", "lumo", "--speed", "1"], 2, "--speed and --clips do not go together"),
        (["--clips", "out", "--phrases", "lumo,,halt"], 2, "an empty phrase after 'lumo'"),
        (["--clips", "out", "--phrases", "lumo,unknown"], 2, "'unknown' cannot be a phrase"),
        (["--clips", "out", "--phrases", "lumo,LUMO"], 1, "'lumo' and 'LUMO' sound the same"),
        (["--clips", "out", "--phrases", "none.txt"], 1, "none.txt cannot be read"),
        (["--clips", "out", "--phrases", "lumo", "--voice", "leters"], 3, "did you mean letters?"),
        (["--clips", "out", "--phrases", "lumo", "--language", "fr"], 2, "the voices speak eo"),
        (["--clips", "file/out", "--phrases", "lumo"], 1, "cannot be written: Not a directory"),
        (["--clips", "out", "--phrases", "lumo", "--noise", "none"], 1, "none"),
        (["Hello.", "--voice", "a", "--voice", "b"], 2, "a text is spoken by one voice"),
    ],
)
def test_one_sentence(speak: Callable[..., Ran], arguments: list[str], code: int, told: str) -> None:
    Path("file").write_text("x")
    ran = speak(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err and ran.err.count("resonet: ") == 1 and "Traceback" not in ran.err, ran.err
    assert not Path("out").exists()


def test_the_default_count_is_the_library_s() -> None:
    from resonet.cli.speak import command
    from resonet.runtime import clips

    assert {option.name: option.default for option in command.params}["count"] == clips.COUNT


def test_no_voice(speak: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "home" / "bundles" / "letters.resonet").unlink()
    ran = speak("--clips", "out", "--phrases", "lumo")
    assert ran.code == 3 and "no voice bundle is installed" in ran.err


def test_interrupted(speak: Callable[..., Ran], bundle: Path) -> None:
    """Ctrl-C: what was finished is whole, and the same command goes on."""
    command = ["--clips", "out", "--phrases", "lumo on,lumo for", "--voice", str(bundle), "--count"]
    process = subprocess.Popen(
        [sys.executable, "-m", "resonet", "speak", *command, "5000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A job in the background is started without it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    try:
        while not len(list(Path("out").rglob("*.flac"))) > 2 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130 and out == "" and err.strip() == "stopped; the same command goes on", err
    made = list(Path("out").rglob("*.flac"))
    assert 2 < len(made) < 5000 and not list(Path("out").rglob("*.part"))
    assert all(audio.info(path).duration > 0.3 for path in made)
