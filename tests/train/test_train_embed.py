"""Embedding of words: their times, the segments that are contrasted, and a training that ends in a bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from resonet.bundle import Bundle
from resonet.data.aligner import Said
from resonet.models.spelling import Spelling
from resonet.runtime.embedder import Embedder
from resonet.train.word_times import _times

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "bundles" / "en-small" / "resonet_bundle_en_small" / "en-small.resonet"
SETTINGS = [
    "--set", f"units.lexicon={ROOT / 'bundles/en-small/cmudict.dict'}", "--set", f"units.g2p={SMALL}",
    "--set", f"embedding.aligner={SMALL}", "--set", "threads=1", "--set", "precision=float32",
    "--set", "network={front: 4, width: 32, bottleneck: 16, dims: 8}", "--set", "augmentation.speeds=[1.0]",
    "--set", "passes=3", "--set", "batch_seconds=40",
]  # fmt: skip


def test_words_are_wider_than_their_spikes_as_far_as_there_is_room() -> None:
    said = (Said("one", 0.08, 0.20), Said("two", 0.32, 0.36), Said("three", 0.38, 0.6))
    found = _times(said, 3, 0.65)
    np.testing.assert_allclose(found, [[0.04, 0.32], [0.28, 0.38], [0.36, 0.65]], atol=1e-6)
    assert not _times(None, 2, 1.0).any() and not _times(said, 2, 1.0).any()


def test_a_spelling_is_of_length_one_and_knows_the_order_of_its_phones() -> None:
    torch.manual_seed(0)
    spelling = Spelling(units=10, dims=4, parts=3)
    phones = torch.tensor([[1, 2, 3, 0], [3, 2, 1, 0], [1, 2, 3, 4]])
    found = spelling(phones, torch.tensor([3, 3, 4]))
    assert found.shape == (3, 12)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(spelling(phones[:1, :3], torch.tensor([3])), found[:1])  # padding changes nothing
    assert (found[0] @ found[1]) < 0.99


def test_silence_around_utterances_is_refused(resonet: Callable[..., Any]) -> None:
    ran = resonet(
        "train", "--task", "embed", "--data", ROOT / "samples", *SETTINGS, "--set", "augmentation.silence=0.3"
    )
    assert ran.code == 1 and "moves their words" in ran.err


@pytest.mark.slow
def test_a_training_ends_in_an_embedder_that_a_classifier_takes(tmp_path: Path, resonet: Callable[..., Any]) -> None:
    from tone_words import record

    ran = resonet("train", "--task", "embed", "--data", ROOT / "samples", *SETTINGS, "-o", "words", "-q")
    assert ran.code == 0, ran.err
    more = ("--set", "start=words/words.resonet", "-o", "more", "-q")
    ran = resonet("train", "--task", "embed", "--data", ROOT / "samples", *SETTINGS, *more)
    assert ran.code == 0 and "begins with the weights" in (Path("more") / "log.jsonl").read_text(), ran.err
    ran = resonet("train", "--task", "classify", "--data", record(tmp_path / "clips"), "-o", "tones", "-q",
                  "--set", "family=resnet_words", "--set", "preset=small", "--set", "start=words/words.resonet",
                  "--set", "network={front: 4, width: 32, bottleneck: 16, dims: 8}", "--set", "passes=1",
                  "--set", "threads=1", "--set", "precision=float32", "--set", "clips.embedder=words/words.resonet",
                  "--set", f"clips.negatives={ROOT / 'samples'}")  # fmt: skip
    assert ran.code == 0, ran.err
    assert "begins with the weights of words/words.resonet" in (Path("tones") / "log.jsonl").read_text()
    with Bundle.open(Path("tones/tones.resonet")) as bundle:
        embedder = Embedder.of(bundle)
        thresholds = bundle.manifest.classifier.thresholds
        assert set(thresholds) == set(bundle.manifest.labels) - {"unknown", "silence"}
        assert all(0.04 <= threshold < 1 for threshold in thresholds.values())
    assert embedder.knows_others and embedder.size == 5 * 8
    word = embedder.embed(np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32), 0.2, 0.8)
    assert np.linalg.norm(word) == pytest.approx(1, abs=1e-4)
