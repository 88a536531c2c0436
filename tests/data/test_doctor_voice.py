"""The doctor of recordings for a voice finds each planted fault, and is quiet about good ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_corpora import tone

from resonet.cli import main
from resonet.data import doctor, doctor_voice
from resonet.data.doctor_page import page
from resonet.data.findings import Findings
from resonet.data.measures import measure_all
from resonet.data.utterance import Utterance
from resonet.errors import MissingExtra

RATE = 24000
# Twenty units, with the borders of words: at ten a second two seconds of speech.
TEXT = "so it goes all day"


def said(
    seconds: float = 2.0, level: float = 0.05, noise: float = 1e-4, ends: float = 0.3, seed: int = 0
) -> np.ndarray:
    """Bursts like syllables, five a second, over noise; `ends` seconds of that on either side."""
    time = np.arange(round(seconds * RATE)) / RATE
    sound = tone(seconds, level, seed, RATE) * np.clip(np.abs(np.sin(2.5 * 2 * np.pi * time)), 0.15, 1)
    rest = np.zeros(round(ends * RATE), np.float32)
    return (
        np.concatenate([rest, sound, rest])
        + tone(seconds + 2 * ends, noise, seed + 1, RATE)[: len(sound) + 2 * len(rest)]
    )


@pytest.fixture
def clip(tmp_path: Path, write: Callable[..., Path]) -> Callable[..., Utterance]:
    made = 0

    def make(text: str = "", samples: np.ndarray | None = None, rate: int = RATE, **more: str) -> Utterance:
        nonlocal made
        made += 1
        path = write(tmp_path / f"{made}.wav", samples=said(seed=made) if samples is None else samples, rate=rate)
        values = {"speaker": "c/ann", "split": "train", **more}
        letters = "abcdefghijklmnopqrstuvwxyz"
        return Utterance(f"u{made}", path, text or f"{TEXT[:-1]}{letters[made % 26]}", **values)  # type: ignore[arg-type]

    return make


def examined(*clips: Utterance, quick: bool = False) -> Findings:
    splits = {name: [u for u in clips if u.split == name] for name in ("train", "dev", "test")}
    reader = doctor_voice.reader(clips)
    return doctor.examine({name: items for name, items in splits.items() if items}, voice=reader, quick=quick)


def told(found: Findings) -> dict[str, tuple[str, list[str]]]:
    return {f.kind: (f.severity, list(f.names)) for f in found.findings}


@pytest.fixture(autouse=True)
def enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few seconds are hours."""
    monkeypatch.setattr(doctor_voice, "LITTLE", 0.0)
    monkeypatch.setattr(doctor_voice, "SOME", 0.0)


def test_what_is_measured_of_speech(clip: Callable[..., Utterance]) -> None:
    gap = np.concatenate([said(1.0, ends=0), tone(1.2, 1e-4, 3, RATE), said(1.0, ends=0, seed=5)])
    one, two, silent = clip(), clip(samples=gap), clip(samples=np.zeros(RATE, np.float32))
    first, second, third = (m.speech for m in measure_all([one, two, silent]))
    assert first is not None and second is not None and third is None
    assert first.before == pytest.approx(0.3, abs=0.05) and first.after == pytest.approx(0.3, abs=0.05)
    assert first.seconds == pytest.approx(2.0, abs=0.05) and first.pause < 0.2
    assert first.level == pytest.approx(20 * np.log10(0.05 * np.sqrt(0.5)), abs=1.0)
    assert first.noise == pytest.approx(first.level + 80, abs=2.0)
    assert second.pause == pytest.approx(1.2, abs=0.05)


def test_good_clips(clip: Callable[..., Utterance]) -> None:
    found = examined(*(clip() for _ in range(8)), clip(split="dev"), clip(split="test"))
    assert found.findings == () and found.unusable == frozenset()


@pytest.mark.parametrize(
    ("fault", "kind", "severity"),
    [
        ({"samples": np.clip(20 * said(), -1, 1)}, "clipped", "warning"),
        ({"samples": said(21.0), "text": f"{TEXT} " * 10}, "too long", "warning"),
        ({"samples": said(noise=0.01)}, "noise", "warning"),
        ({"samples": said(level=0.012)}, "uneven loudness", "warning"),
        ({"samples": said(ends=0)[12000:-3000]}, "word cut", "warning"),
        ({"samples": said(ends=1.5)}, "silence at the ends", "note"),
        ({"samples": np.concatenate([said(1.0), said(1.0, ends=0.7)])}, "long pause", "warning"),
        (
            {"text": "much more text than anybody could say in such a short time, and it goes on"},
            "speaking rate",
            "warning",
        ),
        ({"samples": said(8.0)}, "speaking rate", "warning"),
        ({"text": "any text " * 20}, "too many units", "error"),
        ({"text": "..."}, "text not read", "error"),
        ({"text": "so it goes с ней all"}, "not said in full", "warning"),
        ({"speaker": "c/unknown"}, "unknown speakers", "warning"),
    ],
)
def test_one_planted_fault(clip: Callable[..., Utterance], fault: dict, kind: str, severity: str) -> None:
    good = [clip() for _ in range(4)]
    bad = clip(**fault)
    found = examined(*good, bad)
    assert told(found)[kind][0] == severity
    assert [name.split(":")[0] for name in told(found)[kind][1]] == [bad.id]
    assert found.unusable == ({bad.id} if severity == "error" else set())
    assert not any(name.startswith(f"{u.id}:") for u in good for f in found.findings for name in f.names)


def test_what_is_no_fault_of_a_voice(clip: Callable[..., Utterance]) -> None:
    """Figures are read, one speaker is in every split, texts may be too long for the frames of a recognizer."""
    clips = [clip("at 9:30, or 50 % of it"), clip("number 7 of 11"), clip(split="dev"), clip(split="test")]
    assert told(examined(*clips)) == {}


def test_what_to_expect_of_so_many_hours(clip: Callable[..., Utterance], monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = 2.6
    monkeypatch.setattr(doctor_voice, "LITTLE", 2 * seconds / 3600)
    monkeypatch.setattr(doctor_voice, "SOME", 4 * seconds / 3600)
    clips = [clip(speaker=name) for name, count in (("c/a", 1), ("c/b", 3), ("c/c", 5)) for _ in range(count)]
    clips += [clip(speaker="c/a", split="dev") for _ in range(4)] + [clip(speaker="c/d", split="test")]
    found = examined(*clips)
    assert told(found)["few minutes"] == ("warning", ["c/a: 0 min"])
    assert told(found)["less than an hour"] == ("note", ["c/b: 0 min"])
    assert told(found)["speaker not in train"] == ("warning", ["c/d"])
    advice = {f.kind: f.advice for f in found.findings}
    for kind in ("few minutes", "less than an hour"):
        assert "15 minutes" in advice[kind] and "an hour" in advice[kind] and "several" in advice[kind]


def test_sample_rates(clip: Callable[..., Utterance]) -> None:
    low = [clip(samples=said()[::2], rate=12000) for _ in range(2)]
    found = told(examined(*(clip() for _ in range(3)), *low))
    assert found["low sample rate"] == ("warning", ["12000 Hz: 2 recordings"])
    assert found["several sample rates"] == ("warning", ["12000 Hz: 2 recordings", "24000 Hz: 3 recordings"])
    found = told(examined(clip(), clip(samples=np.repeat(said(), 2), rate=48000)))
    assert found == {"several sample rates": ("note", ["24000 Hz: 1 recordings", "48000 Hz: 1 recordings"])}


def test_a_speaker_whose_every_clip_is_noisy(clip: Callable[..., Utterance]) -> None:
    hiss = [clip(samples=said(noise=0.0015, seed=i), speaker="c/bob") for i in range(30, 35)]
    (name,) = told(examined(*(clip() for _ in range(5)), *hiss))["noisy speaker"][1]
    assert name.startswith("c/bob: 2")


def test_most_are_trimmed_close(clip: Callable[..., Utterance]) -> None:
    found = told(examined(*(clip(samples=said(ends=0, seed=i)[5000:-2000]) for i in range(6)), clip()))
    assert found["trimmed close"][0] == "note" and "word cut" not in found


def test_a_sentence_read_several_times(clip: Callable[..., Utterance]) -> None:
    one, two, other = clip("The same."), clip("the same"), clip("the same", speaker="c/bob")
    again = clip("Twice there.", samples=said(seed=70))
    twin = clip("Twice there.", samples=said(seed=70))
    found = told(examined(one, two, other, again, twin))
    assert found["read several times"] == ("note", [f"{one.id} (2.6 s) = {two.id} (2.6 s)"])
    assert found["same recording twice"] == ("warning", [f"{again.id} = {twin.id}"])


def test_rates_are_judged_by_speaker(clip: Callable[..., Utterance]) -> None:
    slow = [clip(samples=said(5.0, seed=i), speaker="c/bob") for i in range(40, 44)]
    assert "speaking rate" not in told(examined(*(clip() for _ in range(4)), *slow))
    odd = clip(samples=said(5.0, seed=50))
    assert told(examined(*(clip() for _ in range(4)), *slow, odd))["speaking rate"][1][0].startswith(f"{odd.id}: ")


def test_headers_alone(clip: Callable[..., Utterance]) -> None:
    bad = clip("any text " * 20)
    found = examined(clip(), clip("..."), bad, clip(samples=said(noise=0.02)), quick=True)
    assert set(told(found)) == {"text not read", "too many units"} and bad.id in found.unusable


def test_how_texts_are_read() -> None:
    utterances = [Utterance("a", Path("a"), "Straße", language="de"), Utterance("b", Path("b"), "été", language="fr")]
    read = doctor_voice.reader([*utterances, Utterance("c", Path("c"), "word")])
    assert read("Straße", "de") == doctor_voice.Read(units=8)  # | s t r a ß e .
    assert read("word", "") == doctor_voice.Read(units=6)
    assert read("été", "fr").units == 5
    assert read("tea 茶 time", "").left == "茶"
    assert "Nothing in this text" in read("茶", "").fault and "empty" in read("", "de").fault


def test_a_missing_extra_is_no_fault_of_the_data() -> None:
    class Lacking:
        def sentences(self, text: str, longest: int) -> None:
            raise MissingExtra("Reading numbers aloud", "speak")

    with pytest.raises(MissingExtra):
        doctor_voice.read("9 lives", Lacking())  # type: ignore[arg-type]


def test_the_command(tmp_path: Path, write: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["path\tspeaker\ttext"]
    for i in range(12):
        write(tmp_path / "v" / f"{i}.wav", samples=said(seed=i), rate=RATE)
        rows.append(f"{i}.wav\tann\t{TEXT[:-1]}{'abcdefghijkl'[i]}")
    write(tmp_path / "v" / "12.wav", samples=said(seed=12), rate=RATE)
    (tmp_path / "v" / "transcripts.tsv").write_text("\n".join([*rows, "12.wav\tann\t!?"]) + "\n")
    assert main(["doctor", str(tmp_path / "v"), "--json", "--task", "synthesize"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {f["kind"]: f["severity"] for f in found["findings"]} == {"text not read": "error"}
    # For recognition one voice in all splits is told of, with the way here.
    main(["doctor", str(tmp_path / "v")])
    assert "--task synthesize" in capsys.readouterr().out


def test_the_page_shows_them(clip: Callable[..., Utterance]) -> None:
    assert "not said in full" not in page(examined(clip()), "v")
    assert "characters that the front end leaves out" in page(examined(clip("so <it> goes 茶 all")), "v")
