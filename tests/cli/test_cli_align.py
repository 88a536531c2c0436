"""`resonet align`: texts given in all ways, results in all forms, and what is said where they do not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonet.cli.align import _apart
from resonet.text import ctm, textgrid

WORDS = {"boat": "B OW T", "keys": "K IY S", "see": "S IY", "knock": "N AA K"}


@pytest.fixture
def talk(small: Any, clip: Callable[..., Path]) -> Callable[..., Path]:
    """Writes a recording of words with pauses between them, and the text beside it if there is one."""

    def make(name: str, *words: str, text: str | None = None) -> Path:
        parts = [part for word in words for part in (small.said(*WORDS[word].split()), small.quiet(0.3))]
        path = clip(name, small.quiet(0.3), *parts)
        if text is not None:
            path.with_suffix(".txt").write_text(text, encoding="utf-8")
        return path

    return make


def words(grid: str) -> list[str]:
    return [i.text for i in textgrid.parse(grid.encode()).tier("words").intervals if i.text]


def test_the_text_on_the_command_line(spotting, talk) -> None:
    ran = spotting("align", talk("a.wav", "boat", "keys"), "BOAT, Keys!")
    assert (ran.code, ran.err) == (0, "")
    assert words(ran.out) == ["BOAT,", "Keys!"]
    assert [tier.name for tier in textgrid.parse(ran.out.encode()).tiers] == ["words", "phones"]


def test_the_text_in_a_file(spotting, talk, tmp_path) -> None:
    recording, text = talk("a.wav", "boat", "keys"), tmp_path / "what was said"
    for content in (b"boat\r\nkeys\n", "\ufeffboat keys".encode(), "boat keys".encode("utf-16")):
        text.write_bytes(content)
        assert words(spotting("align", recording, text).out) == ["boat", "keys"]
    grid = textgrid.TextGrid(
        0, 2, (textgrid.Tier("words", (textgrid.Interval(0.5, 1, "boat"), textgrid.Interval(1, 2, "keys"))),)
    )
    text.write_bytes(textgrid.render(grid).encode("utf-16"))
    assert words(spotting("align", recording, text).out) == ["boat", "keys"]
    text.write_bytes(b"boat \xff")
    ran = spotting("align", recording, text)
    assert ran.code == 1 and ran.err.startswith(f"resonet: {text} is not UTF-8 text: byte 6")


def test_the_text_from_standard_input(spotting, talk, stdin) -> None:
    stdin(b"boat keys")
    assert words(spotting("align", talk("a.wav", "boat", "keys"), "-").out) == ["boat", "keys"]
    stdin(talk("b.wav", "see").read_bytes())
    ran = spotting("align", "-", "see", "--json")
    assert json.loads(ran.out)["file"] == "-" and ran.code == 0
    stdin(b"no sound")
    ran = spotting("align", "-", "see")
    assert ran.code == 1 and "standard input" in ran.err and "/tmp" not in ran.err
    assert spotting("align", "-", "-").code == 2


def test_texts_beside_recordings(spotting, talk, tmp_path) -> None:
    talk("set/a.wav", "boat", text="boat")
    talk("set/more/b.flac", "keys", "see", text="keys see")
    bare = talk("set/c.wav", "see")
    ran = spotting("align", tmp_path / "set", "-o", tmp_path / "out")
    assert ran.code == 1 and ran.out == ""
    assert ran.err == f"resonet: {bare} has no text beside it (write c.txt, or name its text)\n"
    names = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*"))
    assert names == ["a.TextGrid", "more/b.TextGrid"]
    assert words((tmp_path / "out" / "more" / "b.TextGrid").read_text()) == ["keys", "see"]
    ran = spotting("align", tmp_path / "set" / "a.wav", tmp_path / "set" / "more" / "b.flac", "--json")
    assert [[word["word"] for word in json.loads(line)["words"]] for line in ran.out.splitlines()] == [
        ["boat"],
        ["keys", "see"],
    ]
    # Of one recording alone, too.
    assert words(spotting("align", tmp_path / "set" / "a.wav").out) == ["boat"]


def test_ctm_of_several(spotting, talk) -> None:
    a, b = talk("a.wav", "boat", text="boat"), talk("b.wav", "see", "keys", text="see keys")
    lines = ctm.parse(spotting("align", a, b, "--format", "ctm").out)
    assert [(line.recording, line.word) for line in lines] == [(str(a), "boat"), (str(b), "see"), (str(b), "keys")]
    assert all(line.duration > 0.1 and line.confidence > 0.9 for line in lines)


def test_a_place_that_does_not_fit_is_one_warning(spotting, talk) -> None:
    said = ["boat", "keys", "see", "knock", "boat", "see", "keys", "knock"]
    text = " ".join([*said[:4], *["knock", "boat", "knock", "see", "boat"], *said[4:]])
    recording = talk("a.wav", *said)
    ran = spotting("align", recording, text, "--json")
    assert ran.code == 0 and len(json.loads(ran.out)["words"]) == 13
    assert ran.err.count("\n") == 1 and ran.err.startswith(f"resonet: {recording}: ")
    assert " s '" in ran.err and ran.err.endswith("is missing in the recording\n")
    quiet = talk("b.wav")
    ran = spotting("align", quiet, "boat keys")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"resonet: {quiet}: the text does not fit the recording: none of its words was heard")


def test_a_bad_recording_is_one_sentence(spotting, tmp_path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    ran = spotting("align", bad, "boat")
    assert ran.code == 1 and ran.err.count("\n") == 1 and ran.err.count("bad.wav") == 1


def test_usage(spotting, talk, tmp_path) -> None:
    a, b = talk("a.wav", "boat", text="boat"), talk("b.wav", "see", text="see")
    for arguments in (
        [],
        [a, b],
        [a, tmp_path / "gone.txt"],
        [a, "--json", "--format", "ctm"],
        [a, "--format", "srt"],
        [a, "--output", a],
        [a, "--output", a.with_suffix(".txt")],
        [a, a.with_suffix(".txt"), "--output", a.with_suffix(".txt")],
        [a, "-", "--rate", 16000],
        [a, "b\udcff", "--json"],
    ):
        ran = spotting("align", *arguments)
        assert (ran.code, ran.out) == (2, ""), (arguments, ran.err)
    assert a.with_suffix(".txt").read_text() == "boat"
    ran = spotting("align", a, "")
    assert ran.code == 1 and ran.err == f"resonet: {a}: the text is empty (give the words that are said)\n"
    assert spotting("align", a, "boat", "--bundle", "no-such-bundle").code == 3


def test_what_is_a_text(tmp_path) -> None:
    assert _apart(("a.wav", "b.wav")) == (("a.wav", "b.wav"), None)
    assert _apart(("a.wav", "he opened b.wav")) == (("a.wav",), "he opened b.wav")
    assert _apart(("a.wav", str(tmp_path))) == (("a.wav", str(tmp_path)), None)
    assert _apart((str(tmp_path), "hello")) == ((str(tmp_path), "hello"), None)
    assert _apart(("a.wav", "word " * 10_000))[1] is not None
    assert _apart(("a.wav", "b", "c")) == (("a.wav", "b", "c"), None)


def test_raw_pcm(spotting, small, stdin) -> None:
    sound = np.concatenate([small.quiet(0.3), small.said("S", "IY"), small.quiet(0.3)])
    stdin((sound * 32767).astype("<i2").tobytes())
    ran = spotting("align", "-", "see", "--rate", 16000, "--json")
    assert json.loads(ran.out)["words"][0]["start"] == pytest.approx(0.3, abs=0.08)
