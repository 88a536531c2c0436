from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.errors import SearchIndexError
from resonet.search import keywords as module
from resonet.search import posteriors, sounds
from resonet.search.keywords import Heard, InText, Keywords
from resonet.search.rows import Recording, Segment
from resonet.search.store import Store, Tokens, writing
from resonet.text.transcript import Word

SHIFT = 0.04
UNITS = 30


def log_softmax(scores: np.ndarray) -> np.ndarray:
    scores = scores - scores.max(axis=1, keepdims=True)
    return (scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))).astype(np.float32)


def spoken(ids: Sequence[int], rng: np.random.Generator, sure: float = 5.0) -> np.ndarray:
    """Log-probs of units one after the other, each over two frames with a blank one behind."""
    scores = rng.normal(size=(3 * len(ids), UNITS))
    for i, unit in enumerate(ids):
        scores[3 * i : 3 * i + 2, unit] += sure
        scores[3 * i + 2, 0] += sure
    return log_softmax(scores)


def index(folder: Path, recordings: Iterable[Sequence[Segment]]) -> Store:
    meta = {"units": ["<blank>", *(f"u{i}" for i in range(1, UNITS))], "shift": SHIFT}
    with writing(folder, meta, Tokens(str, lambda blob: sounds.grams(blob, UNITS))) as writer:
        for i, segments in enumerate(recordings):
            writer.add(Recording(f"/{i}", 1, 1, str(i), 60.0), list(segments))
    return Store.open(folder)


def segment(log_probs: np.ndarray, words: Sequence[Word] = (), start: float = 2.0) -> Segment:
    words = words or (Word("other", start, start + 0.2, 0.5),)
    return Segment(start, start + len(log_probs) * SHIFT, tuple(words), posteriors.pack(log_probs))


def collapsed(path: Sequence[int]) -> list[tuple[int, int, int]]:
    """Unit, first frame and the one after its last, of a path without blanks and repeats."""
    found, at = [], 0
    for unit, run in groupby(path):
        length = len(list(run))
        if unit:
            found.append((unit, at, at + length))
        at += length
    return found


def by_hand(blob: bytes, units: int, way: Sequence[int], end: int) -> tuple[float, float]:
    """Expected count of the way with its last unit reached about `end`, and the best mean ratio of one in it there."""
    log_probs = posteriors.unpack(blob, units)
    ratios = log_probs - log_probs.max(axis=1, keepdims=True)
    count, best = 0.0, -np.inf
    for path in product(range(units), repeat=len(log_probs)):
        prob = float(np.exp(sum(log_probs[t, u] for t, u in enumerate(path))))
        runs = collapsed(path)
        for i in range(len(runs) - len(way) + 1):
            some = runs[i : i + len(way)]
            if [unit for unit, *_ in some] == list(way):
                if end - 2 <= some[-1][1] <= end + 3:
                    count += prob
                if some[-1][1] <= end < some[-1][2]:
                    best = max(best, sum(float(ratios[t, path[t]]) for t in range(some[0][1], end + 1)))
    return count, best / len(way)


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10_000), st.sampled_from([(1,), (1, 2), (2, 2), (1, 2, 1), (1, 1, 2)]))
def test_counts_and_paths_are_those_of_all_paths(seed: int, way: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    blob = posteriors.pack(log_softmax(2 * rng.normal(size=(6, 3)).astype(np.float32)))
    sound = module._Sound.of(posteriors.read([blob]), [0, 1, 2], 3)
    for end in (2, 5):
        places = module._closely(sound, np.array([end]), [list(way)], SHIFT)
        count, path = by_hand(blob, 3, way, end)
        assert places.count[0] == pytest.approx(count, rel=1e-4, abs=1e-9)
        if np.isfinite(path):
            assert places.path[0] == pytest.approx(path, abs=1e-4)


def test_ways_of_several_lengths_are_counted_together() -> None:
    rng = np.random.default_rng(3)
    blob = posteriors.pack(log_softmax(2 * rng.normal(size=(6, 3)).astype(np.float32)))
    sound = module._Sound.of(posteriors.read([blob]), [0, 1, 2], 3)
    ways = [[1, 2], [2, 1, 2], [1]]
    places = module._closely(sound, np.array([4]), ways, SHIFT)
    alone = [module._closely(sound, np.array([4]), [way], SHIFT) for way in ways]
    assert places.count[0] == pytest.approx(sum(one.count[0] for one in alone))
    best = max(alone, key=lambda one: one.path[0])
    assert (places.path[0], places.first[0], places.units[0]) == (best.path[0], best.first[0], best.units[0])


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_ends_are_those_of_frame_by_frame_search(seed: int, way: list[int]) -> None:
    rng = np.random.default_rng(seed)
    blobs = [posteriors.pack(log_softmax(3 * rng.normal(size=(n, 6)).astype(np.float32))) for n in (9, 1, 14)]
    kept = posteriors.read(blobs)
    sound = module._Sound.of(kept, list(range(6)), 6)
    for end in module._ends(sound, way).tolist():
        # The search within a window goes frame by frame; no path reaches over from another segment.
        place = module._closely(sound, np.array([end]), [way], SHIFT)
        assert place.path[0] > module._LEAST and place.after[0] <= len(posteriors.unpack(blobs[int(place.row[0])], 6))
        assert 0 <= place.first[0] < place.after[0]


def find(store: Store, way: Sequence[int], said: Mapping[int, Sequence[InText]] | None = None) -> list[Heard]:
    return Keywords(store).find([way], said)


WAY = [3, 14, 15, 9, 2, 6]


def test_a_word_that_the_text_lacks_is_found_where_it_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = [segment(spoken(rng.integers(1, UNITS, 30).tolist(), rng)) for _ in range(8)]
    around = rng.integers(10, UNITS, 10).tolist()
    holds = segment(spoken([*around, *WAY, *around], rng), [Word("wrong", 3.2, 3.9, 0.2)])
    with index(tmp_path / "i", [noise, [holds]]) as store:
        first, *others = find(store, WAY)
        assert 9 not in {place.segment for place in Keywords(store).find([WAY], among=range(1, 9))}
    assert first.segment == 9 and first.accepted and first.probability > 0.5
    assert first.start == pytest.approx(2 + 30 * SHIFT, abs=0.05)
    assert first.end == pytest.approx(2 + 47 * SHIFT, abs=0.09)
    assert all(place.score < 0.5 and not place.accepted for place in others)


def test_a_unit_that_was_missed_does_not_hide_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    noise = [segment(spoken(rng.integers(1, UNITS, 30).tolist(), rng)) for _ in range(8)]
    heard = [*WAY[:3], 21, *WAY[4:]]
    with index(tmp_path / "i", [noise, [segment(spoken([5, 7, *heard, 7, 5], rng, 4.0))]]) as store:
        assert find(store, WAY)[0].segment == 9


def test_what_the_text_has_comes_back_with_its_times(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    there = segment(spoken([8, *WAY, 8], rng), [Word("it", 2.12, 2.8, 0.9)])
    elsewhere = segment(spoken([8, 9, 10, 11], rng), [Word("it", 2.1, 2.3, 0.7)])
    with index(tmp_path / "i", [[there], [elsewhere]]) as store:
        found = find(store, WAY, {1: [(2.12, 2.8, 0.9)], 2: [(2.1, 2.3, 0.7)]})
        unsaid = find(store, WAY)
        silent = Keywords(store).find([], {1: [(2.12, 2.8, 0.9)]})
    assert found[0].segment == 1 and found[0].score > unsaid[0].score
    assert [(p.start, p.end) for p in found if p.segment == 2] == [(2.1, 2.3)]
    # Nobody knows how it is said: the text alone.
    assert [(p.segment, p.start, p.end) for p in silent] == [(1, 2.12, 2.8)]


def test_places_are_apart_and_in_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    twice = spoken([*WAY, *rng.integers(1, UNITS, 12).tolist(), *WAY], rng)
    with index(tmp_path / "i", [[segment(twice)]]) as store:
        found = find(store, WAY)
    assert min(place.probability for place in found[:2]) > 5 * found[2].probability
    assert sorted(round((p.start - 2) / SHIFT) for p in found[:2]) == pytest.approx([0, 54], abs=1)
    middles = sorted((p.start + p.end) / 2 for p in found)
    assert (np.diff(middles) > 0.6).all()
    assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)


def test_all_of_the_most_read_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    segments = [[segment(spoken([8, *WAY, 8], rng), [Word("it", 2.12, 2.8, 0.9)])] for _ in range(4)]
    said = {number: [(2.12, 2.8, 0.5 + number / 10)] for number in (1, 2, 3, 4, 99)}
    with index(tmp_path / "i", segments) as store:
        assert {p.segment for p in find(store, WAY, said)} == {1, 2, 3, 4}
        monkeypatch.setattr(module, "_SEGMENTS", 1)
        monkeypatch.setattr(module, "_SMALL", -1)
        keywords = Keywords(store)
        assert {p.segment for p in keywords.find([WAY], said)} == {4}
        _, _, unread = keywords.evidence([WAY], said)
    assert unread == pytest.approx(0.6 + 0.7 + 0.8)


def test_one_unit_and_nothing_at_all(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    with index(tmp_path / "i", [[segment(spoken([8, 9], rng), [Word("a", 2.0, 2.1, 0.9)])]]) as store:
        assert find(store, [8]) == []  # too short to be looked for
        assert len(find(store, [8], {1: [(2.0, 2.1, 0.9)]})) == 1
        assert Keywords(store).find([]) == []
    with index(tmp_path / "empty", []) as store:
        assert find(store, WAY) == []


def test_segments_without_posteriors_are_silent(tmp_path: Path) -> None:
    with index(tmp_path / "i", [[Segment(0.0, 2.0, (Word("it", 0.5, 0.9, 0.8),))]]) as store:
        (place,) = find(store, WAY, {1: [(0.5, 0.9, 0.8)]})
    assert (place.start, place.end) == (0.5, 0.9)


def test_damage_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    blob = posteriors.pack(spoken([8, *WAY, 8], rng))
    with index(tmp_path / "i", [[Segment(2.0, 4.0, (Word("it", 2.1, 2.8, 0.9),), blob)]]) as store:
        assert find(store, WAY)
    with sqlite3.connect(tmp_path / "i" / "index.sqlite") as database:
        database.execute("update segments set sounds = ?", (blob[:-20],))
    with Store.open(tmp_path / "i") as store, pytest.raises(SearchIndexError, match="damaged"):
        find(store, WAY)
