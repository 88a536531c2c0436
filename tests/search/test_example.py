"""Search by example: words are found where they are said, however fast; what cannot be asked is one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spoken_tones import embedder, record, sentence

from resonet import Finder
from resonet.errors import AudioError, BundleError, SearchIndexError
from resonet.search import example
from resonet.search.example import Examples
from resonet.search.indexer import Indexer
from resonet.search.store import Store

TALKS = {"a": ("boat", "keys"), "b": ("knock",), "c": ("keys", "knock", "boat"), "d": ("knock", "keys")}


@pytest.fixture(scope="module")
def folder(small: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings, the bundles that hear them, and two indexes of them: with and without the embedder."""
    folder = tmp_path_factory.mktemp("examples")
    small.recognizer(folder / "phones.resonet")
    embedder(small, folder / "tones.resonet")
    paths = [record(small, folder / f"{name}.wav", *words) for name, words in TALKS.items()]
    for name, bundle in (("index", folder / "tones.resonet"), ("deaf", "none")):
        assert Indexer(folder / name, folder / "phones.resonet", bundle, 1).run(paths).added == len(paths)
    return folder


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RESONET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("resonet.bundle.places._entry_points", list)


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with Store.open(folder / "index") as opened:
        yield opened


def examples(folder: Path, store: Store) -> Examples:
    return Examples(store, folder / "phones.resonet", folder / "tones.resonet", 1)


def told(store: Store, found: list[Any]) -> list[tuple[str, float]]:
    path = dict(store.rows("select s.id, path from segments s join recordings r on r.id = recording"))
    return [(Path(path[hit.segment]).stem, (hit.start + hit.end) / 2) for hit in found]


def middle(talk: str, word: str) -> float:
    """Seconds of the middle of a word in its recording."""
    return 0.3 + TALKS[talk].index(word) * (3 * 0.16 + 0.7) + 0.24


@pytest.mark.parametrize("each", [0.09, 0.12, 0.18])
@pytest.mark.parametrize("word", ["boat", "keys", "knock"])
def test_a_word_is_found_wherever_it_is_said_at_any_speed(small, folder, store, word: str, each: float) -> None:
    found = examples(folder, store).find(sentence(small, word, pause=0.2, each=each), small.RATE)
    said = sorted(talk for talk, words in TALKS.items() if word in words)
    first = told(store, found)[: len(said)]
    assert sorted(talk for talk, _ in first) == said
    assert all(abs(at - middle(talk, word)) < 0.25 for talk, at in first)
    assert found[len(said)].probability < found[len(said) - 1].probability
    scores = [hit.score for hit in found]
    assert scores == sorted(scores, reverse=True) and scores[-1] >= 0 and scores[0] <= 1


def test_a_phrase_is_found_as_one(small, folder, store) -> None:
    """Only one recording has it without the long pause, which parts segments."""
    path = record(small, folder / "e.wav", "boat", "knock", pause=0.1)
    shutil.copytree(folder / "index", folder / "more")
    Indexer(folder / "more", folder / "phones.resonet", folder / "tones.resonet", 1).run([path])
    with Store.open(folder / "more") as more:
        (hit, *_) = examples(folder, more).find(sentence(small, "boat", "knock", pause=0.1), small.RATE)
        assert told(more, [hit])[0][0] == "e"
        assert (hit.start, hit.end) == (pytest.approx(0.3, abs=0.2), pytest.approx(1.36, abs=0.2))


def test_finder_searches_by_voice(small, folder) -> None:
    query = record(small, folder / "query.wav", "knock", pause=0.2)
    with Finder.open(folder / "index", 1, folder / "phones.resonet", folder / "tones.resonet") as finder:
        hits = finder.by_voice(query, limit=3)
        assert sorted(Path(hit.file).stem for hit in hits) == ["b", "c", "d"]
        assert hits[0].start == pytest.approx(middle(Path(hits[0].file).stem, "knock") - 0.24, abs=0.2)
        assert finder.by_voice(query, limit=1, offset=1) == hits[1:2]


@pytest.mark.extras
def test_windows_are_looked_up_in_qdrant(small, folder, tmp_path) -> None:
    qdrant = pytest.importorskip("resonet.search.qdrant")
    pytest.importorskip("qdrant_client")
    query, place = record(small, folder / "query.wav", "knock", pause=0.2), str(tmp_path / "vectors")
    named = (1, folder / "phones.resonet", folder / "tones.resonet")
    with (
        Finder.open(folder / "index", *named, qdrant=place) as finder,
        pytest.raises(SearchIndexError, match="has no collection"),
    ):
        finder.by_voice(query)
    with Store.open(folder / "index") as store:
        qdrant.update(store, place)
    with Finder.open(folder / "index", *named) as here, Finder.open(folder / "index", *named, qdrant=place) as there:
        assert there.by_voice(query) == here.by_voice(query)
    with (
        Finder.open(folder / "deaf", *named, qdrant=place) as deaf,
        pytest.raises(SearchIndexError, match="no windows"),
    ):
        deaf.by_voice(query)


def test_a_part_of_it_is_there_without_the_other(small, folder, store, tmp_path) -> None:
    clip = sentence(small, "keys", pause=0.2)
    # An index without windows.
    with Store.open(folder / "deaf") as deaf:
        alone = Examples(deaf, folder / "phones.resonet", None, 1)
        assert sorted(t for t, _ in told(deaf, alone.find(clip, small.RATE))[:3]) == ["a", "c", "d"]
        assert alone.note == ""
        with pytest.raises(BundleError, match="recognizer phones"):
            Examples(deaf)
    # An index whose embedder, or whose recognizer, is not installed.
    for named, missing in (({"recognizer": "phones"}, "embedder tones"), ({"embedder": "tones"}, "recognizer phones")):
        half = Examples(store, threads=1, **{kind: folder / f"{name}.resonet" for kind, name in named.items()})
        assert missing in half.note and "goes on without it" in half.note
        assert sorted(t for t, _ in told(store, half.find(clip, small.RATE))[:3]) == ["a", "c", "d"]
    with pytest.raises(BundleError, match="recognizer phones"):
        Examples(store)


def test_another_edition_is_not_mixed_in(small, folder, store, tmp_path) -> None:
    other = embedder(small, tmp_path / "tones.resonet", {"model.onnx": small.embedder_graph() + b"\x72\x01x"})
    with pytest.raises(BundleError, match="another edition"):
        Examples(store, folder / "phones.resonet", other, 1)


@pytest.mark.parametrize(("seconds", "problem"), [(0.05, "lasts 0.05 s"), (0.0, "lasts 0.00 s"), (25, "longer than")])
def test_too_short_or_too_long(small, folder, store, seconds: float, problem: str) -> None:
    with pytest.raises(AudioError, match=problem) as caught:
        examples(folder, store).find(small.tone(1000, seconds), small.RATE)
    assert caught.value.hint and "\n" not in str(caught.value)


def test_silence_asks_nothing(small, folder, store) -> None:
    with Store.open(folder / "deaf") as deaf, pytest.raises(AudioError, match="nothing is said"):
        Examples(deaf, folder / "phones.resonet", None, 1).find(small.quiet(1), small.RATE)


def test_what_is_like_nothing_has_no_hits(small, folder) -> None:
    """No run of three of its phones is in the index."""
    clip = np.concatenate([small.said("N", "B", "S"), small.quiet(0.3)])
    with Store.open(folder / "deaf") as deaf:
        assert Examples(deaf, folder / "phones.resonet", None, 1).find(clip, small.RATE) == []


def test_damage_is_told(small, folder, tmp_path) -> None:
    shutil.copytree(folder / "index", tmp_path / "index")
    with Store.open(tmp_path / "index") as store:
        import sqlite3

        with sqlite3.connect(tmp_path / "index" / "index.sqlite") as database:
            database.execute("update segments set windows = x'00ff12'")
            database.execute("update meta set value = value + 1 where key = 'generation'")
        database.close()
        with pytest.raises(SearchIndexError, match="damaged: windows"):
            examples(folder, store).find(sentence(small, "keys", pause=0.2), small.RATE)


def test_every_way_of_hearing_has_weights() -> None:
    assert set(example.WEIGHTS) == {(True, True), (True, False), (False, True)}
    for weights in example.WEIGHTS.values():
        # A higher cost and a later rank never speak for a place.
        assert len(weights) == 6 and any(weights)
