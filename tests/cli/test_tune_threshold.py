"""`resonet tune-threshold`: thresholds, what they cost, and where they go."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def speech(clip, small):
    """A folder of 0.05 hours in which `low` comes three times and `high` never."""
    alarm = (small.hiss(2.0), small.tone(500, 0.4), small.hiss(2.0))
    clip("speech/a.wav", *alarm * 3)
    return clip("speech/b.flac", small.hiss(180.0 - 3 * 4.4)).parent


def found(ran) -> dict[str, dict]:
    return {entry["word"]: entry for entry in map(json.loads, ran.out.splitlines())}


def test_thresholds_are_found_and_kept(spotting, speech, clip, small, tmp_path) -> None:
    ran = spotting("tune-threshold", speech, "--false-alarms", 20, "--json")
    assert ran.code == 0
    assert ran.err == "2 words on 0.05 h of speech: 0.00 false alarms an hour in all\n"
    words = found(ran)
    assert words["low"] | {"threshold": 0} == {"word": "low", "threshold": 0, "false_alarms": 0, "hours": 0.05}
    assert words["low"]["threshold"] > 0.9 > 0.1 > words["high"]["threshold"]
    kept = json.loads((tmp_path / "home" / "words.json").read_text())
    assert kept["thresholds"] == {"tones": {word: words[word]["threshold"] for word in ("low", "high")}}
    assert spotting("spot", speech / "a.wav").out == ""
    assert spotting("spot", clip("x.wav", small.hiss(1), small.tone(1500, 0.2), small.hiss(1))).out != ""


def test_a_budget_that_allows_some(spotting, speech) -> None:
    words = found(spotting("tune-threshold", speech, "--false-alarms", 60, "--json", "--dry-run"))
    assert words["low"]["false_alarms"] == 3 and words["low"]["threshold"] < 0.9


def test_text_form_examples_and_dry_run(spotting, speech, clip, small, tmp_path) -> None:
    for i, seconds in enumerate((0.1, 0.6, 1.0)):
        clip(f"clips/low/{i}.wav", small.tone(500, seconds))
        clip(f"clips/High/{i}.wav", small.tone(1500, seconds))
    clip("clips/other/0.wav", small.tone(900, 0.5))
    ran = spotting("tune-threshold", speech, "--false-alarms", 60, "--examples", tmp_path / "clips", "--dry-run")
    assert ran.code == 0, ran.err
    low, high = ran.out.splitlines()
    assert low.startswith("low\t0.") and low.endswith("\t3 false alarms in 0.05 h, 0 of 3 examples missed")
    assert high.endswith("\t0 false alarms in 0.05 h, 0 of 3 examples missed")
    assert not (tmp_path / "home").exists()
    table = tmp_path / "clips.tsv"
    table.write_text(
        "path\tlabel\tword\nclips/low/0.wav\tlow\tx\nclips/low/1.wav\tlow\tx\nclips/low/1.wav\tunknown\tlow\n"
    )
    only = spotting("tune-threshold", speech, "--word", "low", "--examples", table, "--false-alarms", 0, "--json")
    assert only.code == 0, only.err
    assert list(found(only)) == ["low"] and found(only)["low"]["examples"] == 2


def test_a_table_of_speech_with_texts(spotting, speech, clip, small, tmp_path) -> None:
    """What the text says is in a recording is no false alarm there."""
    table = tmp_path / "speech.tsv"
    table.write_text("path\ttext\nspeech/a.wav\tTHE LOW LANDS\nspeech/b.flac\tslowly\n")
    words = found(spotting("tune-threshold", table, "--false-alarms", 0, "--json", "--dry-run"))
    assert words["low"]["false_alarms"] == 0 and words["low"]["threshold"] < 0.1
    assert words["low"]["hours"] < words["high"]["hours"] == 0.05


def test_enrolled_words_are_tuned_too(spotting, speech, clip, small, tmp_path) -> None:
    example = clip("up.wav", small.hiss(0.4), small.melody([0, 2, 4, 6, 7]), small.hiss(0.4))
    assert spotting("enroll", "up", example).code == 0
    assert spotting("enroll", "--text", "see keys").code == 0
    ran = spotting("tune-threshold", speech, "--json")
    assert list(found(ran)) == ["low", "high", "up", "see keys"]
    assert "0.5 an hour can only be shown on 2.0 h or more, so none was allowed" in ran.err
    entries = {e["word"]: e for e in map(json.loads, spotting("enroll", "--list", "--json").out.splitlines())}
    assert entries["up"]["threshold"] == found(ran)["up"]["threshold"]
    path = tmp_path / "mine.json"
    assert spotting("tune-threshold", speech, "--words", path).code == 0  # a new file
    assert set(json.loads(path.read_text())["thresholds"]["tones"]) == {"low", "high"}


def test_bad_input(spotting, speech, clip, small, tmp_path) -> None:
    (tmp_path / "bad.wav").write_text("this is no sound")
    (tmp_path / "empty").mkdir()
    ran = spotting("tune-threshold", speech, tmp_path / "bad.wav", tmp_path / "empty", "--json", "--dry-run")
    assert ran.code == 1 and len(found(ran)) == 2
    assert "bad.wav is not a recording" in ran.err and "empty holds no recording" in ran.err
    (tmp_path / "words.tsv").write_text("name\tsound\na\tb\n")
    for code, said, arguments in (
        (1, "no speech could be heard", [tmp_path / "empty"]),
        (1, "no speech could be heard", [tmp_path / "missing.wav"]),
        (2, "'medium' is no word of tones", [speech, "--word", "medium"]),
        (1, "none of the examples is of a word that is tuned", [speech, "--examples", speech.parent]),
        (1, "has no folders with recordings", [speech, "--examples", speech]),
        (1, "has no column path", [speech, "--examples", tmp_path / "words.tsv"]),
        (2, "Missing argument", []),
    ):
        ran = spotting("tune-threshold", *arguments, "--dry-run")
        assert (ran.code, ran.out) == (code, "") and said in ran.err, (arguments, ran)
