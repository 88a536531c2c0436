"""The written form: what stays, what goes, and that a second pass changes nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonet.text.normalise import normalise


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "  It’s “naïve”,\tisn't it?\n", "it's naive isn't it"),
        ("en", "'Twas the boys' ''quoted'' rock'n'roll", "twas the boys quoted rock'n'roll"),
        ("en", "WELL-KNOWN snake_case no. 7", "well known snake case no 7"),
        ("en", "Æsop, œuvre", "aesop oeuvre"),
        ("en", "co\u00adoperate \ufeffnow", "cooperate now"),
        ("de", "Straße, Ärger; CAFÉ", "straße ärger café"),
        ("tr", "İzmir'in", "i̇zmir'in"),
        ("zh", "你好，世界！", "你好 世界"),
        ("hi", "हिन्दी में लिखा है।", "हिन्दी में लिखा है"),
        ("hi", "क्\u200dष 'की' की's", "क्ष की की's"),
        ("th", "ที่นี่, น้ำ", "ที่นี่ น้ำ"),
        ("ar", "«كِتَابٌ» جَدِيد؟", "كِتَابٌ جَدِيد"),
        ("und", "a \u0301b 1\u20e3 ·\u0301\u0301c", "a b 1 c"),  # marks on no letter
        ("en", "", ""),
        ("hi", " \u093f ", ""),
    ],
)
def test_what_is_kept(language: str, text: str, expected: str) -> None:
    assert normalise(text, language) == unicodedata.normalize("NFC", expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mr. and Mrs Hill & Dr. No", "mister and missus hill and doctor no"),
        ("MR SMITH CAME", "mister smith came"),
        ("St. Ives, etc. The st stayed on Main St.", "saint ives et cetera the st stayed on main st"),
        ("Prof. Lee, the prof; Rev. Ann, a rev", "professor lee the prof reverend ann a rev"),
        ("R&D, &c. and AT&C", "r and d et cetera and at et cetera"),
        ("a drum, mrsa, misters", "a drum mrsa misters"),
    ],
)
def test_english_titles_are_written_out(text: str, expected: str) -> None:
    assert normalise(text) == normalise(text, "en-GB") == normalise(text, "EN") == expected


def test_other_languages_keep_their_short_forms() -> None:
    assert normalise("Dr. Maier & Co.", "de") == "dr maier co"


languages = st.sampled_from(["en", "de", "hi"])
# Letters, marks of several scripts, digits, quotes, joiners and what separates.
signs = st.text(st.sampled_from("aÉẞİσΣिक्दนท้ี่كِتٌה日1٣_'’ \u0301\u20e3\u00ad\u200d-.&\n") | st.characters(codec="utf-8"))


@given(signs, languages)
def test_a_second_pass_changes_nothing(text: str, language: str) -> None:
    once = normalise(text, language)
    assert normalise(once, language) == once
    assert once == " ".join(once.split())
    assert all(c in " '" or unicodedata.category(c)[0] in "LNM" for c in once)


letters = st.characters(categories=["Lo", "Ll"])
marks = st.text(st.characters(categories=["Mn", "Mc"]), max_size=3)
words = st.lists(st.tuples(letters, marks), min_size=1, max_size=5).map(lambda pairs: "".join(map("".join, pairs)))


@given(st.lists(words, min_size=1, max_size=4), st.sampled_from([" ", ", ", "।", "-\n"]))
def test_letters_keep_their_marks(spoken: list[str], between: str) -> None:
    plain = " ".join(spoken)
    assert normalise(between.join(spoken), "hi") == unicodedata.normalize("NFC", plain.lower())
