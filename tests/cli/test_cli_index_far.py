"""`resonet index` with workers, and with vectors in Qdrant: what the options ask for; neither Ray nor Qdrant is run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonet.search import parallel, qdrant
from resonet.search.indexer import Indexer
from resonet.search.qdrant import Updated


@pytest.fixture
def talk(clip: Any, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    clip("a.wav", small.quiet(1), small.said("B", "OW", "T"), small.quiet(0.5), np.zeros(1, np.float32))
    return "a.wav"


def test_workers_are_asked_for(spotting, talk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class Fake(Indexer):
        def __init__(self, folder, bundle, embedder, threads, workers, cluster) -> None:
            asked.append((threads, workers, cluster))
            super().__init__(folder, bundle, embedder, threads)

    monkeypatch.setattr(parallel, "ParallelIndexer", Fake)
    ran = spotting(
        "index", talk, "--index", "found", "--workers", "3", "--threads", "2", "--cluster", "ray://host:10001"
    )
    assert ran.code == 0 and "1 added" in ran.err
    assert asked == [(2, 3, "ray://host:10001")]
    assert spotting("index", talk, "--index", "found", "--workers", "2").code == 0
    assert asked[1] == (None, 2, None)


def test_a_cluster_without_workers_is_told(spotting, talk: str) -> None:
    ran = spotting("index", talk, "--index", "found", "--cluster", "auto")
    assert ran.code == 2 and "--cluster goes with --workers" in ran.err


def test_workers_without_ray_are_told(spotting, talk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    ran = spotting("index", talk, "--index", "found", "--workers", "2")
    assert ran.code == 4 and "resonet[ray]" in ran.err
    assert not Path("found").exists()


def test_vectors_go_to_qdrant(spotting, talk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def update(store: Any, place: str) -> dict[str, Updated]:
        asked.append((str(store.folder), place))
        return {"windows": Updated(12, 3)}

    monkeypatch.setattr(qdrant, "update", update)
    ran = spotting("index", talk, "--index", "found", "--qdrant", "http://vectors:6333")
    assert ran.code == 0 and asked == [("found", "http://vectors:6333")]
    assert ran.err.splitlines()[-1] == "http://vectors:6333: windows: 12 vectors added, 3 removed"


def test_an_index_without_vectors_has_none_to_send(spotting, talk: str) -> None:
    ran = spotting("index", talk, "--index", "found", "--qdrant", "vectors")
    assert ran.code == 3 and "has no vectors" in ran.err
