from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.errors import BundleError, DataError
from resonet.text.lexicon import Lexicon
from resonet.text.units import Units

CMUDICT = """;;; a remark
HELLO  HH AH0 L OW1
hello(2) HH EH0 L OW1
HELLO(3)  HH AH1 L OW0
'bout B AW1 T # contracted

naïve N AA0 IY1 V
"""


def test_cmudict():
    lexicon = Lexicon.read_cmudict(CMUDICT.splitlines(keepends=True))
    assert list(lexicon) == ["hello", "'bout", "naïve"]
    assert lexicon.pronunciations("hello") == [("HH", "AH", "L", "OW"), ("HH", "EH", "L", "OW")]
    assert lexicon.pronunciations("absent") == []
    assert "'bout" in lexicon and "absent" not in lexicon and len(lexicon) == 3


def test_plain_text(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("tomato\tT AH M EY T OW\ntomato  T AH M AA T OW\n\nit's  IH T S\n", encoding="utf-8")
    lexicon = Lexicon.read_text(path)
    assert len(lexicon.pronunciations("tomato")) == 2
    assert lexicon.pronunciations("it's") == [("IH", "T", "S")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("word  QQ", "'QQ'"),
        ("word", "0 phones"),
        ("two words\tAH", "'two words'"),
        ("word  " + "AH " * 256, "256 phones"),
    ],
)
def test_wrong_lines_are_named(line, said):
    with pytest.raises(DataError, match=said) as error:
        Lexicon.read_text(["fine\tAH", line])
    assert "line 2" in str(error.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        Lexicon.read_cmudict(tmp_path / "absent")
    (tmp_path / "latin").write_bytes(b"caf\xe9 K AE F EY\n")
    with pytest.raises(DataError, match="UTF-8"):
        Lexicon.read_cmudict(tmp_path / "latin")


def test_subset_and_add():
    lexicon = Lexicon.read_cmudict(CMUDICT.splitlines())
    small = lexicon.subset(["naïve", "absent", "hello"])
    assert list(small) == ["naïve", "hello"]
    small.add("hello", ("HH", "AH", "L", "OW"))
    small.add("hello", ("Y", "OW"))
    assert len(small.pronunciations("hello")) == 3
    assert len(lexicon.pronunciations("hello")) == 2


def test_spelled():
    units = Units.characters("abé")
    lexicon = Lexicon.spelled(["ab", "bé", "ac", ""], units)
    assert {word: lexicon.pronunciations(word) for word in lexicon} == {"ab": [("a", "b")], "bé": [("b", "é")]}
    pieces = Units("bpe", ("<blank>", "▁", *"ab", *(chr(0x4E00 + i) for i in range(300)), "▁a"))
    wide = Lexicon.from_bytes(Lexicon.spelled(["ab", "b丁"], pieces).to_bytes())
    assert wide.pronunciations("ab") == [("▁a", "b")]
    assert wide.pronunciations("b丁") == [("▁", "b", "丁")]


def test_arrays():
    arrays = Lexicon.read_cmudict(CMUDICT.splitlines()).arrays()
    assert arrays.words == ["hello", "'bout", "naïve"]
    assert arrays.word.tolist() == [0, 0, 1, 2]
    assert arrays.offsets.tolist() == [0, 4, 8, 11, 15]
    assert len(arrays.phones) == 15
    assert Lexicon().arrays().offsets.tolist() == [0]


words = st.text(st.characters(categories=["L"]), min_size=1, max_size=6)
pronunciations = st.lists(st.lists(st.sampled_from("ABC"), min_size=1, max_size=5), min_size=1, max_size=3)


@settings(deadline=None)
@given(st.dictionaries(words, pronunciations))
def test_bytes_come_back(entries):
    lexicon = Lexicon(("A", "B", "C"))
    for word, pronunciations in entries.items():
        for phones in pronunciations:
            lexicon.add(word, phones)
    again = Lexicon.from_bytes(lexicon.to_bytes())
    assert again.symbols == lexicon.symbols
    assert list(again) == list(lexicon)
    assert all(again.pronunciations(word) == lexicon.pronunciations(word) for word in lexicon)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damage_is_refused_or_harmless(data):
    whole = Lexicon.read_cmudict(CMUDICT.splitlines()).to_bytes()
    damaged = bytearray(whole)
    damaged[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    damaged = damaged[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else damaged
    try:
        lexicon = Lexicon.from_bytes(bytes(damaged))
    except BundleError:
        return
    for word in lexicon:  # one bit within a letter or a phone: still a lexicon
        assert all(lexicon.pronunciations(word))
    assert np.isin(lexicon.arrays().phones, np.arange(len(lexicon.symbols))).all()


def test_later_versions_and_other_files_are_told():
    data = bytearray(Lexicon.read_cmudict(CMUDICT.splitlines()).to_bytes())
    data[8] = 2
    with pytest.raises(BundleError, match="version 2"):
        Lexicon.from_bytes(bytes(data))
    with pytest.raises(BundleError, match="not a resonet lexicon"):
        Lexicon.from_bytes(b"PK\x03\x04")
