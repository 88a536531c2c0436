"""`resonet classify`: a line a clip, and what happens to bad ones."""

from __future__ import annotations

import json

import numpy as np


def test_one_clip_is_its_label_and_score(spotting, clip, small) -> None:
    ran = spotting("classify", clip("a.wav", small.tone(500, 1.0)))
    assert (ran.code, ran.out, ran.err) == (0, "low\t1.00\n", "")


def test_several_clips_and_folders_carry_their_files_in_order(spotting, clip, small, monkeypatch, tmp_path) -> None:
    clip("set/b.wav", small.tone(1500, 0.6))
    clip("set/a.flac", small.tone(900, 0.6))
    clip("c.wav", small.tone(500, 0.6))
    monkeypatch.chdir(tmp_path)
    rows = [line.split("\t") for line in spotting("classify", "c.wav", "set").out.splitlines()]
    assert [row[:2] for row in rows] == [["c.wav", "low"], ["set/a.flac", "unknown"], ["set/b.wav", "high"]]
    assert all(0.9 < float(row[2]) <= 1 for row in rows)
    assert spotting("classify", "set", "--format", "tsv").out.splitlines()[0] == "file\tlabel\tscore"


def test_json_is_an_object_a_line(spotting, clip, small) -> None:
    path = clip("grüße.wav", small.tone(500, 1.0))
    for flags in (["--json"], ["--format", "json"]):
        (line,) = spotting("classify", path, *flags).out.splitlines()
        found = json.loads(line)
        assert set(found) == {"file", "label", "score"} and found["file"] == str(path) and found["label"] == "low"
        assert "grüße" in line


def test_nothing_to_hear_is_silence(spotting, clip, small) -> None:
    for sound in (small.quiet(0.05), small.tone(500, 0.05), small.quiet(0), small.quiet(2.0)):
        ran = spotting("classify", clip("x.wav", sound), "--json")
        assert ran.code == 0 and json.loads(ran.out)["label"] == "silence" and json.loads(ran.out)["score"] == 1.0


def test_bad_clips_are_a_sentence_each_and_the_rest_go_on(spotting, clip, small, tmp_path) -> None:
    (tmp_path / "text.wav").write_text("this is no sound")
    (tmp_path / "empty").mkdir()
    good = clip("good.wav", small.tone(500, 1.0))
    ran = spotting("classify", tmp_path / "text.wav", good, tmp_path / "missing.wav", tmp_path / "empty", "--json")
    assert ran.code == 1
    assert [json.loads(line)["file"] for line in ran.out.splitlines()] == [str(good)]
    said = ran.err.splitlines()
    assert len(said) == 3 and all(line.startswith("resonet: ") for line in said)
    assert {name for name in ("text.wav", "missing.wav", "empty") if name in ran.err} == {
        "text.wav",
        "missing.wav",
        "empty",
    }
    assert spotting("classify", tmp_path / "empty").code == 1


def test_standard_input(spotting, clip, small, stdin) -> None:
    stdin(clip("x.flac", small.tone(1500, 0.8)).read_bytes())
    ran = spotting("classify", "-", "--json")
    assert (json.loads(ran.out)["file"], json.loads(ran.out)["label"]) == ("-", "high")
    rate = 8000
    tone = 0.3 * np.sin(2 * np.pi * 500 * np.arange(rate) / rate)
    stdin((tone * 32767).astype("<i2").tobytes())
    assert spotting("classify", "-", "--rate", rate).out.startswith("low\t")
    stdin(b"this is no sound")
    ran = spotting("classify", "-")
    assert ran.code == 1 and "standard input" in ran.err and "/tmp" not in ran.err


def test_output_files(spotting, clip, small, tmp_path) -> None:
    a, b = clip("a.wav", small.tone(500, 1.0)), clip("b.wav", small.tone(1500, 1.0))
    shown = spotting("classify", a, b, "--json").out
    assert spotting("classify", a, b, "--json", "-o", tmp_path / "all.json").out == ""
    assert (tmp_path / "all.json").read_text(encoding="utf-8") == shown
    assert spotting("classify", a, b, "-o", tmp_path / "out").code == 0
    assert (tmp_path / "out" / "a.txt").read_text() == "low\t1.00\n"


def test_usage_and_bundles(spotting, clip, small, tones, tmp_path) -> None:
    good = clip("a.wav", small.tone(500, 1.0))
    for arguments in ([], [good, "--json", "--format", "tsv"], [good, "--rate", 16000], [good, "--output", good]):
        assert spotting("classify", *arguments).code == 2, arguments
    ran = spotting("classify", good, "--bundle", tones.phones)
    assert ran.code == 3 and "a classifier bundle is needed" in ran.err
    assert spotting("classify", good, "--bundle", tmp_path / "no.resonet").code == 3


def test_a_damaged_words_file_is_no_hindrance(spotting, clip, small, tmp_path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "words.json").write_text("damaged")
    assert spotting("classify", clip("a.wav", small.tone(500, 1.0))).code == 0
