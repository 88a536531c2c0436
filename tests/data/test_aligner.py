"""Words of the samples where they are said, with the bundle that is installed."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from resonet import audio
from resonet.bundle import installed
from resonet.data.aligner import Aligner

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
pytestmark = pytest.mark.skipif(
    "en-small" not in {found.name for found in installed("recognizer")}, reason="en-small is not installed"
)


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    return Aligner("en-small", threads=1)


def test_samples(aligner: Aligner) -> None:
    with open(SAMPLES / "transcripts.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    sounds = [audio.read(SAMPLES / row["path"]) for row in rows]
    found = list(aligner.align(sounds, [row["text"] for row in rows]))
    for row, sound, said in zip(rows, sounds, found, strict=True):
        assert said is not None
        assert [s.word for s in said] == row["text"].lower().split()
        times = [t for s in said for t in (s.start, s.end)]
        assert times == sorted(times) and times[0] >= 0 and times[-1] <= len(sound) / 16000
    # A part of the recording, said a second later, is found a second later.
    later = next(aligner.align([np.concatenate([np.zeros(16000, np.float32), sounds[0]])], [rows[0]["text"]]))
    assert later is not None and found[0] is not None
    assert [s.start for s in later] == pytest.approx([s.start + 1 for s in found[0]], abs=0.2)


def test_a_text_that_is_not_said_is_not_found(aligner: Aligner) -> None:
    sound = audio.read(SAMPLES / "english-2.opus")
    wrong = "quite another sentence of about the same length is what we claim"
    assert list(aligner.align([sound, sound, sound[:800]], [wrong, "", "far too many words for this"])) == [None] * 3


def test_homophones(aligner: Aligner) -> None:
    alike = aligner.homophones(["no", "right"])
    assert {"know", "write"} <= alike
    assert not {"no", "right"} & alike
