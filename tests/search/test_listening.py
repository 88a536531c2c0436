"""What is heard beside the text: which words are listened for, and what becomes of a query's hits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import small_index
from small_index import segment
from small_recognizer import PHONES, meta, recognizer

from resonet.errors import BundleError
from resonet.search.finder import Finder, Hit
from resonet.search.keywords import Heard

# By their phones, which is all that is asked for.
CALLED = {"T R EH N T": "trent", "K EY S": "case", "T EY": "tea", "EY": "a"}


class FakeKeywords:
    """Hears what a test says, by the words that are asked for."""

    asked: list[tuple[str, int, dict[int, Any]]]
    heard: dict[str, list[Heard]]
    among: set[int] | None

    def __init__(self, store: object) -> None:
        pass

    def find(
        self, ways: Sequence[Sequence[int]], said: Mapping[int, Sequence[Any]], among: Collection[int] | None
    ) -> list[Heard]:
        FakeKeywords.among = None if among is None else set(among)
        text = " ".join(PHONES[unit - 1] for unit in ways[0])
        for phones, word in CALLED.items():
            text = text.replace(phones, word)
        FakeKeywords.asked.append((text, len(ways), {number: list(places) for number, places in said.items()}))
        return FakeKeywords.heard.get(text, [])


SAID = {
    "/a": [segment("trent came by tea", 0.0, 0.8), segment("nobody tends to a case", 10.0)],
    "/b": [segment("a tent", 0.0)],
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESONET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("resonet.bundle.places._entry_points", list)
    monkeypatch.setattr("resonet.search.listening.Keywords", FakeKeywords)
    FakeKeywords.asked, FakeKeywords.heard = [], {}
    return tmp_path / "home" / "bundles"


@pytest.fixture
def finder(home: Path, tmp_path: Path):
    recognizer(home / "small.resonet")
    fields = {"/a": {"speaker": "Ann"}, "/b": {"speaker": "Bob"}}
    with Finder.open(small_index.build(tmp_path / "index", SAID, fields, meta())) as opened:
        yield opened


def places(hits: list[Hit]) -> list[tuple[str, float, float]]:
    return [(hit.file, hit.start, hit.score) for hit in hits]


def test_what_the_text_lacks_is_found(finder: Finder) -> None:
    FakeKeywords.heard = {
        "trent": [
            Heard(1, 0.04, 0.44, 0.95, 0.9),  # in the text as well
            Heard(2, 10.5, 10.9, 0.6, 0.4),
            Heard(3, 0.5, 0.9, 0.2, 0.1),
        ]
    }
    hits = finder.search("trent")
    assert places(hits) == [("/a", 0.0, 0.95), ("/a", 10.5, 0.6), ("/b", 0.5, 0.2)]
    assert [hit.accepted for hit in hits] == [True, True, False]
    assert [[hit.text[a:b] for a, b in hit.matches] for hit in hits] == [["trent"], ["tends"], ["tent"]]
    assert FakeKeywords.asked == [("trent", 2, {1: [(0.0, pytest.approx(0.4), pytest.approx(0.8))]})]
    assert finder.notes == []


def test_exact_is_the_text_alone(finder: Finder) -> None:
    FakeKeywords.heard = {"trent": [Heard(2, 10.5, 10.9, 0.6, 0.4)]}
    assert places(finder.search("trent", exact=True)) == [("/a", 0.0, pytest.approx(0.8))]
    assert FakeKeywords.asked == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("trent speaker:bob", [("/b", 0.5)]),
        ("trent confidence:0.5", [("/a", 10.5)]),
        ("trent AND case", [("/a", 10.5)]),
        ("trent NEAR/2 case", [("/a", 10.5)]),
        ("trent NEAR/1 case", []),
        ("trent -tea", [("/a", 10.5), ("/b", 0.5)]),
        ("tea OR trent", [("/a", 1.5), ("/a", 10.5), ("/b", 0.5), ("/a", 0.0)]),
    ],
)
def test_what_is_heard_is_part_of_any_query(finder: Finder, query: str, found: list[tuple[str, float]]) -> None:
    FakeKeywords.heard = {
        "trent": [Heard(1, 0.0, 0.4, 0.01, 0.1), Heard(2, 10.5, 10.9, 0.6, 0.4), Heard(3, 0.5, 0.9, 0.2, 0.1)],
        "tea": [Heard(1, 1.5, 1.9, 0.9, 0.9)],
    }
    assert [(hit.file, hit.start) for hit in finder.search(query)] == found


def test_words_side_by_side_are_listened_for_together(finder: Finder) -> None:
    FakeKeywords.heard = {"trent tea": [Heard(3, 0.1, 0.9, 0.7, 0.6)]}
    hits = finder.search("trent tea")
    assert [text for text, *_ in FakeKeywords.asked] == ["trent tea"]
    assert [(hit.file, hit.start, hit.end) for hit in hits] == [("/b", 0.1, 0.9), ("/a", 0.0, pytest.approx(1.9))]


def test_only_recordings_that_the_filters_leave_are_listened_to(finder: Finder) -> None:
    finder.search("trent")
    assert FakeKeywords.among is None
    finder.search("trent speaker:bob")
    assert FakeKeywords.among == {3}
    finder.search("trent (speaker:ann OR file:x)")
    assert FakeKeywords.among == {1, 2}
    assert len(FakeKeywords.asked) == 3


def test_what_is_not_listened_for(finder: Finder, monkeypatch: pytest.MonkeyPatch) -> None:
    finder.search("te* OR trant~ OR (speaker:ann -trent) OR lighthouse")
    assert FakeKeywords.asked == []  # how `lighthouse` is said is not known: no lexicon has it, and nothing reads it
    finder.search(" OR ".join(["trent", "case", "tea"] * 5))
    assert len(FakeKeywords.asked) == 3
    monkeypatch.setattr("resonet.search.finder._BLOCK", 2)
    finder.search('"a" OR "trent tea"')
    assert [text for text, *_ in FakeKeywords.asked[3:]] == ["trent tea"]  # `a` is in two texts


def test_a_page_further_does_not_listen_again_until_the_index_has_changed(finder: Finder) -> None:
    FakeKeywords.heard = {"trent": [Heard(2, 10.5, 10.9, 0.6, 0.4)]}
    first, second = finder.search("trent", limit=1), finder.search("trent", limit=1, offset=1)
    assert places(first + second) == places(finder.search("trent"))
    assert len(FakeKeywords.asked) == 1
    small_index.build(finder.store.folder, {"/c": ["trent"]}, meta=meta())
    finder.search("trent")
    assert len(FakeKeywords.asked) == 2


def test_without_the_recognizer_the_text_alone_is_searched_and_that_is_told(home: Path, tmp_path: Path) -> None:
    folder = small_index.build(tmp_path / "index", SAID, meta=meta())
    with Finder.open(folder) as finder:
        for _ in range(2):
            assert places(finder.search("trent")) == [("/a", 0.0, pytest.approx(0.8))]
            (note,) = finder.notes
            assert "small, with which the index was made, is not installed" in note
            assert "only what was recognized is searched" in note
        finder.search("trent", exact=True)
        assert finder.notes == []
    named = recognizer(tmp_path / "mine.resonet")
    with Finder.open(folder, bundle=named) as finder:
        finder.search("trent")
        assert finder.notes == [] and len(FakeKeywords.asked) == 1
    with Finder.open(folder, bundle=tmp_path / "nowhere.resonet") as finder, pytest.raises(BundleError):
        finder.search("trent")
