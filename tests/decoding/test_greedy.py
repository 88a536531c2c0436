from __future__ import annotations

import numpy as np
import pytest

from resonet.decoding import greedy
from resonet.text.units import Units


def said(units: Units, *frames: str) -> np.ndarray:
    probs = np.full((len(frames), len(units)), 0.1 / (len(units) - 1))
    for i, symbol in enumerate(frames):
        probs[i, 0 if symbol == "-" else units.index[symbol]] = 0.9
    return np.log(probs).astype(np.float32)


def test_letters_repeats_blanks_and_separators():
    units = Units.characters("aébß")
    (found,) = greedy.decode([said(units, *"|aa-a|-bé|||ß-|")], units)
    assert found.text == "aa bé ß"
    assert [(w.start, w.end) for w in found.words] == [(1, 5), (7, 9), (12, 13)]
    assert all(w.score == pytest.approx(np.log(0.9), abs=1e-5) for w in found.words)


def test_pieces_join_to_words():
    units = Units("bpe", ("<blank>", "▁", "▁he", "llo", "y", "▁o"))
    (found,) = greedy.decode([said(units, "▁he", "llo", "-", "▁o", "y", "▁", "y", "▁")], units)
    assert found.text == "hello oy y"


def test_phones_are_words_of_their_own():
    units = Units.phones(("A", "B"))
    (found,) = greedy.decode([said(units, "A", "A", "-", "A", "B")], units)
    assert found.text == "A A B"


def test_nothing():
    units = Units.characters("a")
    assert greedy.decode([], units) == []
    empty, silent = greedy.decode([np.zeros((0, 3), np.float32), said(units, "-", "-")], units)
    assert empty.words == silent.words == ()
