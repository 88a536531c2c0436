"""Error counts against alignments done by hand, and what must hold for any text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.evaluate.metrics.word_errors import Counts, Step, align, plain, total

WORDS = st.lists(st.sampled_from(["the", "cat", "sat", "don't", "on", "a", "mat"]), max_size=8)


@pytest.mark.parametrize(
    ("said", "heard", "expected"),
    [
        ("the cat sat", "the cat sat", Counts(3, 0, 0, 0)),
        ("the cat sat", "the bat sat", Counts(3, 1, 0, 0)),
        ("the cat sat", "the sat", Counts(3, 0, 1, 0)),
        ("the cat sat", "the cat has sat", Counts(3, 0, 0, 1)),
        # Delete THE, keep CAT, SAT -> SIT, keep ON MATS, insert DOWN: no other alignment has three errors.
        ("the cat sat on mats", "cat sit on mats down", Counts(5, 1, 1, 1)),
        ("the cat sat", "", Counts(3, 0, 3, 0)),
        ("", "well well", Counts(0, 0, 0, 2)),
        ("", "", Counts(0, 0, 0, 0)),
        ("courtyard", "court yard", Counts(1, 1, 0, 1)),
    ],
)
def test_words_counted_by_hand(said: str, heard: str, expected: Counts) -> None:
    assert align([said], [heard])[0].words == expected


def test_characters_counted_by_hand() -> None:
    # KITTEN -> SITTING: two substitutions and one insertion, the textbook case.
    assert align(["kitten"], ["sitting"])[0].characters == Counts(6, 2, 0, 1)
    # The space is a character.
    assert align(["a b"], ["ab"])[0].characters == Counts(3, 0, 1, 0)


def test_steps_show_both_sides() -> None:
    assert align(["the cat sat on"], ["cat sit on mats"])[0].steps == (
        Step("delete", "THE", ""),
        Step("equal", "CAT", "CAT"),
        Step("substitute", "SAT", "SIT"),
        Step("equal", "ON", "ON"),
        Step("insert", "", "MATS"),
    )


def test_rates_of_a_set_are_errors_over_words() -> None:
    found = align(["a", "b c d e f g h i j"], ["x", "b c d e f g h i j"])
    assert total([a.words for a in found]).rate == pytest.approx(1 / 10)
    assert Counts().rate == 0
    assert math.isinf(Counts(0, 0, 0, 1).rate)


def test_case_punctuation_and_quotes_are_free() -> None:
    assert plain("“Don’t”, she said – twenty-two!") == "DON'T SHE SAID TWENTY TWO"
    assert align(["DON'T GO"], ["don’t go."])[0].words.errors == 0
    # An accent may be a character of its own.
    assert align(["Cafe\u0301"], ["caf\u00e9"])[0].words.errors == 0


def test_lists_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 references, but 1 hypotheses"):
        align(["a", "b"], ["a"])
    assert align([], []) == []


@settings(deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_a_text_has_no_errors_against_itself(texts: list[str]) -> None:
    for found in align(texts, texts):
        assert found.words.errors == found.characters.errors == 0


def levenshtein(a: list[str], b: list[str]) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        corner, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (x != y))
    return row[-1]


@given(WORDS, WORDS)
@settings(max_examples=200, deadline=None)
def test_errors_are_the_edit_distance_and_steps_tell_both_texts(said: list[str], heard: list[str]) -> None:
    found = align([" ".join(said)], [" ".join(heard)])[0]
    assert found.words.errors == levenshtein(said, heard)
    assert [s.said for s in found.steps if s.said] == [w.upper() for w in said]
    assert [s.heard for s in found.steps if s.heard] == [w.upper() for w in heard]
    assert sum(s.kind == "insert" for s in found.steps) == found.words.insertions
    assert found.words.units == len(said)
