"""Whatever text comes: only errors of ours, only symbols of the voice, words in order, pieces as short as asked."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.errors import DataError, ResonetError
from resonet.text.frontend import FrontEnd, Sentence, voice_symbols
from resonet.text.frontend.clean import clean
from resonet.text.frontend.split import MOST, stretches
from resonet.text.lexicon import Lexicon

pytest.importorskip("num2words")
pytest.importorskip("pypinyin")

LEXICON = Lexicon.read_cmudict(
    ["the DH AH0", "apple AE1 P AH0 L", "record R AH0 K AO1 R D", "record(2) R EH1 K ER0 D", "read R EH1 D"],
    stress=True,
)
FRONTS = {
    "en": FrontEnd("en", voice_symbols("en"), lexicon=LEXICON),
    "en-GB": FrontEnd("en-GB", voice_symbols("de")),  # letters
    "de": FrontEnd("de", voice_symbols("de"), user={"GmbH": "g e s e l l s c h a f t", "C++": "zeh plus plus"}),
    "zh": FrontEnd("zh", voice_symbols("zh"), user={"重庆": "ch ong2 q ing4"}),
    "fr": FrontEnd("fr", voice_symbols("fr", ["déjà vu à l'été où"])),
    "poor": FrontEnd("de", ("<blank>", "a", "b")),  # neither punctuation nor word boundary
}
languages = st.sampled_from(sorted(FRONTS))

SAMPLES = [
    "Dr. ", "z. B. ", "3. Mai ", "$5 ", "12,50 € ", "1/2 ", "14:30 ", "Henry VIII ", "www.a.de ", "a@b.com ",
    "-5 °C ", "U.S. ", "10-12 ", "2024 ", "NASA ", "+49 30 123 ", "½", "\ue000", "一", "不", "儿", "了。", "第3",
    "5%", '"', "(", ")", "…", "--", "\n\n", "\n- ", "\u202f000", "ﬁ", "e\u0301", "\u200d", "👍🏽", "०१", "Ⅷ", "²",
    "①", "'s ", "’", "\x00", "\ud800",
]  # fmt: skip
texts = st.lists(
    st.sampled_from(SAMPLES) | st.text(st.characters(codec="utf-8"), max_size=6) | st.text("aB1 .,-:/$'", max_size=12),
    max_size=30,
).map("".join)


def check(sentences: list[Sentence], front: FrontEnd, text: str, longest: int) -> None:
    last = (0, 0)
    for sentence in sentences:
        assert 0 < len(sentence.symbols) <= longest
        assert front.symbols.issuperset(sentence.symbols)
        assert sentence.words and (sentence.spoken or len(sentence.words) == 1)
        at = 0
        for word in sentence.words:
            assert at <= word.first < word.last <= len(sentence.symbols)
            at = word.last
            assert last[0] <= word.start <= word.end <= len(text) and last[1] <= word.end
            assert text[word.start : word.end] == word.text
            last = (word.start, word.end)
        if "." in front.symbols:
            assert sentence.symbols[-1] in ".?!,;:–" and sentence.symbols[0] == "|"
            for before, after in zip(sentence.symbols, sentence.symbols[1:], strict=False):
                assert before not in ",.?!;:–" or after == "|"
                assert before != "|" or after not in ",.?!;:–|"


@settings(max_examples=300, deadline=None)
@given(texts, languages, st.integers(8, 60))
def test_any_text(text: str, language: str, longest: int) -> None:
    front = FRONTS[language]
    try:
        sentences = list(front.sentences(text, longest))
    except ResonetError as error:
        assert error.message and "\n" not in str(error)
        return
    check(sentences, front, text, longest)


@settings(max_examples=150, deadline=None)
@given(texts, languages)
def test_expanding_any_text(text: str, language: str) -> None:
    front = FRONTS[language]
    expanded = front.expand(text)
    if language in ("en", "de") and not any(unicodedata.category(c) in ("Nl", "No") for c in text):
        assert not any(c.isascii() and c.isdigit() for c in expanded)


tags = st.sampled_from(
    [
        "<p>", "</p>", "<s>", "</s>", '<break time="1s"/>', "<break/>", '<mark name="m"/>',
        '<prosody rate="slow" pitch="+2st">', "</prosody>", '<say-as interpret-as="characters">', "</say-as>",
        '<sub alias="one two">', "</sub>", "<lang>", "&amp;", '<phoneme alphabet="x-arpabet" ph="a">', "</phoneme>",
        '<voice name="x">', "</voice>", "<x>", "</x>", "&#233;", "]]>",
    ]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(tags | st.text("ab1 .", max_size=5), max_size=15).map("".join), st.booleans(), st.integers(8, 40))
def test_any_markup(inner: str, whole: bool, longest: int) -> None:
    document = f"<speak>{inner}</speak>" if whole else inner
    front = FRONTS["de"]
    try:
        sentences = list(front.ssml(document, longest))
    except ResonetError as error:
        assert error.message and "\n" not in str(error)
        return
    for sentence in sentences:
        assert front.symbols.issuperset(sentence.symbols) and len(sentence.symbols) <= longest
        assert len(sentence.controls) in (0, len(sentence.symbols))
        assert all(0 <= at <= len(sentence.symbols) for _, at in sentence.marks)


@settings(max_examples=200, deadline=None)
@given(texts, languages, st.integers(50, 200))
def test_stretches_are_in_order_and_bounded(text: str, language: str, most: int) -> None:
    at = 0
    for stretch in stretches(text, FRONTS[language]._reading.dots, most):
        assert at <= stretch.start < stretch.end <= len(text)
        assert not text[at : stretch.start].strip()
        assert stretch.end - stretch.start <= most + 60  # and the punctuation
        at = stretch.end
    assert not text[at:].strip()


@settings(max_examples=200, deadline=None)
@given(texts)
def test_clean_text_knows_its_places(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned.text) == len(cleaned.starts) == len(cleaned.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(cleaned.starts, cleaned.ends, strict=True))
    assert all(a <= b for a, b in zip(cleaned.starts, cleaned.starts[1:], strict=False))


@pytest.mark.parametrize(
    "part",
    [
        "word ", "1", "a", ".", "a.b", "a@", "1-", "1/2 ", '"(', "z. B. ", "1. ", "\n", " ", "www.", "$1,", "x'",
        "(a", "Dr. ", "XIV. ", "3. Mai ", "1:", "-", "é", "\u0301", "一", "得", "第1",
    ],
)  # fmt: skip
def test_time_grows_with_the_text_and_no_faster(part: str) -> None:
    def seconds(front: FrontEnd, size: int) -> float:
        text = (part * size)[:size] + " ab"
        started = time.process_time()
        count = sum(1 for _ in front.sentences(text))
        assert count
        return time.process_time() - started

    for front in (FRONTS["en"], FRONTS["de"]):
        seconds(front, 500)
        assert seconds(front, 16_000) < 12 * seconds(front, 4_000) + 0.5


def test_a_book_is_read_lazily() -> None:
    text = "It was a dark night. " * 50_000
    started = time.process_time()
    first = next(FRONTS["en"].sentences(text))
    assert first.spoken == "it was a dark night" and time.process_time() - started < 0.1


def test_a_text_without_an_end_is_cut() -> None:
    text = "on and on " * 5_000
    for language in ("en", "de"):
        sentences = list(FRONTS[language].sentences(text))
        check(sentences, FRONTS[language], text, 200)
        assert " ".join(s.spoken for s in sentences) == text.strip()
        assert all(s.symbols[-1] == "," for s in sentences[:-1]) and sentences[-1].symbols[-1] == "."
    assert all(s.end - s.start <= MOST for s in stretches(text, FRONTS["en"]._reading.dots))


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("en", "", "empty"),
        ("en", " \n\t ", "empty"),
        ("de", "?! ... –", "nothing to say in '\\?! ... –'"),
        ("en", "👍👍", "nothing to say"),
        ("en", "Привет, мир!", "no units for п р и в е т м"),
        ("de", "你好", "no units for 你 好"),
        ("zh", "Привет", "no units for п"),
        ("fr", "здравствуйте", "no units for"),
    ],
)
def test_nothing_to_say(language: str, text: str, said: str) -> None:
    for _ in range(2):  # the second time from memory
        with pytest.raises(DataError, match=said):
            list(FRONTS[language].sentences(text))
