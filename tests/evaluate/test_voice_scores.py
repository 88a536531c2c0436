"""Scoring a voice: what is spoken, read, copied, judged and measured, and the page about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from resonet import audio
from resonet.errors import DataError, ResonetError, UsageError
from resonet.evaluate import references, sounds, synthesis, synthesis_report
from resonet.evaluate.references import Reference
from resonet.evaluate.synthesis_result import COPY, NATURAL, VOICE

RATE = 24000
TEXTS = ("The cat sat.", "On the mat!", "Don't look now.", "Good morning.", "Say 2 words.")


def tone(text: str, hertz: float = 150.0) -> np.ndarray:
    """A sound a text, 30 ms a letter: its letters colour the harmonics."""
    parts = []
    for letter in text:
        t = np.arange(720) / RATE
        weights = 0.02 + np.exp(-np.square((np.arange(1, 30) - 1 - ord(letter) % 20) / 2))
        parts.append(sum(w * np.sin(2 * np.pi * k * hertz * t) for k, w in enumerate(weights, 1)))
    return (0.1 * np.concatenate(parts)).astype(np.float32)


class Speaker:
    """Says tones; cannot say what holds a `#`."""

    sample_rate = RATE

    def __init__(self, speakers: tuple[str, ...] = ("ann", "bob"), hertz: float = 150.0) -> None:
        self.speakers, self.hertz, self.asked = speakers, hertz, []

    def language(self, speaker: str | None = None) -> str:
        if speaker not in (None, *self.speakers):
            raise UsageError(f"no speaker {speaker}")
        return "en"

    def speak(self, text: str, *, speaker: str | None = None) -> Any:
        self.asked.append((text, speaker))
        if "#" in text:
            raise DataError(f"nothing to say in {text!r}")
        words = tuple(SimpleNamespace(text=w, start=0.1 * i, end=0.1 * i + 0.1) for i, w in enumerate(text.split()))
        return SimpleNamespace(samples=tone(text, self.hertz), words=words)

    def stream(self, text: str, *, speaker: str | None = None) -> Iterator[Any]:
        yield SimpleNamespace(samples=np.empty(0, np.float32))
        yield SimpleNamespace(samples=tone(text)[:100])


class Judge:
    """Hears what is said, but "dog" for "cat" in the voice; deaf to the fourth file of each system."""

    name = "ear"

    def heard(self, files: list[Path], said: list[str]) -> list[str | ResonetError]:
        found: list[str | ResonetError] = []
        for file, text in zip(files, said, strict=True):
            if file.name == "0004.wav":
                found.append(ResonetError(f"{file}: too hard"))
            else:
                found.append(text.lower().replace("cat", "dog") if file.parent.name == VOICE else text.upper())
        return found


@pytest.fixture
def recordings(tmp_path: Path) -> list[Reference]:
    found = []
    for i, text in enumerate(TEXTS):
        file = tmp_path / f"{i}.wav"
        audio.write(file, tone(text, 150.0), RATE)
        found.append(Reference(file, text, speaker="data/bob"))
    return found


def score(voice: Any, found: list[Reference], folder: Path, **how: Any) -> Any:
    how = {"judges": [Judge()], "copy": lambda x: x / 2, "name": "tones", "data": "texts"} | how
    return synthesis.score(voice, found, how.pop("judges"), folder=folder / "sounds", **how)


def test_figures_of_voice_copy_and_natural(recordings: list[Reference], tmp_path: Path) -> None:
    voice = Speaker()
    result = score(voice, recordings, tmp_path, load_seconds=0.5, spoken=lambda text, at: text.replace("2", "two"))
    assert result.systems == (NATURAL, COPY, VOICE)
    assert {who for _, who in voice.asked} == {"bob"}  # the reader's name is one of the voice's
    rates = result.rates(VOICE, "ear")
    assert (rates.sentences, rates.words.units, rates.words.substitutions) == (4, 12, 1)
    assert result.rates(NATURAL, "ear").words.errors == 0
    gaps = result.beside_natural("ear")
    assert gaps[0].difference == pytest.approx(1 / 12)
    assert result.sentences[4].said == "Say two words."
    assert result.sentences[4].sounds[VOICE].heard["ear"].text == "say two words"
    assert [why for what, why in result.failures if what == "ear"] and len(result.failures) == 3
    copied, spoken = result.summary(COPY), result.summary(VOICE)
    assert spoken["mcd_db"] == 0
    assert copied["mcd_db"] < 0.5
    assert copied["si_sdr"] > 60
    assert spoken["si_sdr"] is None
    assert spoken["f0_rmse_cents"] == 0
    assert abs(spoken["f0_hertz"] - 150) < 1
    assert len(result.first_audio) == 5
    assert all((tmp_path / "sounds" / system / "0001.wav").is_file() for system in (NATURAL, COPY, VOICE))


def test_json_form(recordings: list[Reference], tmp_path: Path) -> None:
    import json

    told = score(Speaker(), recordings, tmp_path).as_dict(sentences=True)
    json.dumps(told, allow_nan=False)
    assert told["systems"]["voice"]["judges"]["ear"]["wer_percent"] == 8.33
    assert told["beside_natural"]["ear"]["wer_difference_percent"] == 8.33
    assert told["load_ms"] is None
    assert told["first_audio_ms"] >= 0
    assert told["sentences_scored"][0]["voice"]["ear"] == {
        "text": "the dog sat", "errors": 1, "words": 3, "character_errors": 3
    }  # fmt: skip
    assert "sentences_scored" not in score(Speaker(), recordings, tmp_path).as_dict()


def test_texts_without_recordings_or_judge(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("One line.\n\n2 cats\ttwo cats\n", encoding="utf-8")
    found = references.read_lines(file)
    assert [r.text for r in found] == ["One line.", "2 cats"]
    result = score(Speaker(("zoe",)), found, tmp_path, judges=[])
    assert (result.systems, result.judges, result.failures) == ((VOICE,), (), ())
    assert result.sentences[1].said == "two cats"
    assert result.sentences[0].speaker == "zoe"
    assert result.summary(VOICE)["mcd_db"] is None
    assert "<audio" in synthesis_report.page([result])
    for bad in ("a\tb\tc\n", "\n", ""):
        file.write_text(bad, encoding="utf-8")
        with pytest.raises(DataError):
            references.read_lines(file)


def test_what_cannot_be_said_or_read(recordings: list[Reference], tmp_path: Path) -> None:
    broken = Reference(tmp_path / "gone.wav", "Gone.")
    result = score(Speaker(), [Reference(Path(), "#"), broken, *recordings], tmp_path)
    assert [what for what, _ in result.failures[:2]] == ["#", str(tmp_path / "gone.wav")]
    assert len(result.sentences) == 5
    with pytest.raises(DataError, match=r"None of 1 texts could be spoken.*nothing to say"):
        score(Speaker(), [Reference(Path(), "#")], tmp_path)
    with pytest.raises(DataError, match="something to say"):
        score(Speaker(), [Reference(Path(), " ")], tmp_path)
    with pytest.raises(UsageError, match="no speaker max"):
        score(Speaker(), recordings, tmp_path, speaker="max")


def test_stretches_of_recordings(tmp_path: Path) -> None:
    file = tmp_path / "long.wav"
    audio.write(file, np.concatenate([tone("xxxx"), tone("abcdef"), tone("yy")]), RATE)
    cut = Reference(file, "abcdef", start=4 * 0.03, seconds=6 * 0.03, whole=False)
    result = score(Speaker(), [cut], tmp_path, judges=[])
    assert result.sentences[0].sounds[NATURAL].seconds == pytest.approx(0.18)
    assert result.summary(VOICE)["mcd_db"] < 1.5  # the 16 bits of the file, and its ends


def test_scoring_form() -> None:
    assert synthesis.scoring_form("Mr. Café – it's 3!", "en") == "mister cafe it's 3"
    assert synthesis.scoring_form("Schöne Grüße, n-tv", "de") == "schöne grüße n tv"
    assert synthesis.scoring_form("你好，世界", "zh") == "你 好 世 界"


def test_the_page_holds_all_it_shows(recordings: list[Reference], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(synthesis_report, "PLAYED", 4)
    result = score(Speaker(), recordings, tmp_path)
    page = synthesis_report.write(tmp_path / "page.html", [result]).read_text(encoding="utf-8")
    assert page.count("<audio") == page.count("data:audio/ogg;base64,") == 3 * 4
    assert page.count("data:image/png;base64,") == 3 * 4
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    assert "8.3" in page
    assert page.index("The cat sat.") < page.index("On the mat!")  # the worst is first
    assert "undefined" not in page
    assert len(synthesis_report.to_play(result)) == 4


def test_pictures_and_players() -> None:
    sound = tone("hello")
    image = sounds.png(np.arange(6, dtype=np.uint8).reshape(2, 3), sounds.palette())
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    assert image.endswith(b"IEND\xaeB`\x82")
    assert sounds.picture(sound[:100], RATE) == ""
    assert sounds.player(np.empty(0, np.float32), RATE) == ""
    loud = sounds.even(sound)
    np.testing.assert_allclose(sounds.even(sound * 0.01), loud, atol=1e-5)
    assert np.abs(sounds.even(np.array([1, *[0] * 9999], np.float32))).max() <= 10 ** (sounds.PEAK_DBFS / 20) + 1e-6
    assert sounds.even(np.zeros(100, np.float32)).any() == np.False_
    import base64
    import io

    import soundfile

    uri = sounds.player(tone("hello", 150.0)[: 22050 // 4], 22050)
    content = base64.b64decode(uri.removeprefix("data:audio/ogg;base64,"))
    assert soundfile.info(io.BytesIO(content)).subtype == "OPUS"
