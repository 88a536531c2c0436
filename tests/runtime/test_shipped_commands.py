"""The shipped bundle of commands: its size, the sample clips, no event in silence, a word from three examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resonet import audio
from resonet.bundle import Bundle
from resonet.runtime import Spotter
from resonet.runtime.enrolled import WordList
from resonet.runtime.enrolment import by_examples

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "bundles" / "commands-en" / "resonet_bundle_commands_en" / "commands-en.resonet"
CLIPS = ROOT / "samples" / "commands"
RATE = 16000


@pytest.fixture(scope="module")
def shipped() -> Spotter:
    with Bundle.open(BUNDLE, kind="classifier") as bundle:
        return Spotter(bundle, 1)


def test_it_is_small_and_names_no_share_alike_licence() -> None:
    assert BUNDLE.stat().st_size <= 3_000_000
    with Bundle.open(BUNDLE) as bundle:
        assert {"model.onnx", "embed.onnx"} <= set(bundle.members)
        assert bundle.manifest.licence and not [x for x in bundle.manifest.licence if "-SA" in x.spdx.upper()]


@pytest.mark.parametrize("word", ["stop", "left", "yes"])
def test_the_sample_clips_are_told_right(shipped: Spotter, word: str) -> None:
    assert shipped.classify(CLIPS / f"{word}.opus").label == word


def test_a_word_is_heard_in_a_stream_as_in_a_clip(shipped: Spotter) -> None:
    stream = shipped.stream(0.9, only=["stop"])
    clip = audio.read(CLIPS / "stop.opus", RATE)
    sound = np.concatenate([np.zeros(RATE, np.float32), clip, np.zeros(RATE, np.float32)])
    events = [event for at in range(0, len(sound), 1000) for event in stream.push(sound[at : at + 1000])]
    events += stream.finish()
    assert [event.word for event in events] == ["stop"] and 1.0 < events[0].time < 2.4


def test_silence_and_noise_are_no_words(shipped: Spotter) -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 5 * RATE).astype(np.float32)
    for sound in (np.zeros(5 * RATE, np.float32), noise):
        stream = shipped.stream(0.9)
        assert [*stream.push(sound), *stream.finish()] == []


def test_a_word_is_learnt_from_three_examples(tmp_path: Path) -> None:
    with Bundle.open(BUNDLE, kind="classifier") as bundle:
        word = by_examples(bundle, "snowboy", [CLIPS / f"snowboy-{i}.opus" for i in (1, 2, 3)])
        spotter = Spotter(bundle, 1, WordList(tmp_path / "words.json", (word,)))
    for name, count in (("commands/snowboy-4.opus", 1), ("commands/stop.opus", 0), ("english-1.opus", 0)):
        stream = spotter.stream(only=["snowboy"])
        sound = audio.read(ROOT / "samples" / name, RATE)
        assert len([*stream.push(sound), *stream.finish()]) == count, name
