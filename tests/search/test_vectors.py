"""Nearest vectors: the exact search against all cosines, an index that grows and shrinks, and the copy for FAISS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import small_index
from hypothesis import given, settings
from hypothesis import strategies as st
from small_index import segment

from resonet.errors import MissingExtra
from resonet.search import nearest, vectors
from resonet.search.nearest import Exact
from resonet.search.rows import Recording
from resonet.search.store import Store, Tokens, writing
from resonet.search.vectors import Vectors, place, refresh

SIZE = 8


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = (x.astype(np.float64) / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6) for x in (a, b))
    return a @ b.T


def read(blob: bytes) -> np.ndarray:
    return np.frombuffer(blob, np.int8).reshape(-1, SIZE)


def made(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.integers(-15, 16, (count, SIZE)).astype(np.int8)


def add(folder: Path, path: str, *blocks: np.ndarray) -> None:
    """A recording whose segments have these vectors."""
    segments = [segment("a", float(i), windows=block.tobytes()) for i, block in enumerate(blocks)]
    with writing(folder, small_index.META, Tokens(str, lambda blob: "")) as writer:
        writer.add(Recording(path, 1, 1, path, 9.0), segments)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 50), st.integers(1, 4), st.integers(1, 12), st.integers(0, 1 << 30))
def test_the_exact_search_finds_the_nearest(count: int, asked: int, wanted: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    told, queries = made(rng, count), rng.normal(size=(asked, SIZE)).astype(np.float32)
    rows, near = Exact(told).search(queries, wanted)
    assert rows.shape == near.shape == (asked, wanted)
    there = min(count, wanted)
    assert (rows[:, there:] == -1).all() and (rows[:, :there] >= 0).all()
    expected = -np.sort(-cosines(queries, told), axis=1)[:, :there]
    assert np.allclose(near[:, :there], expected, atol=1e-5)
    assert np.allclose(np.take_along_axis(cosines(queries, told), rows[:, :there], 1), expected, atol=1e-5)


def test_many_are_compared_a_part_at_a_time(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    told, queries = made(rng, 500), rng.normal(size=(3, SIZE)).astype(np.float32)
    whole = Exact(told).search(queries, 20)
    monkeypatch.setattr(nearest, "_CHUNK", 7)
    assert np.allclose(Exact(told).search(queries, 20)[1], whole[1])


def test_an_index_that_grows_and_shrinks(tmp_path: Path) -> None:
    rng, folder = np.random.default_rng(0), tmp_path / "index"
    first, second, third = made(rng, 5), made(rng, 7), made(rng, 4)
    add(folder, "a", first, second)
    with Store.open(folder) as store:
        there = Vectors(store, "windows", read)
        near = there.nearest(second[3:4].astype(np.float32), 2)
        assert (near.segment[0, 0], near.place[0, 0]) == (2, 3) and near.cosine[0, 0] > 0.999
        add(folder, "b", third)
        near = there.nearest(third[:1].astype(np.float32), 30)
        assert (near.segment[0, 0], near.place[0, 0]) == (3, 0)
        assert (near.segment[0] >= 0).sum() == 16 and (near.segment[0, 16:] == -1).all()
        # What left stays known until it is read anew; its number is never another's.
        add(folder, "a", third)
        assert there.nearest(third[:1].astype(np.float32), 2).segment[0].tolist() == [3, 4]


def test_too_many_without_a_copy_are_told(tmp_path: Path) -> None:
    rng, folder = np.random.default_rng(0), tmp_path / "index"
    add(folder, "a", made(rng, 5), made(rng, 7), made(rng, 2))
    with Store.open(folder) as store:
        there = Vectors(store, "windows", read, exact=8)
        near = there.nearest(rng.normal(size=(1, SIZE)).astype(np.float32), 20)
        assert there.left_out == 7 and set(near.segment[0].tolist()) == {1, 3, -1}


def test_without_faiss_no_copy(tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "index"
    add(folder, "a", made(np.random.default_rng(0), 5))
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with Store.open(folder) as store, pytest.raises(MissingExtra, match=r"\[faiss\]"):
        refresh(store, "windows", read)


@pytest.mark.extras
def test_the_copy_finds_what_is_near(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("faiss")
    monkeypatch.setattr(vectors, "_FEWEST", 2_000)
    monkeypatch.setattr(vectors, "_TRAINED", 3_000)
    rng, folder = np.random.default_rng(0), tmp_path / "index"
    # Clouds of near ones, as speech has them.
    centres = rng.normal(size=(40, SIZE)) * 10
    told = np.clip(centres[rng.integers(0, 40, 4_000)] + rng.normal(size=(4_000, SIZE)) * 2, -127, 127).astype(np.int8)
    add(folder, "a", *np.split(told, 100))
    done: list[tuple[int, int]] = []
    with Store.open(folder) as store:
        assert not refresh(store, "windows", read, exact=1 << 20)  # few enough to compare
        assert refresh(store, "windows", read, lambda *told: done.append(told), exact=100)
        assert done[-1] == (200, 200) and place(folder, "windows").exists()
        there = Vectors(store, "windows", read, exact=100)
        near = there.nearest(told[250:251].astype(np.float32), 50)
        assert there.left_out == 0 and there.recall >= 0.9
        best = set(np.argsort(-cosines(told[250:251], told)[0])[:10].tolist())
        found = set((near.segment[0] * 40 - 40 + near.place[0]).tolist())
        assert len(best & found) >= 8
        assert not refresh(store, "windows", read, exact=100)  # fresh
        add(folder, "b", *np.split(made(rng, 80), 2))
        later = there.nearest(near_of(store, 101), 3)
        assert later.segment[0, 0] == 101  # what came later is searched beside it
        assert not refresh(store, "windows", read, exact=100)
        add(folder, "a", *np.split(told[:400], 10))  # most of it is gone
        assert refresh(store, "windows", read, exact=100) is False  # few are left
        assert Vectors(store, "windows", read, exact=10_000).nearest(near_of(store, 101), 1).segment[0, 0] == 101


@pytest.mark.extras
def test_what_stands_there_very_often_tells_no_recall(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("faiss")
    monkeypatch.setattr(vectors, "_FEWEST", 2_000)
    monkeypatch.setattr(vectors, "_TRAINED", 3_000)
    few = made(np.random.default_rng(0), 40)
    add(tmp_path / "index", "a", *[few] * 120)
    with Store.open(tmp_path / "index") as store:
        assert refresh(store, "windows", read, exact=100)
        there = Vectors(store, "windows", read, exact=100)
        near = there.nearest(few[:1].astype(np.float32), 20)
        assert there.recall is None and set(near.place[0].tolist()) == {0} and near.cosine[0, 0] > 0.9


def near_of(store: Store, number: int) -> np.ndarray:
    ((blob,),) = store.rows("select windows from segments where id = ?", (number,))
    return read(blob)[:1].astype(np.float32)


@pytest.mark.extras
@pytest.mark.parametrize("content", [b"", b"resonet vectors 1\n", b"resonet vectors 1\n{}\n", b"other\n{}\n\0\0"])
def test_a_damaged_copy_is_passed_over(content: bytes, tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    rng, folder = np.random.default_rng(0), tmp_path / "index"
    add(folder, "a", made(rng, 5))
    place(folder, "windows").write_bytes(content)
    with Store.open(folder) as store:
        assert Vectors(store, "windows", read).nearest(near_of(store, 1), 1).segment[0, 0] == 1
