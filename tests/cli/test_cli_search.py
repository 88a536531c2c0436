"""`resonet search`: lines and objects, pages, the sound of hits, and what is refused."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from resonet import audio
from resonet.cli import search
from resonet.search.finder import Finder, Hit
from resonet.search.posteriors import pack


def _made(name: str) -> ModuleType:
    """A module of the tests of searching, which makes what is searched."""
    path = Path(__file__).parents[1] / "search" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


small_index, small_recognizer = _made("small_index"), _made("small_recognizer")
segment = small_index.segment


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("search")
    said = {
        "/talks/a b.flac": [segment("trent's last case was his last", 1.0, [0.9, 0.8, 0.7, 0.9, 0.9, 0.3])],
        "/talks/b.flac": [segment("the last one", 0.0, 0.5)],
    }
    fields = {"/talks/a b.flac": {"speaker": "Mary\tAnn"}}
    return str(small_index.build(folder / "index", said, fields))


def test_a_line_a_hit(resonet, index) -> None:
    ran = resonet("search", "last", "--index", index, "--exact")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "/talks/a b.flac\t1.500\t1.900\t0.80\tMary Ann\ttrent's [last] case was his last",
        "/talks/b.flac\t0.500\t0.900\t0.50\t\tthe [last] one",
        "/talks/a b.flac\t3.500\t3.900\t0.30\tMary Ann\ttrent's last case was his [last]",
    ]


@pytest.mark.parametrize("flags", [["--json"], ["--format", "json"], ["--json", "--format", "json"]])
def test_json_is_an_object_a_line(resonet, index, flags: list[str]) -> None:
    ran = resonet("search", '"last case"', "--index", index, "--exact", *flags)
    (line,) = ran.out.splitlines()
    found = json.loads(line)
    assert list(found) == ["file", "start", "end", "score", "text"]
    assert (found["file"], found["start"], found["end"]) == ("/talks/a b.flac", 1.5, 2.4)
    assert found["text"] == "trent's last case was his last"


def test_pages(resonet, index) -> None:
    def starts(*flags: str) -> list[str]:
        ran = resonet("search", "last", "--index", index, "--exact", *flags)
        assert ran.code == 0
        return [line.split("\t")[1] for line in ran.out.splitlines()]

    assert starts("--limit", "1") == ["1.500"]
    assert starts("--limit", "1", "--page", "2") == starts("--limit", "1", "--offset", "1") == ["0.500"]
    assert starts("--limit", "2", "--page", "2") == ["3.500"]
    assert starts("--page", "2") == []


def test_no_hits_is_no_failure(resonet, index) -> None:
    ran = resonet("search", "lighthouse", "--index", index, "--exact")
    assert (ran.code, ran.out) == (0, "")


def test_an_empty_index_is_told_and_no_failure(resonet, tmp_path) -> None:
    empty = small_index.build(tmp_path / "empty", {})
    ran = resonet("search", "last", "--index", empty)
    assert (ran.code, ran.out) == (0, "")
    assert "holds no recording in which something is said" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "nothing to search for was given"),
        (["last", "--meaning", "x"], 2, "a query and --meaning cannot be searched for together"),
        (["--audio", "a.wav", "--speaker", "a.wav"], 2, "--audio and --speaker cannot be searched for together"),
        (["--audio", "a.wav", "--exact"], 2, "--exact goes with a query of words"),
        (["last", "--qdrant", "vectors"], 2, "--qdrant goes with --audio"),
        (["last", "--offset", "1", "--page", "1"], 2, "say the same in two ways"),
        (["last", "--json", "--format", "text"], 2, "contradict each other"),
        (["last", "--limit", "0"], 2, "'--limit'"),
        (["(last"], 2, "the query at character 1: the ( is not closed"),
        (["last speeker:x"], 2, "speeker: is none of"),
        ([""], 2, "the query is empty"),
    ],
)
def test_what_is_refused(resonet, index, arguments: list[str], code: int, said: str) -> None:
    ran = resonet("search", *arguments, "--index", index)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert len(ran.err.splitlines()) <= 2


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_without_an_index_is_exit_3(resonet, tmp_path, there: bool) -> None:
    if there:
        (tmp_path / "index.sqlite").write_bytes(b"no database" * 100)
    ran = resonet("search", "last", "--index", tmp_path)
    assert (ran.code, ran.out) == (3, "")
    assert ("damaged" if there else "holds no index") in ran.err


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[str, Path]:
    """An index of a recording that is there: 4 s at 8 kHz, each second louder than the one before."""
    path = tmp_path / "talk.wav"
    loud = np.repeat([0.1, 0.2, 0.3, 0.4], 8000).astype(np.float32)
    audio.write(path, loud, 8000)
    said = {str(path): [segment("one two three four five six seven", 0.0)], str(tmp_path / "gone.wav"): ["three"]}
    return str(small_index.build(tmp_path / "index", said)), path


def test_the_sound_of_the_first_hit(resonet, recorded, tmp_path) -> None:
    index, _ = recorded
    clip = tmp_path / "new" / "clip.wav"
    ran = resonet("search", "three AND five", "--index", index, "--exact", "--clip", clip)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("\n") == 1
    info = audio.info(clip)
    assert info.sample_rate == 8000
    assert info.duration == pytest.approx(2.4 - 1.0 + 2 * 0.3)  # three to five, and the margins
    sound = audio.read(clip, 8000)
    assert sound[0] == pytest.approx(0.1, abs=1e-3) and sound[-1] == pytest.approx(0.3, abs=1e-3)


def test_the_sound_of_all_hits_and_a_recording_that_has_moved(resonet, recorded, tmp_path) -> None:
    index, path = recorded
    out = tmp_path / "clips"
    ran = resonet("search", "three OR one", "--index", index, "--exact", "--clip", out, "--limit", "2", "--page", "1")
    assert ran.code == 1
    assert len(ran.out.splitlines()) == 2
    assert "gone.wav is not there any more" in ran.err and "moved or removed" in ran.err
    assert [p.name for p in out.iterdir()] == ["002-talk-0.00.wav"]
    ran = resonet("search", "one", "--index", index, "--exact", "--clip", path)
    assert ran.code == 2
    assert "is a recording that is searched" in ran.err
    assert audio.info(path).duration == 4


def test_a_query_that_is_a_recording_is_not_written_over(resonet, recorded, tmp_path, monkeypatch) -> None:
    index, path = recorded
    monkeypatch.setattr(Finder, "by_voice", lambda self, what, **more: [Hit(str(path), 0.0, 1.0, 0.5, "one")])
    query = tmp_path / "query.wav"
    audio.write(query, np.zeros(800, np.float32), 8000)
    before = query.read_bytes()
    assert resonet("search", "--audio", query, "--index", index, "--clip", query).code == 2
    assert query.read_bytes() == before


def test_names_of_clips_fit_into_names_of_files(tmp_path) -> None:
    hits = [Hit(f"/{name}.wav", 1.0, 2.0, 0.5, "one") for name in ("é" * 120, "x" * 250, "short")]
    names = [path.name for path, _ in search.clip_names(f"{tmp_path}/", hits)]
    assert all(len(os.fsencode(name)) <= 255 for name in names) and names[2] == "003-short-1.00.wav"


def test_a_recording_that_has_become_shorter(resonet, recorded) -> None:
    index, path = recorded
    audio.write(path, np.zeros(800, np.float32), 8000)
    ran = resonet("search", "seven", "--index", index, "--exact", "--clip", path.with_name("clip.wav"))
    assert ran.code == 1
    assert "ends before 3.000 s" in ran.err


def test_hits_are_played(resonet, recorded, monkeypatch) -> None:
    import contextlib

    from resonet.audio import loudspeaker

    played: list[tuple[int, int]] = []

    @contextlib.contextmanager
    def opened(rate: int):
        class Speaker:
            def push(self, samples: np.ndarray) -> None:
                played.append((rate, len(samples)))

        yield Speaker()

    monkeypatch.setattr(loudspeaker, "opened", opened)
    ran = resonet("search", "one OR seven", "--index", recorded[0], "--exact", "--play")
    assert (ran.code, len(ran.out.splitlines())) == (0, 2)
    assert sorted(played) == [(8000, round(0.7 * 8000)), (8000, 8000)]


def test_other_ways_to_ask_reach_their_functions(resonet, index, monkeypatch) -> None:
    asked: list[tuple[str, str, dict]] = []

    def record(name: str) -> Callable[..., list[Hit]]:
        def find(self: Finder, what: str, **more: int) -> list[Hit]:
            asked.append((name, what, more))
            return [Hit("/a.wav", 0.0, 1.0, 0.5, "some words")]

        return find

    for name in ("by_voice", "by_speaker", "by_meaning"):
        monkeypatch.setattr(Finder, name, record(name), raising=False)
    for flag in ("--audio", "--speaker", "--meaning"):
        ran = resonet("search", flag, "x", "--index", index, "--limit", 5, "--page", 3)
        assert ran.out == "/a.wav\t0.000\t1.000\t0.50\t\tsome words\n"
    more = {"limit": 5, "offset": 10}
    assert asked == [("by_voice", "x", more), ("by_speaker", "x", more), ("by_meaning", "x", more)]


def test_a_long_text_is_shown_around_its_words() -> None:
    text = " ".join(f"word{i}" for i in range(60))
    start = text.index("word30")
    line = search.render(Hit("/a", 0.0, 1.0, 0.5, text, matches=((start, start + 6),)), lit=True)
    words = line.rstrip("\n").split("\t")[5]
    assert "\x1b[1mword30\x1b[0m" in words
    assert words.startswith("… word") and words.endswith(" …")
    assert len(words) < 120


@pytest.mark.parametrize("exact", [True, False])
def test_a_query_of_words_loads_no_network(tmp_path, monkeypatch, exact: bool) -> None:
    small_recognizer.recognizer(tmp_path / "home" / "bundles" / "small.resonet")
    monkeypatch.setenv("RESONET_HOME", str(tmp_path / "home"))
    log_probs = np.log(np.full((20, 8), 0.125, np.float32))
    said = {"/a": [segment("trent had tea", sounds=pack(log_probs))]}
    index = small_index.build(tmp_path / "index", said, meta=small_recognizer.meta())
    command = ["search", "trent", "--index", str(index), *(["--exact"] if exact else [])]
    slow = {"resonet.runtime", "onnxruntime", "soundfile", "soxr", "tqdm", *(["pydantic"] if exact else [])}
    code = f"""
import sys, resonet.cli
resonet.cli.main({command!r})
print(sorted({slow!r} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "[trent] had tea" in done.stdout
    assert done.stderr.strip() == "[]"
