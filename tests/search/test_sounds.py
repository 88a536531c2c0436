from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.search import posteriors, sounds
from resonet.search.rows import Recording, Segment
from resonet.search.store import Store, Tokens, writing
from resonet.text.transcript import Word

UNITS = 40


def said(rows: Sequence[dict[int, float]], units: int = UNITS) -> bytes:
    """A blob of frames, each with the probabilities of some units; the others share what is left."""
    probs = np.zeros((len(rows), units))
    for frame, row in zip(probs, rows, strict=True):
        frame[:] = max(0.0, 1 - sum(row.values())) / (units - len(row))
        for unit, prob in row.items():
            frame[unit] = prob
    return posteriors.pack(np.log(np.maximum(probs, 1e-9)).astype(np.float32))


def clearly(ids: Sequence[int], units: int = UNITS) -> bytes:
    """Units one after the other, a blank frame behind each."""
    return said([row for unit in ids for row in ({unit: 0.999}, {0: 0.999})], units)


def grams(blob: bytes, units: int = UNITS) -> set[str]:
    return set(sounds.grams(blob, units).split())


def test_what_is_clear_has_the_grams_of_its_units() -> None:
    ids = [3, 9, 9, 1, 39, 12]
    assert grams(clearly(ids)) == set(sounds.grams_of(ids, UNITS)) and len(sounds.grams_of(ids, UNITS)) == 4


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, UNITS - 1), max_size=12), st.lists(st.integers(1, UNITS - 1), max_size=12))
def test_grams_are_words_and_tell_units_apart(a: list[int], b: list[int]) -> None:
    for ids in (a, b):
        found = sounds.grams_of(ids, UNITS)
        assert len(found) == max(0, len(ids) - 2) and all(re.fullmatch("[0-9a-z]+", gram) for gram in found)
    assert (sounds.grams_of(a, UNITS) == sounds.grams_of(b, UNITS)) == (a == b or (len(a) < 3 and len(b) < 3))


def test_alternatives_are_there_too() -> None:
    blob = said([{1: 0.999}, {2: 0.6, 3: 0.3, 4: 0.01}, {5: 0.999}])
    there = grams(blob)
    assert set(sounds.grams_of([1, 2, 5], UNITS)) <= there and set(sounds.grams_of([1, 3, 5], UNITS)) <= there
    assert not set(sounds.grams_of([1, 4, 5], UNITS)) & there


def test_what_is_unsure_may_be_skipped() -> None:
    unsure = said([{1: 0.999}, {2: 0.5, 0: 0.49}, {3: 0.999}, {4: 0.999}])
    assert {*sounds.grams_of([1, 2, 3], UNITS), *sounds.grams_of([1, 3, 4], UNITS)} <= grams(unsure)
    sure = said([{1: 0.999}, {2: 0.999}, {3: 0.999}, {4: 0.999}])
    assert not set(sounds.grams_of([1, 3, 4], UNITS)) & grams(sure)


def test_a_unit_that_lasts_is_one_and_blanks_part_two() -> None:
    lasting = said([{1: 0.9}, {1: 0.9}, {2: 0.999}, {3: 0.999}])
    assert not set(sounds.grams_of([1, 1, 2], UNITS)) & grams(lasting)
    apart = said([{1: 0.9}, {0: 0.99}, {1: 0.9}, {2: 0.999}])
    assert set(sounds.grams_of([1, 1, 2], UNITS)) <= grams(apart)


def test_silence_and_nothing_have_none() -> None:
    assert sounds.grams(said([{0: 0.99}] * 9), UNITS) == "" and sounds.grams(b"", UNITS) == ""


@pytest.mark.parametrize(("units", "length"), [(40, 3), (1000, 2), (6000, 1)])
def test_more_units_take_shorter_grams(units: int, length: int) -> None:
    ids = [units - 1, 7, units - 2, 3]
    assert len(sounds.grams_of(ids, units)) == len(ids) - length + 1
    assert grams(clearly(ids, units), units) == set(sounds.grams_of(ids, units))


def index(folder: Path, segments: Sequence[bytes]) -> Store:
    meta = {"units": ["<blank>", *(f"u{i}" for i in range(1, UNITS))], "shift": 0.04}
    with writing(folder, meta, Tokens(str, lambda blob: sounds.grams(blob, UNITS))) as writer:
        for i, blob in enumerate(segments):
            word = Word("word", 0.0, 0.1, 0.5)
            writer.add(Recording(f"/{i}", 1, 1, str(i), 10.0), [Segment(0.0, 9.0, (word,), blob)])
    return Store.open(folder)


def test_the_shortlist_has_first_what_shares_most(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = [clearly(rng.integers(1, UNITS, 30).tolist()) for _ in range(20)]
    with index(tmp_path / "i", [*noise, clearly([5, 6, 7, 8, 20, 20]), clearly([4, 5, 6, 7, 8, 9])]) as store:
        assert sounds.shortlist(store, [[4, 5, 6, 7, 8, 9]], 10)[:2] == [22, 21]
        # Of two ways, what both have counts more.
        assert sounds.shortlist(store, [[4, 5, 6, 7], [8, 20, 20, 6, 7, 8]], 10)[0] == 21
        assert sounds.shortlist(store, [[4, 5, 6, 7, 8, 9]], 10, {3, 21, 99}) == [21]
        assert sounds.shortlist(store, [[4, 5, 6, 7, 8, 9]], 10, set()) == []
        assert sounds.shortlist(store, [[4, 5]], 10) == [] == sounds.shortlist(store, [], 10)


def test_the_rarest_grams_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = [clearly([1, 2, 3, 4, 5])] * 6 + [clearly([1, 2, 3, 30, 31, 32])]
    with index(tmp_path / "i", segments) as store:
        monkeypatch.setattr(sounds, "_ROWS", 3)
        assert sounds.shortlist(store, [[1, 2, 3, 30, 31, 32]], 10) == [7]


def test_an_empty_index_has_no_shortlist(tmp_path: Path) -> None:
    with index(tmp_path / "i", []) as store:
        assert sounds.shortlist(store, [[1, 2, 3, 4]], 10) == []
