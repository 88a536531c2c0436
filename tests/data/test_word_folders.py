"""Folders of words: what counts as one, who speaks, and what is told of folders that hold none."""

from __future__ import annotations

from pathlib import Path

import pytest

from resonet.data import corpora
from resonet.data.corpora import word_folders
from resonet.data.prepare import prepare
from resonet.errors import DataError


def words(folder: Path, write, files: dict[str, list[str]]) -> Path:
    """Folders of the words, each with recordings of these names (without suffix)."""
    for word, stems in files.items():
        (folder / word).mkdir(parents=True, exist_ok=True)
        for stem in stems:
            write(folder / word / f"{stem}.wav", 0.2)
    return folder


def test_speech_commands_as_it_comes(tmp_path: Path, write) -> None:
    source = words(
        tmp_path / "sc",
        write,
        {
            "yes": ["0a7c2a8d_nohash_0", "0b09edd3_nohash_0", "0b09edd3_nohash_1"],
            "no": ["0a7c2a8d_nohash_0", "c_d_nohash_2"],
            "_background_noise_": ["running_tap"],
        },
    )
    (source / "testing_list.txt").write_text("no/c_d_nohash_2.wav\n")
    (source / "validation_list.txt").write_text("yes/0b09edd3_nohash_0.wav\nyes/0b09edd3_nohash_1.wav\n")
    layout, found = corpora.read(source)
    assert layout == "word_folders"
    assert {(u.id, u.text, u.speaker, u.split) for u in found} == {
        ("_background_noise_/running_tap", "silence", "", "train"),
        ("no/0a7c2a8d_nohash_0", "no", "0a7c2a8d", "train"),
        ("no/c_d_nohash_2", "no", "c_d", "test"),
        ("yes/0a7c2a8d_nohash_0", "yes", "0a7c2a8d", "train"),
        ("yes/0b09edd3_nohash_0", "yes", "0b09edd3", "dev"),
        ("yes/0b09edd3_nohash_1", "yes", "0b09edd3", "dev"),
    }


def test_the_made_classes_of_the_official_test_set(tmp_path: Path, write) -> None:
    source = words(tmp_path, write, {"on": ["1"], "off": ["1"], "_silence_": ["1"], "_unknown_": ["1"]})
    assert [u.text for u in corpora.read(source)[1]] == ["silence", "unknown", "off", "on"]
    assert {u.split for u in corpora.read(source)[1]} == {None}


def test_silence_says_nothing_of_speakers(tmp_path: Path, write) -> None:
    source = words(tmp_path, write, {"on": ["anna_1", "bo_1"], "off": ["anna_1"], "silence": ["1", "2", "3"]})
    assert [(u.text, u.speaker) for u in corpora.read(source)[1]] == [
        ("off", "anna"),
        ("on", "anna"),
        ("on", "bo"),
        ("silence", ""),
        ("silence", ""),
        ("silence", ""),
    ]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        # speaker, take
        ({"ja": ["anna_1", "anna_2", "bo_1"], "nein": ["anna_1", "bo_1"]}, {"anna", "bo"}),
        ({"ja": ["anna", "bo"], "nein": ["anna", "bo"]}, {"anna", "bo"}),
        ({"ja": ["anna1", "anna2", "bo1"], "nein": ["anna1", "bo1"]}, {"anna", "bo"}),
        # the digit in front, as FSDD has it, and words of two parts
        ({"0": ["0_george_1", "0_theo_1"], "1": ["1_george_1", "1_theo_2"]}, {"george", "theo"}),
        ({"lights-on": ["lights_on_anna_1", "bo_lights_on_1"], "off": ["anna_off", "bo_off"]}, {"anna", "bo"}),
        # hexadecimal names, one of them without a letter
        (
            {w: [f"{s}_{i}" for s in ("0c40e715", "27350960", "7b0a12cd") for i in (0, 1)] for w in ("up", "down")},
            {"0c40e715", "27350960", "7b0a12cd"},
        ),
        ({"up": ["speaker1-take1", "speaker2-take1"], "down": ["speaker1-take1"]}, {"speaker1", "speaker2"}),
        ({"up": ["take3_Spk_07"], "down": ["Spk_07"]}, {"Spk_07"}),
        # nothing safe: numbers, letters, takes, names with one word only, one name for all
        ({"up": ["001", "002"], "down": ["001", "002"]}, {""}),
        ({"up": ["a", "b"], "down": ["a", "b"]}, {""}),
        ({"up": ["take1", "take2"], "down": ["take1", "take2"]}, {""}),
        ({"up": ["kitchen1", "kitchen2"], "down": ["kitchen1", "kitchen2"]}, {""}),
        ({"up": ["common_voice_en_17730"], "down": ["common_voice_en_20011"]}, {""}),
        ({"up": ["anna_1"], "down": ["bo_1"]}, {""}),
        ({"up": ["v1_1", "v1_2"], "down": ["v2_1", "v2_2"]}, {""}),
        ({"up": ["rec_1", "rec_2"], "down": ["rec_1", "clip_2"]}, {""}),
    ],
)
def test_who_speaks(files: dict[str, list[str]], found: set[str]) -> None:
    said = word_folders.speakers(files)
    assert {said.get((word, stem), "") for word, stems in files.items() for stem in stems} == found


def test_what_is_no_such_folder(tmp_path: Path, write) -> None:
    one = words(tmp_path / "one", write, {"yes": ["a"], "empty": [], "_silence_": ["a"]})
    speakers = words(tmp_path / "speakers", write, {"p225": ["a"], "p226": ["a"], "extra": ["b"]})
    for folder in (one, speakers, tmp_path / "missing"):
        assert not word_folders.reads(folder)
    with pytest.raises(DataError, match=r"is in no layout that is known .*a folder a word"):
        corpora.read(one)
    # Texts beside the recordings mean sentences.
    spoken = words(tmp_path / "spoken", write, {"anna": ["a"], "bo": ["a"]})
    (spoken / "anna" / "a.txt").write_text("a sentence")
    assert corpora.read(spoken)[0] == "beside"


def test_folders_without_recordings_are_named(tmp_path: Path, write) -> None:
    source = words(tmp_path / "w", write, {"yes": ["a", "b"], "no": ["a"], "empty": [], "text": [], "deep": []})
    (source / "text" / "notes.txt").write_text("not a sound")
    write(source / "deep" / "anna" / "1.wav")
    (source / ".git").mkdir()
    (source / "yes" / "._a.wav").write_text("left by a Mac")
    (source / "no" / "b.wav").write_text("no sound")
    skipped = {Path(s.where).name: s.reason for s in prepare(source, tmp_path / "out").skipped}
    assert "b.wav" in skipped.pop("b.wav")
    assert skipped == {
        "empty": "is empty",
        "text": "holds no recording, but notes.txt",
        "deep": "has recordings only in folders inside it, such as anna: put them directly into it",
    }


def test_split_folders_of_words(tmp_path: Path, write) -> None:
    for split in ("train", "test"):
        words(tmp_path / split, write, {"yes": ["a"], "no": ["a"]})
    layout, found = corpora.read(tmp_path)
    assert layout == "split_folders"
    assert [(u.split, u.text) for u in found] == [("test", "no"), ("test", "yes"), ("train", "no"), ("train", "yes")]
