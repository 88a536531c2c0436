"""Every layout is recognized for what it is and read whole; what is broken is named with file and row."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_corpora import jsonl

from resonet.data import corpora
from resonet.data.utterance import Utterance
from resonet.errors import DataError


def rows(source: Path) -> list[tuple[str, str, str]]:
    return sorted((u.id, u.speaker, u.text) for u in corpora.read(source)[1])


def test_librispeech(tmp_path: Path, write) -> None:
    write(tmp_path / "19" / "198" / "19-198-0000.flac")
    write(tmp_path / "19" / "198" / "19-198-0001.flac")
    (tmp_path / "19" / "198" / "19-198.trans.txt").write_text("19-198-0000 NORTHANGER ABBEY\n19-198-0001 NO ONE\n")
    assert corpora.read(tmp_path)[0] == "librispeech"
    assert rows(tmp_path) == [("19-198-0000", "19", "NORTHANGER ABBEY"), ("19-198-0001", "19", "NO ONE")]
    assert all(u.audio.is_file() for u in corpora.read(tmp_path)[1])


def test_librispeech_split_folders(tmp_path: Path, write) -> None:
    for split in ("train-clean-100", "dev-clean", "test-other"):
        write(tmp_path / split / "19" / "198" / "19-198-0000.flac")
        (tmp_path / split / "19" / "198" / "19-198.trans.txt").write_text("19-198-0000 A WORD\n")
    layout, found = corpora.read(tmp_path)
    assert layout == "split_folders"
    assert [u.split for u in found] == ["dev", "test", "train"]


def test_librispeech_row_without_text(tmp_path: Path, write) -> None:
    write(tmp_path / "19" / "198" / "19-198-0000.flac")
    (tmp_path / "19" / "198" / "19-198.trans.txt").write_text("19-198-0000\n")
    with pytest.raises(DataError, match=r"19-198.trans.txt: line 1"):
        corpora.read(tmp_path)


def kaldi(folder: Path, write) -> Path:
    write(folder / "wav" / "r1.wav", 3.0)
    (folder / "wav.scp").write_text("r1 wav/r1.wav\n")
    (folder / "segments").write_text("u1 r1 0.0 1.0\nu2 r1 1.0 -1\n")
    (folder / "text").write_text("u1 HELLO WORLD\nu2 AGAIN\n")
    (folder / "utt2spk").write_text("u1 s1\nu2 u2\n")
    return folder


def test_kaldi(tmp_path: Path, write) -> None:
    layout, found = corpora.read(kaldi(tmp_path, write))
    assert layout == "kaldi"
    assert [(u.id, u.speaker, u.text, u.start, u.end) for u in found] == [
        ("u1", "s1", "HELLO WORLD", 0.0, 1.0),
        ("u2", "", "AGAIN", 1.0, None),
    ]


def test_kaldi_paths_are_relative_to_the_recipe(tmp_path: Path, write) -> None:
    folder = kaldi(tmp_path / "data" / "all", write)
    (folder / "wav.scp").write_text("r1 data/all/wav/r1.wav\n")
    assert all(u.audio.is_file() for u in corpora.read(folder)[1])


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("wav.scp", "r1 flac -c -d -s a.flac |\n", r"wav.scp: line 1 is a command .*not run"),
        ("wav.scp", "r2 wav/r1.wav\n", r"text: line 1: the recording r1 is not in"),
        ("segments", "u1 r1 1.0 zero\nu2 r1 1 2\n", r"segments: line 1 is not an utterance"),
        ("segments", "u1 r1 2.0 1.0\nu2 r1 1 2\n", r"segments: line 1 ends at 1.0 s and starts at 2.0"),
        ("segments", "u1 r1 0.0 1.0\n", r"text: line 2: u2 is not in"),
    ],
)
def test_kaldi_faults(tmp_path: Path, write, file: str, content: str, said: str) -> None:
    (kaldi(tmp_path, write) / file).write_text(content)
    with pytest.raises(DataError, match=said):
        corpora.read(tmp_path)


@pytest.mark.parametrize("columns", [2, 3])
def test_ljspeech(tmp_path: Path, write, columns: int) -> None:
    write(tmp_path / "wavs" / "LJ001-0001.wav")
    write(tmp_path / "wavs" / "LJ001-0002.wav")
    lines = {
        2: "LJ001-0001|Printed in 1450.\nLJ001-0002|And so on.\n",
        3: "LJ001-0001|Printed in 1450.|Printed in fourteen fifty.\nLJ001-0002|And so on.|\n",
    }[columns]
    (tmp_path / "metadata.csv").write_text(lines)
    first = "Printed in 1450." if columns == 2 else "Printed in fourteen fifty."
    assert corpora.read(tmp_path)[0] == "ljspeech"
    assert rows(tmp_path) == [("LJ001-0001", "reader", first), ("LJ001-0002", "reader", "And so on.")]


def test_ljspeech_lists_of_ids_are_its_split(tmp_path: Path, write) -> None:
    for name in "abc":
        write(tmp_path / "wavs" / f"{name}.wav")
    (tmp_path / "metadata.csv").write_text("a|one two\nb|three\nc|four\n")
    (tmp_path / "dev.txt").write_text("b\n")
    (tmp_path / "test.txt").write_text("c\n")
    assert [u.split for u in corpora.read(tmp_path)[1]] == ["train", "dev", "test"]


def test_ljspeech_with_speakers_in_the_middle(tmp_path: Path, write) -> None:
    for name in "abcd":
        write(tmp_path / "wavs" / f"{name}.wav")
    (tmp_path / "metadata.csv").write_text("a|mary|one two\nb|mary|two three\nc|john|three four\nd|john|four five\n")
    assert [u.speaker for u in corpora.read(tmp_path)[1]] == ["mary", "mary", "john", "john"]


def test_ljspeech_broken_row(tmp_path: Path, write) -> None:
    write(tmp_path / "wavs" / "a.wav")
    (tmp_path / "metadata.csv").write_text("a|one two\nb\n")
    with pytest.raises(DataError, match=r"metadata.csv: line 2"):
        corpora.read(tmp_path)


def test_common_voice(tmp_path: Path, write) -> None:
    header = "client_id\tpath\tsentence\tup_votes\tgender\tlocale\n"
    for name in ("train", "dev", "test"):
        write(tmp_path / "clips" / f"cv_{name}.flac")
        (tmp_path / f"{name}.tsv").write_text(header + f'c{name}\tcv_{name}.flac\t"Quoted, he said.\t2\tfemale\ten\n')
    (tmp_path / "invalidated.tsv").write_text(header + "x\tnot-there.mp3\tbad\t0\t\ten\n")
    layout, found = corpora.read(tmp_path)
    assert layout == "common_voice"
    assert [(u.split, u.speaker, u.text, u.language) for u in found] == [
        (name, f"c{name}", '"Quoted, he said.', "en") for name in ("train", "dev", "test")
    ]
    assert found[0].columns == {"up_votes": "2", "gender": "female"}


def test_common_voice_validated_alone_has_no_split(tmp_path: Path, write) -> None:
    write(tmp_path / "clips" / "a.flac")
    (tmp_path / "validated.tsv").write_text("client_id\tpath\tsentence\nx\ta.flac\tHello.\n")
    ((u),) = corpora.read(tmp_path)[1]
    assert (u.split, u.audio) == (None, tmp_path / "clips" / "a.flac")


@pytest.mark.parametrize("suffix", [".txt", ".lab", ".normalized.txt"])
def test_text_beside_each_recording(tmp_path: Path, write, suffix: str) -> None:
    for speaker in ("mary", "john"):
        recording = write(tmp_path / speaker / "one.wav")
        recording.with_suffix(suffix).write_text(f"{speaker} speaks\n")
    write(tmp_path / "john" / "two.wav")
    layout, found = corpora.read(tmp_path)
    assert layout == "beside"
    assert [(u.id, u.speaker, u.text, bool(u.fault)) for u in found] == [
        ("john/one", "john", "john speaks", False),
        ("john/two", "john", "", True),
        ("mary/one", "mary", "mary speaks", False),
    ]


def test_hidden_files_are_no_recordings_and_links_are_followed(tmp_path: Path, write) -> None:
    """As `resonet transcribe FOLDER` does it: what a Mac leaves beside each file is not read."""
    for name in ("mary/one.wav", "mary/._one.wav", ".trash/two.wav", "../elsewhere/three.wav"):
        write(tmp_path / "corpus" / name).with_suffix(".txt").write_text("a text\n")
    (tmp_path / "corpus" / "john").symlink_to(tmp_path / "elsewhere")
    assert [u.id for u in corpora.read(tmp_path / "corpus")[1]] == ["john/three", "mary/one"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("transcripts.tsv", "path\tspeaker\tseconds\ttext\na.wav\ts\t0.5\tHello, you\n"),
        ("list.csv", 'file,transcript,client_id\na.wav,"Hello, you",s\n'),
        ("list.csv", 'file;sentence;speaker_id\na.wav;"Hello, you";s\n'),
        ("manifest.jsonl", '{"audio": "a.wav", "text": "Hello, you", "speaker": "s"}\n'),
        ("manifest.json", '[{"audio": "a.wav", "text": "Hello, you", "speaker": "s"}]'),
        ("metadata.csv", 'file_name,transcription,speaker\na.wav,"Hello, you",s\n'),
        ("metadata.csv", "audio_file|text|speaker\na.wav|Hello, you|s\n"),
        ("metadata.csv", "\ufeffaudio|transcript|speaker\na.wav|Hello, you|s\n"),
    ],
)
def test_manifests(tmp_path: Path, write, name: str, content: str) -> None:
    write(tmp_path / "a.wav")
    (tmp_path / name).write_text(content)
    for source in (tmp_path, tmp_path / name):
        layout, found = corpora.read(source)
        assert (layout, [(u.audio, u.speaker, u.text) for u in found]) == (
            "manifest",
            [(tmp_path / "a.wav", "s", "Hello, you")],
        )


def test_nemo_manifest_with_offsets(tmp_path: Path, write) -> None:
    write(tmp_path / "long.wav", 3.0)
    jsonl(
        tmp_path / "train_manifest.json",
        [
            {"audio_filepath": str(tmp_path / "long.wav"), "offset": 0.5, "duration": 1.0, "text": "one"},
            {"audio_filepath": "long.wav", "duration": 3.0, "text": "a line\u2028in a line"},
        ],
    )
    found = corpora.read(tmp_path)[1]
    assert [(u.start, u.end, u.split) for u in found] == [(0.5, 1.5, "train"), (0.0, None, "train")]
    assert found[0].audio == found[1].audio
    assert found[0].id != found[1].id


def test_manifest_columns_and_split(tmp_path: Path, write) -> None:
    write(tmp_path / "a.wav", 2.0)
    write(tmp_path / "b.wav")
    (tmp_path / "index.tsv").write_text(
        "path\ttext\tspeaker\tsplit\tstart\tend\tlang\tsubset\n"
        "a.wav\tone\ts\tvalid\t0.5\t1.5\tde\ttrain-clean\n"
        "b.wav\ttwo\t-\ttrain\t\t\t\t\n"
    )
    (tmp_path / "speakers.tsv").write_text("speaker\tgender\ns\tfemale\n")
    first, second = corpora.read(tmp_path)[1]
    assert (first.split, first.start, first.end, first.language) == ("dev", 0.5, 1.5, "de")
    assert first.columns == {"gender": "female", "subset": "train-clean"}
    assert (second.speaker, second.split, second.end, dict(second.columns)) == ("", "train", None, {})


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.tsv", "path\ttext\na.wav\tone\ttwo\n", r"a.tsv: line 2 has 3 columns where the header has 2"),
        ("a.tsv", "path\ttext\n\tone\n", r"a.tsv: line 2 names no recording"),
        ("a.tsv", "path\ttext\tstart\na.wav\tone\tsoon\n", r"a.tsv: line 2: start is 'soon'"),
        ("a.tsv", "path\ttext\tstart\tend\na.wav\tone\t2\t1\n", r"a.tsv: line 2 has an end before its start"),
        ("transcripts.tsv", "path\tspeaker\na.wav\tx\n", r"has no column for the text among: path, speaker"),
        ("transcripts.tsv", "wave\ttext\na.wav\tx\n", r"has no column for the recording among: wave, text"),
        ("a.jsonl", '{"path": "a.wav", "text": "one"}\n{"path": \n', r"a.jsonl: line 2 is not JSON"),
        ("a.jsonl", '{"path": "a.wav", "text": "one"}\n[1]\n', r"a.jsonl: line 2 is not a JSON object"),
        ("a.jsonl", '{"path": "a.wav", "text": "one"}\n{"path": "b.wav"}\n', r"a.jsonl: line 2 has no text"),
    ],
)
def test_broken_rows_are_named(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=said):
        corpora.read(tmp_path)


def test_table_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes(b"path\ttext\na.wav\tcaf\xe9\n")
    with pytest.raises(DataError, match=r"a.tsv: line 2 is not UTF-8"):
        corpora.read(tmp_path)


def lhotse_rows(folder: Path, write) -> tuple[dict, dict]:
    audio = write(folder / "r.wav", 3.0)
    recording = {
        "id": "r",
        "sources": [{"type": "file", "channels": [0], "source": str(audio)}],
        "sampling_rate": 16000,
        "num_samples": 48000,
        "duration": 3.0,
    }
    supervision = {"id": "s", "recording_id": "r", "start": 0.5, "duration": 1.0, "text": "hi", "speaker": "p"}
    return recording, supervision


def test_lhotse_recordings_and_supervisions(tmp_path: Path, write) -> None:
    recording, supervision = lhotse_rows(tmp_path, write)
    for kind, row in (("recordings", recording), ("supervisions", supervision)):
        with gzip.open(tmp_path / f"mini_{kind}_dev-clean.jsonl.gz", "wt") as file:
            file.write(json.dumps(row) + "\n")
    layout, (u,) = corpora.read(tmp_path)
    assert layout == "lhotse_manifests"
    assert (u.id, u.speaker, u.text, u.start, u.end, u.split) == ("s", "p", "hi", 0.5, 1.5, "dev")


def test_lhotse_cuts(tmp_path: Path, write) -> None:
    recording, supervision = lhotse_rows(tmp_path, write)
    cut = {"id": "c", "start": 1.0, "duration": 2.0, "channel": 0, "recording": recording, "type": "MonoCut"}
    jsonl(tmp_path / "train.cuts.jsonl", [{**cut, "supervisions": [supervision]}])
    ((u),) = corpora.read(tmp_path)[1]
    assert (u.start, u.end, u.split) == (1.5, 2.5, "train")
    jsonl(tmp_path / "train.cuts.jsonl", [{"id": "m", "type": "MixedCut", "supervisions": [], "duration": 1.0}])
    with pytest.raises(DataError, match=r"line 1 is a MixedCut"):
        corpora.read(tmp_path)


def test_lhotse_writes_what_is_read(tmp_path: Path, write) -> None:
    lhotse = pytest.importorskip("lhotse")
    recording = lhotse.Recording.from_file(write(tmp_path / "r.wav", 2.0))
    said = lhotse.SupervisionSegment("s", "r", 0, 2.0, text="hi", speaker="p", language="en")
    cut = lhotse.MonoCut("c", 0, 2.0, 0, supervisions=[said], recording=recording)
    lhotse.CutSet.from_cuts([cut]).to_file(tmp_path / "some_cuts.jsonl.gz")
    ((u),) = corpora.read(tmp_path)[1]
    assert (u.id, u.text, u.audio, u.end) == ("c", "hi", tmp_path / "r.wav", 2.0)


def test_an_unknown_layout_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is empty.*looked for: .*LibriSpeech.*Kaldi|is empty.*Kaldi.*LibriSpeech"):
        corpora.read(tmp_path)
    (tmp_path / "notes.md").write_text("nothing here")
    with pytest.raises(DataError, match="is in no layout that is known"):
        corpora.read(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        corpora.read(tmp_path / "gone")


def test_every_layout_says_what_it_looks_for() -> None:
    for layout in corpora.layouts():
        assert layout.LOOKS_FOR
        assert layout.__doc__


def test_a_damaged_compressed_table(tmp_path: Path) -> None:
    whole = gzip.compress(b"path\ttext\n" + b"".join(b"%d.wav\tnumber %d\n" % (i, i * 7919) for i in range(500)))
    table = tmp_path / "transcripts.tsv.gz"
    for damaged in (whole[:-20], whole[:300] + bytes(byte ^ 0x55 for byte in whole[300:320]) + whole[320:], whole[:5]):
        table.write_bytes(damaged)
        with pytest.raises(DataError, match=r"transcripts.tsv.gz"):
            corpora.read(tmp_path)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "a#2", "a#3", "b", "a#2#2"]), max_size=12))
def test_ids_become_unique_and_keep_their_order(names: list[str]) -> None:
    found = [Utterance(name, Path("a.wav"), str(place)) for place, name in enumerate(names)]
    unique = corpora._with_unique_ids(found)
    assert [u.text for u in unique] == [u.text for u in found]
    assert len({u.id for u in unique}) == len(found)
    assert all(new.id.startswith(old.id) for new, old in zip(unique, found, strict=True))
