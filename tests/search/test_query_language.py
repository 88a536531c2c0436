"""The query language: what is typed, the tree it gives, and the sentence where it gives none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.errors import UsageError
from resonet.search.query import parse
from resonet.search.tree import And, Filter, Near, Not, Or, Query, Run, Words, keywords


def word(text: str, **more: object) -> Words:
    return Words((text,), text, **more)  # type: ignore[arg-type]


A, B, C = word("a"), word("b"), word("c")
A_B = Run((A, B), Words(("a", "b"), "a b"))


@pytest.mark.parametrize(
    ("typed", "tree"),
    [
        ("a", A),
        ("  A.  ", A),
        ("a b", A_B),
        ("a, b!", A_B),
        ("a - b & ...", Run((A, B, word("and")), Words(("a", "b", "and"), "a b and"))),
        ('"a b"', Words(("a", "b"), "a b")),
        ("“a b”", Words(("a", "b"), "a b")),
        ('"A AND (b"', Words(("a", "and", "b"), "a and b")),
        ("well-known", Words(("well", "known"), "well known")),
        ("10:30", Words(("10", "30"), "10 30")),
        ("trent's", Words(("trentʼs",), "trent's")),
        ("ab*", word("ab", prefix=True)),
        ("(ab*,)", word("ab", prefix=True)),
        ('"a b"*', Words(("a", "b"), "a b", prefix=True)),
        ("ab~", word("ab", edits=1)),
        ("abcdef~", word("abcdef", edits=2)),
        ("abcdef~1", word("abcdef", edits=1)),
        ("ab~2", word("ab", edits=2)),
        ("a OR b", Or((A, B))),
        ("a AND b", And((A, B))),
        ("a or b", Run((A, word("or"), B), Words(("a", "or", "b"), "a or b"))),
        ("a OR b c", Or((A, Run((B, C), Words(("b", "c"), "b c"))))),
        ("(a OR b) c", And((Or((A, B)), C))),
        ("a b AND c", And((A_B, C))),
        ("a -b", And((A, Not(B)))),
        ("a NOT b", And((A, Not(B)))),
        ("a AND NOT b", And((A, Not(B)))),
        ("a -(b OR c)", And((A, Not(Or((B, C)))))),
        ('a -"b c"', And((A, Not(Words(("b", "c"), "b c"))))),
        ("a NEAR b", Near(A, B, 10)),
        ("a NEAR/3 b NEAR/0 c", Near(Near(A, B, 3), C, 0)),
        ("NOT a NEAR/2 b OR c", Or((Not(Near(A, B, 2)), C))),
        ("a speaker:mary b", And((A_B, Filter("speaker", "mary")))),
        ('Speaker:"Mary Ann" a', And((A, Filter("speaker", "Mary Ann")))),
        ("file:(my talks/*.wav)", Filter("file", "my talks/*.wav")),
        ("language:en OR language:de", Or((Filter("language", "en"), Filter("language", "de")))),
        ("date:2026", Filter("date", low="2026", high="2026")),
        ("date:(2026-01..2026-02-28)", Filter("date", low="2026-01", high="2026-02-28")),
        ("date:2026-01..", Filter("date", low="2026-01")),
        ("date:..2026", Filter("date", high="2026")),
        ("你好", Words(("你", "好"), "你好")),
        ("（你好 OR 吗）", Or((Words(("你", "好"), "你好"), word("吗")))),
    ],
)
def test_trees(typed: str, tree: object) -> None:
    assert parse(typed) == Query(tree)  # type: ignore[arg-type]


def test_words_are_written_as_the_recognizer_of_that_language_writes_them() -> None:
    assert parse("Prof. Müller").tree == Run(
        (word("professor"), word("muller")), Words(("professor", "muller"), "professor muller")
    )
    # The tokens are those of the index, the text is what is listened for.
    assert parse("Müller", "de").tree == Words(("muller",), "müller")


@pytest.mark.parametrize(
    ("typed", "low", "high"),
    [("a confidence:0.5", 0.5, 1.0), ("confidence:.3..0.6 a", 0.3, 0.6), ("a confidence:..0.6", 0.0, 0.6)],
)
def test_the_least_confidence_is_no_part_of_the_tree(typed: str, low: float, high: float) -> None:
    assert parse(typed) == Query(A, low, high)


def test_words_to_listen_for_are_the_plain_ones_that_hits_hold() -> None:
    tree = parse('(a OR "b c") d e* f~ -g x NEAR y speaker:z').tree
    assert [found.text for found in keywords(tree)] == ["a", "b c", "d", "x", "y"]
    assert [found.text for found in keywords(parse("a b").tree)] == ["a b"]


@pytest.mark.parametrize(
    ("typed", "at", "said", "fix"),
    [
        ('say "last case', 5, "the quote is not closed", 'put another one where it ends: "last case"'),
        ("(a", 1, "the ( is not closed", "put a )"),
        ("a b)", 4, "a ) closes nothing", "remove it"),
        ("a ()", 3, "nothing stands between the parentheses", "put a word there"),
        ("(a OR )", 7, "a ) stands where a word should", "before it"),
        ("a AND", 3, "nothing follows AND", "put a word after it"),
        ("OR a", 1, "no word stands before OR", 'look for the word itself: "or"'),
        ("a AND OR b", 7, "no word stands before OR", "put one there"),
        ("a NEAR", 3, "nothing follows NEAR", "put a word after it"),
        ("a NEAR/x b", 3, "NEAR/x tells no number of words", "NEAR/0 to NEAR/1000"),
        ("a NEAR/9999 b", 3, "NEAR/9999 tells no number", "NEAR/1000"),
        ("a NEAR speaker:b", 3, "NEAR stands between words and phrases", "lighthouse NEAR/5 keeper"),
        ("a *", 3, "there is no word before the *", "light*"),
        ("a ~2", 3, "there is no word before the ~", "light~"),
        ("a li*ht", 3, "the * in li*ht stands within the word", "at the end"),
        ("light~3", 1, "~3 are too many letters", "~1 or ~2"),
        ("well-known~", 1, "'well known' is more than one word", "one word alone"),
        ('a ""', 3, "there is no word between the quotes", "light house"),
        ("a spaeker:x", 3, "spaeker: is none of", "did you mean speaker:?"),
        ("see http://x", 5, "http: is none of", "go in quotes"),
        ("a speaker:", 3, "nothing follows speaker:", "speaker:mary"),
        ('a file:"x', 8, "the quote is not closed", "put another one"),
        ("a date:(2026", 8, "the ( is not closed", "date:("),
        ("a date:2026-13", 3, "'2026-13' is not a date", "date:2026-01..2026-02"),
        ("a date:yesterday", 3, "'yesterday' is not a date", "date:2026"),
        ("a date:2027..2026", 3, "2027..2026 ends before it begins", "give date:2026..2027"),
        ("a confidence:2", 3, "'2' is not a share of 1", "confidence:0.5"),
        ("a OR (b confidence:0.5)", 9, "confidence: is about the whole query", "outside of OR and NOT"),
        ("a file:" + "*x" * 9, 3, "more than 8 *", "leave some out"),
        ("(" * 30 + "a" + ")" * 30, 21, "more than 20 parts stand within each other", "in parts"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_a_fix(typed: str, at: int, said: str, fix: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(typed)
    assert error.value.message.startswith(f"the query at character {at}: ")
    assert said in error.value.message
    assert fix in error.value.hint
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "the query is empty"),
        (" \n", "the query is empty"),
        ("... &%", "there is no word in"),
        ("-a", "says only what hits must not be"),
        ("-a -b OR NOT c", "says only what hits must not be"),
        ("confidence:0.5", "confidence: alone names nothing"),
        ("a " * 65, "more than 64 words"),
        ("a" * 2001, "2001 characters"),
    ],
)
def test_what_is_no_query_at_all(typed: str, said: str) -> None:
    language = "de"  # where & is no word
    with pytest.raises(UsageError, match=said) as error:
        parse(typed, language)
    assert error.value.hint


BITS = [
    *"ab()\"*~-:'&.;%\\\0", "AND", "OR", "NOT", "NEAR", "NEAR/3", "~2", "file:", "date:2026", "speaker:x",
    "confidence:1", " ", "  ", "你好", "हिन्दी", "É", '"x y"', "\udcff", "ﬁ", "İ", "--", "1=1", "' or 1=1",
    "drop table texts",
]  # fmt: skip
TYPED = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(BITS), max_size=20).map("".join),
    st.lists(st.sampled_from(BITS), max_size=20).map(" ".join),
)


@settings(deadline=None)
@given(TYPED, st.sampled_from(["en", "de", "zh", "und"]))
def test_any_text_gives_a_query_or_one_sentence(typed: str, language: str) -> None:
    try:
        query = parse(typed, language)
    except UsageError as error:
        assert error.message and error.hint
    else:
        assert max(-query.low, query.high - 1) <= 0
        hash(query.tree)
