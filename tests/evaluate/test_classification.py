"""Measures of clips against cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from resonet.evaluate.metrics.classification import Point, confusion, det, equal_error, rows

SAID = ["yes", "yes", "yes", "no", "no", "unknown", "unknown", "silence"]
HEARD = ["yes", "yes", "no", "no", "unknown", "unknown", "yes", "silence"]
SCORES = [0.9, 0.5, 0.8, 0.7, 0.6, 0.9, 0.6, 1.0]
LABELS = ["yes", "no", "unknown", "silence"]


def test_confusion_and_rows() -> None:
    counts = confusion(SAID, HEARD, LABELS)
    assert counts.tolist() == [[2, 1, 0, 0], [0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 0, 1]]
    yes, no, unknown, silence = rows(counts, LABELS)
    assert (yes.recall, yes.precision, yes.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert (no.recall, no.precision) == (0.5, 0.5)
    assert (unknown.recall, unknown.precision) == (0.5, 0.5)
    assert (silence.recall, silence.precision, silence.f1) == (1.0, 1.0, 1.0)
    (never,) = rows(np.zeros((1, 1), np.int64), ["go"])
    assert (never.recall, never.precision, never.f1) == (None, None, None)
    with pytest.raises(ValueError, match="8 labels, but 7"):
        confusion(SAID, HEARD[1:], LABELS)


def test_det_by_hand() -> None:
    # Five clips of words: right at 0.9, 0.7, 0.5. Three others: one raises an alarm at 0.6.
    points = det(SAID, HEARD, SCORES, {"unknown", "silence"})
    assert [(p.threshold, p.miss, p.alarm) for p in points] == [
        (np.inf, 1.0, 0.0),
        (0.9, pytest.approx(0.8), 0.0),
        (0.7, pytest.approx(0.6), 0.0),
        (0.6, pytest.approx(0.6), pytest.approx(1 / 3)),
        (0.5, pytest.approx(0.4), pytest.approx(1 / 3)),
    ]
    assert equal_error(points) is None  # 0.4 against 0.333: never alike
    assert det(SAID, HEARD, SCORES, set()) == ()
    assert det(SAID[:2], HEARD[:2], SCORES[:2], {"unknown"}) == ()


def test_equal_error_lies_between_the_points() -> None:
    points = [Point(1.0, 0.5, 0.0), Point(0.5, 0.3, 0.1), Point(0.4, 0.1, 0.3)]
    assert equal_error(points) == pytest.approx(0.2)
    assert equal_error([Point(1.0, 0.2, 0.2), Point(0.5, 0.2, 0.2)]) == pytest.approx(0.2)
    assert equal_error([]) is None
