"""`prepare`: the cuts, the summary, splits of a source's own and automatic ones, faults."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from small_corpora import jsonl

from resonet.data import load
from resonet.data.prepare import prepare, read_data
from resonet.errors import DataError, ResonetError, UsageError


def ids(out: Path, split: str) -> set[str]:
    return {u.id for u in load.utterances(out, split)}


def test_lhotse_reads_what_is_written(tmp_path: Path, table_corpus, write) -> None:
    lhotse = pytest.importorskip("lhotse")
    from lhotse.qa import validate

    corpus = table_corpus({"a": 3, "b": 2, "c": 2})
    write(corpus / "stereo.wav", samples=np.zeros((8000, 2), np.float32) + 0.1)
    with (corpus / "transcripts.tsv").open("a") as table:
        table.write("stereo.wav\ta\t0.5\tin stereo\n")
    prepare(corpus, tmp_path / "out", as_="train")
    cuts = load.load(tmp_path / "out", "train")
    assert isinstance(cuts, lhotse.CutSet)
    assert len(cuts) == 8
    for cut in cuts:
        validate(cut)
        (said,) = cut.supervisions
        assert said.speaker.startswith("corpus/")
        assert said.language == "en"
        assert said.text
        assert cut.load_audio().shape == (2 if said.text == "in stereo" else 1, 8000)


def test_load_of_utterances_is_load_of_cuts(tmp_path: Path, table_corpus) -> None:
    pytest.importorskip("lhotse")
    prepare(table_corpus({"a": 3, "b": 2}), tmp_path / "out", as_="dev")
    for cut, u in zip(load.load(tmp_path / "out", "dev"), load.utterances(tmp_path / "out", "dev"), strict=True):
        said = cut.supervisions[0]
        assert (cut.id, said.text, said.speaker, cut.start, cut.duration) == (u.id, u.text, u.speaker, u.start, u.end)
        assert (u.split, u.language) == ("dev", "en")
        assert u.audio == Path(cut.recording.sources[0].source)


def test_automatic_split_keeps_all_and_separates_speakers(tmp_path: Path, table_corpus) -> None:
    prepared = prepare(table_corpus(dict.fromkeys("abcdef", 4)), tmp_path / "out")
    utterances = {name: load.utterances(tmp_path / "out", name) for name in ("train", "dev", "test")}
    assert sum(map(len, utterances.values())) == 24
    speakers = [{u.speaker for u in items} for items in utterances.values()]
    assert sum(map(len, speakers)) == len(set.union(*speakers)) == 6
    assert prepared.data["splits"]["train"]["sources"][0]["split"] == "automatic, by speaker"


def test_data_json(tmp_path: Path, table_corpus) -> None:
    corpus = table_corpus({"a": 3, "b": 2})
    (corpus / "README.md").write_text("Read by volunteers. Licence: CC BY 4.0.\n")
    data = prepare(corpus, tmp_path / "out", as_="train").data
    assert data == json.loads((tmp_path / "out" / "data.json").read_text())
    assert data["format"] == [1, 0]
    assert [(licence["set"], licence["spdx"]) for licence in data["licences"]] == [("corpus", "CC-BY-4.0")]
    train = data["splits"]["train"]
    assert (train["utterances"], train["speakers"], train["hours"]) == (5, 2, round(2.5 / 3600, 4))
    assert train["sources"][0]["layout"] == "manifest"


def test_the_hash_is_of_the_content_alone(tmp_path: Path, table_corpus) -> None:
    corpus = table_corpus({"a": 3, "b": 2})
    first = prepare(corpus, tmp_path / "one", as_="train").data["sha256"]
    moved = tmp_path / "elsewhere" / "corpus"
    shutil.copytree(corpus, moved)
    assert prepare(moved, tmp_path / "two", as_="train").data["sha256"] == first
    table = moved / "transcripts.tsv"
    table.write_text(table.read_text().replace("number 0", "number zero", 1))
    assert prepare(moved, tmp_path / "three", as_="train").data["sha256"] != first
    recording = corpus / "a" / "0.wav"
    recording.write_bytes(recording.read_bytes()[:-2] + b"\1\1")
    assert prepare(corpus, tmp_path / "four", as_="train").data["sha256"] != first


def test_twice_the_same_bytes(tmp_path: Path, table_corpus) -> None:
    corpus = table_corpus(dict.fromkeys("abcd", 3))
    prepare(corpus, tmp_path / "one", seed=3)
    prepare(corpus, tmp_path / "two", seed=3)
    for name in ("train", "dev", "test"):
        file = f"{name}.cuts.jsonl.gz"
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_split_folders_are_taken(tmp_path: Path, table_corpus) -> None:
    corpus = tmp_path / "whole"
    for split, speakers in {"train": {"a": 2, "b": 2}, "dev": {"c": 1}, "test": {"d": 1}}.items():
        shutil.move(table_corpus(speakers, "part"), corpus / split)
    prepare(corpus, tmp_path / "out")
    assert ids(tmp_path / "out", "dev") == {"whole/dev/c/0"}
    assert ids(tmp_path / "out", "test") == {"whole/test/d/0"}
    assert len(ids(tmp_path / "out", "train")) == 4
    # The same from the folders one by one, and the same names.
    prepare([corpus / name for name in ("train", "dev", "test")], tmp_path / "again")
    for split in ("train", "dev", "test"):
        assert ids(tmp_path / "again", split) == ids(tmp_path / "out", split)


def test_a_lone_train_folder_is_split(tmp_path: Path, table_corpus) -> None:
    corpus = tmp_path / "whole"
    shutil.move(table_corpus(dict.fromkeys("abcd", 2), "part"), corpus / "train")
    prepare(corpus / "train", tmp_path / "out")
    assert load.splits(tmp_path / "out") == ["train", "dev", "test"]


def test_dev_is_taken_from_train_where_a_source_has_only_a_test(tmp_path: Path, table_corpus) -> None:
    corpus = tmp_path / "whole"
    shutil.move(table_corpus(dict.fromkeys("abcd", 2), "part"), corpus / "train")
    shutil.move(table_corpus({"x": 2, "y": 2}, "part"), corpus / "test")
    data = prepare(corpus, tmp_path / "out").data
    assert {name: split["utterances"] for name, split in data["splits"].items()} == {"train": 6, "dev": 2, "test": 4}


def test_one_role_replaces_only_its_split(tmp_path: Path, table_corpus) -> None:
    out = tmp_path / "out"
    prepare([table_corpus({"a": 2}, "one"), table_corpus({"b": 2}, "two")], out, as_="train")
    prepare(table_corpus({"c": 2}, "three"), out, as_="dev")
    before = (out / "train.cuts.jsonl.gz").read_bytes()
    data = prepare(table_corpus({"d": 3}, "four"), out, as_="dev").data
    assert (out / "train.cuts.jsonl.gz").read_bytes() == before
    assert ids(out, "dev") == {f"four/d/{i}" for i in range(3)}
    assert [source["name"] for source in data["splits"]["train"]["sources"]] == ["one", "two"]
    # Without a role everything is written anew.
    prepare(table_corpus({"e": 1}, "five"), out)
    assert load.splits(out) == ["train"]


def test_speakers_of_two_corpora_are_two_people(tmp_path: Path, table_corpus) -> None:
    out = tmp_path / "out"
    prepare([table_corpus({"001": 2}, "one"), table_corpus({"001": 2}, "two")], out, as_="train")
    assert {u.speaker for u in load.utterances(out, "train")} == {"one/001", "two/001"}


def test_two_sources_of_one_name(tmp_path: Path, table_corpus) -> None:
    first = table_corpus({"a": 1}, "x/corpus")
    second = table_corpus({"a": 1}, "y/corpus")
    prepare([first, second], tmp_path / "out", as_="train")
    assert ids(tmp_path / "out", "train") == {"corpus/a/0", "corpus-2/a/0"}


def test_bad_recordings_are_left_out_and_named(tmp_path: Path, table_corpus, write) -> None:
    corpus = table_corpus({"a": 4})
    (corpus / "a" / "0.wav").write_text("this is no sound")
    (corpus / "a" / "1.wav").unlink()
    (corpus / "a" / "2.wav").write_bytes(b"")
    prepared = prepare(corpus, tmp_path / "out", as_="train")
    assert ids(tmp_path / "out", "train") == {"corpus/a/3"}
    assert [item.where.rsplit("/", 1)[1] for item in prepared.skipped] == [
        f"transcripts.tsv: line {n}" for n in (2, 3, 4)
    ]
    for item, name in zip(prepared.skipped, ("0.wav", "1.wav", "2.wav"), strict=True):
        assert name in item.reason
    assert len(prepared.data["skipped"]) == 3


def test_segments_beyond_the_recording(tmp_path: Path, write) -> None:
    write(tmp_path / "in" / "a.wav", 2.0)
    (tmp_path / "in" / "a.csv").write_text("path,text,start,end\na.wav,one,0,1\na.wav,two,1,2.1\na.wav,three,1,9\n")
    prepared = prepare(tmp_path / "in", tmp_path / "out", as_="train")
    first, second = load.utterances(tmp_path / "out", "train")
    assert (first.start, first.end, second.start, second.end) == (0, 1, 1, 2)
    (item,) = prepared.skipped
    assert "line 4" in item.where
    assert "is from 1.000 s to 9.000 s, but" in item.reason


def test_stretches_that_are_none(tmp_path: Path, write) -> None:
    recording = {"id": "r", "sources": [{"type": "file", "source": str(write(tmp_path / "in" / "a.wav", 2.0))}]}
    cut = {"id": "c", "start": 0.5, "duration": 1.0, "recording": recording, "type": "MonoCut"}
    said = {"start": 0.0, "duration": 1.0, "text": "one"}
    bad = [(0.5, float("nan")), (float("nan"), 1.0), (1.0, 0.0), (1.9, -1.0)]
    rows = [{**cut, "id": "good", "supervisions": [{**said, "id": "good"}]}]
    rows += [
        {**cut, "id": f"bad{i}", "supervisions": [{**said, "id": f"bad{i}", "start": start, "duration": duration}]}
        for i, (start, duration) in enumerate(bad)
    ]
    jsonl(tmp_path / "in" / "some_cuts.jsonl", rows)
    prepared = prepare(tmp_path / "in", tmp_path / "out", as_="train")
    assert ids(tmp_path / "out", "train") == {"in/good"}
    assert len(prepared.skipped) == len(bad)


def test_nothing_usable(tmp_path: Path, table_corpus) -> None:
    corpus = table_corpus({"a": 1})
    (corpus / "a" / "0.wav").write_text("this is no sound")
    with pytest.raises(DataError, match=r"none of 1 utterances can be used; .*line 2: .*0.wav"):
        prepare(corpus, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_target_is_no_corpus(tmp_path: Path, table_corpus) -> None:
    one, two = table_corpus({"a": 1}, "one"), table_corpus({"b": 1}, "two")
    with pytest.raises(UsageError, match="holds other files"):
        prepare(one, two)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        prepare(one, tmp_path / "file")
    with pytest.raises(UsageError, match="no split"):
        prepare(one, tmp_path / "out", as_="training")
    with pytest.raises(UsageError, match="no source"):
        prepare([], tmp_path / "out")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, table_corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    from resonet.bundle import atomic

    out = tmp_path / "out"
    prepare(table_corpus({"a": 1}, "one"), out, as_="train")
    before = {file.name: file.read_bytes() for file in out.iterdir()}

    def full(path: Path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "open_new", full)
    with pytest.raises(ResonetError, match="No space left"):
        prepare(table_corpus({"b": 1}, "two"), out, as_="train")
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


def test_raw_data_is_prepared_on_the_fly(tmp_path: Path, table_corpus) -> None:
    corpus = table_corpus(dict.fromkeys("abc", 2))
    cache = tmp_path / "cache"
    assert len(load.utterances(corpus, "train", cache=cache)) == 2
    assert len(load.utterances(corpus, "test", cache=cache, unsplit="test")) == 6
    out = load.resolve(corpus, cache=cache)
    assert load.resolve(out) == out
    assert out.parent.parent == cache
    assert read_data(out)["name"] == "corpus"
    assert load.utterances(corpus, "dev", cache=cache, language="de")[0].language == "de"


def test_a_split_that_is_not_there(tmp_path: Path, table_corpus) -> None:
    prepare(table_corpus({"a": 1}), tmp_path / "out", as_="train")
    with pytest.raises(DataError, match=r"has no split test \(it has train\)"):
        load.utterances(tmp_path / "out", "test")


def test_damaged_data(tmp_path: Path, table_corpus) -> None:
    out = tmp_path / "out"
    prepare(table_corpus({"a": 2}), out, as_="train")
    cuts = out / "train.cuts.jsonl.gz"
    whole = cuts.read_bytes()
    cuts.write_bytes(whole[:-20])
    with pytest.raises(DataError, match=r"train.cuts.jsonl.gz is damaged"):
        load.utterances(out, "train")
    for at in (12, len(whole) // 2):  # the compressed stream itself is broken
        cuts.write_bytes(whole[:at] + bytes(byte ^ 0x55 for byte in whole[at : at + 20]) + whole[at + 20 :])
        with pytest.raises(DataError, match=r"train.cuts.jsonl.gz is damaged"):
            load.utterances(out, "train")
    cuts.write_bytes(gzip.compress(b'{"id": "x"}\n'))
    with pytest.raises(DataError, match=r"train.cuts.jsonl.gz is damaged"):
        load.utterances(out, "train")
    cuts.write_bytes(whole)
    (out / "data.json").write_text('{"format": [2, 0], "splits": {}}')
    with pytest.raises(DataError, match="has format 2"):
        load.utterances(out, "train")
    (out / "data.json").write_text("{")
    with pytest.raises(DataError, match=r"data.json is damaged"):
        load.utterances(out, "train")


def test_prepared_data_is_a_source_too(tmp_path: Path, table_corpus) -> None:
    prepare(table_corpus(dict.fromkeys("abc", 2)), tmp_path / "out")
    data = prepare(tmp_path / "out", tmp_path / "again").data
    assert {name: split["utterances"] for name, split in data["splits"].items()} == {"train": 2, "dev": 2, "test": 2}


def test_other_columns_come_along(tmp_path: Path, write) -> None:
    write(tmp_path / "in" / "a.wav")
    (tmp_path / "in" / "a.tsv").write_text("path\ttext\tsubset\na.wav\tone\tclean\n")
    prepare(tmp_path / "in", tmp_path / "out", as_="test")
    with gzip.open(tmp_path / "out" / "test.cuts.jsonl.gz", "rt") as file:
        assert json.loads(file.readline())["supervisions"][0]["custom"] == {"subset": "clean"}
    assert load.utterances(tmp_path / "out", "test")[0].columns == {"subset": "clean"}


def test_a_file_name_that_is_no_unicode(tmp_path: Path, write) -> None:
    recording = write(tmp_path / "in" / "m\udcfcller" / "\u4f60\udce4.wav")
    recording.with_suffix(".txt").write_text("one word")
    prepare(tmp_path / "in", tmp_path / "out", as_="train")
    assert load.utterances(tmp_path / "out", "train")[0].audio == recording


def clip_table(folder: Path, write, rows: list[tuple[str, str, str]]) -> Path:
    """A table of clips: (label, speaker, split)."""
    lines = ["path\tlabel\tspeaker\tword\tsplit"]
    for i, (label, speaker, part) in enumerate(rows):
        write(folder / f"{i}.wav", 0.2)
        lines.append(f"{i}.wav\t{label}\t{speaker}\tsaid-{label}\t{part}")
    (folder / "clips.tsv").write_text("\n".join(lines) + "\n")
    return folder


def splits_of(out: Path) -> dict[str, list[tuple[str, str]]]:
    return {name: [(u.speaker, u.text) for u in load.utterances(out, name)] for name in load.splits(out)}


def test_clips_are_split_by_label_or_speaker(tmp_path: Path, write) -> None:
    rows = [(label, speaker, "") for label in ("yes", "no") for speaker in "abcd" for _ in range(2)]
    by_speaker = prepare(clip_table(tmp_path / "many", write, rows), tmp_path / "a")
    by_label = prepare(clip_table(tmp_path / "one", write, [(x, "a", "") for x, _, _ in rows]), tmp_path / "b")
    for prepared, how in ((by_speaker, "by speaker"), (by_label, "by label")):
        (source,) = prepared.data["splits"]["train"]["sources"]
        assert source["split"] == f"automatic, {how}"
        parts = splits_of(prepared.out)
        assert [(name, {text for _, text in said}) for name, said in parts.items()] == [
            (name, {"yes", "no"}) for name in ("train", "dev", "test")
        ]


def test_dev_is_like_a_test_of_known_voices(tmp_path: Path, write) -> None:
    rows = [(x, s, part) for x in ("0", "1") for s in "abc" for part in ("train", "train", "train", "test")]
    parts = splits_of(prepare(clip_table(tmp_path / "c", write, rows), tmp_path / "out").out)
    assert {text for _, text in parts["dev"]} == {"0", "1"}
    assert len({speaker for speaker, _ in parts["train"]}) == 3  # nobody was taken out of train
