"""`resonet enroll`: words in and out of the user's file, and one sentence for each thing that cannot be."""

from __future__ import annotations

import json

import pytest

UP, DOWN = [0, 2, 4, 6, 7], [7, 6, 4, 2, 0]


@pytest.fixture
def example(clip, small):
    def make(name: str, notes: list[int] = UP):
        return clip(name, small.hiss(0.4), small.melody(notes), small.hiss(0.4))

    return make


def listed(spotting, *arguments: object) -> list[dict]:
    return [json.loads(line) for line in spotting("enroll", "--list", "--json", *arguments).out.splitlines()]


def test_by_examples_list_and_remove(spotting, example, tmp_path) -> None:
    clips = [example(f"{i}.wav") for i in range(3)]
    ran = spotting("enroll", "Lights  on", *clips)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Lights on\tby 3 examples of 0.") and ran.out.endswith("with tones\n")
    (entry,) = listed(spotting)
    assert entry["word"] == "Lights on" and entry["kind"] == "examples" and entry["bundle"] == "tones"
    assert entry["examples"] == ["0.wav", "1.wav", "2.wav"] and "embeddings" not in entry
    assert (tmp_path / "home" / "words.json").is_file()
    assert spotting("enroll", "--list").out == ran.out
    assert spotting("enroll", "--remove", "lights on").code == 0
    assert listed(spotting) == []
    ran = spotting("enroll", "--list")
    assert (ran.code, ran.out) == (0, "") and "no word is enrolled" in ran.err
    ran = spotting("enroll", "--remove", "lights on")
    assert ran.code == 1 and "'lights on' is not enrolled" in ran.err


def test_a_folder_of_examples(spotting, example) -> None:
    folder = example("set/a.wav").parent
    example("set/b.wav")
    assert spotting("enroll", "up", folder).code == 0
    assert listed(spotting)[0]["examples"] == ["a.wav", "b.wav"]


def test_by_spelling(spotting) -> None:
    ran = spotting("enroll", "--text", "see keys")
    assert (ran.code, ran.out) == (0, "see keys\tby spelling with phones: S IY K IY S\n")
    (entry,) = listed(spotting)
    assert (entry["kind"], entry["phones"]) == ("text", [["S", "IY", "K", "IY", "S"]])


def test_another_words_file(spotting, example, tmp_path) -> None:
    path = tmp_path / "mine.json"
    assert spotting("enroll", "up", example("a.wav"), "--words", path).code == 0
    assert listed(spotting) == [] and len(listed(spotting, "--words", path)) == 1


def test_a_word_that_is_enrolled_already(spotting, example) -> None:
    assert spotting("enroll", "up", example("a.wav")).code == 0
    for arguments in (["Up", example("b.wav")], ["--text", "UP"]):
        ran = spotting("enroll", *arguments)
        assert ran.code == 1 and ran.err.startswith("resonet: 'up' is enrolled already, by examples with tones")
        assert "--replace" in ran.err
    assert spotting("enroll", "Up", example("b.wav"), "--replace").code == 0
    assert [entry["word"] for entry in listed(spotting)] == ["Up"]


def test_bad_input_is_one_sentence_and_changes_nothing(spotting, example, clip, small, tones, tmp_path) -> None:
    (tmp_path / "text.wav").write_text("this is no sound")
    (tmp_path / "empty").mkdir()
    up = example("up.wav")
    silence = clip("silence.wav", small.quiet(1.0))
    for code, said, arguments in (
        (1, "text.wav is not a recording", ["x", tmp_path / "text.wav"]),
        (1, "missing.wav does not exist", ["x", tmp_path / "missing.wav"]),
        (1, "empty holds no recording", ["x", tmp_path / "empty"]),
        (1, "silence.wav holds no word: it is silent", ["x", up, silence]),
        (1, "do not sound alike", ["x", up, example("down.wav", DOWN)]),
        (1, "'low' is a word of tones already", ["low", up]),
        (2, "'x' has 6 examples", ["x", *[up] * 6]),
        (3, "bare has no embedder (embed.onnx)", ["x", up, "--bundle", tones.bare]),
        (3, "a classifier bundle is needed", ["x", up, "--bundle", tones.phones]),
        (1, "how 'xyzzy' is said is not known", ["--text", "see xyzzy"]),
        (1, "no name for a word", ["--text", "?!"]),
        (3, "a recognizer bundle is needed", ["--text", "see", "--bundle", tones.bundle]),
        (2, "no word given", []),
        (2, "WORD and --text do not go together", ["x", up, "--text", "see"]),
        (2, "no recording of 'x' given", ["x"]),
        (2, "--json goes with --list", ["x", up, "--json"]),
    ):
        ran = spotting("enroll", *arguments)
        assert (ran.code, ran.out) == (code, ""), (arguments, ran)
        assert said in ran.err and ran.err.startswith("resonet: ") and len(ran.err.splitlines()) <= 2, ran.err
    assert not (tmp_path / "home").exists()


def test_no_recognizer_is_installed(spotting, monkeypatch) -> None:
    monkeypatch.delenv("RESONET_BUNDLE_RECOGNIZER")
    ran = spotting("enroll", "--text", "see")
    assert ran.code == 3 and "no recognizer bundle is installed" in ran.err


def test_a_words_file_that_cannot_be_read(spotting, example, tmp_path) -> None:
    path = tmp_path / "words.json"
    for content, said in (("damaged", "is damaged"), ('{"format": 9}', "has format 9, this version reads 1")):
        path.write_text(content)
        for arguments in (["--list"], ["x", example("a.wav")], ["--remove", "x"]):
            ran = spotting("enroll", *arguments, "--words", path)
            assert ran.code == 1 and said in ran.err and len(ran.err.splitlines()) == 2
        assert path.read_text() == content
