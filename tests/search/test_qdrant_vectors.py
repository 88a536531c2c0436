"""Vectors of an index in a Qdrant collection, in this process. Needs the extra [qdrant]."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_index
from small_index import segment

from resonet.errors import MissingExtra, SearchIndexError
from resonet.search import embedding, qdrant, speakers, windows
from resonet.search.qdrant import Collection, Updated
from resonet.search.store import Store
from resonet.search.vectors import Vectors

pytestmark = pytest.mark.extras
META = {**small_index.META, "embedder": {"name": "e", "sha256": "abcdef0123456789"}, "windows": {"size": 8}}


def read(blob: bytes) -> np.ndarray:
    return np.frombuffer(blob, np.int8).reshape(-1, 8)


def blob(seed: int, count: int) -> bytes:
    return np.random.default_rng(seed).integers(-99, 100, (count, 8)).astype(np.int8).tobytes()


SAID = {
    "/a": [segment("one", windows=blob(1, 5)), segment("two", 3.0, windows=blob(2, 3))],
    "/b": [segment("three", windows=blob(3, 40)), segment("four", 3.0)],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_index.build(tmp_path / "my index", SAID, meta=META)


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with Store.open(folder) as opened:
        yield opened


@pytest.fixture
def collection(store: Store) -> Iterator[Collection]:
    pytest.importorskip("qdrant_client")
    with Collection.open(store, "windows", read, ":memory:") as opened:
        yield opened


def test_it_finds_what_the_index_finds(collection: Collection, store: Store) -> None:
    told: list[int] = []
    assert collection.update(progress=told.append) == Updated(48, 0) and sum(told) == 48
    queries = np.random.default_rng(9).standard_normal((4, 8)).astype(np.float32)
    mine, exact = collection.nearest(queries, 10), Vectors(store, "windows", read).nearest(queries, 10)
    assert np.array_equal(mine.segment, exact.segment) and np.array_equal(mine.place, exact.place)
    assert np.allclose(mine.cosine, exact.cosine, atol=1e-4)


def test_more_is_asked_for_than_there_is(collection: Collection) -> None:
    collection.update()
    near = collection.nearest(np.ones((1, 8), np.float32), 60)
    assert near.segment.shape == (1, 60)
    assert (near.segment[0, 48:] == -1).all() and (near.segment[0, :48] > 0).all()
    assert near.cosine[0, 48] == -np.inf
    assert collection.nearest(np.empty((0, 8), np.float32), 3).segment.shape == (0, 3)


def test_it_follows_the_index(collection: Collection, folder: Path) -> None:
    collection.update()
    assert collection.update() == Updated()
    changed = {"/b": [segment("else", windows=blob(5, 2))], "/c": [segment("new", windows=blob(6, 4))]}
    small_index.build(folder, changed, meta=META)
    assert collection.update() == Updated(6, 40)
    near = collection.nearest(read(blob(6, 4)).astype(np.float32), 1)
    assert near.segment.ravel().tolist() == [6] * 4 and near.place.ravel().tolist() == [0, 1, 2, 3]
    assert set(collection.nearest(np.ones((1, 8), np.float32), 14).segment.ravel().tolist()) == {1, 2, 5, 6}


def test_an_update_that_was_stopped_goes_on(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qdrant, "_SENT", 4)

    def stop(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collection.update(progress=stop)
    assert collection.update() == Updated(43, 0)


def test_a_folder_keeps_it(store: Store, tmp_path: Path) -> None:
    pytest.importorskip("qdrant_client")
    place = str(tmp_path / "vectors")
    with Collection.open(store, "windows", read, place, "talks") as collection:
        assert re.fullmatch("resonet-talks-windows-abcdef01-[0-9a-f]{8}", collection.name)
        collection.update(shards=2)
    with Collection.open(store, "windows", read, place, "talks") as collection:
        assert collection.update() == Updated()
        assert collection.nearest(np.ones((1, 8), np.float32), 1).segment[0, 0] > 0
    with Collection.open(store, "windows", read, place) as other:
        assert other.name.startswith("resonet-my-index-windows-abcdef01-")
        with pytest.raises(SearchIndexError, match="has no collection"):
            other.nearest(np.ones((1, 8), np.float32), 1)


def test_an_index_without_such_vectors_is_told(store: Store) -> None:
    pytest.importorskip("qdrant_client")
    with pytest.raises(SearchIndexError, match="no vectors of this kind: voice"):
        Collection.open(store, "voice", read, ":memory:")


def test_a_server_that_is_not_there_is_told(store: Store) -> None:
    pytest.importorskip("qdrant_client")
    with Collection.open(store, "windows", read, "http://127.0.0.1:9") as collection:
        for ask in (collection.update, lambda: collection.nearest(np.ones((1, 8), np.float32), 1)):
            with pytest.raises(SearchIndexError, match=r"http://127.0.0.1:9 cannot be used: \S"):
                ask()


def test_without_the_client_it_says_what_to_install(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qdrant_client", None)  # type: ignore[arg-type]
    with pytest.raises(MissingExtra, match=r"needs the extra \[qdrant\]"):
        Collection.open(store, "windows", read, ":memory:")


def test_a_server_is_asked_for_shards_and_copies(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("qdrant_client")
    asked: dict[str, Any] = {}
    with Collection.open(store, "windows", read, ":memory:") as collection:
        create = collection._client.create_collection
        monkeypatch.setattr(collection._client, "create_collection", lambda *a, **k: (asked.update(k), create(*a, **k)))
        collection.update(shards=6, copies=2)
    assert asked["shard_number"] == 6 and asked["replication_factor"] == 2
    assert asked["vectors_config"].size == 8 and asked["quantization_config"].scalar.always_ram


def test_all_vectors_of_an_index(tmp_path: Path) -> None:
    pytest.importorskip("qdrant_client")
    numbers = np.random.default_rng(3).uniform(-0.5, 0.5, (7, 4)).astype(np.float32)
    said = {"/a": [segment("one", windows=windows.pack(numbers), voice=speakers.pack(numbers[0]))]}
    meta = {**META, "windows": {"size": 4}, "speaker": {"name": "s", "sha256": "12345678"}}
    place = str(tmp_path / "vectors")
    with Store.open(small_index.build(tmp_path / "i", said, meta=meta)) as store:
        # Seven windows are two runs of five, two apart.
        assert qdrant.update(store, place) == {"windows": Updated(2, 0), "voice": Updated(1, 0)}
        with Collection.open(store, "voice", embedding.reader(store, "voice"), place) as collection:
            assert collection.nearest(numbers[:1], 1).cosine[0, 0] == pytest.approx(1, abs=1e-3)


def test_an_index_without_any_vectors_is_told(tmp_path: Path) -> None:
    folder = small_index.build(tmp_path / "i", {"/a": ["one"]})
    with Store.open(folder) as store, pytest.raises(SearchIndexError, match="has no vectors"):
        qdrant.update(store, ":memory:")


def test_the_key_of_a_server_is_in_the_environment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    client = pytest.importorskip("qdrant_client")
    asked: list[Any] = []
    monkeypatch.setattr(client, "QdrantClient", lambda **given: asked.append(given["api_key"]))
    monkeypatch.setenv("QDRANT_API_KEY", "secret")
    Collection.open(store, "windows", read, "http://vectors:6333")
    Collection.open(store, "windows", read, "http://vectors:6333", key="other")
    assert asked == ["secret", "other"]


def test_two_indexes_of_one_name_do_not_meet(tmp_path: Path) -> None:
    pytest.importorskip("qdrant_client")
    place = str(tmp_path / "vectors")
    for name, seed in (("a", 1), ("b", 2)):
        said = {"/x": [segment("one", windows=blob(seed, 5))]}
        folder = small_index.build(tmp_path / name / "talks.index", said, meta=META)
        with Store.open(folder) as store, Collection.open(store, "windows", read, place) as collection:
            assert collection.update() == Updated(5, 0)


def test_a_restored_index_keeps_no_vectors_of_what_is_gone(tmp_path: Path) -> None:
    pytest.importorskip("qdrant_client")
    folder, place = tmp_path / "talks", str(tmp_path / "vectors")
    small_index.build(folder, {"/x": [segment("one", windows=blob(1, 5))]}, meta=META)
    shutil.copytree(folder, tmp_path / "backup")

    def update() -> Updated:
        with Store.open(folder) as store, Collection.open(store, "windows", read, place) as collection:
            return collection.update()

    small_index.build(folder, {"/y": [segment("two", windows=blob(2, 4))]}, meta=META)
    assert update() == Updated(9, 0)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "backup", folder)
    small_index.build(folder, {"/z": [segment("three", windows=blob(3, 3))]}, meta=META)
    assert update() == Updated(3, 4)


def test_an_address_without_its_scheme_is_no_folder(store: Store) -> None:
    pytest.importorskip("qdrant_client")
    with pytest.raises(SearchIndexError, match="localhost:6333 names neither") as caught:
        Collection.open(store, "windows", read, "localhost:6333")
    assert caught.value.hint == "write http://localhost:6333"
