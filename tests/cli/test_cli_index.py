"""`resonet index`: what goes to which stream, what it refuses, and which exit code it leaves with."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tqdm

from resonet.cli.index import summary
from resonet.search.indexer import Indexed, Indexer


@pytest.fixture
def talk(clip: Any, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Writes a recording of "boat" below the current folder, no two alike, and gives its name."""
    monkeypatch.chdir(tmp_path)
    count = 0

    def say(name: str) -> str:
        nonlocal count
        count += 1
        clip(name, small.quiet(1), small.said("B", "OW", "T"), small.quiet(0.5), np.zeros(count, np.float32))
        return name

    return say


def test_the_last_line_tells_what_the_index_holds(spotting, talk) -> None:
    talk("set/a.wav")
    talk("set/b.wav")
    ran = spotting("index", "set", "--index", "found")
    assert (ran.code, ran.out) == (0, "")
    (line,) = ran.err.splitlines()
    assert line.startswith("2 recordings, 4 s (2 added); ")
    for said in ("text 0.", "posteriors 0.", "vectors 0.00 MB", "MB an hour", "left out: 2 s of silence"):
        assert said in line, said
    assert spotting("index", "set", "--index", "found").err.startswith("2 recordings, 4 s (2 same); ")
    Path("set/b.wav").unlink()
    assert spotting("index", "set", "--index", "found").err.startswith("1 recordings, 2 s (1 removed, 1 same); ")


def test_json_and_list(spotting, talk, tmp_path) -> None:
    first = talk("a 2026-01-31.wav")
    done = json.loads(spotting("index", first, "--index", "found", "--speaker", "Ada", "--json").out)
    assert (done["index"], done["recordings"], done["added"], done["failed"]) == ("found", 1, 1, 0)
    assert set(done["bytes"]) == {"text", "posteriors", "vectors", "file"} and done["bytes"]["posteriors"] > 0
    spotting("index", talk("new\nline.wav"), "--index", "found", "--date", "2020-02-02")
    rows = [json.loads(line) for line in spotting("index", "--list", "--index", "found", "--json").out.splitlines()]
    assert rows[0] == {
        "file": str(tmp_path / first),
        "duration": pytest.approx(1.98, abs=0.01),
        "speaker": "Ada",
        "date": "2026-01-31",
        "language": "en",
    }
    assert (rows[1]["file"], rows[1]["date"]) == (str(tmp_path / "new\nline.wav"), "2020-02-02")
    lines = [line.split("\t") for line in spotting("index", "--list", "--index", "found").out.splitlines()]
    assert [line[1:] for line in lines] == [
        ["Ada", "2026-01-31", "en", str(tmp_path / first)],
        ["", "2020-02-02", "en", str(tmp_path / "new line.wav")],
    ]


def test_remove(spotting, talk) -> None:
    for name in ("set/a.wav", "set/b.wav", "c.wav"):
        talk(name)
    spotting("index", "set", "c.wav", "--index", "found")
    ran = spotting("index", "--remove", "set", "--index", "found")
    assert (ran.code, ran.out) == (0, "") and ran.err.startswith("1 recordings, 2 s (2 removed); ")
    assert Path("set/a.wav").exists()
    ran = spotting("index", "--remove", "set", "--index", "found")
    assert ran.code == 1 and ran.err.startswith("resonet: the index has no recording set")


def test_a_bad_recording_is_one_sentence_and_the_rest_go_on(spotting, talk) -> None:
    Path(talk("set/bad.wav")).write_text("no sound")
    talk("set/good.wav")
    ran = spotting("index", "set", "missing.wav", "--index", "found")
    said = ran.err.splitlines()
    assert ran.code == 1 and len(said) == 3
    assert said[0].startswith("resonet: missing.wav does not exist") and "set/bad.wav" in said[1]
    assert said[2].startswith("1 recordings") and "2 that could not be read" in said[2]
    ran = spotting("index", "missing.wav", "--index", "none")
    assert ran.code == 1 and len(ran.err.splitlines()) == 1 and not Path("none").exists()


@pytest.mark.parametrize("more", [("--speaker", "Ann"), ("--workers", "2"), ("--embedder", "none"), ("--qdrant", "q")])
def test_what_goes_with_recordings_is_not_passed_over_without_them(spotting, more: tuple[str, str]) -> None:
    ran = spotting("index", "--list", "--index", "found", *more)
    assert ran.code == 2 and f"{more[0]} go with recordings" in ran.err


def test_usage_errors_do_no_work(spotting, talk) -> None:
    good = talk("a.wav")
    for arguments in (
        ["--index", "found"],
        [good],
        [good, "--list", "--index", "found"],
        [good, "--remove", good, "--index", "found"],
        [good, "--index", "found", "--date", "yesterday"],
        [good, "--index", "found", "--threads", "0"],
    ):
        ran = spotting("index", *arguments)
        assert (ran.code, ran.out) == (2, ""), arguments
        assert ran.err.startswith("resonet: ")
    assert not Path("found").exists()


def test_what_is_no_index_or_no_bundle_is_exit_3(spotting, talk) -> None:
    good = talk("a.wav")
    for arguments in (
        ["--list", "--index", "none"],
        ["--remove", good, "--index", "none"],
        [good, "--index", "found", "--bundle", "no-such-bundle"],
        [good, "--index", "found", "--embedder", "no-such-bundle"],
        [good, "--index", good],
        [good, "--index", "."],
    ):
        ran = spotting("index", *arguments)
        assert (ran.code, ran.out, ran.err.count("resonet: ")) == (3, "", 1), arguments
    assert sorted(path.name for path in Path().iterdir()) == ["a.wav"]


def test_ctrl_c_says_how_to_go_on(spotting, talk, monkeypatch) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Indexer, "run", stopped)
    ran = spotting("index", talk("a.wav"), "--index", "found")
    assert (ran.code, ran.out) == (130, "")
    assert ran.err.strip() == "resonet: stopped; the same command goes on from here"


def test_the_bar_shows_seconds(spotting, talk, monkeypatch) -> None:
    monkeypatch.setattr(tqdm.tqdm, "monitor_interval", 0)
    monkeypatch.setattr(tqdm.tqdm, "__init__", functools.partialmethod(tqdm.tqdm.__init__, mininterval=0, miniters=1))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    ran = spotting("index", talk("a.wav"), talk("b.wav"), "--index", "found")
    assert ran.code == 0 and "| 4 of 4 s" in ran.err
    assert "|" not in spotting("index", talk("c.wav"), "--index", "found", "--quiet").err


def test_summary() -> None:
    done = Indexed(added=2, removed=1, failed=1, wordless=3, seconds=9000, silence=90, noise=30)
    line = summary(done, 12, 7200, {"text": 10**6, "posteriors": 2 * 10**6, "vectors": 10**6, "file": 5 * 10**6})
    assert line == (
        "12 recordings, 2.00 h (2 added, 1 removed); 5.00 MB (text 1.00 MB, posteriors 2.00 MB, vectors 1.00 MB), "
        "2.50 MB an hour; left out: 1.5 min of silence, 30 s of noise, 3 recordings without a word, "
        "1 that could not be read"
    )
    assert summary(Indexed(), 0, 0.0, dict.fromkeys(("text", "posteriors", "vectors", "file"), 0)).endswith("nothing")
