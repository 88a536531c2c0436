"""Embedding of words: their times, the segments that are contrasted, and a training that ends in a bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from resonet.bundle import Bundle
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


def test_times_of_words_from_a_path() -> None:
    # Two words of two units and one: blanks are -1.
    path = np.array([-1, -1, 0, -1, 1, -1, -1, -1, 2, -1, -1, -1, -1, -1], np.int32)
    assert _times(path, [2, 1], len(path)).tolist() == [[1, 8], [7, 12]]  # three frames after a word, or up to the next


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
    ran = resonet("train", "--task", "classify", "--data", record(tmp_path / "clips"), "-o", "tones", "-q",
                  "--set", "family=resnet_words", "--set", "preset=small", "--set", "start=words/words.resonet",
                  "--set", "network={front: 4, width: 32, bottleneck: 16, dims: 8}", "--set", "passes=1",
                  "--set", "threads=1", "--set", "precision=float32", "--set", "clips.embedder=words/words.resonet",
                  "--set", f"clips.negatives={ROOT / 'samples'}")  # fmt: skip
    assert ran.code == 0, ran.err
    assert "begins with the weights of words/words.resonet" in (Path("tones") / "log.jsonl").read_text()
    with Bundle.open(Path("tones/tones.resonet")) as bundle:
        embedder = Embedder.of(bundle)
    assert embedder.knows_others and embedder.size == 5 * 8
    word = embedder.embed(np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32), 0.2, 0.8)
    assert np.linalg.norm(word) == pytest.approx(1, abs=1e-4)
