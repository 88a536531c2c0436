"""`resonet transcribe` with a fake recognizer: what goes where, in which form, and what happens to bad recordings."""

from __future__ import annotations

import functools
import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tqdm

from resonet.cli._recordings import Recording
from resonet.cli._results import file_names, is_folder, written
from resonet.errors import ResonetError


def names_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def pipe_in(monkeypatch: pytest.MonkeyPatch, data: bytes, terminal: bool = False) -> None:
    stream = io.BytesIO(data)
    stream.isatty = lambda: terminal  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))


def test_text_of_one_recording_is_its_line(resonet, tone) -> None:
    ran = resonet("transcribe", tone("good_morning.wav"))
    assert (ran.code, ran.out, ran.err) == (0, "good morning\n", "")


def test_several_recordings_carry_their_file_and_keep_their_order(resonet, tone, monkeypatch, tmp_path) -> None:
    for name in ("two.wav", "one.wav", "deep/three.flac"):
        tone(name)
    monkeypatch.chdir(tmp_path)
    ran = resonet("transcribe", "./two.wav", "one.wav", "deep/three.flac")
    assert ran.out == "./two.wav\ttwo\none.wav\tone\ndeep/three.flac\tthree\n"


def test_folders_are_searched(resonet, tone, monkeypatch, tmp_path) -> None:
    for name in ("set/b.wav", "set/a.wav", "set/more/c.flac"):
        tone(name)
    (tmp_path / "set" / "notes.txt").write_text("no recording")
    monkeypatch.chdir(tmp_path)
    assert resonet("transcribe", "set").out == "set/a.wav\ta\nset/b.wav\tb\nset/more/c.flac\tc\n"


def test_json_is_an_object_a_line(resonet, tone) -> None:
    first, second = tone("grüß_gott.wav", seconds=0.5), tone("x.wav")
    for flags in (["--json"], ["--format", "json"], ["--json", "--format", "json"]):
        lines = resonet("transcribe", first, second, *flags).out.splitlines()
        assert len(lines) == 2
        assert json.loads(lines[0]) == {
            "file": str(first),
            "text": "grüß gott",
            "duration": 0.5,
            "language": "en",
            "segments": [{"start": 0.0, "end": 0.5, "text": "grüß gott"}],
            "words": [
                {"word": "grüß", "start": 0.0, "end": 0.25, "confidence": 0.5},
                {"word": "gott", "start": 0.25, "end": 0.5, "confidence": 0.5},
            ],
        }
        assert "grüß" in lines[0]


def test_a_name_that_is_no_utf8_stays_valid_json(resonet, tone, tmp_path) -> None:
    good = tone("x.wav")
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    try:
        odd.write_bytes(good.read_bytes())
    except OSError:
        pytest.skip("this file system takes no such name")
    line = resonet("transcribe", odd, "--json").out
    line.encode("utf-8")
    assert os.fsencode(json.loads(line)["file"]) == os.fsencode(odd)


@pytest.mark.parametrize("format_", ["srt", "vtt", "tsv"])
def test_subtitles(resonet, tone, format_) -> None:
    out = resonet("transcribe", tone("good_morning.wav"), "--format", format_).out
    assert "good morning" in out
    assert out.startswith({"srt": "1\n00:00:00,000 --> ", "vtt": "WEBVTT\n", "tsv": "start\tend\ttext\n"}[format_])
    assert out.endswith("\n")


def test_tsv_of_several_recordings_has_one_head_and_a_file_column(resonet, tone) -> None:
    a, b = tone("a.wav"), tone("b.wav")
    rows = [line.split("\t") for line in resonet("transcribe", a, b, "--format", "tsv").out.splitlines()]
    assert rows[0] == ["file", "start", "end", "text"]
    assert [(row[0], row[3]) for row in rows[1:]] == [(str(a), "a"), (str(b), "b")]


def test_subtitles_of_several_recordings_need_a_folder(resonet, tone, tmp_path) -> None:
    a, b = tone("a.wav"), tone("b.wav")
    assert resonet("transcribe", a, b, "--format", "srt").code == 2
    assert resonet("transcribe", a, b, "--format", "srt", "-o", tmp_path / "all.srt").code == 2
    assert resonet("transcribe", a, b, "--format", "srt", "-o", tmp_path / "out").code == 0
    assert names_of(tmp_path / "out") == ["a.srt", "b.srt"]


def test_a_bad_recording_is_one_sentence_and_the_rest_go_on(resonet, tone, tmp_path) -> None:
    text = tmp_path / "a name with 'quote' and ümlaut.wav"
    text.write_text("this is no sound")
    ran = resonet("transcribe", text, tone("good.wav"), tmp_path / "missing.wav", "--json")
    assert ran.code == 1
    assert [json.loads(line)["text"] for line in ran.out.splitlines()] == ["good"]
    said = ran.err.splitlines()
    assert len(said) == 2
    assert said[0].startswith("resonet: ") and text.name in said[0]
    assert "missing.wav" in said[1]


def test_an_empty_folder_fails_and_the_rest_go_on(resonet, tone, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    alone = resonet("transcribe", tmp_path / "empty")
    assert alone.code == 1 and alone.out == "" and "empty" in alone.err and not resonet.recognizers
    ran = resonet("transcribe", tmp_path / "empty", tone("good.wav"))
    assert ran.code == 1 and ran.out.endswith("\tgood\n")


def test_a_missing_extra_of_one_recording_gives_its_exit_code(resonet, tone, monkeypatch) -> None:
    from resonet import audio
    from resonet.errors import MissingExtra

    read = audio.read

    def without_av(path, *rest):
        if str(path).endswith(".m4a"):
            raise MissingExtra(f"{path} is M4A, which", "av")
        return read(path, *rest)

    monkeypatch.setattr(audio, "read", without_av)
    ran = resonet("transcribe", "a.m4a", tone("good.wav"))
    assert ran.code == 4
    assert ran.out.endswith("\tgood\n")
    assert ran.err == "resonet: a.m4a is M4A, which needs the extra [av] (pip install 'resonet[av]')\n"


def test_an_unknown_bundle_is_exit_3(resonet, tone) -> None:
    ran = resonet("transcribe", "--bundle", "no-such-bundle", tone("a.wav"))
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("resonet: no bundle 'no-such-bundle'")


def test_usage_errors_do_no_work(resonet, tone, monkeypatch) -> None:
    good = tone("a.wav")
    pipe_in(monkeypatch, b"")
    for arguments in (
        [],
        [good, "--microphone"],
        [good, "--json", "--format", "srt"],
        [good, "--format", "pdf"],
        [good, "--rate", 16000],
        ["-", "-", "--rate", 16000],
        [good, "--threads", 0],
        [good, "--output", good],
    ):
        ran = resonet("transcribe", *arguments)
        assert (ran.code, ran.out) == (2, ""), arguments
        assert ran.err.startswith("resonet: ")
    assert not resonet.recognizers


def test_standard_input_takes_a_whole_recording(resonet, tone, monkeypatch) -> None:
    pipe_in(monkeypatch, tone("x.flac").read_bytes())
    ran = resonet("transcribe", "-", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["file"] == "-"
    assert json.loads(ran.out)["duration"] == 0.5


def test_raw_pcm_keeps_its_samples(resonet, monkeypatch) -> None:
    samples = np.arange(-8000, 8000, dtype="<i2")
    pipe_in(monkeypatch, samples.tobytes())
    ran = resonet("transcribe", "-", "--rate", 16000)
    assert (ran.code, ran.err) == (0, "")
    np.testing.assert_allclose(resonet.recognizers[0].heard[0], samples / 32768, atol=1e-6)


def test_bad_standard_input_is_called_by_its_name(resonet, monkeypatch) -> None:
    pipe_in(monkeypatch, b"this is no sound")
    ran = resonet("transcribe", "-")
    assert (ran.code, ran.out) == (1, "")
    assert "standard input" in ran.err and "/tmp" not in ran.err
    pipe_in(monkeypatch, b"odd")
    ran = resonet("transcribe", "-", "--rate", 16000)
    assert ran.code == 1 and "half a sample" in ran.err
    pipe_in(monkeypatch, b"", terminal=True)
    assert resonet("transcribe", "-").code == 2


def test_microphone(resonet, monkeypatch) -> None:
    from resonet.audio import microphone

    monkeypatch.setattr(microphone, "record", lambda sample_rate: np.zeros(sample_rate, np.float32))
    ran = resonet("transcribe", "--microphone", "--json")
    assert (json.loads(ran.out)["file"], json.loads(ran.out)["duration"]) == ("microphone", 1.0)


def test_one_output_file_holds_what_stdout_would(resonet, tone, tmp_path) -> None:
    a, b = tone("a.wav"), tone("b.wav")
    shown = resonet("transcribe", a, b).out
    target = tmp_path / "new folder" / "text.txt"
    ran = resonet("transcribe", a, b, "--output", target)
    assert (ran.code, ran.out) == (0, "")
    assert target.read_text(encoding="utf-8") == shown
    assert names_of(target.parent) == ["text.txt"]


def test_an_output_folder_keeps_the_folders_of_its_input(resonet, tone, tmp_path) -> None:
    for name in ("set/a.wav", "set/more/a.wav", "set/more/b c.wav"):
        tone(name)
    ran = resonet("transcribe", tmp_path / "set", "-o", tmp_path / "out")
    assert (ran.code, ran.out) == (0, "")
    assert names_of(tmp_path / "out") == ["a.txt", "more/a.txt", "more/b c.txt"]
    assert (tmp_path / "out" / "a.txt").read_text() == "a\n"


def test_a_bad_recording_leaves_no_file(resonet, tone, tmp_path) -> None:
    tone("set/a.wav")
    (tmp_path / "set" / "bad.wav").write_bytes(b"RIFF")
    assert resonet("transcribe", tmp_path / "set", "-o", tmp_path / "out").code == 1
    assert names_of(tmp_path / "out") == ["a.txt"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["a.wav", "b.v2.wav"], ["a.txt", "b.v2.txt"]),
        (["x/a.wav", "x/a.flac"], ["a.wav.txt", "a.flac.txt"]),
        (["x/a.wav", "y/a.wav", "b.wav"], ["x/a.wav.txt", "y/a.wav.txt", "b.txt"]),
        (["/x/a.wav", "../a.wav"], ["x/a.wav.txt", "a.wav.txt"]),
        (["a.wav", "a.wav"], ["a.wav.txt", "a.wav-2.txt"]),
        (["-", "stdin.wav"], ["stdin.txt", "stdin.wav.txt"]),
    ],
)
def test_names_in_a_folder_are_distinct(given: list[str], expected: list[str]) -> None:
    below = [Path("stdin") if name == "-" else Path(Path(name).name) for name in given]
    recordings = [Recording(name, Path(name), path) for name, path in zip(given, below, strict=True)]
    assert [str(name) for name in file_names(recordings, ".txt")] == expected


def test_output_is_a_folder_by_its_name(tmp_path) -> None:
    assert is_folder("out") and is_folder("out.d/") and is_folder(str(tmp_path))
    assert not is_folder("out.txt")


def test_a_file_appears_whole_or_not_at_all(tmp_path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("before")
    with pytest.raises(ResonetError, match="disk is full"), written(target) as file:
        file.write("half")
        raise OSError("the disk is full")
    assert target.read_text() == "before"
    assert names_of(tmp_path) == ["a.txt"]
    with written(target) as file:
        file.write("after")
    assert target.read_text() == "after"


def test_output_that_cannot_be_written_is_one_sentence(resonet, tone, tmp_path) -> None:
    (tmp_path / "file.txt").write_text("")
    ran = resonet("transcribe", tone("a.wav"), "-o", tmp_path / "file.txt" / "below.txt")
    assert ran.code == 1
    assert "file.txt" in ran.err and len(ran.err.splitlines()) == 1


def test_the_bar_moves_within_a_recording(resonet, tone, monkeypatch) -> None:
    """Also where a header told less than there is: here 2 s of a recording of 1 s."""

    def halves(self, paths, progress):
        for path in paths:
            for _ in range(2):
                progress(1.0)
            yield path, self.transcribe(path)

    monkeypatch.setattr(sys.modules["resonet.runtime"].Recognizer, "transcribe_many", halves)
    monkeypatch.setattr(tqdm.tqdm, "monitor_interval", 0)
    monkeypatch.setattr(tqdm.tqdm, "__init__", functools.partialmethod(tqdm.tqdm.__init__, mininterval=0, miniters=1))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    ran = resonet("transcribe", tone("a.wav", seconds=1.0), tone("b.wav", seconds=3.0))
    assert ran.code == 0 and ran.out.endswith("b.wav\tb\n")
    for shown in ("| 0 of 4 s", "| 1 of 4 s", "| 2 of 4 s", "| 4 of 4 s", "2 of 2 recordings"):
        assert shown in ran.err, shown
    assert "of 4 s" not in resonet("transcribe", "--quiet", tone("a.wav")).err


def test_ctrl_c_keeps_what_was_finished(resonet, tone, monkeypatch, tmp_path) -> None:
    def interrupted(self, paths, progress):
        yield paths[0], self.transcribe(paths[0])
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["resonet.runtime"].Recognizer, "transcribe_many", interrupted)
    ran = resonet("transcribe", tone("a.wav"), tone("b.wav"))
    assert (ran.code, ran.err.strip()) == (130, "") and ran.out.endswith("a.wav\ta\n")
    assert resonet("transcribe", tone("a.wav"), tone("b.wav"), "-o", tmp_path / "out").code == 130
    assert names_of(tmp_path / "out") == ["a.txt"]
