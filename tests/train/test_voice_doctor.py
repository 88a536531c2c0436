"""Before a voice is trained the doctor hears the recordings, once; what cannot be used is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import soundfile
from sung_speech import RATE, SETTINGS, corpus, sing

from resonet.data import doctor, load
from resonet.errors import MissingExtra
from resonet.train import recipe, voice_data, voice_doctor, voice_units


class Told(list):
    """Stands in for a Teller."""

    def __call__(self, kind: str, **values: Any) -> None:
        self.append((kind, values.get("text", "")))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dozen good recordings, and some that are not."""
    place = tmp_path_factory.mktemp("data")
    folder = corpus(place / "sung")
    bad = {
        "unread": ("!?", sing("mama", 200.0)),
        "dense": ("misa " * 20, sing("mama", 200.0)),
        "loud": ("mama misa", (20 * sing("mama misa", 200.0)).clip(-1, 1)),
    }
    with (folder / "metadata.csv").open("a") as file:
        for name, (text, sound) in bad.items():
            soundfile.write(folder / "wavs" / f"{name}.wav", sound, RATE)
            file.write(f"wavs/{name}.wav|{text}|ann|train\n")
        (folder / "wavs" / "noise.wav").write_bytes((folder / "wavs" / "u0.wav").read_bytes()[:44])
        file.write("wavs/noise.wav|mama|ann|train\n")
    return load.resolve(folder, cache=place / "data", language="la")


def examined(data: Path, place: Path, told: Told, **more: Any) -> tuple[list[str], list[str]]:
    plan = recipe.load("voice", [s for s in SETTINGS if s.startswith("language")])
    parts = {name: load.utterances(data, name) for name in ("train", "dev")}
    units = voice_units.build(plan, {"la": [u.text for part in parts.values() for u in part]})
    train, dev = voice_doctor.examined(data, parts, units, plan, place, told, None, **more)  # type: ignore[arg-type]
    return [Path(u.id).name for u in train], [Path(u.id).name for u in dev]


def test_findings_are_told_and_the_unusable_left_out(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    train, dev = examined(data, tmp_path / "features", told)
    assert train == [*(f"u{i}" for i in range(10)), "loud"] and dev == ["u10", "u11"]
    lines = [text for kind, text in told if kind == "finding"]
    for part in (
        "error: texts of which the front end can make nothing: 1",
        "error: texts with more units than fit",
        "warning: clipped recordings",
        "warning: speakers with less than 15 minutes",
        "left out: 1",
    ):
        assert sum(part in line for line in lines) == 1, (part, lines)
    assert not any(line.startswith("note") for line in lines)
    kept = json.loads((tmp_path / "features" / "doctor.json").read_text())
    assert sorted(Path(name).name for name in kept["unusable"]) == ["dense", "unread"]

    # Taken up again, nothing is heard or told anew; other data are.
    monkeypatch.setattr(doctor, "examine", lambda *_, **__: pytest.fail("heard twice"))
    again = Told()
    assert examined(data, tmp_path / "features", again) == (train, dev) and not again
    kept["data"] = "of other data"
    (tmp_path / "features" / "doctor.json").write_text(json.dumps(kept))
    with pytest.raises(pytest.fail.Exception, match="heard twice"):
        examined(data, tmp_path / "features", Told())


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"data": 1}'])
def test_a_damaged_answer_is_made_anew(data: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "doctor.json").write_text(content)
    told = Told()
    examined(data, tmp_path, told)
    assert told and json.loads((tmp_path / "doctor.json").read_text())["unusable"]


def test_minutes_are_enough_for_a_speaker_more(data: Path, tmp_path: Path) -> None:
    told = Told()
    examined(data, tmp_path, told, added=True)
    assert told and not any("speakers with less than" in text for _, text in told)


def test_a_missing_extra_ends_it(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else every sentence with a number would be left out."""

    def lacking(*_: Any) -> None:
        raise MissingExtra("Reading numbers aloud", "speak")

    monkeypatch.setattr(voice_units.VoiceUnits, "encode", lacking)
    with pytest.raises(MissingExtra):
        examined(data, tmp_path, Told())


def test_training_reads_what_is_left(data: Path, tmp_path: Path) -> None:
    told = Told()
    plan = recipe.load("voice", ["language=la", f"cache={tmp_path / 'cache'}"])
    found = voice_data.read(data, plan, tmp_path / "out", told, None)  # type: ignore[arg-type]
    assert len(found.train) == 11 and len(found.dev) == 2
    assert (tmp_path / "out" / "features" / "doctor.json").is_file()
    assert not any("are left out" in text for kind, text in told if kind == "note")  # told once, by the doctor
