from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.decoding.collapse import collapse
from resonet.decoding.segment import segments


def posteriors(blank: list[float]) -> np.ndarray:
    p = np.array(blank, np.float32)
    return np.log(np.stack((p, 1 - p), axis=1))


@settings(deadline=None)
@given(
    blank=st.lists(st.sampled_from([0.01, 0.3, 0.5, 0.92, 0.99]), max_size=200),
    shift=st.sampled_from([0.04, 0.08]),
    most=st.sampled_from([1.0, 2.0, 30.0]),
)
def test_parts_hold_all_speech_in_order_and_stay_short(blank, shift, most):
    parts = segments(posteriors(blank), shift, most)
    held = [frame for start, end in parts for frame in range(start, end)]
    assert held == sorted(set(held))
    assert {i for i, p in enumerate(blank) if p < 0.9} <= set(held) <= set(range(len(blank)))
    assert all(0 < (end - start) * shift <= most + 1e-9 for start, end in parts)


def test_a_pause_of_half_a_second_ends_a_part():
    blank = [0.1] * 20 + [0.99] * 12 + [0.1] * 9 + [0.99] * 13 + [0.1]
    assert segments(posteriors(blank), 0.04) == [(0, 41 + 4), (54 - 4, 55)]


def test_the_longest_pause_is_cut():
    blank = [0.1] * 50 + [0.99] * 3 + [0.1] * 10 + [0.99] * 11 + [0.1] * 15 + [0.99] + [0.1] * 60
    first, second = segments(posteriors(blank), 0.04, 4.0)
    assert first == (0, 63 + 4)
    assert second == (74 - 4, len(blank))


def test_without_a_pause_the_most_blank_frame_is_cut():
    blank = [0.1] * 200
    blank[60] = 0.5
    assert segments(posteriors(blank), 0.04, 4.0)[0] == (0, 60)


def test_silence_has_no_parts():
    assert segments(posteriors([0.99] * 100), 0.04) == []
    assert segments(np.zeros((0, 4), np.float32), 0.04) == []


def test_collapse_leaves_out_sure_blanks_and_remembers_where_they_were():
    scores = posteriors([0.99, 0.2, 0.99, 0.99, 0.3, 0.4])
    kept, after_blank, lost = collapse(scores, 0.98)
    assert kept.tolist() == [1, 4, 5]
    assert after_blank.tolist() == [True, True, False]
    np.testing.assert_allclose(lost, 3 * np.log(0.99), rtol=1e-5)
    assert len(collapse(scores, 1.0)[0]) == 6
