"""Training on phrases that voices speak: clips are made in the run's folder, and the bundle says whose they are."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tone_words import record

from resonet.bundle import Bundle
from resonet.data import load
from resonet.errors import DataError
from resonet.runtime import Spotter, clip_record
from resonet.train import recipe as recipes
from resonet.train import spoken_phrases

pytest.importorskip("onnx")
sys.path.insert(0, str(Path(__file__).parents[1] / "runtime"))
import small_voices as small

sys.path.pop(0)

QUICK = [
    *("--set", "family=svm", "--set", "preset=linear", "--set", "passes=1", "--set", "batch_seconds=60"),
    *("--set", "threads=1", "--set", "language=eo", "--set", "augmentation.speeds=[1.0]", "-q"),
]
LICENCE = [{"set": "letters", "spdx": "CC0-1.0", "url": "https://example.org"}]


@pytest.fixture
def voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The voice of letters, of three speakers, alone installed."""
    home = tmp_path / "home" / "bundles"
    home.mkdir(parents=True)
    monkeypatch.setenv("RESONET_HOME", str(home.parent))
    monkeypatch.delenv("RESONET_BUNDLE_VOICE", raising=False)
    monkeypatch.setattr("resonet.bundle.places._entry_points", list)
    return small.voice(home / "letters.resonet", speakers={"ann": "eo", "bob": "eo", "cai": "eo"})


def test_phrases_alone(voice: Path, resonet: Callable[..., Any]) -> None:
    ran = resonet("train", "--task", "classify", "--phrases", "lumo on,halt", "--count", 10, *QUICK, "-o", "run")
    assert ran.code == 0, ran.err
    made = clip_record.read("run/phrases")
    assert made is not None and len(made.held_out) == 1
    with Bundle.open(Path("run/run.resonet")) as bundle:
        assert bundle.manifest.labels == ("halt", "lumo on", "unknown", "silence")
        about: Any = bundle.manifest.runtime["synthetic"]
        assert about["clips"] == sum(clip.split == "train" for clip in made.clips)
        assert [(v["name"], v["speakers"]) for v in about["voices"]] == [("letters", ["ann", "bob", "cai"])]
        assert about["voices"][0]["sha256"] == made.settings.voices[0].sha256
        card = bundle.read("card.md").decode()
        assert "of them synthetic" in card and "spoken by letters (ann, bob, cai): no person said them" in card
        assert "NOASSERTION" not in card
    # Dev is of the speaker whom training does not hear.
    rows = Path("run/dev/transcripts.tsv").read_text(encoding="utf-8").splitlines()[1:]
    speakers = {clip.file: clip.speaker for clip in made.clips}
    heard = {speakers["/".join(Path(row.split("\t")[0]).parts[-2:])] for row in rows}
    assert {f"letters/{name}" for name in heard} == set(made.held_out)
    assert Spotter.load(Path("run/run.resonet")).labels[0] == "halt"


def test_phrases_beside_data(voice: Path, tmp_path: Path, resonet: Callable[..., Any]) -> None:
    data = record(tmp_path / "words", speakers=4)
    Path("phrases.txt").write_text("lights\nstop\n", encoding="utf-8")
    ran = resonet("train", "--phrases", "phrases.txt", "--voice", voice, "--count", 4, "--data", data, *QUICK,
                  "-o", "run", "--name", "both")  # fmt: skip
    assert ran.code == 0, ran.err
    with Bundle.open(Path("run/both.resonet")) as bundle:
        assert bundle.manifest.labels == ("lights", "music", "stop", "unknown", "silence")
        about: Any = bundle.manifest.runtime
        assert about["synthetic"]["clips"] == 12  # the dev ones too: dev is of the data
        assert about["recipe"]["clips"]["voices"] == ["letters.resonet"]  # no path of this machine
    assert "run/phrases/" not in Path("run/dev/transcripts.tsv").read_text(encoding="utf-8")


def test_a_folder_of_clips_is_known_again(voice: Path, tmp_path: Path, resonet: Callable[..., Any]) -> None:
    from resonet.runtime import clips

    clips.make("spoken", ["lumo", "halt"], [voice], count=8, threads=1)
    told = json.loads(Path("spoken/clips.json").read_text(encoding="utf-8"))
    told["settings"]["voices"][0]["licence"] = LICENCE
    Path("spoken/clips.json").write_text(json.dumps(told), encoding="utf-8")
    ran = resonet("train", "--task", "classify", "--data", "spoken", *QUICK, "-o", "run")
    assert ran.code == 0, ran.err
    with Bundle.open(Path("run/run.resonet")) as bundle:
        found = [(x.set, x.spdx) for x in bundle.manifest.licence]
        assert found == [("letters (voice letters)", "CC0-1.0")]
        assert bundle.manifest.runtime["synthetic"]["name"] == "spoken"  # type: ignore[index,call-overload]
    # What a user puts among them is nobody's voice.
    shutil.copyfile("spoken/lumo/0001.flac", "spoken/lumo/mine.flac")
    place = load.resolve("spoken", cache=tmp_path / "prepared")
    about: dict[str, Any] = {"licences": []}
    train = load.utterances(place, "train")
    spoken_phrases.describe(about, train, [], [])
    assert about["synthetic"]["clips"] == len(train) - 1


def test_a_long_phrase_widens_the_window(voice: Path, resonet: Callable[..., Any]) -> None:
    phrase = "lumo en la granda salono"
    ran = resonet("train", "--task", "classify", "--phrases", f"{phrase},halt", "--count", 4, *QUICK, "-o", "run")
    assert ran.code == 0, ran.err
    with Bundle.open(Path("run/run.resonet")) as bundle:
        about: Any = bundle.manifest.runtime
        assert about["window"] > 1.2 and about["recipe"]["network"] == {"window": about["window"]}
    chosen = recipes.load("commands", ["network={window: 1.0}", f"clips.phrases=[{phrase}]"])
    assert spoken_phrases.wide_enough(chosen, [], lambda *_, **__: None) is chosen  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--task", "recognize", "--phrases", "lumo"], 2, "--task recognize is another task"),
        (["--data", "x", "--voice", "letters"], 2, "--voice goes with --phrases"),
        (["--data", "x", "--count", "3"], 2, "--count goes with --phrases"),
        (["--resume", "run", "--phrases", "lumo"], 2, "leave --phrases out"),
        (["--phrases", "lumo,,halt"], 2, "an empty phrase after 'lumo'"),
        (["--phrases", "lumo,halt", "--set", "language=fr", "-q"], 2, "nobody of letters speaks fr"),
        (["--phrases", "lumo,Lumo", "--set", "language=eo", "-q"], 1, "sound the same"),
    ],
)
def test_one_sentence(voice: Path, resonet: Callable[..., Any], arguments: list[str], code: int, told: str) -> None:
    ran = resonet("train", *arguments)
    assert ran.code == code and told in ran.err and "Traceback" not in ran.err, ran.err


def test_some_other_file_of_that_name_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "clips.json").write_text("[1, 2]", encoding="utf-8")
    assert spoken_phrases.record_in(tmp_path) is None
    with pytest.raises(DataError, match="is damaged"):
        clip_record.read(tmp_path)
