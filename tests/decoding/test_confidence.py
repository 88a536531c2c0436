from __future__ import annotations

import numpy as np
import pytest

from resonet.decoding import DecodedWord, Hypothesis
from resonet.decoding.confidence import Confidence, matches
from resonet.errors import DataError


def words(seed: int, n: int = 400) -> tuple[list[Hypothesis], list[list[bool]]]:
    """Words whose chance to be right falls with their score."""
    rng = np.random.default_rng(seed)
    hypotheses, right = [], []
    for _ in range(n // 4):
        scores = -rng.exponential(1.0, 4)
        decoded = [DecodedWord("wörter"[: 1 + i], 10 * i, 10 * i + 5, float(s), -3.0) for i, s in enumerate(scores)]
        hypotheses.append(Hypothesis(tuple(decoded), 0.0))
        right.append((rng.random(4) < 1 / (1 + np.exp(-(2 + 2 * scores)))).tolist())
    return hypotheses, right


def test_fit_finds_what_made_words_right():
    hypotheses, right = words(0, 4000)
    confidence = Confidence.fit(hypotheses, right)
    values = np.array([value for h in hypotheses for value in confidence.of(h)])
    truth = np.array([1 / (1 + np.exp(-(2 + 2 * w.score))) for h in hypotheses for w in h.words])
    assert np.abs(values - truth).mean() < 0.03
    assert values.mean() == pytest.approx(np.mean(right), abs=0.01)


def test_default_falls_with_the_score_and_stays_within_bounds():
    sure, unsure, hopeless = (
        Confidence().of(Hypothesis((DecodedWord("word", 0, 5, score, -5.0),), 0.0))[0] for score in (0.0, -1.0, -1e4)
    )
    assert 0 <= hopeless < unsure < sure <= 1
    assert Confidence().of(Hypothesis((), 0.0)) == []


def test_separable_words_keep_weights_finite():
    hypotheses, _ = words(1)
    confidence = Confidence.fit(hypotheses, [[w.score > -0.5 for w in h.words] for h in hypotheses])
    assert np.isfinite(confidence.weights).all()


def test_too_little_to_learn_from():
    hypotheses, right = words(2, 8)
    with pytest.raises(DataError, match="8 words"):
        Confidence.fit(hypotheses, right)
    with pytest.raises(DataError, match="verdicts"):
        Confidence.fit(hypotheses, right[1:])
    with pytest.raises(DataError, match="weights"):
        Confidence((1.0,))


def test_matches():
    assert matches(["the", "cat", "sat", "down"], ["a", "cat", "sat"]) == [False, True, True, False]
    assert matches(["so"], []) == [False]
    assert matches([], ["so"]) == []
    assert matches(["b", "c"], ["a", "b", "c"]) == [True, True]
