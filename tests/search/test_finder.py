"""Finder: ranking, pages, what a hit carries, indexes that are empty or change, and what is heard beside the text."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import small_index
from hypothesis import given, settings
from hypothesis import strategies as st
from small_index import segment

import resonet
from resonet import Finder, Hit
from resonet.errors import SearchIndexError, UsageError
from resonet.search.keywords import Heard
from resonet.search.speakers import pack

TALKS = {
    "/talks/a.flac": [segment("trent's last case was his last", 1.0, [0.9, 0.8, 0.7, 0.9, 0.9, 0.3])],
    "/talks/b.flac": [segment("the last one", 0.0, 0.5), segment("nobody came", 20.0)],
    "/talks/c.flac": [segment("我们 今天 走了", 0.0)],
}
FIELDS = {
    "/talks/a.flac": {"speaker": "Mary", "date": "2026-01-15"},
    "/talks/b.flac": {"speaker": "John", "date": "2026-02-01"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_index.build(tmp_path_factory.mktemp("finder") / "index", TALKS, FIELDS)


@pytest.fixture
def finder(folder: Path):
    with Finder.open(folder) as opened:
        yield opened


def starts(hits: list[Hit]) -> list[tuple[str, float]]:
    return [(Path(hit.file).stem, round(hit.start, 3)) for hit in hits]


def test_every_place_is_a_hit_the_likeliest_first(finder: Finder) -> None:
    hits = finder.search("last", exact=True)
    assert starts(hits) == [("a", 1.5), ("b", 0.5), ("a", 3.5)]
    assert [round(hit.score, 2) for hit in hits] == [0.8, 0.5, 0.3]


def test_what_a_hit_carries(finder: Finder) -> None:
    (hit,) = finder.search('"last case"', exact=True)
    assert hit == Hit(
        "/talks/a.flac",
        pytest.approx(1.5),  # type: ignore[arg-type]
        pytest.approx(2.4),  # type: ignore[arg-type]
        pytest.approx(0.8 * 0.7, abs=0.01),  # type: ignore[arg-type]
        "trent's last case was his last",
        "Mary",
        "2026-01-15",
        ((8, 17),),
    )
    assert list(hit.as_dict()) == ["file", "start", "end", "score", "text"]
    assert hit.as_dict()["start"] == 1.5 and hit.as_dict()["end"] == 2.4
    with pytest.raises(AttributeError):
        hit.score = 1.0  # type: ignore[misc]


def test_the_front_door_has_both() -> None:
    assert {"Finder", "Hit"} <= set(resonet.__all__)
    assert resonet.Finder is Finder


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("last speaker:john", [("b", 0.5)]),
        ("last date:2026-02..", [("b", 0.5)]),
        ("last file:a.flac confidence:0.5", [("a", 1.5)]),
        ("last confidence:..0.4", [("a", 3.5)]),
        ("last -case", [("b", 0.5)]),
        ("last case", [("a", 1.5)]),
        ("case last", [("a", 1.5)]),
        ("trant's~", [("a", 1.0)]),
        ("今天", [("c", 0.5)]),
        ("天走", [("c", 0.7)]),
        ("speaker:john", [("b", 0.0), ("b", 20.0)]),
        ("nothing", []),
        ("'last'", [("a", 1.5), ("b", 0.5), ("a", 3.5)]),
    ],
)
def test_queries(finder: Finder, query: str, found: list[tuple[str, float]]) -> None:
    assert starts(finder.search(query, exact=True)) == found


def test_a_hit_without_a_word_is_the_segment(finder: Finder) -> None:
    hits = finder.search("speaker:john")
    assert [(hit.start, hit.end, hit.score, hit.matches) for hit in hits] == [(0, 1.5, 1, ()), (20, 21, 1, ())]


def test_pages_are_parts_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resonet.search.finder._BLOCK", 4)
    said = {f"/{i:02d}": [segment("word", 0.0, [(i * 7 % 10) / 10])] for i in range(11)}
    with Finder.open(small_index.build(tmp_path / "i", said)) as finder:
        every = finder.search("word", limit=None, exact=True)
        assert len(every) == 11
        pages = [finder.search("word", limit=3, offset=at, exact=True) for at in range(0, 15, 3)]
        assert [hit for page in pages for hit in page] == every
        assert [len(page) for page in pages] == [3, 3, 3, 2, 0]
        # So many segments are ranked together; the next ones follow.
        assert [hit.score for hit in every[:4]] == sorted((hit.score for hit in every[:4]), reverse=True)
        assert {hit.file for hit in every[:4]} == {"/00", "/01", "/02", "/03"}


@pytest.mark.parametrize(("limit", "offset"), [(0, 0), (-1, 0), (5, -1)])
def test_limits_that_name_no_hits(finder: Finder, limit: int, offset: int) -> None:
    with pytest.raises(UsageError, match="name no hits"):
        finder.search("last", limit=limit, offset=offset)


@pytest.mark.parametrize("query", ["(last", '"last', "speaker:", "", "lastt AND"])
def test_a_query_that_is_none_is_told(finder: Finder, query: str) -> None:
    with pytest.raises(UsageError):
        finder.search(query)


def test_an_empty_index_finds_nothing_and_says_so(tmp_path: Path) -> None:
    with Finder.open(small_index.build(tmp_path / "i", {})) as finder:
        assert finder.search("last") == []
        assert len(finder.notes) == 1 and "no recording in which something is said" in finder.notes[0]


def test_no_index_is_told(tmp_path: Path) -> None:
    with pytest.raises(SearchIndexError, match="holds no index"):
        Finder.open(tmp_path)


def test_an_index_that_changes_is_seen(tmp_path: Path) -> None:
    folder = small_index.build(tmp_path / "i", {"/a": ["one lighthouse"]})
    with Finder.open(folder) as finder:
        assert starts(finder.search("lighthose~", exact=True)) == [("a", 0.5)]
        assert finder.search("keper~", exact=True) == []
        small_index.build(folder, {"/b": ["keeper"], "/a": ["nothing"]})
        assert starts(finder.search("keper~", exact=True)) == [("b", 0.0)]
        assert finder.search("lighthouse", exact=True) == []


@settings(deadline=None)
@given(st.one_of(st.text(max_size=20), st.lists(st.sampled_from([*'ab "()*~-', "last", "OR ", "NOT "])).map("".join)))
def test_no_query_raises_anything_but_usage_errors(folder: Path, query: str) -> None:
    with Finder.open(folder) as finder:
        try:
            hits = finder.search(query)
        except UsageError:
            return
        assert all(0 <= hit.score <= 1 and hit.start <= hit.end for hit in hits)
        assert all(hit.text[a:b].strip() for hit in hits for a, b in hit.matches)


def hear(identity: object, samples: np.ndarray, sample_rate: int | None) -> SimpleNamespace:
    """Hears in the first samples of a sound the numbers of a voice."""
    return SimpleNamespace(voice=samples[:3] / np.linalg.norm(samples[:3]))


def test_who_speaks_like_this(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob = np.array([1.0, 0, 0], np.float32), np.array([0, 1.0, 0], np.float32)
    between = np.array([0.8, 0.6, 0], np.float32)
    said = {
        "/ann": [segment("one", 0.0, voice=pack(between)), segment("two", 9.0, voice=pack(ann))],
        "/bob": [segment("three", voice=pack(bob))],
        "/nobody": [segment("four")],
    }
    meta = {**small_index.META, "speaker": {"name": "voices", "sha256": "00"}}
    folder = small_index.build(tmp_path / "i", said, {"/ann": {"speaker": "Ann"}}, meta)
    with Finder.open(folder) as finder:
        monkeypatch.setattr(finder, "_identity", object())
        monkeypatch.setattr("resonet.runtime.known_voices.hear", hear)
        sample = np.array([0.9, 0.1, 0] * 20, np.float32)
        hits = finder.by_speaker(sample, sample_rate=16000)
        assert [(hit.file, hit.start, hit.text, hit.speaker) for hit in hits] == [
            ("/ann", 9.0, "two", "Ann"),
            ("/bob", 0.0, "three", ""),
        ]
        assert 1 >= hits[0].score > hits[1].score >= 0
        assert finder.by_speaker(sample, limit=1, offset=1, sample_rate=16000) == hits[1:]


def test_an_index_without_voices_is_told(finder: Finder) -> None:
    with pytest.raises(SearchIndexError, match="knows no voices"):
        finder.by_speaker(np.zeros(16000, np.float32), sample_rate=16000)


@pytest.mark.parametrize(
    ("module", "name", "ask"),
    [
        ("example", "Examples", lambda finder, **more: finder.by_voice("query.wav", **more)),
        ("meaning", "Meanings", lambda finder, **more: finder.by_meaning("the end of it", **more)),
    ],
)
def test_places_that_others_find_become_hits(
    finder: Finder, monkeypatch: pytest.MonkeyPatch, module: str, name: str, ask: Callable[..., list[Hit]]
) -> None:
    found = [Heard(3, 20.4, 21.0, 0.9, 0.8), Heard(99, 0.0, 1.0, 0.7, 0.7), Heard(1, 2.0, 2.4, 0.3, 0.2)]

    class Finds:
        note = ""

        def __init__(self, *about: object) -> None:
            assert about[0] is finder.store

        def find(self, *asked: object) -> list[Heard]:
            assert asked[0] in ("query.wav", "the end of it")
            return found

    fake = ModuleType(f"resonet.search.{module}")
    setattr(fake, name, Finds)
    monkeypatch.setitem(sys.modules, fake.__name__, fake)
    hits = ask(finder)
    assert [(hit.file, hit.start, hit.end, hit.score, hit.accepted) for hit in hits] == [
        ("/talks/b.flac", 20.4, 21.0, 0.9, True),
        ("/talks/a.flac", 2.0, 2.4, 0.3, False),
    ]
    assert [[hit.text[a:b] for a, b in hit.matches] for hit in hits] == [["came"], ["case"]]
    assert ask(finder, limit=1) == hits[:1] and ask(finder, limit=None, offset=2) == hits[1:]
