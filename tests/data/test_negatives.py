"""Negatives: no window of them holds a command, and every part of the rest may be drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resonet.data.aligner import Said
from resonet.data.negatives import Negatives
from resonet.errors import DataError
from resonet.text.normalise import normalise

RATE = 16000


class Aligner:
    """Every word takes half a second; of texts with `odd` nothing is known; `ja` sounds like `yes`."""

    def align(self, recordings, texts, language="en"):
        for text, sound in zip(texts, recordings, strict=False):
            assert sound.dtype == np.float32 and len(sound)
            words = normalise(text).split()
            known = "odd" not in words
            yield tuple(Said(w, 0.5 * i, 0.5 * i + 0.5) for i, w in enumerate(words)) if known else None

    def homophones(self, words):
        return {"ja"} if "yes" in set(words) else set()


@pytest.fixture
def corpus(tmp_path: Path, write) -> Path:
    """Recordings that rise from 0 to 0.5, so that a sample tells its place."""
    texts = ("one two three four", "I say Yes, now and then at all", "a lights on b c d", "ja odd yes", "short")
    rows = ["path\ttext"]
    for i, text in enumerate(texts):
        seconds = 0.4 if text == "short" else 4.0
        write(tmp_path / "c" / f"{i}.wav", samples=np.linspace(0, 0.5, round(seconds * RATE), dtype=np.float32))
        rows.append(f"{i}.wav\t{text}")
    (tmp_path / "c" / "transcripts.tsv").write_text("\n".join(rows) + "\n")
    return tmp_path / "c"


def test_utterances_with_commands_are_left_out(corpus: Path, tmp_path: Path) -> None:
    found = Negatives(corpus, ["yes", "lights_on"], 1.0, tmp_path / "cache")
    assert found.stretches == ((0, 0, 4 * RATE),)
    assert found.hours == pytest.approx(4 / 3600)
    assert found.left_out == pytest.approx(12.4 / 3600)
    assert found.unchecked == 0
    # ja is another word, and a phrase is only found whole
    assert [i for i, *_ in Negatives(corpus, ["lights"], 0.3, tmp_path / "cache").stretches] == [0, 1, 3, 4]
    assert [i for i, *_ in Negatives(corpus, ["on lights"], 1.0, tmp_path / "cache").stretches] == [0, 1, 2, 3]


def test_with_an_aligner_only_the_word_is_left_out(corpus: Path, tmp_path: Path) -> None:
    found = Negatives(corpus, ["yes", "lights-on"], 1.0, tmp_path / "cache", aligner=Aligner())
    # "yes" from 1.0 to 1.5 s and half a second around it; "lights on" from 0.5 to 1.5; nothing of the odd one.
    assert found.stretches == ((0, 0, 4 * RATE), (1, 2 * RATE, 4 * RATE), (2, 2 * RATE, 4 * RATE))
    assert found.hours == pytest.approx(8 / 3600)
    assert found.sound(1).min() >= 0.24


def test_what_sounds_like_a_command_is_one(corpus: Path, tmp_path: Path) -> None:
    (corpus / "transcripts.tsv").write_text("path\ttext\n0.wav\tone two\n1.wav\twell ja\n")
    found = Negatives(corpus, ["yes"], 1.0, tmp_path / "cache", aligner=Aligner())
    assert found.stretches == ((0, 0, 4 * RATE), (1, round(1.5 * RATE), 4 * RATE))


def test_windows_are_seeded_and_everywhere(corpus: Path, tmp_path: Path) -> None:
    found = Negatives(corpus, ["yes", "lights on"], 1.0, tmp_path / "cache", aligner=Aligner())
    draws = [found.window(RATE, np.random.default_rng(i)) for i in range(400)]
    again = found.window(RATE, np.random.default_rng(7))
    assert all(d.shape == (RATE,) and d.dtype == np.float32 for d in draws)
    np.testing.assert_array_equal(draws[7], again)
    starts = np.array([d[0] for d in draws])
    assert starts.min() < 0.02 and 0.36 < starts.max() < 0.376  # up to 3.0 s of 4.0
    # Of 5 s of places to begin at, 3 s are in the whole recording, and 1 s of them before 0.125.
    assert 0.13 < np.mean(starts < 0.125) < 0.27


def test_a_window_longer_than_every_stretch(corpus: Path, tmp_path: Path) -> None:
    found = Negatives(corpus, ["yes", "lights on"], 1.0, tmp_path / "cache")
    drawn = found.window(6 * RATE, np.random.default_rng(1))
    assert len(drawn) == 6 * RATE
    assert np.count_nonzero(drawn) <= 4 * RATE


def test_a_corpus_of_another_split_is_meant(corpus: Path, tmp_path: Path) -> None:
    place = tmp_path / "dev"
    corpus.rename(place)
    assert len(Negatives(place, ["two"], 1.0, tmp_path / "cache")) == 3


def test_a_folder_of_recordings(tmp_path: Path, write) -> None:
    write(tmp_path / "f" / "a.wav", 2.0)
    write(tmp_path / "f" / "deep" / "b.wav", 1.0)
    found = Negatives(tmp_path / "f", ["yes"], 1.0, tmp_path / "cache")
    assert len(found) == 2
    assert found.unchecked == found.hours == pytest.approx(3 / 3600)


def test_nothing_left_is_one_sentence(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no speech without the words ja, on, one, yes"):
        Negatives(corpus, ["one", "yes", "on", "ja"], 1.0, tmp_path / "cache")
    with pytest.raises(DataError, match="does not exist"):
        Negatives(tmp_path / "gone", ["yes"])
