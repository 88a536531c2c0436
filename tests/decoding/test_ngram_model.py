from __future__ import annotations

import math
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ngram_reference import Slow
from test_ngram_kneser_ney import model_of, text

from resonet.decoding.ngram import NgramModel, prune
from resonet.decoding.ngram.backoff import Backoff, Level
from resonet.decoding.ngram.compact import Compact, compress, encode, expand, from_bytes, to_bytes
from resonet.decoding.search import LanguageModel
from resonet.errors import BundleError, DataError


def exact(model: NgramModel) -> Slow:
    """What the compact numbers say, asked by dictionaries."""
    return Slow(expand(model.compact))


@pytest.fixture(scope="module", params=[1, 2, 3, 4, 5])
def model(request: pytest.FixtureRequest) -> NgramModel:
    return NgramModel.from_backoff(prune(model_of(text(3000, 30), request.param), 1e-4))


def test_scores_are_those_of_the_n_grams(model: NgramModel) -> None:
    """Random walks: every query agrees with the textbook recursion, whatever the state is called."""
    slow, rng = exact(model), np.random.default_rng(1)
    n = 200
    states = np.full(n, model.start_state(), np.int64)
    histories = [("<s>",)] * n
    for step in range(12):
        words = rng.integers(2 if step % 3 == 2 else 3, len(model.words), n).astype(np.int32)
        words[:3] = 0
        log_probs, states = model.score(states, words)
        assert log_probs.dtype == np.float32
        assert states.dtype == np.int64
        for i in range(n):
            word = model.words[words[i]]
            assert log_probs[i] == pytest.approx(slow.score(histories[i], word), abs=1e-4)
            histories[i] = (*histories[i], word)[-4:]


def test_states_are_minimal(model: NgramModel) -> None:
    """Two histories are one state exactly if their longest ends that are contexts agree."""
    slow = exact(model)
    prefixes = {gram[:-1] for gram in slow.log_prob}
    contexts = prefixes | {gram for gram, weight in slow.backoff.items() if weight and len(gram) < model.order}
    rng, names = np.random.default_rng(2), {}
    for _ in range(60):
        state, history = np.array([model.start_state()]), ("<s>",)
        for word in rng.integers(3, len(model.words), 6):
            _, state = model.score(state, np.array([word], np.int32))
            history = (*history, model.words[word])
            end = next(history[i:] for i in range(len(history) + 1) if history[i:] in contexts or i == len(history))
            assert names.setdefault(int(state[0]), end) == end
            assert (state[0] == 0) == (end == ())
    assert len(set(names.values())) == len(names)


def test_is_what_the_beam_asks_for(model: NgramModel) -> None:
    asked: LanguageModel = model
    assert model.unigrams.dtype == np.float32
    assert len(model.unigrams) == len(asked.words)
    assert model.words[:3] == ("<unk>", "<s>", "</s>")
    assert all(model.words[i] == word for word, i in model.index.items())
    empty = model.score(np.zeros(0, np.int64), np.zeros(0, np.int32))
    assert [len(part) for part in empty] == [0, 0]
    states = np.array([model.start_state(), 0])
    assert np.array_equal(model.score_end(states), model.score(states, np.array([2, 2], np.int32))[0])


def test_sentence_and_perplexity(model: NgramModel) -> None:
    slow = exact(model)
    sentences = [["w1", "w7", "w2"], ["w3"], ["w5", "nowhere", "w1"], []]
    expected = []
    for sentence in sentences:
        padded = ["<s>", *(word if word in model.index else "<unk>" for word in sentence), "</s>"]
        parts = [(word, slow.score(tuple(padded[:i]), word)) for i, word in enumerate(padded) if i]
        assert model.sentence_logprob(sentence) == pytest.approx(math.fsum(p for _, p in parts), abs=1e-3)
        expected += [p for word, p in parts if word != "<unk>"]
    found = model.perplexity(sentences)
    assert (found.sentences, found.words, found.unknown) == (4, 7, 1)
    assert found.log_prob == pytest.approx(math.fsum(expected), abs=1e-3)
    assert found.perplexity == pytest.approx(math.exp(-math.fsum(expected) / 10), rel=1e-3)
    assert math.isnan(model.perplexity([]).perplexity)


def test_perplexity_of_many_sentences_is_that_of_each() -> None:
    model = NgramModel.from_backoff(model_of(text(2000), 3))
    sentences = text(36000, seed=5)
    assert len(sentences) > 4096
    whole = model.perplexity(sentences)
    parts = [model.perplexity(sentences[i::3]) for i in range(3)]
    assert whole.log_prob == pytest.approx(sum(part.log_prob for part in parts), rel=1e-6)
    assert whole.words == sum(part.words for part in parts)


def test_compact_numbers_are_near() -> None:
    whole = model_of(text(12000, 300), 3)
    again = expand(compress(whole))
    assert [np.array_equal(a.word, b.word) for a, b in zip(whole.levels, again.levels, strict=True)] == [True] * 3
    for a, b in zip(whole.levels, again.levels, strict=True):
        assert np.array_equal(a.prefix, b.prefix)
        real = a.log_prob > -200
        assert np.abs(a.log_prob - b.log_prob)[real].max() < 0.1
        assert np.abs(a.log_prob - b.log_prob)[real].mean() < 0.01
        assert np.abs(a.backoff - b.backoff).max() < 0.1
    small = expand(compress(model_of(text(2000, 30), 3)))
    assert max(abs(total - 1) for total in Slow(small).sums().values()) < 0.02


def test_code_book() -> None:
    few = np.array([-1.0, -2.0, -1.0, -0.5])
    assert np.array_equal(encode(few).values, few.astype(np.float32))
    rng = np.random.default_rng(0)
    many = np.concatenate([rng.normal(-5, 2, 50_000), [-90.0, -80.0]])
    coded = encode(many)
    assert len(coded.book) <= 256
    assert np.abs(coded.values - many).mean() < 0.02
    assert np.abs(coded.values - many).max() < 0.5
    assert len(encode(np.zeros(0)).codes) == 0
    many[::3] = 0
    coded = encode(many)
    assert len(coded.book) <= 256
    assert (coded.values[::3] == 0).all(), "zero is exact: it says that nothing follows"


def test_only_contexts_are_states() -> None:
    """What no word follows is no state, in a model whose weights are far too many for the code book."""
    smaller = prune(model_of(text(12000, 300), 3), 3e-6)
    assert len(np.unique(smaller.levels[1].backoff)) > 256
    model = NgramModel.from_backoff(smaller)
    contexts = sum(len(np.unique(level.prefix)) for level in smaller.levels[1:])
    words = np.arange(len(model.words), dtype=np.int32)
    states = {int(state) for state in model.score(np.zeros(len(words), np.int64), words)[1]}
    for state in sorted(states):
        states |= set(model.score(np.full(len(words), state), words)[1].tolist())
    assert len(states - {0}) <= contexts < smaller.counts[1]


def test_bytes_round_trip(model: NgramModel) -> None:
    data = model.to_bytes()
    again = NgramModel.from_bytes(data)
    assert again.words == model.words
    assert again.counts == model.counts
    assert again.to_bytes() == data
    states, words = np.full(20, model.start_state()), np.arange(3, 23, dtype=np.int32)
    for a, b in zip(model.score(states, words), again.score(states, words), strict=True):
        assert np.array_equal(a, b)


def test_unicode_words() -> None:
    sentences = [["größe", "naïve", "日本語", "слово", "e\u0301"], ["日本語", "größe"]]
    model = NgramModel.from_bytes(NgramModel.from_backoff(model_of(sentences, 3)).to_bytes())
    assert set(model.words) >= {"größe", "naïve", "日本語", "слово", "e\u0301"}
    assert model.sentence_logprob(["日本語", "größe"]) > model.sentence_logprob(["größe", "日本語"])


def test_a_word_that_hundreds_follow() -> None:
    """More followers than a byte can count, and a state that no word follows."""
    sentences = [["hub", f"w{i}"] for i in range(700)]
    model = NgramModel.from_backoff(model_of(sentences, 3))
    again = NgramModel.from_bytes(model.to_bytes())
    slow = exact(model)
    _, state = again.score(np.array([again.start_state()]), np.array([again.index["hub"]], np.int32))
    words = np.arange(3, len(again.words), dtype=np.int32)
    log_probs, _ = again.score(np.repeat(state, len(words)), words)
    for word, p in zip(words, log_probs, strict=True):
        assert p == pytest.approx(slow.score(("<s>", "hub"), again.words[word]), abs=1e-4)


def test_too_many_words_for_the_compact_form() -> None:
    words = ("<unk>", "<s>", "</s>", *(f"w{i}" for i in range(65_534)))
    ids = np.arange(len(words), dtype=np.int32)
    level = Level(np.zeros_like(ids), ids, np.full(len(ids), -1.0), np.zeros(len(ids)))
    with pytest.raises(DataError, match="65,537 words"):
        compress(Backoff(words, (level,)))


SAMPLE = to_bytes(compress(prune(model_of(text(400, 12), 3), 1e-4)))
HEAD = 16


def with_checksum(data: bytes) -> bytes:
    """What somebody would write who means harm: the checksum is right."""
    return data[:12] + struct.pack("<I", zlib.crc32(data[HEAD:])) + data[HEAD:]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(SAMPLE) - 1), st.integers(1, 255))
def test_a_changed_byte_is_found(place: int, change: int) -> None:
    data = bytearray(SAMPLE)
    data[place] ^= change
    if place in (6, 7, 10, 11):
        return  # the minor format, of which later ones are read, and two bytes that mean nothing
    with pytest.raises(BundleError, match=r"lm\.bin is no sound language model"):
        from_bytes(bytes(data))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SAMPLE) - 1))
def test_a_cut_file_is_found(length: int) -> None:
    with pytest.raises(BundleError):
        from_bytes(SAMPLE[:length])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(HEAD, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_false_content_is_refused_or_harmless(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SAMPLE)
    for place, value in changes:
        data[place] = value
    try:
        model = NgramModel.from_bytes(with_checksum(bytes(data)))
    except BundleError:
        return
    states = np.full(50, model.start_state(), np.int64)
    for _ in range(3):
        log_probs, states = model.score(states, np.arange(50, dtype=np.int32) % len(model.words))
        assert np.isfinite(log_probs).all()


@pytest.mark.parametrize(
    ("order", "numbers"),
    [
        (0, []),
        (6, [5] * 60),
        (1, [2_000_000_000, 5, 1, 1]),
        (1, [2, 5, 1, 1]),
        (1, [65_536, 200, 1, 1]),
        (1, [5, 4_000_000_000, 1, 1]),
        (3, [5]),
        (2, [65_536, 4_000_000_000, 100, *[4] * 10]),
    ],
)
def test_false_heads_ask_for_no_memory(order: int, numbers: list[int]) -> None:
    body = (
        struct.pack(f"<{len(numbers)}I", *numbers) + zlib.compress(b"<unk>\n<s>\n</s>\n" + b"a\n" * 50_000) + bytes(200)
    )
    data = with_checksum(struct.pack("<4sHHH2xI", b"RNLM", 1, 0, order, 0) + body)
    tracemalloc.start()
    try:
        with pytest.raises(BundleError):
            from_bytes(data)
        assert tracemalloc.get_traced_memory()[1] < 15_000_000
    finally:
        tracemalloc.stop()


def test_a_later_format_is_refused() -> None:
    with pytest.raises(BundleError, match=r"format 2\.0"):
        from_bytes(SAMPLE[:4] + struct.pack("<H", 2) + SAMPLE[6:])


def test_a_missing_suffix_is_refused() -> None:
    """A trigram whose end is no bigram: nothing that resonet writes."""
    compact = compress(model_of(text(400, 12), 4))
    bigrams = compact.levels[0]
    # The last bigram of some context gets another last word; what ended in it lacks its end.
    word = bigrams.word.copy()
    place = int(bigrams.followers.cumsum()[5]) - 1
    word[place] = len(compact.words) - 1 if word[place] != len(compact.words) - 1 else word[place] - 1
    changed = type(bigrams)(bigrams.followers, word, bigrams.log_prob, bigrams.backoff)
    with pytest.raises(BundleError, match="lacks the end"):
        NgramModel(Compact(compact.words, compact.log_prob, compact.backoff, (changed, *compact.levels[1:])))
