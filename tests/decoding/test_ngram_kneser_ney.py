from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ngram_reference import Slow, kneser_ney

from resonet.decoding.ngram import Backoff, prune
from resonet.decoding.ngram.count import Corpus, Counts
from resonet.decoding.ngram.kneser_ney import discounts, estimate
from resonet.decoding.ngram.pruning import closed, counted, divergences, history_shares
from resonet.decoding.ngram.training import smooth
from resonet.errors import DataError, UsageError

CORPUS = st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=8), min_size=1, max_size=30)


def counts_of(sentences: Sequence[Sequence[str]], vocabulary: Sequence[str], order: int) -> Counts:
    corpus = Corpus()
    corpus.add(sentences)
    return corpus.counts(vocabulary, order)


def model_of(sentences: Sequence[Sequence[str]], order: int = 3, vocabulary: Sequence[str] | None = None) -> Backoff:
    return estimate(
        counts_of(sentences, sorted({w for s in sentences for w in s}) if vocabulary is None else vocabulary, order)
    )


def test_bigram_by_hand() -> None:
    """Text: 'a b', 'a c'. Every level lacks some count of counts, so the discounts are 0.5, 1, 1.5.

    Unigrams count words before: a 1 (<s>), b 1 (a), c 1 (a), </s> 2 (b, c); sum 5. Taken off: 3 x 0.5 + 1 x 1 = 2.5,
    which is 0.5 of all, over 5 words (<unk> </s> a b c): 0.1 each.
    Bigrams: <s> a twice, a b, a c, b </s>, c </s> once.
    """
    model = Slow(model_of([["a", "b"], ["a", "c"]], order=2))
    p = lambda word, *history: math.exp(model.score(history, word))  # noqa: E731
    assert p("a") == pytest.approx(0.5 / 5 + 0.1)
    assert p("b") == pytest.approx(0.2)
    assert p("</s>") == pytest.approx((2 - 1) / 5 + 0.1)
    assert p("<unk>") == pytest.approx(0.1)
    assert p("<s>") < 1e-40
    # after <s>: a was seen twice of two times, 1 is taken off
    assert p("a", "<s>") == pytest.approx((2 - 1) / 2 + 0.5 * 0.2)
    assert p("b", "<s>") == pytest.approx(0.5 * 0.2)
    # after a: b and c once each, 0.5 taken off both
    assert p("b", "a") == pytest.approx(0.5 / 2 + 0.5 * 0.2)
    assert p("</s>", "a") == pytest.approx(0.5 * 0.3)
    assert p("</s>", "b") == pytest.approx(0.5 / 1 + 0.5 * 0.3)
    assert p("a", "<unk>") == pytest.approx(0.2)


def test_trigram_by_hand() -> None:
    """Text: 'a b', 'a c': the bigram level now counts words before, but not for what begins with <s>."""
    model = Slow(model_of([["a", "b"], ["a", "c"]], order=3))
    # <s> a keeps its count 2; a b, a c, b </s>, c </s> follow one word each.
    bigram = 0.5 / 2 + 0.5 * 0.2
    assert math.exp(model.score(("a",), "b")) == pytest.approx(bigram)
    assert math.exp(model.score(("<s>", "a"), "b")) == pytest.approx(0.5 / 2 + 0.5 * bigram)
    assert math.exp(model.score(("a", "b"), "</s>")) == pytest.approx(0.5 + 0.5 * (0.5 + 0.5 * 0.3))


def test_discounts_by_hand() -> None:
    """n1..n4 = 8, 4, 2, 1: Y = 8 / (8 + 2 x 4) = 0.5; 1 - 2 Y 4/8, 2 - 3 Y 2/4, 3 - 4 Y 1/2."""
    counts = np.repeat([1.0, 2, 3, 4, 9], [8, 4, 2, 1, 5])
    assert discounts(counts) == pytest.approx((0.5, 1.25, 2.0))
    assert discounts(counts[counts != 4]) == (0.5, 1.0, 1.5)
    assert discounts(np.zeros(0)) == (0.5, 1.0, 1.5)


@settings(max_examples=40, deadline=None)
@given(CORPUS, st.integers(1, 4), st.sampled_from(["abcde", "abc", "edcbazü"]))
def test_agrees_with_plain_dictionaries(sentences: list[list[str]], order: int, vocabulary: str) -> None:
    if not {w for s in sentences for w in s} & set(vocabulary):
        with pytest.raises(DataError):
            model_of(sentences, order, vocabulary)
        return
    model = Slow(model_of(sentences, order, vocabulary))
    for history, words in kneser_ney(sentences, list(vocabulary), order).items():
        for word, probability in words.items():
            assert math.exp(model.score(history, word)) == pytest.approx(probability, rel=1e-9), (history, word)


def text(n: int = 3000, words: int = 40, seed: int = 0) -> list[list[str]]:
    """Sentences with some structure: each word is likely to be followed by a few certain others."""
    rng = np.random.default_rng(seed)
    result = []
    for _ in range(n // 8):
        word, sentence = int(rng.integers(words)), []
        for _ in range(int(rng.integers(1, 16))):
            sentence.append(f"w{word}")
            word = int(word * 7 + rng.integers(4)) % words if rng.random() < 0.7 else int(rng.integers(words))
        result.append(sentence)
    return result


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_every_context_sums_to_one(order: int) -> None:
    whole = model_of(text(1500, 20), order)
    for smaller in (whole, prune(whole, 1e-4), prune(whole, 1e-3)):
        for history, total in Slow(smaller).sums().items():
            assert total == pytest.approx(1, abs=1e-9), history
    if order > 1:
        assert sum(prune(whole, 1e-3).counts) < sum(prune(whole, 1e-4).counts) < sum(whole.counts)


def test_cut_offs_leave_out_rare_n_grams_and_sum_to_one() -> None:
    sentences = text(2000)
    counts = counts_of(sentences, sorted({w for s in sentences for w in s}), 3)
    model = smooth(counts, cutoffs=(0, 1, 2))
    assert model.counts[1] == (counts.levels[1].count > 1).sum()
    assert model.counts[2] == (counts.levels[2].count > 2).sum()
    assert max(abs(total - 1) for total in Slow(model).sums().values()) < 1e-9
    both = smooth(counts, cutoffs=(0, 1, 2), threshold=1e-3)
    assert both.counts[1] < model.counts[1]
    assert max(abs(total - 1) for total in Slow(both).sums().values()) < 1e-9


def test_what_is_kept_keeps_its_prefix_and_suffix() -> None:
    sentences = text(2000)
    counts = counts_of(sentences, sorted({w for s in sentences for w in s}), 4)
    whole = estimate(counts)
    masks = closed(whole, [np.zeros(n, bool) for n in whole.counts[:3]] + [np.arange(whole.counts[3]) % 97 == 0])
    for k in (3, 2, 1):
        assert masks[k - 1][whole.levels[k].prefix[masks[k]]].all()
        assert masks[k - 1][whole.suffixes[k][masks[k]]].all()
    for k, mask in enumerate(counted(counts, (0, 1, 1, 2))[1:], 1):
        assert counted(counts, (0, 1, 1, 2))[k - 1][whole.suffixes[k][mask]].all()


def test_divergence_is_that_of_the_model_without_the_n_gram() -> None:
    """Relative entropy of one context, computed outright: sum over w of P(h) P(w|h) log(P(w|h) / P'(w|h))."""
    sentences = text(600, 8)
    counts = counts_of(sentences, sorted({w for s in sentences for w in s}), 2)
    model = estimate(counts)
    shares = history_shares(counts)
    found = divergences(model, shares)[1]
    before = Slow(model)
    for i in range(0, model.counts[1], 5):
        history, _ = (model.words[j] for j in model.rows(1)[i])
        kept = [np.ones(model.counts[0], bool), np.arange(model.counts[1]) != i]
        from resonet.decoding.ngram.backoff import normalised, select

        after = Slow(normalised(select(model, kept)))
        outright = 0.0
        for word in model.words:
            if word != "<s>":
                p, q = before.score((history,), word), after.score((history,), word)
                outright += math.exp(p) * (p - q)
        assert found[i] == pytest.approx(outright * shares[0][model.words.index(history)], rel=1e-6, abs=1e-12)


def test_weights_repeat_sentences() -> None:
    sentences = text(800)
    once, twice = Corpus(), Corpus()
    once.add(sentences[:50], weight=3)
    once.add(sentences[50:])
    twice.add([*sentences[:50] * 3, *sentences[50:]])
    vocabulary = once.vocabulary()
    assert sorted(once.frequencies) == sorted(twice.frequencies)
    for a, b in zip(once.counts(vocabulary, 3).levels, twice.counts(vocabulary, 3).levels, strict=True):
        assert np.array_equal(a.count, b.count)
        assert np.array_equal(a.word, b.word)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = text(2000)
    vocabulary = sorted({w for s in sentences for w in s})
    whole = counts_of(sentences, vocabulary, 3)
    monkeypatch.setattr("resonet.decoding.ngram.count._CHUNK", 50)
    parts = counts_of(sentences, vocabulary, 3)
    for a, b in zip(whole.levels, parts.levels, strict=True):
        for name in ("prefix", "word", "count", "suffix", "starts"):
            assert np.array_equal(getattr(a, name), getattr(b, name))


def test_vocabulary_prefers_what_is_to_be_kept() -> None:
    corpus = Corpus()
    corpus.add([["a"] * 5 + ["b"] * 4 + ["c"] * 3 + ["d"], ["<s>", "<unk>"]])
    assert corpus.vocabulary() == ["a", "b", "c", "d"]
    assert corpus.vocabulary(2) == ["a", "b"]
    assert corpus.vocabulary(2, keep=["d", "z"]) == ["a", "d"]
    assert corpus.vocabulary(1, keep=["d", "c"]) == ["c"]


def test_a_word_that_never_occurs_has_the_probability_of_unknown() -> None:
    model = Slow(model_of([["a", "b"], ["b", "a"]], 3, ["a", "b", "never"]))
    assert model.score(("a",), "never") == pytest.approx(model.score(("a",), "<unk>"))


def test_size_is_met_or_refused() -> None:
    from resonet.decoding.ngram.compact import compress, to_bytes

    whole = model_of(text(12000, 300), 3)
    full = len(to_bytes(compress(whole)))
    for share in (0.9, 0.5, 0.3):
        size = len(to_bytes(compress(prune(whole, size=int(full * share)))))
        assert 0.9 * share * full < size <= share * full
    assert prune(whole, size=full * 2) is whole
    with pytest.raises(UsageError, match="single words take"):
        prune(whole, size=100)
