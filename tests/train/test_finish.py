"""What the end of training does with development data that the network cannot make out."""

from __future__ import annotations

import numpy as np
import pytest

from resonet.decoding import BeamOptions, LexiconBeam
from resonet.decoding.beam import log_prior
from resonet.decoding.confidence import Confidence
from resonet.text.lexicon import Lexicon
from resonet.text.units import Units
from resonet.train import finish
from resonet.train.recipe import parse

UNITS = Units.characters("abc")
WORDS = ["a", "b", "cab"]


def spoken(text: str) -> np.ndarray:
    """Sure scores of a text: each unit one frame, blanks between, log-probs [frames, units]."""
    frames = [f for unit in UNITS.encode(text) for f in (unit, 0)]
    scores = np.full((len(frames), len(UNITS)), np.log(0.01), np.float32)
    scores[np.arange(len(frames)), frames] = np.log(0.96)
    return scores


def beam() -> LexiconBeam:
    return LexiconBeam(UNITS, Lexicon.spelled(WORDS, UNITS), None, BeamOptions(beam=16))


def test_nothing_is_tuned_on_dev_data_that_is_not_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finish, "tune", lambda *_: pytest.fail("tuned on noise"))
    options, found, sure = finish.decoder(beam(), [spoken("a")] * 20, [["cab"]] * 20)
    assert (options, sure) == (BeamOptions(beam=16), Confidence())
    assert [h.text for h in found] == ["a"] * 20


def test_what_is_understood_is_tuned_and_its_confidence_fitted() -> None:
    texts = [["a"], ["b"], ["cab"]] * 8
    scores = [spoken(t[0]) for t in texts[:-4]] + [spoken("b")] * 4
    _, found, sure = finish.decoder(beam(), scores, texts)
    assert [h.text for h in found][:20] == [t[0] for t in texts][:20]
    assert sure != Confidence()


def test_a_network_that_says_blank_where_it_doubts_is_helped_by_priors() -> None:
    doubtful = [spoken("b") for _ in range(12)]
    for scores in doubtful:
        scores[0, UNITS.encode("b")], scores[0, 0] = np.log(0.4), np.log(0.5)
    scores, texts = doubtful + [spoken("a")] * 12, [["b"]] * 12 + [["a"]] * 12
    prior = log_prior([0] + [9] * (len(UNITS) - 1))
    search = LexiconBeam(UNITS, Lexicon.spelled(WORDS, UNITS), None, BeamOptions(beam=16), prior)
    options, found, _ = finish.decoder(search, scores, texts)
    assert options.prior_weight > 0
    assert [h.text for h in found] == [t[0] for t in texts]


def test_a_bundle_names_no_folder_of_the_machine_that_made_it() -> None:
    given = {
        "passes": 1,
        "start": "/home/me/base.resonet",
        "units": {"lexicon": "/home/me/words.dict"},
        "augmentation": {"noise": "/home/me/noise", "rooms": "rooms"},
        "clips": {"negatives": "/home/me/speech", "voices": ["/home/me/a.resonet", "en-multi"]},
        "voice": {"without": ["/home/me/test.txt"]},
        "embedding": {"aligner": "/home/me/aligner.resonet"},
    }
    kept = finish.portable(parse(given, [], "test"))
    assert "/" not in str(kept) and kept["start"] == "base.resonet" and kept["augmentation"]["rooms"] == "rooms"
    assert kept["clips"]["voices"] == ["a.resonet", "en-multi"] and kept["embedding"]["aligner"] == "aligner.resonet"
