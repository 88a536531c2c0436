"""Indexing: what a run leaves in the index, and that nothing (kill -9, a full disk, odd names) leaves it half done."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spoken_tones import WORDS

from resonet import audio
from resonet.bundle import Bundle, write
from resonet.errors import BundleError, ResonetError, SearchIndexError, UsageError
from resonet.runtime import Recognizer
from resonet.search import embedding, posteriors, store
from resonet.search.changes import File
from resonet.search.embedding import Embedding, stretches
from resonet.search.indexer import Indexed, Indexer, remove
from resonet.search.particulars import Sources
from resonet.search.rows import Recording
from resonet.search.store import Store
from resonet.text.transcript import Transcript, Word


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RESONET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("resonet.bundle.places._entry_points", list)


Say = Callable[..., Path]


@pytest.fixture
def say(small: Any, tmp_path: Path) -> Say:
    """Writes a recording of words, with pauses between them, below the test's folder; no two are of equal length."""
    count = 0

    def made(name: str | Path, *words: str, pause: float = 0.7) -> Path:
        nonlocal count
        count += 1
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = [piece for word in words for piece in (small.said(*WORDS[word]), small.quiet(pause))]
        audio.write(path, np.concatenate([small.quiet(0.3), *parts, np.zeros(count, np.float32)]), small.RATE)
        return path

    return made


@pytest.fixture
def index(phones: Path, tmp_path: Path) -> Callable[..., Indexed]:
    """Runs an indexer on the test's index; errors that it tells fail the test unless a list takes them."""

    def run(*paths: str | Path, told: list[ResonetError] | None = None, **options: Any) -> Indexed:
        heard: list[ResonetError] = [] if told is None else told
        done = Indexer(tmp_path / "index", phones, threads=1).run(paths, failed=heard.append, **options)
        assert told is not None or not heard, heard
        return done

    return run


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[], Store]:
    return lambda: Store.open(tmp_path / "index")


def texts(opened: Callable[[], Store]) -> dict[str, str]:
    """What is said in each recording of the index, by its file's name."""
    with opened() as index:
        return {
            Path(path).name: " ".join(s.text for s in index.segments(row.id))
            for path, row in index.recordings().items()
        }


def sound(folder: Path) -> None:
    """Fails where the index is not whole."""
    with sqlite3.connect(folder / store.NAME) as database:
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert database.execute("pragma foreign_key_check").fetchall() == []
        for table in ("texts", "grams"):
            database.execute(f"insert into {table} ({table}) values ('integrity-check')")
        orphans = "select count(*) from segments where recording not in (select id from recordings)"
        assert database.execute(orphans).fetchone() == (0,)
    database.close()


def test_recordings_become_segments_with_words_posteriors_and_tokens(say, index, opened, phones, tmp_path) -> None:
    path = say("talk 2026-01-31.wav", "boat", "keys")
    assert index(path) == Indexed(added=1, seconds=pytest.approx(2.58, abs=0.1), silence=pytest.approx(1.0, abs=0.3))
    with opened() as found, Bundle.open(phones) as bundle:
        (row,) = found.recordings().values()
        assert (row.path, row.size, row.modified) == (str(path), path.stat().st_size, path.stat().st_mtime_ns)
        assert (row.date, row.language, row.speaker) == ("2026-01-31", "en", "")
        assert row.duration == audio.info(path).duration
        segments = found.segments(row.id)
        assert [s.text for s in segments] == ["boat", "keys"]
        for segment in segments:
            assert 0 <= segment.start <= segment.words[0].start < segment.words[0].end <= segment.end <= row.duration
            scores = posteriors.unpack(segment.sounds, len(found.meta["units"]))
            assert len(scores) == pytest.approx((segment.end - segment.start) / found.meta["shift"], abs=1)
        assert found.meta["recognizer"] == {
            "name": bundle.name,
            "sha256": bundle.manifest.members["model.onnx"].sha256,
        }
        assert (found.meta["units"], found.meta["shift"]) == (list(bundle.manifest.units.symbols), 0.04)
        assert found.meta["embedder"] is found.meta["windows"] is found.meta["speaker"] is None
        hits = found.rows("select rowid from texts where texts match 'keys'")
        assert hits == [(segments[1].id,)]


def test_parts_are_told_before_their_transcript(say, phones, tmp_path) -> None:
    paths = [say("a.wav", "boat", "keys"), tmp_path / "missing.wav", say("quiet.wav"), say("b.wav", "knock")]
    told: list[tuple[str, Sequence[list[Word]]]] = []
    came: list[tuple[str, int]] = []
    recognizer = Recognizer.load(phones, threads=1)
    for path, result in recognizer.transcribe_many(paths, parts=lambda p, parts, said: told.append((p.name, said))):
        came.append((path.name, len(told)))
        if isinstance(result, Transcript):
            assert list(result.words) == [word for name, said in told if name == path.name for w in said for word in w]
    assert [name for name, _ in told] == ["a.wav", "b.wav"]
    assert [name for name, _ in came] == [path.name for path in paths] and came[0][1] >= 1 and came[-1][1] == 2


def test_a_second_run_recognizes_only_what_is_new(say, index, opened, monkeypatch) -> None:
    first = say("set/a.wav", "boat")
    assert index(first.parent).added == 1
    with opened() as found:
        before = found.generation
    with monkeypatch.context() as m:
        m.setattr(Recognizer, "load", lambda *_, **__: pytest.fail("nothing is to be recognized"))
        assert index(first.parent) == Indexed(same=1)
        os.utime(first, ns=(1, 1))
        assert index(first.parent, first) == Indexed(same=1)
    with opened() as found:
        assert found.recordings()[str(first)].modified == 1 and found.generation == before + 1
    say("set/b.wav", "keys")
    done = index(first.parent)
    assert (done.added, done.same) == (1, 1)
    assert texts(opened) == {"a.wav": "boat", "b.wav": "keys"}


def test_a_file_changed_in_place_is_recognized_anew_even_at_the_same_size(say, index, opened, small) -> None:
    path = say("a.wav", "boat", "keys")
    index(path)
    samples = audio.read(path)
    samples[len(samples) // 2 :] = 0
    audio.write(path, samples, small.RATE)
    done = index(path)
    assert (done.changed, done.added, texts(opened)) == (1, 0, {"a.wav": "boat"})


def test_a_moved_or_copied_file_keeps_its_rows(say, index, opened, monkeypatch, tmp_path) -> None:
    path = say("set/a.wav", "boat")
    index(path.parent, speaker="Ada")
    with opened() as found:
        number = found.recordings()[str(path)].id
    monkeypatch.setattr(Recognizer, "load", lambda *_, **__: pytest.fail("nothing is to be recognized"))
    (tmp_path / "set" / "deep").mkdir()
    path.rename(tmp_path / "set" / "deep" / "b 2026-02-03.wav")
    assert index(path.parent) == Indexed(moved=1)
    with opened() as found:
        ((there, row),) = found.recordings().items()
        assert (there, row.id, row.speaker) == (str(tmp_path / "set/deep/b 2026-02-03.wav"), number, "Ada")
    shutil.copy(there, path)
    assert index(path.parent) == Indexed(moved=1, same=1)
    assert texts(opened) == {"a.wav": "boat", "b 2026-02-03.wav": "boat"}


def test_files_that_change_places_keep_their_words(say, index, opened, tmp_path) -> None:
    a, b, c = (say(f"set/{name}.wav", word) for name, word in (("a", "boat"), ("b", "keys"), ("c", "knock")))
    index(a.parent)
    a.rename(tmp_path / "x")
    b.rename(a)
    (tmp_path / "x").rename(b)
    c.rename(tmp_path / "set" / "d.wav")
    index(a.parent)
    assert texts(opened) == {"a.wav": "keys", "b.wav": "boat", "d.wav": "knock"}


def test_what_is_gone_from_below_the_given_folders_leaves_the_index(say, index, opened, tmp_path) -> None:
    kept, gone, else_where = say("set/a.wav", "boat"), say("set/b.wav", "keys"), say("other/c.wav", "knock")
    say("set-2/d.wav", "knock")
    index(tmp_path / "set", tmp_path / "other", tmp_path / "set-2")
    for path in (gone, else_where, tmp_path / "set-2" / "d.wav"):
        path.unlink()
    assert index(kept) == Indexed(same=1)
    assert index(kept.parent) == Indexed(same=1, removed=1)
    assert sorted(texts(opened)) == ["a.wav", "c.wav", "d.wav"]


def test_a_disk_that_is_not_there_takes_nothing_along(say, index, opened, tmp_path) -> None:
    path = say("disk/a.wav", "boat")
    index(path.parent)
    path.unlink()
    for emptied in (False, True):
        if emptied:
            path.parent.rmdir()
        told: list[ResonetError] = []
        assert index(path.parent, told=told) == Indexed(failed=1)
        assert len(told) == 1 and "disk" in told[0].message
        assert texts(opened) == {"a.wav": "boat"}


def test_remove(say, index, opened, tmp_path) -> None:
    paths = [say(f"{folder}/{name}.wav", "boat") for folder in ("set", "set-2") for name in "ab"]
    index(*paths)
    paths[0].unlink()
    told: list[ResonetError] = []
    assert (
        remove(tmp_path / "index", [tmp_path / "set" / "a.wav", tmp_path / "se", tmp_path / "set-2"], told.append) == 3
    )
    assert [error.message for error in told] == [f"the index has no recording {tmp_path / 'se'}"]
    assert texts(opened) == {"b.wav": "boat"}
    sound(tmp_path / "index")
    with pytest.raises(SearchIndexError, match="holds no index"):
        remove(tmp_path / "none", paths)
    assert not (tmp_path / "none").exists()


def test_bad_recordings_are_told_and_the_others_go_on(say, index, opened, tmp_path) -> None:
    good = say("set/good.wav", "boat")
    (tmp_path / "set" / "bad.wav").write_text("no sound")
    (tmp_path / "set" / "empty.wav").write_bytes(b"")
    os.mkfifo(tmp_path / "set" / "pipe.wav")
    told: list[ResonetError] = []
    done = index(tmp_path / "set", tmp_path / "missing.wav", "nul\0.wav", told=told)
    assert (done.added, done.failed, len(told)) == (1, 5, 5)
    for name in ("bad.wav", "empty.wav", "pipe.wav", "missing.wav", "nul"):
        assert sum(name in error.message for error in told) == 1, name
    assert texts(opened) == {good.name: "boat"}


def test_a_recording_that_became_unreadable_leaves_the_index(say, index, opened) -> None:
    path = say("a.wav", "boat")
    index(path)
    path.write_text("no sound any more")
    told: list[ResonetError] = []
    assert index(path, told=told) == Indexed(failed=1)
    assert texts(opened) == {}


def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_run(say, index, opened, monkeypatch) -> None:
    path = say("a.wav", "boat")
    hear = Recognizer.transcribe_many

    def slow(self, paths, *rest):
        for result in hear(self, paths, *rest):
            with path.open("ab") as file:
                file.write(b"\0\0")
            yield result

    with monkeypatch.context() as m:
        m.setattr(Recognizer, "transcribe_many", slow)
        told: list[ResonetError] = []
        assert index(path, told=told).added == 0
        assert "changed while it was read" in told[0].message
    assert texts(opened) == {}


def test_silence_and_noise_bring_no_words_and_are_not_recognized_twice(say, index, opened, small, tmp_path) -> None:
    audio.write(tmp_path / "silence.wav", small.quiet(5), small.RATE)
    audio.write(tmp_path / "noise.wav", np.concatenate([small.quiet(1), small.tone(1300, 2, 0.02)]), small.RATE)
    paths = [tmp_path / "silence.wav", tmp_path / "noise.wav", say("talk.wav", "boat")]
    done = index(*paths)
    assert (done.added, done.wordless) == (3, 2)
    assert done.silence > 5 and done.noise > 1.5
    assert done.silence + done.noise < done.seconds
    assert texts(opened) == {"silence.wav": "", "noise.wav": "", "talk.wav": "boat"}
    assert index(*paths) == Indexed(same=3)


def test_odd_names_are_only_names(say, index, opened, tmp_path) -> None:
    names = [
        "a'; drop table recordings; --.wav",
        'quote".wav',
        "new\nline\ttab.wav",
        "%_*?[a].wav",
        "-rf.wav",
        "ümlaut 語.wav",
        "a..wav.wav",
        "\u202egnp.wav",
    ]
    for name in names:
        say(Path("set") / name, "boat")
    assert index(tmp_path / "set").added == len(names)
    assert texts(opened) == dict.fromkeys(names, "boat")
    (tmp_path / "set" / names[0]).unlink()
    assert index(tmp_path / "set").removed == 1
    assert remove(tmp_path / "index", [tmp_path / "set" / names[3]]) == 1
    assert len(texts(opened)) == len(names) - 2
    sound(tmp_path / "index")


def test_a_name_that_is_no_text_is_refused_in_a_sentence(say, index, opened, tmp_path) -> None:
    good = say("set/good.wav", "boat")
    try:
        shutil.copy(good, os.fsencode(tmp_path / "set") + b"/caf\xe9.wav")
    except OSError:
        pytest.skip("this file system takes no such name")
    told: list[ResonetError] = []
    assert index(tmp_path / "set", told=told).failed == 1
    assert "UTF-8" in told[0].message and texts(opened) == {"good.wav": "boat"}
    with pytest.raises(UsageError):
        index(good, speaker="caf\udce9")


def test_links_are_names_of_their_own_and_circles_end(say, index, opened, tmp_path) -> None:
    path = say("set/a.wav", "boat")
    (tmp_path / "set" / "again").symlink_to(tmp_path / "set")
    (tmp_path / "set" / "b.wav").symlink_to(path)
    (tmp_path / "set" / "nowhere.wav").symlink_to(tmp_path / "nothing")
    told: list[ResonetError] = []
    index(tmp_path / "set", told=told)
    assert [error.message for error in told] == [f"{tmp_path / 'set' / 'nowhere.wav'} does not exist"]
    assert texts(opened) == {"a.wav": "boat", "b.wav": "boat"}


def test_progress_is_told_in_seconds(say, index) -> None:
    paths = [say("a.wav", "boat", "keys"), say("b.wav", "knock")]
    told: list[tuple[float, float]] = []
    index(*paths, progress=lambda done, total: told.append((done, total)))
    total = sum(audio.info(path).duration for path in paths)
    assert told[0] == (0.0, pytest.approx(total)) and told[-1] == (pytest.approx(total), pytest.approx(total))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_nothing_found_makes_no_index(index, tmp_path) -> None:
    told: list[ResonetError] = []
    assert index(tmp_path / "missing", told=told) == Indexed(failed=1)
    assert not (tmp_path / "index").exists()


def test_an_index_of_another_recognizer_is_refused(say, index, opened, phones, tmp_path) -> None:
    path = say("a.wav", "boat")
    index(path)
    with Bundle.open(phones) as bundle:
        fields = bundle.manifest.model_dump(by_alias=True, exclude_none=True, exclude={"members", "format", "created"})
        members = {name: bundle.read(name) for name in bundle.members}
    members["model.onnx"] += b"\x12\x00"  # a producer's name, of no letter
    other = write(tmp_path / "other.resonet", fields, members)
    with pytest.raises(SearchIndexError, match="another recognizer"):
        Indexer(tmp_path / "index", other).run([path])
    with pytest.raises(BundleError):
        Indexer(tmp_path / "index", tmp_path / "none.resonet")
    assert texts(opened) == {"a.wav": "boat"}
    # Not named, it is that of the index among all that are installed.
    with pytest.raises(BundleError, match="with which the index was made, is not installed"):
        Indexer(tmp_path / "index")
    (tmp_path / "home" / "bundles").mkdir(parents=True)
    for bundle_file in (phones, other):
        shutil.copy(bundle_file, tmp_path / "home" / "bundles")
    assert Indexer(tmp_path / "index").run([path]) == Indexed(same=1)


# Particulars.


def particulars(tmp_path: Path, path: str, row: Recording | None = None, **told: str | None) -> tuple[str, str, str]:
    errors: list[ResonetError] = []
    sources = Sources(told.get("speaker"), told.get("date"), errors.append)
    file = File(Path(path), str(tmp_path / path), str(tmp_path), 1, 86_400 * 10**9)
    found = sources.of(file, row, "en")
    assert not errors, errors
    return found.speaker, found.date, found.language


def test_speaker_and_date_come_from_the_nearest_source(tmp_path) -> None:
    known = Recording("x", 1, 1, "f", 1.0, "de", "Ada", "2001-02-03")
    assert particulars(tmp_path, "a.wav", date=None)[1] in ("1970-01-01", "1970-01-02")
    assert particulars(tmp_path, "20260131_1012.wav") == ("", "2026-01-31", "en")
    assert particulars(tmp_path, "1334-20261399-2026_02_28.wav")[1] == "2026-02-28"
    assert particulars(tmp_path, "2026-01-31.wav", known) == ("Ada", "2001-02-03", "de")
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "transcripts.tsv").write_text(
        "\ufeffPath\tspeaker\tdate\ttext\tlanguage\n2026-01-31.wav\tBob\t1999-12-31T10:00\tx\tcmn\n"
        "in/deep/b.wav\tCarl\nin/deep/c.wav\tCarl\n",
        encoding="utf-8",
    )
    (tmp_path / "in" / "transcripts.tsv").write_text("path\tspeaker\ndeep/c.wav\tDora\n")
    assert particulars(tmp_path, "2026-01-31.wav", known) == ("Bob", "1999-12-31", "cmn")
    assert particulars(tmp_path, "in/deep/b.wav")[0] == "Carl"
    assert particulars(tmp_path, "in/deep/c.wav")[0] == "Dora"
    told = particulars(tmp_path, "2026-01-31.wav", known, speaker=" Eve\nX ", date="2020-02-02")
    assert told == ("Eve X", "2020-02-02", "cmn")
    assert particulars(tmp_path, "a.wav", known, speaker="")[0] == ""


def test_bad_dates_and_tables_are_one_sentence_each(tmp_path, say, index, opened) -> None:
    for wrong in ("31.1.2026", "2026-02-30", "20260131", "'; drop table"):
        with pytest.raises(UsageError):
            index(say("a.wav", "boat"), date=wrong)
    (tmp_path / "transcripts.tsv").write_text("path\tspeaker\tdate\na.wav\tAda\t31.1.2026\nb.wav\tAda\tx\n")
    told: list[ResonetError] = []
    index(tmp_path / "a.wav", say("b.wav", "knock"), told=told)
    assert len(told) == 1 and "line 2" in told[0].message
    with opened() as found:
        assert {row.speaker for row in found.recordings().values()} == {"Ada"}
    (tmp_path / "transcripts.tsv").write_bytes(b"path\tspeaker\na.wav\tAd\xe9\n")
    told.clear()
    assert index(tmp_path / "a.wav", tmp_path / "b.wav", told=told).same == 2
    assert len(told) == 1 and "UTF-8" in told[0].message


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.text(max_size=80), rows=st.text('path\tspeaker\tdate\n\r"a.wav0-/\\ \0', max_size=80))
def test_no_table_raises(tmp_path, content: str, rows: str) -> None:
    (tmp_path / "transcripts.tsv").write_bytes(f"path\tspeaker\tdate\n{rows}{content}".encode("utf-8", "replace"))
    file = File(Path("a.wav"), str(tmp_path / "a.wav"), str(tmp_path), 1, 1)
    found = Sources(None, None, lambda error: None).of(file, None)
    assert isinstance(found.speaker, str)


# Vectors.


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=8), st.lists(st.integers(0, 90), max_size=12))
def test_stretches_are_those_of_the_whole_recording(blocks: list[int], cuts: list[int]) -> None:
    whole = np.arange(sum(blocks), dtype=np.float32)
    ends = sorted(cuts)
    spans = [*zip(ends[::2], ends[1::2], strict=False)]
    found = list(stretches(np.split(whole, np.cumsum(blocks)[:-1]) if blocks else [], spans))
    assert len(found) == len(spans)
    for (start, end), samples in zip(spans, found, strict=True):
        np.testing.assert_array_equal(samples, whole[start:end])


def speakers(small: Any, path: Path) -> Path:
    """An embedder that knows voices alone: the share of each tone of the scale."""
    from onnx import TensorProto, helper

    graph = small.Graph()
    padded = graph("Pad", "pcm", graph.constant([0, 0, 0, small.STRIDE - 1], np.int64))
    samples = graph("Gather", graph("Shape", padded), graph.constant([1], np.int64))
    stride, first = graph.constant(small.STRIDE, np.int64), graph.constant([0], np.int64)
    end = graph("Mul", graph("Div", samples, stride), stride)
    whole = graph("Slice", padded, first, end, graph.constant([1], np.int64))
    graph("ReduceMean", graph.energies(small.SCALE, whole), name="voice", axes=[1], keepdims=0)
    graph("Identity", graph.constant([[0.0]]), name="languages")
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", name]) for name in ("pcm", "voice")]
    values.append(helper.make_tensor_value_info("languages", TensorProto.FLOAT, [1, 1]))
    made = helper.make_graph(graph.nodes, "voices", values[:1], values[1:], graph.weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    form = {"size": len(small.SCALE), "languages": ["en"], "shortest": 0.5, "longest": 10.0}
    fields = {"kind": "embedder", "family": "tones", "sample_rate": 16000, "frame_shift": 0.01, "subsampling": 4}
    return write(path, {**fields, "runtime": {"speaker": form}}, {"speaker.onnx": model.SerializeToString()})


def test_voices_go_into_the_index_and_stay_of_one_embedder(say, small, phones, opened, tmp_path) -> None:
    path = say("a.wav", "boat", "keys")
    voices = speakers(small, tmp_path / "voices.resonet")
    indexer = Indexer(tmp_path / "index", phones, voices, threads=1)
    assert indexer.run([path]).added == 1
    with opened() as found:
        assert found.meta["speaker"]["name"] == "voices" and found.meta["windows"] is None
        boat, keys = (np.frombuffer(blob, "<f2").astype(np.float32) for _, blob in found.column("voice"))
        segments = found.segments(1)
    assert boat.shape == (len(small.SCALE),)
    # The tones of each word, and hardly any of the other's.
    for voice, word, other in ((boat, "boat", "keys"), (keys, "keys", "boat")):
        here, there = ([small.PHONES.index(phone) for phone in WORDS[w]] for w in (word, other))
        assert voice[here].min() > 5 * voice[there].max()
    assert [s.voice for s in Embedding(16000, None, None).added(path, segments)] == [b"", b""]
    with pytest.raises(SearchIndexError, match="another speaker"):
        Indexer(tmp_path / "index", phones, "none").run([path])
    # Not named, it is that of the index, if that is installed.
    with pytest.raises(BundleError, match="voices, with which the index was made, is not installed"):
        Indexer(tmp_path / "index", phones)
    (tmp_path / "home" / "bundles").mkdir(parents=True)
    shutil.copy(voices, tmp_path / "home" / "bundles")
    assert Indexer(tmp_path / "index", phones).run([path]) == Indexed(same=1)
    assert Indexer(tmp_path / "new", phones).meta["speaker"] == indexer.meta["speaker"]
    assert Indexer(tmp_path / "new", phones, "none").meta["speaker"] is None


def test_each_segment_gets_the_vectors_of_its_own_sound(say, index, opened, monkeypatch) -> None:
    """With an embedder of windows that tells the sound's length and first sample, a few segments at a time."""
    path = say("a.wav", *["boat", "keys", "knock"] * 3)
    index(path)
    with opened() as found:
        segments = found.segments(1)
    asked: list[int] = []

    class Windows:
        def packed(self, sounds: Sequence[np.ndarray]) -> list[bytes]:
            asked.append(len(sounds))
            return [sound.tobytes() for sound in sounds]

    monkeypatch.setattr(embedding, "_TOGETHER", 2.0)
    given = Embedding(16000, Windows(), None).added(path, segments)  # type: ignore[arg-type]
    whole = audio.read(path)
    assert len(asked) > 2 and sum(asked) == len(segments) == 9
    for before, after in zip(segments, given, strict=True):
        assert dataclasses.replace(after, windows=b"") == before
        start, end = (round(t * 16000) for t in (before.start, before.end))
        np.testing.assert_array_equal(np.frombuffer(after.windows, np.float32), whole[start:end])
    assert Embedding(16000, Windows(), None).added(path, []) == []  # type: ignore[arg-type]


# Stops, full disks, other processes.

_DIE = """
import os, signal, sys
from resonet.search import indexer, store
tell, count = store.Writer._tell, 0
def dying(*arguments):
    global count
    tell(*arguments)
    count += 1
    if count == {count}:
        os.kill(os.getpid(), signal.SIGKILL)
store.Writer._tell = dying
if {count} == 0:
    store._create = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
print(indexer.Indexer({folder!r}, {bundle!r}, "none", 1).run([{recordings!r}]))
"""


def run_and_die(count: int, folder: Path, bundle: Path, recordings: Path) -> int:
    code = _DIE.format(count=count, folder=str(folder), bundle=str(bundle), recordings=str(recordings))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60).returncode


def test_kill_9_within_a_transaction_leaves_recordings_whole_or_out(say, index, opened, phones, tmp_path) -> None:
    """Killed by itself when there is a file and nothing in it, and after a segment of the second recording of four, of
    the first of the rest, and of the last."""
    for name in "abcd":
        say(f"set/{name}.wav", "boat", "keys", "knock")
    assert run_and_die(0, tmp_path / "index", phones, tmp_path / "set") == -signal.SIGKILL
    for count, whole in ((5, 1), (2, 1), (8, 3)):
        assert run_and_die(count, tmp_path / "index", phones, tmp_path / "set") == -signal.SIGKILL
        assert list(texts(opened).values()) == ["boat keys knock"] * whole
        sound(tmp_path / "index")
    done = index(tmp_path / "set")
    assert (done.same, done.added) == (3, 1)
    assert list(texts(opened).values()) == ["boat keys knock"] * 4
    with opened() as found:
        assert len(found.rows("select rowid from texts where texts match 'boat'")) == 4


def test_kill_9_at_any_moment(say, index, opened, phones, tmp_path) -> None:
    """The command itself, killed as soon as something is in the index."""
    for number in range(150):
        say(f"set/{number}.wav", *(["boat", "keys"] if number % 3 else ["knock"]), pause=0.6)
    arguments = [
        "index",
        tmp_path / "set",
        "--index",
        tmp_path / "index",
        "--bundle",
        phones,
        "--embedder",
        "none",
        "--threads",
        "1",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "resonet", *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            with opened() as found:
                if len(found.recordings()) > 3:
                    break
        except SearchIndexError:
            pass
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    sound(tmp_path / "index")
    there = texts(opened)
    assert len(there) > 3 and all(text in ("knock", "boat keys") for text in there.values())
    done = index(tmp_path / "set")
    assert (done.same, done.added, done.failed) == (len(there), 150 - len(there), 0)
    sound(tmp_path / "index")


def test_ctrl_c_keeps_what_was_finished(say, index, opened, monkeypatch, tmp_path) -> None:
    for name in "abc":
        say(f"set/{name}.wav", "boat", "keys")
    add, count = store.Writer.add, 0

    def interrupted(self, *arguments):
        nonlocal count
        count += 1
        if count == 3:
            monkeypatch.setattr(store.Writer, "_tell", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        add(self, *arguments)

    with monkeypatch.context() as m:
        m.setattr(store.Writer, "add", interrupted)
        m.setattr(store.Writer, "_tell", store.Writer._tell)
        with pytest.raises(KeyboardInterrupt):
            index(tmp_path / "set")
    assert texts(opened) == {"a.wav": "boat keys", "b.wav": "boat keys"}


def full_after(monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    """From now on SQLite finds so many pages of 4096 bytes on the disk, and no more: its own "full"."""
    connect = store.connect

    def limited(path: Path, mode: str) -> tuple[sqlite3.Connection, bool]:
        database, still = connect(path, mode)
        if mode == "rwc":
            database.execute(f"pragma max_page_count = {pages}")
        return database, still

    monkeypatch.setattr(store, "connect", limited)


def test_a_full_disk_keeps_what_was_there(say, index, opened, monkeypatch, tmp_path) -> None:
    for number in range(120):
        say(f"set/{number:03}.wav", "boat", "keys", pause=0.6)
    with monkeypatch.context() as m:
        full_after(m, 32)
        with pytest.raises(SearchIndexError, match="the disk is full"):
            index(tmp_path / "set")
        there = texts(opened)
        assert 2 < len(there) < 120 and set(there.values()) == {"boat keys"}
        with pytest.raises(SearchIndexError, match="the disk is full"):
            index(tmp_path / "set")
    sound(tmp_path / "index")
    done = index(tmp_path / "set")
    assert done.same >= len(there) and done.same + done.added == 120
    sound(tmp_path / "index")


_TINY_DISK = """
mount -t tmpfs -o size=1m none "$1" || exit 77
"$2" -m resonet index "$3" --index "$1"/index --bundle "$4" --embedder none --threads 1
echo "exit $?" >&2
"$2" -m resonet index --list --json --index "$1"/index
cp -r "$1"/index "$5"
"""


def test_a_disk_that_is_really_full(say, index, opened, phones, tmp_path) -> None:
    if not shutil.which("unshare"):
        pytest.skip("no unshare here")
    for number in range(80):
        say(f"set/{number:03}.wav", "boat", "keys", pause=0.6)
    (tmp_path / "disk").mkdir()
    places = [tmp_path / "disk", sys.executable, tmp_path / "set", phones, tmp_path / "index"]
    command = ["unshare", "-rm", "sh", "-c", _TINY_DISK, "sh", *map(str, places)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("nothing may be mounted here")
    assert "the disk is full" in done.stderr and "exit 3" in done.stderr and "Traceback" not in done.stderr
    there = len(done.stdout.splitlines())
    assert 2 < there < 80
    sound(tmp_path / "index")
    finished = index(tmp_path / "set")
    assert (finished.same, finished.added) == (there, 80 - there)


def test_a_folder_that_may_not_be_written_is_one_sentence(phones, say) -> None:
    """As another user, where this one may write everywhere."""
    path = say("a.wav", "boat")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(path, folder)
        os.chmod(folder, 0o755)
        Indexer(folder / "index", phones, threads=1).run([folder / "a.wav"])
        before = (folder / "index" / store.NAME).read_bytes()
        shutil.copy(path, folder / "b.wav")
        os.chmod(folder / "index", 0o555)
        for file in (folder / "index").iterdir():
            os.chmod(file, 0o444)
        os.chmod(folder, 0o555)
        indexers = [Indexer(folder / "index", phones, threads=1), Indexer(folder / "new", phones, threads=1)]
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            for indexer in indexers:
                with pytest.raises(SearchIndexError, match=r"cannot be (opened|written)"):
                    indexer.run([folder / "b.wav"])
            with Store.open(folder / "index") as found:
                assert list(found.recordings()) == [str(folder / "a.wav")]
        finally:
            os.seteuid(user)
            os.chmod(folder, 0o755)
            os.chmod(folder / "index", 0o755)
        assert not (folder / "new").exists()
        assert (folder / "index" / store.NAME).read_bytes() == before


_HOLD = """
import sys
from resonet.search import indexer, store
with store.writing({folder!r}, {{}}, None) as writer:
    print("holds", flush=True)
    sys.stdin.read()
    writer.database.close()
    import os; os._exit(0)
"""


def test_one_process_writes_at_a_time(say, index, opened, tmp_path) -> None:
    path = say("a.wav", "boat")
    index(path)
    code = _HOLD.format(folder=str(tmp_path / "index"))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "holds\n"
        with pytest.raises(SearchIndexError, match="another process is writing"):
            index(say("b.wav", "keys"))
        with pytest.raises(SearchIndexError, match="another process is writing"):
            remove(tmp_path / "index", [path])
        assert texts(opened) == {"a.wav": "boat"}
        process.kill()
        process.wait()
    assert index(tmp_path / "b.wav").added == 1


def test_what_is_no_index_is_left_alone(say, phones, tmp_path) -> None:
    path = say("a.wav", "boat")
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "thesis.txt").write_text("mine")
    with pytest.raises(SearchIndexError, match="other files"):
        Indexer(tmp_path / "papers", phones).run([path])
    assert [file.name for file in (tmp_path / "papers").iterdir()] == ["thesis.txt"]
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / store.NAME).write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 20)
    with pytest.raises(SearchIndexError, match=r"damaged|cannot be used"):
        Indexer(tmp_path / "torn", phones).run([path])
    with pytest.raises(SearchIndexError):
        Indexer(path, phones).run([path])
