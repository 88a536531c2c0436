from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.errors import DataError
from resonet.text.phones import ARPABET, without_stress
from resonet.text.units import Units


def test_arpabet_is_39_sorted_phones():
    assert len(set(ARPABET)) == 39
    assert list(ARPABET) == sorted(ARPABET)
    assert without_stress("ah0") == "AH"


def test_characters():
    units = Units.characters()
    assert units.symbols[:3] == ("<blank>", "|", "'")
    assert len(units) == 29
    assert units.encode("it's") == [units.index[c] for c in "it's"]
    assert units.decode(units.encode("it's  so")) == "it's so"
    with pytest.raises(DataError, match="'é'"):
        units.encode("café")


def test_phones():
    units = Units.phones()
    assert units.symbols == ("<blank>", *ARPABET)
    assert units.encode(["AH", "B"]) == units.encode("AH B") == [3, 7]
    assert units.decode([3, 0, 7]) == "AH B"
    with pytest.raises(DataError, match="'AH0'"):
        units.encode(["AH0"])


@settings(deadline=None)
@given(st.text("aäb 日", max_size=20))
def test_letters_and_pieces_come_back(text):
    plain = " ".join(text.split())
    for units in (Units.characters("aäb日"), Units("bpe", ("<blank>", "▁", *"aäb日", "▁a", "ab", "▁ab", "b日"))):
        assert units.decode(units.encode(text)) == plain


def test_pieces_take_the_longest_match():
    units = Units("bpe", ("<blank>", "▁", "a", "b", "▁a", "▁ab", "ba"))
    assert [units.symbols[i] for i in units.encode("aba ba")] == ["▁ab", "a", "▁", "ba"]
    with pytest.raises(DataError, match="'c'"):
        units.encode("abc")


def test_learnt_pieces_write_all_their_texts():
    pytest.importorskip("sentencepiece")
    texts = ["the cat sat on the mat", "the hat", "a rat that sat"] * 5
    units = Units.learn_bpe(texts, 30)
    assert units.type == "bpe"
    assert 10 < len(units) <= 30
    assert all(units.decode(units.encode(text)) == text for text in texts)
    assert len(units.encode(texts[0])) < len(texts[0])


@pytest.mark.parametrize(
    ("kind", "symbols"),
    [
        ("letters", ("<blank>", "a")),
        ("characters", ("a", "b")),
        ("characters", ("<blank>",)),
        ("characters", ("<blank>", "a", "a")),
        ("characters", ("<blank>", "ab")),
        ("bpe", ("<blank>", "")),
    ],
)
def test_wrong_units_are_refused(kind, symbols):
    with pytest.raises(DataError):
        Units(kind, symbols)
