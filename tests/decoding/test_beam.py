from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language_models import HistoryModel, TableModel
from ngram_reference import Slow

from resonet.decoding import BeamOptions, LexiconBeam
from resonet.decoding.beam import log_prior
from resonet.decoding.ngram import NgramModel
from resonet.decoding.ngram.compact import expand
from resonet.decoding.ngram.count import Corpus
from resonet.decoding.ngram.training import smooth
from resonet.errors import DataError
from resonet.text.lexicon import Lexicon
from resonet.text.units import Units

UNITS = Units.phones(("A", "B", "C"))
EXACT = BeamOptions(
    lm_weight=0.7, word_bonus=0.3, beam=100_000, threshold=1e4, unit_threshold=1e4, unit_beam=100, blank_skip=1.0
)


def lexicon(entries: dict[str, list[str]], symbols: tuple[str, ...] = ("A", "B", "C")) -> Lexicon:
    result = Lexicon(symbols)
    for word, pronunciations in entries.items():
        for phones in pronunciations:
            result.add(word, phones.split())
    return result


def posteriors(frames: int, units: int, seed: int, peak: float = 2.0) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(0, peak, (frames, units))
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def said(*frames: str, units: Units = UNITS, sure: float = 0.97) -> np.ndarray:
    """Posteriors that are sure of one symbol a frame ('-' is the blank)."""
    probs = np.full((len(frames), len(units)), (1 - sure) / (len(units) - 1))
    for i, symbol in enumerate(frames):
        probs[i, 0 if symbol == "-" else units.index[symbol]] = sure
    return np.log(probs).astype(np.float32)


def merged(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(unit for unit, _ in itertools.groupby(path) if unit != 0)


def readings(ids: tuple[int, ...], words: dict[tuple[int, ...], list[str]]) -> list[tuple[str, ...]]:
    """All word sequences whose pronunciations join to `ids`, once for each way to do so."""
    if not ids:
        return [()]
    return [
        (word, *rest)
        for cut in range(1, len(ids) + 1)
        for word in words.get(ids[:cut], [])
        for rest in readings(ids[cut:], words)
    ]


def log_weight(model: HistoryModel, sentence: tuple[str, ...], options: BeamOptions) -> float:
    ids = [model.words.index(word) if word in model.words else 0 for word in sentence]
    total = sum(float(model.after(tuple(ids[:i]))[word]) for i, word in enumerate([*ids, 2]))
    return options.lm_weight * total + options.word_bonus * len(sentence)


def brute_force(scores: np.ndarray, words: dict[tuple[int, ...], list[str]], model: HistoryModel) -> dict:
    """Log weight of every (sentence, last unit), summed over all CTC paths."""
    weights: dict = defaultdict(lambda: -np.inf)
    for path in itertools.product(range(scores.shape[1]), repeat=len(scores)):
        ids = merged(path)
        acoustic = sum(float(scores[frame, unit]) for frame, unit in enumerate(path))
        for sentence in readings(ids, words):
            key = sentence, ids[-1] if ids else 0
            weights[key] = np.logaddexp(weights[key], acoustic + log_weight(model, sentence, EXACT))
    return weights


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), frames=st.integers(1, 5), data=st.data())
def test_search_equals_brute_force(seed, frames, data):
    phones = st.lists(st.sampled_from("ABC"), min_size=1, max_size=3).map(" ".join)
    words = ["x", "y", "zoë", "日本"]
    entries = {
        word: data.draw(st.lists(phones, min_size=1, max_size=2, unique=True))
        for word in words[: data.draw(st.integers(1, 4))]
    }
    model = HistoryModel(["x", "y", "日本"], seed)  # zoë is unknown to it
    scores = posteriors(frames, 4, seed)
    by_ids: dict = defaultdict(list)
    for word, pronunciations in entries.items():
        for pronunciation in pronunciations:
            by_ids[tuple(UNITS.encode(pronunciation))].append(word)

    (best,) = LexiconBeam(UNITS, lexicon(entries), model, EXACT).decode([scores])

    weights = brute_force(scores, by_ids, model)
    assert best.score == pytest.approx(max(weights.values()), abs=1e-3)
    mine = [w for (sentence, _), w in weights.items() if sentence == tuple(w.word for w in best.words)]
    assert max(mine) == pytest.approx(best.score, abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), frames=st.integers(1, 5))
def test_search_with_separators_equals_brute_force(seed, frames):
    units = Units.characters("ab")
    separator = units.index["|"]
    words = ["a", "ab", "ba", "bb"]
    model, scores = HistoryModel(words, seed), posteriors(frames, 4, seed)
    by_ids = {tuple(units.encode(word)): word for word in words}
    weights: dict = defaultdict(lambda: -np.inf)
    for path in itertools.product(range(4), repeat=frames):
        ids = merged(path)
        parts = [tuple(part) for key, part in itertools.groupby(ids, lambda i: i == separator) if not key]
        doubled = any(a == b == separator for a, b in itertools.pairwise(ids))
        if doubled or any(part not in by_ids for part in parts):
            continue
        sentence = tuple(by_ids[part] for part in parts)
        acoustic = sum(float(scores[frame, unit]) for frame, unit in enumerate(path))
        key = sentence, ids[-1] if ids else 0
        weights[key] = np.logaddexp(weights[key], acoustic + log_weight(model, sentence, EXACT))

    (best,) = LexiconBeam(units, Lexicon.spelled(words, units), model, EXACT).decode([scores])

    assert best.score == pytest.approx(max(weights.values()), abs=1e-3)
    mine = [w for (sentence, _), w in weights.items() if sentence == tuple(w.word for w in best.words)]
    assert max(mine) == pytest.approx(best.score, abs=1e-3)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_search_with_a_4_gram_equals_brute_force(seed):
    """Of a real model whose states are up to three words; sentences that end in one state count together."""
    corpus = Corpus()
    corpus.add(sentence.split() for sentence in ("x x y x", "y x x y", "x y", "x x x", "y", "x x y y"))
    model = NgramModel.from_backoff(smooth(corpus.counts(["x", "y"], 4)))
    assert model.order == 4 and all(model.counts)
    slow, words = Slow(expand(model.compact)), {1: "x", 2: "y"}
    scores = posteriors(5, 3, seed, peak=1.0)
    weights: dict = defaultdict(lambda: -np.inf)
    ways: dict = defaultdict(set)
    for path in itertools.product(range(3), repeat=len(scores)):
        sentence = tuple(words[unit] for unit in merged(path))
        padded = ("<s>", *sentence, "</s>")
        lm = sum(slow.score(padded[:i], word) for i, word in enumerate(padded) if i)
        total = sum(float(scores[frame, unit]) for frame, unit in enumerate(path))
        total += EXACT.lm_weight * lm + EXACT.word_bonus * len(sentence)
        state = np.array([model.start_state()])
        for word in model.ids(sentence):
            _, state = model.score(state, np.array([word], np.int32))
        key = int(state[0]), sentence[-1:]
        weights[key] = np.logaddexp(weights[key], total)
        ways[key].add(sentence)
    assert len({state for state, _ in ways}) > 6

    units = Units.phones(("A", "B"))
    (best,) = LexiconBeam(units, lexicon({"x": ["A"], "y": ["B"]}, ("A", "B")), model, EXACT).decode([scores])

    likeliest = max(weights, key=lambda key: weights[key])
    assert best.score == pytest.approx(weights[likeliest], abs=1e-3)
    assert tuple(word.word for word in best.words) in ways[likeliest]


TWO = {"x": ["A"], "y": ["B C"]}


@pytest.mark.parametrize("blank_skip", [1.0, 0.98, 0.9])
def test_the_same_phone_twice_needs_a_blank_between(blank_skip):
    search = LexiconBeam(UNITS, lexicon(TWO), None, BeamOptions(blank_skip=blank_skip))
    held, twice = search.decode([said("A", "A", "A", sure=0.99), said("A", "-", "A", sure=0.99)])
    assert held.text == "x"
    assert twice.text == "x x"


def test_words_without_a_language_model():
    (found,) = LexiconBeam(UNITS, lexicon(TWO)).decode([said("-", "B", "B", "-", "C", "A", "-")])
    assert found.text == "y x"
    assert [(w.start, w.end) for w in found.words] == [(1, 5), (5, 6)]
    assert all(w.score == 0.0 for w in found.words)


def test_score_of_a_word_is_its_mean_loss_against_the_best_unit():
    scores = said("B", "A", "C")  # no word has B A C: y is heard with A as its blank
    (found,) = LexiconBeam(UNITS, lexicon({"y": ["B C"]})).decode([scores])
    assert found.text == "y"
    assert found.words[0].score == pytest.approx(float(scores[1, 0] - scores[1, 1]) / 3, abs=1e-4)


def test_homophones_are_told_apart_by_the_language_model():
    words = lexicon({"sea": ["A B"], "see": ["A B"], "we": ["C"]})
    model = TableModel(["sea", "see", "we"], {("<s>", "we"): 0.4, ("we", "see"): 0.5, ("<s>", "sea"): 0.4})
    search = LexiconBeam(UNITS, words, model)
    found = search.decode([said("C", "A", "B"), said("A", "-", "B")])
    assert [h.text for h in found] == ["we see", "sea"]


def test_every_pronunciation_of_a_word_is_heard():
    words = lexicon({"either": ["A B", "C B"]})
    found = LexiconBeam(UNITS, words, TableModel(["either"], {})).decode([said("A", "B"), said("C", "B")])
    assert [h.text for h in found] == ["either", "either"]


def test_a_word_unknown_to_the_language_model_can_be_found():
    words = lexicon({"old": ["A B"], "neu": ["C B C"]})
    (found,) = LexiconBeam(UNITS, words, TableModel(["old"], {})).decode([said("C", "B", "C", "-", "A", "B")])
    assert found.text == "neu old"


def test_letters_with_a_separator():
    units = Units.characters("abé")
    search = LexiconBeam(units, Lexicon.spelled(["a", "bé", "ab"], units))
    found = search.decode(
        [
            said(*"aa-|béé", units=units),
            said(*"|ab|", units=units),
            said(*"a|-|bé", units=units),
            said(*"||", units=units),
        ]
    )
    assert [h.text for h in found] == ["a bé", "ab", "a bé", ""]
    assert [(w.word, w.start, w.end) for w in found[0].words] == [("a", 0, 2), ("bé", 4, 7)]


def test_word_pieces_and_many_units():
    pieces = ("▁", "▁a", *(f"▁{chr(0x4E00 + i)}" for i in range(400)), *"abc")
    units = Units("bpe", ("<blank>", *pieces))
    search = LexiconBeam(units, Lexicon.spelled(["ab", "ca", "丁b"], units))
    (found,) = search.decode([said("▁a", "b", "▁", "c", "a", "▁丁", "b", units=units)])
    assert found.text == "ab ca 丁b"


def random_search() -> LexiconBeam:
    rng = np.random.default_rng(5)
    entries = {f"w{i}": [" ".join(rng.choice(list("ABC"), rng.integers(1, 6)))] for i in range(60)}
    return LexiconBeam(UNITS, lexicon(entries), HistoryModel(list(entries), 1), BeamOptions(beam=20))


@settings(max_examples=20, deadline=None)
@given(lengths=st.lists(st.integers(0, 40), max_size=5), seed=st.integers(0, 1000), beam=st.sampled_from([1, 3, 20]))
def test_a_batch_gives_what_single_utterances_give_and_times_run_forward(lengths, seed, beam):
    search = random_search().with_options(BeamOptions(beam=beam, blank_skip=0.6))
    scores = [posteriors(frames, 4, seed + i) for i, frames in enumerate(lengths)]
    together = search.decode(scores)
    for frames, hypothesis, one in zip(lengths, together, scores, strict=True):
        (alone,) = search.decode([one])
        assert alone.text == hypothesis.text
        assert alone.score == pytest.approx(hypothesis.score, rel=1e-5, abs=1e-4)
        edges = [edge for word in hypothesis.words for edge in (word.start, word.end)]
        assert edges == sorted(edges)
        assert all(word.start < word.end <= frames and word.score <= 0 for word in hypothesis.words)


def test_more_utterances_than_a_batch_keep_their_order():
    search = LexiconBeam(UNITS, lexicon(TWO))
    scores = [said(*["A", "-"] * (i % 5), "-") for i in range(150)]
    assert [len(h.words) for h in search.decode(scores)] == [i % 5 for i in range(150)]


def test_nothing_said():
    search = LexiconBeam(UNITS, lexicon(TWO), TableModel(["x", "y"], {}))
    assert search.decode([]) == []
    empty, silent, sure = search.decode([np.zeros((0, 4), np.float32), said("-", "-"), said("-", "-", sure=0.999)])
    assert [h.words for h in (empty, silent, sure)] == [(), (), ()]


def test_an_unfinished_word_is_left_out():
    (found,) = LexiconBeam(UNITS, lexicon(TWO), None, BeamOptions(beam=1)).decode([said("A", "B", sure=1 - 1e-9)])
    assert found.text == "x"


def test_impossible_units_do_no_harm():
    scores = np.full((4, 4), -np.inf, np.float32)
    scores[np.arange(4), [1, 2, 3, 0]] = 0.0
    (found,) = LexiconBeam(UNITS, lexicon(TWO)).decode([scores])
    assert found.text == "x y"
    (forced,) = LexiconBeam(UNITS, lexicon({"y": ["B C"]})).decode([scores])
    assert np.isfinite(forced.score)
    assert all(np.isfinite(word.score) for word in forced.words)


def test_prior_is_taken_off():
    scores = said("A", sure=0.5)
    scores[0] = np.log([0.05, 0.5, 0.4, 0.05])
    words = lexicon({"x": ["A"], "y": ["B"]})
    prior = np.log(np.array([1.0, 0.6, 0.2, 0.2], np.float32))
    search = LexiconBeam(UNITS, words, prior=prior)
    assert search.decode([scores])[0].text == "x"
    assert search.with_options(BeamOptions(prior_weight=0.5)).decode([scores])[0].text == "y"


def test_prior_is_the_share_of_the_transcripts():
    assert log_prior([0, 30, 10, 0]) == pytest.approx(np.log([1, 30 / 41, 10 / 41, 1 / 41]))
    assert log_prior([7, 1, 1, 2])[0] == 0, "the blank, whatever is counted for it"


def test_wrong_input_is_named():
    search = LexiconBeam(UNITS, lexicon(TWO))
    with pytest.raises(DataError, match=r"utterance 2 are not numbers"):
        search.decode([said("A"), np.full((2, 4), np.nan, np.float32)])
    with pytest.raises(DataError, match=r"shape \(2, 5\)"):
        search.decode([np.zeros((2, 5), np.float32)])
    with pytest.raises(DataError, match="no words"):
        LexiconBeam(UNITS, Lexicon(("A",)))
    with pytest.raises(DataError, match="'Q'"):
        LexiconBeam(UNITS, lexicon({"x": ["A Q"]}, ("A", "Q")))
