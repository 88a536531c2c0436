from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.errors import DataError
from resonet.search.calibration import (
    FITTED,
    NAMES,
    Calibration,
    Evidence,
    features,
    judge,
    normalised,
    threshold,
)


def evidence(count: list[float], **fields: list[float] | float) -> Evidence:
    n = len(count)
    usual = {"start": 1.0, "end": 1.5, "path": -0.5, "units": 6.0, "said": np.nan, "other": 0.3, "borders": 0.1}
    values = {key: np.broadcast_to(np.asarray(v, float), n).copy() for key, v in {**usual, **fields}.items()}
    return Evidence(count=np.array(count, float), **values)


def test_thresholds_by_hand() -> None:
    # Said once in ten hours: 999.9 / (36000 + 998.9); said ten times: 9999 / (36000 + 9989).
    assert threshold(1, 36_000) == pytest.approx(0.027025, abs=1e-6)
    assert threshold(10, 36_000) == pytest.approx(0.217422, abs=1e-6)
    # Less than an hour counts as one; what is hardly there, as three tenths of once.
    assert threshold(1, 10) == threshold(1, 3600) and threshold(0.01, 36_000) == threshold(0.3, 36_000)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0, 1e7), st.floats(0, 100))
def test_scores_are_in_order_and_half_is_the_threshold(p: list[float], seconds: float, elsewhere: float) -> None:
    probabilities = np.array(p)
    scores = normalised(probabilities, seconds, elsewhere)
    least = threshold(float(probabilities.sum()) + elsewhere, seconds)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (np.diff(scores[np.argsort(probabilities)]) >= 0).all()
    clear = np.abs(probabilities - least) > 1e-6
    if least < 0.9999:
        assert ((scores >= 0.5) == (probabilities >= least))[clear].all()


def test_a_word_said_often_must_be_surer() -> None:
    one = normalised(np.array([0.2]), 36_000)
    often = normalised(np.array([0.2, *[0.9] * 30]), 36_000)
    assert one[0] > 0.5 > often[0]
    assert normalised(np.array([0.2]), 36_000, elsewhere=30)[0] < 0.5


def test_nothing_is_nothing() -> None:
    probabilities, scores = judge(evidence([]), 3600)
    assert len(probabilities) == len(scores) == 0


def test_features_compare_a_place_with_the_others() -> None:
    found = dict(zip(NAMES, features(evidence([1e-3, 1.0, 1e-6])).T, strict=True))
    np.testing.assert_allclose(found["rank"], np.log([2, 1, 3]))
    np.testing.assert_allclose(found["lead"], [np.log(1e-3), np.log(1e3), -8], atol=1e-9)
    alone = dict(zip(NAMES, features(evidence([1e-3])).T, strict=True))
    assert alone["lead"][0] == 8.0 and alone["rank"][0] == 0


def test_what_the_text_has_is_not_held_against_it() -> None:
    found = dict(zip(NAMES, features(evidence([0.5, 0.5], said=[0.9, np.nan])).T, strict=True))
    assert found["in the text"].tolist() == pytest.approx([np.log(9), 0])
    assert found["other text"].tolist() == [0, 0.3] and found["borders"].tolist() == [0, 0.1]


def test_the_fitted_weights_say_what_they_should() -> None:
    p = FITTED.probabilities
    assert p(evidence([0.5], said=0.95))[0] > 0.9
    assert p(evidence([0.5]))[0] > 0.5 > p(evidence([1e-6], path=-3.0))[0]
    assert p(evidence([0.5], units=12.0))[0] > p(evidence([0.5], units=3.0))[0]
    assert p(evidence([0.01], other=0.0))[0] > p(evidence([0.01], other=0.9))[0]
    assert p(evidence([0.01], borders=0.0))[0] > p(evidence([0.01], borders=0.5))[0]
    assert p(evidence([0.5], said=0.95))[0] > p(evidence([0.5], said=0.3))[0]


def test_weights_are_found_again() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([-2, 0.5, 0.3, 1, 1.2, -0.2, -2, -3, -0.4, 0.8, -0.8, 0.4])
    keywords, right = [], []
    for _ in range(1500):
        n = int(rng.integers(1, 6))
        some = evidence(
            np.exp(rng.uniform(-9, 0, n)).tolist(),
            end=(1.2 + rng.uniform(0, 0.6, n)).tolist(),
            path=(-3 * rng.random(n)).tolist(),
            units=rng.integers(3, 12, n).tolist(),
            said=np.where(rng.random(n) < 0.3, rng.random(n), np.nan).tolist(),
            other=rng.random(n).tolist(),
            borders=(0.6 * rng.random(n)).tolist(),
        )
        keywords.append(some)
        right.append(rng.random(n) < Calibration(tuple(truth)).probabilities(some))
    found = Calibration.fit(keywords, right)
    apart = np.concatenate([found.probabilities(k) - Calibration(tuple(truth)).probabilities(k) for k in keywords])
    assert np.abs(apart).mean() < 0.02


def test_too_little_is_told() -> None:
    with pytest.raises(DataError, match="nothing can be learnt"):
        Calibration.fit([evidence([0.1] * 12)], [np.arange(12) < 3])
    with pytest.raises(DataError, match="verdicts"):
        Calibration.fit([evidence([0.1] * 12)], [np.ones(3, bool)])
    with pytest.raises(DataError, match="weights"):
        Calibration((1.0, 2.0))
