"""The shipped voices: size, licences, speech of every speaker, the hard list, chunks that are together the whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from resonet.bundle import Bundle
from resonet.evaluate.metrics.word_errors import align
from resonet.runtime import Recognizer, Voice

BUNDLES = Path(__file__).parents[2] / "bundles"
HARD = Path(__file__).parents[2] / "benchmarks" / "lists" / "hard.txt"
TEXTS = {
    "en-multi": "The weather was fine, and the three of them walked to the river.",
    "de-kerstin": "Das Wetter war schön, und die drei gingen zum Fluss.",
    "zh-words": "今天天气很好",
}
SHIPPED = [name for name in TEXTS if (BUNDLES / name / "pyproject.toml").is_file()]


def bundle_of(name: str) -> Path:
    return BUNDLES / name / f"resonet_bundle_{name.replace('-', '_')}" / f"{name}.resonet"


@pytest.fixture(scope="module", params=SHIPPED)
def voice(request: pytest.FixtureRequest) -> Iterator[Voice]:
    yield Voice.load(bundle_of(request.param), threads=1)


def test_they_are_small_and_name_their_licences() -> None:
    assert set(TEXTS) == set(SHIPPED)
    for name in SHIPPED:
        assert bundle_of(name).stat().st_size <= 25_000_000
        with Bundle.open(bundle_of(name), kind="voice") as bundle:
            licences = {licence.spdx for licence in bundle.manifest.licence}
            assert licences and "NOASSERTION" not in licences
            assert any("-SA" in licence for licence in licences) == (name == "zh-words")


def test_every_speaker_speaks(voice: Voice) -> None:
    text = TEXTS[voice.manifest.name]
    for speaker in voice.speakers:
        speech = voice.speak(text, speaker=speaker)
        assert "".join(word.text for word in speech.words) == "".join(filter(str.isalpha, text))
        loud = np.abs(speech.samples).max()
        assert 0.05 < loud <= 10 ** (-1 / 20) + 1e-4
        assert 1 < len(text) / speech.words[-1].end < 30  # letters a second


def test_chunks_are_the_whole(voice: Voice) -> None:
    sentence = next(voice._reader.sentences(TEXTS[voice.manifest.name], voice.language(), ssml=False))
    mel, _ = voice._predict(sentence, voice._manner(None, 1.0, 0.0, 0.0))
    (whole,) = voice._vocoder.chunks(mel, [len(mel)])
    for size in (16, 64):
        parts = np.concatenate(list(voice._vocoder.chunks(mel, [size] * len(mel))))
        np.testing.assert_allclose(parts, whole, atol=1e-4 * np.abs(whole).max())


def test_no_unit_of_the_hard_list_is_skipped_or_held() -> None:
    """Each gets 1 to 75 frames; that of others is refused in runtime/vocoder.py."""
    voice = Voice.load(bundle_of("en-multi"), threads=1)
    manner = voice._manner(None, 1.0, 0.0, 0.0)
    for text in HARD.read_text(encoding="utf-8").splitlines():
        for sentence in voice._reader.sentences(text, "en", ssml=False):
            _, durations = voice._predict(sentence, manner)
            assert len(durations) == len(sentence.symbols) and durations.min() >= 1 and durations.max() <= 75


def test_the_german_judge_understands_the_german_voice() -> None:
    voice = Voice.load(bundle_of("de-kerstin"), threads=1)
    judge = Recognizer.load(bundle_of("de-judge"), threads=1)
    text = TEXTS["de-kerstin"]
    speech = voice.speak(text)
    (compared,) = align([text], [judge.transcribe(speech.samples, speech.sample_rate).text])
    assert compared.characters.rate < 0.4
