"""Alignment of texts that are not all that was said: against a search of every path, whatever is held in memory."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.decoding import align_text as texts
from resonet.decoding import align_words as words_
from resonet.decoding.align import align
from resonet.decoding.align_text import align_text
from resonet.decoding.align_words import align_words, costs
from resonet.decoding.anchors import best_path, cuts
from resonet.errors import DataError

UNITS = 5


def posteriors(frames: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.log(rng.dirichlet(np.full(UNITS, 0.3), frames) + 1e-9).astype(np.float32).reshape(frames, UNITS)


def spoken(units: list[int], seed: int = 0, sure: float = 0.9, every: int = 3) -> np.ndarray:
    """Posteriors of a speaker of these units (up to 60), each in a frame with blanks between."""
    rng = np.random.default_rng(seed)
    rows = []
    for unit in units:
        for place in range(every):
            row = rng.dirichlet(np.ones(60)) * (1 - sure)
            row[unit if place == every // 2 else 0] += sure
            rows.append(row)
    return np.log(np.array(rows).reshape(len(rows), 60)).astype(np.float32)


def price(lost: np.ndarray, words: list[list[int]], path: np.ndarray | None = None) -> float:
    """The cheapest way by plain dynamic programming over a table of states; with a path, only what fits it counts."""
    ids = [unit for word in words for unit in word]
    ends = [0, *itertools.accumulate(map(len, words))]
    blanks = [2 * end for end in ends]

    def left_out(scores: dict[tuple[str, int], float]) -> dict[tuple[str, int], float]:
        found = dict(scores)
        for i, j in itertools.combinations(range(len(ends)), 2):
            paid = scores.get(("", blanks[i]), -1e9) - (ends[j] - ends[i]) * words_.UNIT - words_.RUN
            found["", blanks[j]] = max(found.get(("", blanks[j]), -1e9), paid)
        return found

    scores = left_out({("", 0): 0.0})
    for frame in range(len(lost)):
        coming: dict[tuple[str, int], float] = {}

        def put(state: tuple[str, int], score: float, frame: int = frame, coming: dict = coming) -> None:
            said = state[1] // 2 if state[0] == "" and state[1] % 2 else -1
            if path is None or path[frame] == said:
                coming[state] = max(coming.get(state, -1e9), score)

        other = max(float(lost[frame, 0]), -words_.FRAME)
        for (kind, k), score in scores.items():
            if kind == "other":
                put(("other", k), score + other)
                continue
            for j in (k, k + 1, k + 2):
                if j < 2 * len(ids) + 1 and (j < k + 2 or (j % 2 and j > 1 and ids[j // 2] != ids[j // 2 - 1])):
                    put(("", j), score + float(lost[frame, ids[j // 2] if j % 2 else 0]))
            if k in blanks:
                put(("other", k), score - words_.OTHER + other)
        for (kind, k), score in list(coming.items()):
            if kind == "other":
                coming["", k] = max(coming.get(("", k), -1e9), score)
        scores = left_out(coming)
    # A frame of silence closes the recording.
    closed = {("", k): scores.get(("", k), -1e9) for k in blanks}
    for k in blanks[1:]:
        closed["", k] = max(closed["", k], scores.get(("", k - 1), -1e9))
    return left_out(closed)["", blanks[-1]]


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(st.lists(st.integers(1, UNITS - 1), min_size=1, max_size=2), max_size=4),
    frames=st.integers(0, 8),
    seed=st.integers(0, 10_000),
)
def test_the_cheapest_of_all_ways(words: list[list[int]], frames: int, seed: int) -> None:
    # Prices so low that each of them is paid sometimes.
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"UNIT": 1.0, "RUN": 2.0, "OTHER": 1.5, "FRAME": 0.4}.items():
            patch.setattr(words_, name, value)
        lost = costs(posteriors(frames, seed)) if frames else np.zeros((0, UNITS), np.float32)
        best = price(lost, words)
        for block in (1, 2, 3, 100):
            path = words_._Path(lost, words).trace(block)
            assert len(path) == frames
            assert price(lost, words, path) == pytest.approx(best, abs=1e-3)


def test_a_text_that_is_said_is_aligned_as_ever() -> None:
    rng = np.random.default_rng(1)
    words = [rng.integers(1, 60, rng.integers(1, 6)).tolist() for _ in range(30)]
    units = [unit for word in words for unit in word]
    scores = spoken(units)
    np.testing.assert_array_equal(align_words(costs(scores), words), align(scores, units))
    assert align_words(costs(scores), []).tolist() == [-1] * len(scores)
    assert align_words(costs(scores)[:0], words).tolist() == []


def of_words(count: int, seed: int = 3) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(1, 60, rng.integers(2, 6)).tolist() for _ in range(count)]


def found(path: np.ndarray, words: list[list[int]]) -> list[int | None]:
    """The first frame of each word."""
    begins = [0, *itertools.accumulate(map(len, words))]
    there = {int(place): frame for frame, place in reversed(list(enumerate(path.tolist()))) if place >= 0}
    return [there.get(begin) for begin in begins[:-1]]


def test_words_that_are_not_said_are_left_out_and_the_rest_stay() -> None:
    words = of_words(60)
    foreign = of_words(10, seed=8)
    scores = spoken([unit for word in words for unit in word])
    whole = found(align_words(costs(scores), words), words)
    more = words[:30] + foreign + words[30:]
    placed = found(align_words(costs(scores), more), more)
    assert placed[30:40] == [None] * 10
    assert placed[:30] + placed[40:] == whole


def test_speech_without_words_pulls_none_of_them_away() -> None:
    words = of_words(60)
    scores = spoken([unit for word in words for unit in word])
    whole = found(align_words(costs(scores), words), words)
    fewer = words[:20] + words[40:]
    assert found(align_words(costs(scores), fewer), fewer) == whole[:20] + whole[40:]


def test_a_text_is_cut_where_it_was_surely_heard_and_nowhere_else() -> None:
    words = of_words(300)
    units = [unit for word in words for unit in word]
    scores = spoken(units, sure=0.8)
    edges = cuts(scores, words, every=100)
    assert len(edges) > 15 and edges == sorted(edges)
    whole = found(align_words(costs(scores), words), words)
    for frame, word in edges:
        assert whole[word - 1] < frame <= whole[word]
    # What stands twice on either side is no place to meet.
    assert cuts(scores, words + words, every=100) == []
    assert cuts(np.concatenate([scores, scores]), words, every=100) == []
    # A repeated sentence alone is passed over.
    again = np.concatenate([scores[:600], scores[300:]])
    for frame, word in cuts(again, words, every=100):
        assert frame <= 310 + 9 or frame >= 590
        assert abs(frame - whole[word]) <= 3 or abs(frame - 300 - whole[word]) <= 3


def test_pieces_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    words = of_words(200)
    ways = [[word] for word in words] + [[]]
    scores = spoken([unit for word in words for unit in word], sure=0.8)
    whole = align_text(scores, ways, shift=0.04, whole=1e9)
    pieces = align_text(scores, ways, shift=0.04, whole=1.0, apart=3.0)
    assert len(whole) == 201 and len(whole[-1].frames) == 0
    for one, other in zip(whole, pieces, strict=True):
        np.testing.assert_array_equal(one.frames, other.frames)
        assert one.loss == pytest.approx(other.loss)
    monkeypatch.setattr(texts, "_MOST", 1000)
    with pytest.raises(DataError, match=r"from 0 to .* s they have nothing in common that is"):
        align_text(scores, [[word] for word in of_words(50, seed=9)], shift=0.04, whole=1.0)


def test_of_several_ways_to_say_a_word_the_one_that_was_said() -> None:
    words = of_words(20)
    wrong = of_words(20, seed=9)
    scores = spoken([unit for word in words for unit in word])
    ways = [[no, yes, yes] if i % 2 else [yes, no] for i, (no, yes) in enumerate(zip(wrong, words, strict=True))]
    places = align_text(scores, ways, shift=0.04)
    assert [place.way for place in places] == [i % 2 for i in range(20)]
    assert all(len(place.frames) == len(word) for place, word in zip(places, words, strict=True))


def test_separators_belong_to_no_word() -> None:
    units = [7, 8, 1, 9, 1, 10, 11]
    places = align_text(spoken(units), [[], [[7, 8]], [[9]], [], [[10, 11]]], shift=0.04, separator=1)
    assert [place.frames[:, 0].tolist() for place in places] == [[], [1, 4], [10], [], [16, 19]]


def test_best_path() -> None:
    starts, ends, units = best_path(spoken([4, 4, 5], every=1))
    assert (starts.tolist(), ends.tolist(), units.tolist()) == ([0, 2], [2, 3], [4, 5])
    assert all(len(part) == 0 for part in best_path(spoken([4])[:0]))
