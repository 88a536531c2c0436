"""Tokens, what of a query is in a segment and where, filters, and words that are like a word."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import small_index
from hypothesis import given, settings
from hypothesis import strategies as st
from small_index import STEP, segment

from resonet.errors import UsageError
from resonet.search.query import parse
from resonet.search.rows import words_of
from resonet.search.said import Occurrence, Said, merged, shortened
from resonet.search.store import Store
from resonet.search.texts import Texts, tokens
from resonet.search.tree import Words
from resonet.search.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Trent's LAST case", "trentʼs last case"),
        ("'tis the boys' o’clock", "tis the boys oʼclock"),
        ("Café Müller, Straße", "cafe muller strasse"),
        ("cafe\u0301", "cafe"),
        ("Ἀθῆναι Ёлка", "αθηναι елка"),
        ("我們 说OK了ー", "我 們 说 ok 了 ー"),
        ("がぎ", "が ぎ"),
        ("well-known 10:30", "well known 10 30"),
        ("... !", ""),
        ("", ""),
    ],
)
def test_tokens(text: str, expected: str) -> None:
    assert tokens(text) == expected
    assert tokens(expected) == expected


@settings(deadline=None)
@given(st.text(max_size=30))
def test_sqlite_has_the_same_tokens(text: str) -> None:
    """Else what a text holds would not be found, or found in one place and not seen in the other."""
    import sqlite3

    database = sqlite3.connect(":memory:")
    database.execute("create virtual table t using fts5 (said, tokenize='unicode61 remove_diacritics 2')")
    database.execute("create virtual table v using fts5vocab (t, 'row')")
    # Scripts that are younger than SQLite's tables are no letters to it.
    told = " ".join(token for token in tokens(text).split() if all(ord(c) < 0x2E80 for c in token))
    database.execute("insert into t values (?)", (told,))
    for token in told.split():
        assert database.execute("select rowid from t where t match ?", (f'"{token}"',)).fetchall(), ascii(token)


def said(text: str, start: float = 10.0, sure: list[float] | float = 0.8, **fields: str) -> Said:
    made = segment(text, start, sure)
    more = {"path": "/talks/a.flac", "speaker": "Mary", "date": "2026-01-15", "language": "en", **fields}
    return Said(1, start, made.end, text, words_of(made), **more)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Texts]:
    talks = {
        "/talks/a.flac": ["lighthouse keeper lighthouses light", "the the"],
        "/talks/b.flac": ["keeper"],
    }
    fields = {"/talks/a.flac": {"speaker": "Mary", "date": "2026-01-15"}}
    with Store.open(small_index.build(tmp_path_factory.mktemp("talks") / "i", talks, fields)) as store:
        yield Texts(store)


Places = Callable[..., list[tuple[int, ...]] | None]


@pytest.fixture
def places(texts: Texts) -> Places:
    """The tokens of each occurrence."""

    def find(query: str, text: str, **more: object) -> list[tuple[int, ...]] | None:
        found = texts.occurrences(parse(query).tree, said(text, **more))  # type: ignore[arg-type]
        return None if found is None else [place.tokens for place in found]

    return find


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("b", "a b c b", [(1,), (3,)]),
        ("x", "a b", None),
        ('"a b"', "a b c a b", [(0, 1), (3, 4)]),
        ('"a b"', "b a", None),
        ('"a b c d"', "a b c", None),
        ("ca*", "cat a car", [(0,), (2,)]),
        ('"a ca*"', "cat a car a cat", None),
        ('"a ca"*', "cat a car", [(1, 2)]),
        ("lighthose~", "the lighthouse", [(1,)]),
        ("light~1", "lights lighthouse", None),
        ("a AND c", "a b c", [(0, 2)]),
        ("a AND c", "a b", None),
        ("a AND c", "a c x x x x a", [(0, 1)]),
        ("a OR c", "a x c", [(0,), (2,)]),
        ("a OR c", "x c", [(1,)]),
        ("a OR c", "x", None),
        ("a -b", "a c", [(0,)]),
        ("a -b", "a b", None),
        ("a OR -b", "x", []),
        ("a OR -b", "b", None),
        ("a NEAR/1 b", "a x b", [(0, 2)]),
        ("a NEAR/1 b", "b x a", [(0, 2)]),
        ("a NEAR/1 b", "a x x b", None),
        ("a NEAR/0 a", "a x a", None),
        ('a NEAR/1 "b c"', "a x b c", [(0, 2, 3)]),
        ("a NEAR/0 b NEAR/0 c", "b a c", [(0, 1, 2)]),
        ("(a OR b) NEAR/0 c", "a x b c", [(2, 3)]),
        ("speaker:mary", "a", []),
        ("speaker:john", "a", None),
        ("a -speaker:john", "a", [(0,)]),
        ("a speaker:mary", "x a a", [(1,), (2,)]),
        ("你好", "我说 你好 吗", [(2, 3)]),
        ("好吗", "我说 你好 吗", [(3, 4)]),
        ("cafe", "das café", [(1,)]),
    ],
)
def test_where_a_query_is(places: Places, query: str, text: str, expected: list[tuple[int, ...]] | None) -> None:
    assert places(query, text) == expected


def test_words_side_by_side_are_worth_more_than_words_apart(texts: Texts) -> None:
    tree = parse("last case").tree
    together = texts.occurrences(tree, said("the last case"))
    apart = texts.occurrences(tree, said("last in this case"))
    assert together is not None and apart is not None
    assert [place.tokens for place in together] == [(1, 2)]
    assert [place.tokens for place in apart] == [(0, 3)]
    assert together[0].score == pytest.approx(0.8**2, abs=0.01)
    assert apart[0].score < together[0].score
    assert texts.occurrences(tree, said("last of all")) is None


def test_an_occurrence_has_the_times_of_its_words_and_all_of_their_confidences(texts: Texts) -> None:
    (place,) = texts.occurrences(parse('"b c"').tree, said("a b c", 10.0, [1.0, 0.5, 0.4])) or []
    assert (place.start, place.end) == (10.5, pytest.approx(11.4))
    assert place.score == pytest.approx(0.2, abs=0.01)


def test_a_sign_within_a_word_has_its_share_of_the_time_and_of_the_text(texts: Texts) -> None:
    there = said("我说 今天天气", 0.0, [0.9, 0.5])
    (place,) = texts.occurrences(parse("天气").tree, there) or []
    assert (place.start, place.end) == (pytest.approx(0.5 + 0.2), pytest.approx(0.9))
    assert place.score == pytest.approx(0.5, abs=0.01)  # one word, counted once
    assert [there.text[a:b] for a, b in there.characters(place.tokens)] == ["天气"]


def test_letters_that_are_other_cost(texts: Texts) -> None:
    exact, one = (texts.occurrences(parse(q).tree, said("keeper"))[0].score for q in ("keeper~", "keepet~"))  # type: ignore[index]
    assert exact == pytest.approx(0.8, abs=0.01)
    assert one == pytest.approx(0.7 * 0.8, abs=0.01)


@pytest.mark.parametrize(
    ("query", "text", "shown"),
    [
        ('"last case"', "trent's last case", ["last case"]),
        ("trent's AND case", "trent's last case", ["trent's", "case"]),
        ("known", "a well-known case", ["well-known"]),
    ],
)
def test_what_of_the_text_is_shown(texts: Texts, query: str, text: str, shown: list[str]) -> None:
    there = said(text)
    (place,) = texts.occurrences(parse(query).tree, there) or []
    assert [text[a:b] for a, b in there.characters(place.tokens)] == shown


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ("file:a.flac", True),
        ("file:TALKS", True),
        ("file:talks/*.flac", True),
        ("file:b.flac", False),
        ("file:*a*l*a*", True),
        ("file:flac*talks", False),
        ("file:%", False),
        ("file:talks_a", False),
        ("speaker:MARY", True),
        ("speaker:m*y", True),
        ("speaker:mar", False),
        ("speaker:m_ry", False),
        ('speaker:"\' or 1=1 --"', False),
        ("language:en", True),
        ("language:en-GB", False),
        ("language:e", False),
        ("date:2026", True),
        ("date:2026-01", True),
        ("date:2026-01-15", True),
        ("date:2026-01-14", False),
        ("date:2026-01..2026-02", True),
        ("date:2025..2025-12", False),
        ("date:..2026-01-14", False),
        ("date:2026-01-16..", False),
        ("(date:2025 OR speaker:mary)", True),
        ("-date:2025", True),
        ("-date:2026", False),
    ],
)
def test_filters_hold_in_the_database_as_they_do_here(texts: Texts, asked: str, holds: bool) -> None:
    tree = parse(f"light {asked}").tree
    assert (texts.occurrences(tree, said("light")) is not None) == holds
    # What is excluded is left to Python.
    assert bool(texts.candidates(tree, 0, 9)) == (holds or asked.startswith("-"))


def test_filters_take_capitals_of_every_script_alike_and_need_a_date(texts: Texts) -> None:
    assert texts.occurrences(parse("speaker:ärger").tree, said("a", speaker="ÄRGER")) == []
    assert texts.occurrences(parse("language:en").tree, said("a", language="en-GB")) == []
    assert texts.occurrences(parse("date:..2026").tree, said("a", date="")) is None


def test_candidates_come_in_order_and_go_on_where_they_stopped(texts: Texts) -> None:
    tree = parse("keeper OR the").tree
    first = texts.candidates(tree, 0, 2)
    assert [s.id for s in first] == [1, 2]
    assert [s.id for s in texts.candidates(tree, 2, 2)] == [3]
    assert [s.text for s in texts.numbered([3, 99, 1])] == [first[0].text, "keeper"]


WORDS = ["a", "b", "ab", "abc", "né", "你", "好", "o'er"]
LEAVES = st.sampled_from(
    [*WORDS, "ab*", "abd~", "a*", '"a b"', '"你好"', '"b ab a"', "speaker:x", "-a", "-speaker:x", "date:2026"]
)
QUERIES = st.recursive(
    LEAVES,
    lambda inner: st.tuples(inner, st.sampled_from([" ", " OR ", " AND ", " NOT ", " NEAR/1 "]), inner).map(
        lambda parts: f"({''.join(parts)})"
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of 120 segments of few words."""
    chance = random.Random(0)
    made = {f"/{i}": [" ".join(chance.choices(WORDS, k=chance.randint(1, 5))) for _ in range(6)] for i in range(20)}
    fields = {
        f"/{i}": {"speaker": chance.choice("xy"), "date": chance.choice(["", "2025-05-05", "2026-06-06"])}
        for i in range(20)
    }
    return small_index.build(tmp_path_factory.mktemp("mixed") / "i", made, fields)


@settings(deadline=None, max_examples=150)
@given(QUERIES)
def test_the_database_leaves_out_nothing_that_fits(mixed: Path, query: str) -> None:
    try:
        tree = parse(query).tree
    except UsageError:
        return
    with Store.open(mixed) as store:
        texts = Texts(store)
        every = texts.numbered(range(1, 121))
        fitting = {s.id for s in every if texts.occurrences(tree, s) is not None}
        assert fitting <= {s.id for s in texts.candidates(tree, 0, 1000)}


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_query_breaks_the_database(mixed: Path, query: str) -> None:
    try:
        tree = parse(query).tree
    except UsageError:
        return
    with Store.open(mixed) as store:
        Texts(store).candidates(tree, 0, 10)


def test_the_longest_queries_that_are_taken(mixed: Path) -> None:
    deep = "a"
    for i in range(20):
        deep = f"({deep} {('OR', 'AND')[i % 2]} b)"
    queries = [deep, " OR ".join(["ab~2"] * 60), "x" + " -a" * 15, "a " * 60, "b* " * 60, "-" * 18 + "a OR b"]
    with Store.open(mixed) as store:
        for query in queries:
            Texts(store).candidates(parse(query).tree, 0, 10)
        many = "file:" + "*".join("abcdefghi")
        assert Texts(store).candidates(parse(many).tree, 0, 10) == []


def levenshtein(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]


@settings(deadline=None)
@given(
    st.lists(st.text(string.ascii_lowercase[:4] + "é你", min_size=1, max_size=7), unique=True, max_size=30),
    st.text(string.ascii_lowercase[:4] + "你", min_size=1, max_size=7),
    st.sampled_from([1, 2]),
)
def test_like_words_are_those_within_so_many_edits(words: list[str], word: str, edits: int) -> None:
    found = Vocabulary(words, [1] * len(words)).like(word, edits)
    assert found == {w: d for w in words if (d := levenshtein(word, w)) <= edits}


def test_like_words_are_few_the_nearest_and_most_frequent() -> None:
    words = [f"a{x}{y}" for x in string.ascii_lowercase for y in string.ascii_lowercase]
    counts = np.arange(len(words)).tolist()
    found = Vocabulary(words, counts).like("axy", 2)
    assert len(found) == 50
    assert list(found)[:2] == ["axy", "azy"]


def test_the_words_of_an_index_are_those_that_its_segments_hold(texts: Texts) -> None:
    words = Vocabulary.of(texts._store)
    assert sorted(words.words) == ["keeper", "light", "lighthouse", "lighthouses", "the"]
    assert texts._like(Words(("lighthous",), edits=1)) == {"lighthouse": 1}


def test_what_was_only_heard_joins_what_the_text_has(texts: Texts) -> None:
    there = said("a b c d")  # b from 10.5 to 10.9
    b = Words(("b",), "b")
    heard = {b: {1: [there.heard(10.45, 10.95, 0.9, True), there.heard(11.55, 11.8, 0.3, False)]}}
    found = texts.occurrences(b, there, heard)
    assert found is not None
    known, new = found
    assert (known.start, known.score, known.tokens) == (10.5, 0.9, (1,))  # the text's place, the score of both
    assert (new.start, new.score, new.tokens, new.accepted) == (11.55, 0.3, (3,), False)  # d was written there
    assert texts.occurrences(b, said("x y"), {b: {2: heard[b][1]}}) is None


def test_what_was_heard_between_words_has_a_place_among_them(texts: Texts) -> None:
    there = said("a b")
    place = there.heard(10.42, 10.48, 0.9, True)
    assert (place.first, place.last, place.tokens) == (1, 0, ())
    x = Words(("x",), "x")
    for query, found in (("a NEAR/0 x", True), ("x NEAR/0 b", True), ("x NEAR/0 c", False)):
        assert (texts.occurrences(parse(query).tree, there, {x: {1: [place]}}) is not None) == found


def test_places_near_each_other_are_one() -> None:
    def at(start: float, score: float) -> Occurrence:
        return Occurrence(start, start + STEP, score, 0, 0)

    found = merged([at(1.0, 0.2), at(1.5, 0.9), at(2.0, 0.3), at(2.5, 0.1), at(9.0, 0.4)])
    assert [(place.start, place.score) for place in found] == [(1.5, 0.9), (2.5, 0.1), (9.0, 0.4)]


@settings(deadline=None)
@given(
    st.lists(st.text("ab", min_size=1, max_size=9), min_size=1, max_size=40), st.integers(0, 39), st.integers(10, 60)
)
def test_a_shortened_text_shows_its_match(words: list[str], at: int, width: int) -> None:
    text, at = " ".join(words), at % len(words)
    start = sum(len(word) + 1 for word in words[:at])
    match = (start, start + len(words[at]))
    short, matches = shortened(text, [match], width)
    assert [short[a:b] for a, b in matches] == [words[at]]
    assert len(short) <= max(width, len(words[at])) + 4
    assert short.strip("… ") in text
    assert set(short.strip("… ").split()) <= set(words)
