"""The doctor of clips finds each planted fault, and leaves alone what is a fault of sentences only."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from small_corpora import tone

from resonet.cli import main
from resonet.data import doctor
from resonet.data.doctor_page import page
from resonet.data.findings import Findings
from resonet.data.utterance import Utterance


def word(seconds: float = 1.0, level: float = 0.1, seed: int = 0) -> np.ndarray:
    """A burst of noise in the middle of near silence."""
    samples = tone(seconds, 1e-5, seed)
    third = len(samples) // 3
    samples[third : 2 * third] = tone(third / 16000, level, seed)
    return samples


@pytest.fixture
def clip(tmp_path: Path, write):
    made = 0

    def make(label: str, speaker: str = "", split: str = "train", samples=None) -> Utterance:
        nonlocal made
        made += 1
        path = write(tmp_path / f"{made}.wav", samples=word(seed=made) if samples is None else samples)
        return Utterance(f"{label}/{made}", path, label, speaker or f"c/s{made}", split=split)

    return make


def examined(*clips: Utterance) -> Findings:
    splits = {name: [u for u in clips if u.split == name] for name in ("train", "dev", "test")}
    return doctor.examine({name: items for name, items in splits.items() if items}, labelled=True)


def told(found: Findings) -> dict[str, tuple[str, list[str]]]:
    return {f.kind: (f.severity, list(f.names)) for f in found.findings}


def test_good_clips(clip) -> None:
    found = examined(*(clip(label) for label in ("yes", "no") for _ in range(20)))
    assert found.findings == ()
    assert found.labels["yes"].clips == {"train": 20}
    assert found.labels["yes"].speakers == 20
    assert "rate" not in found.histograms


def test_numbers_of_clips(clip) -> None:
    clips = [clip("yes") for _ in range(20)] + [clip("no") for _ in range(3)] + [clip("up"), clip("silence")]
    clips += [clip("unknown") for _ in range(2)]
    found = told(examined(*clips))
    assert found == {
        "one clip": ("error", ["silence", "up"]),
        "few clips": ("warning", ["no: 3"]),
    }


def test_a_single_label_and_none(clip, tmp_path: Path) -> None:
    gone = Utterance("no/1", tmp_path / "gone.wav", "no", split="train")
    found = told(examined(*(clip("yes") for _ in range(20)), gone))
    assert found["one label"] == ("error", ["yes"])
    assert found["label without a clip"] == ("error", ["no"])
    assert found["unreadable"][0] == "error"
    assert examined(gone).labels["no"].clips == {}


def test_labels_and_splits(clip) -> None:
    clips = [clip(label, split=split) for label in ("yes", "no") for split in ("train", "dev") for _ in range(10)]
    clips += [clip("up", split="train") for _ in range(20)] + [clip("off", split="dev") for _ in range(20)]
    found = told(examined(*clips))
    assert found["label missing in train"] == ("error", ["off"])
    assert found["label missing in a split"] == ("warning", ["up: not in dev"])


def test_long_quiet_and_cut_words(clip) -> None:
    clips = [clip(label) for label in ("yes", "no") for _ in range(20)]
    long, quiet, cut = (
        clip("yes", samples=word(4.0)),
        clip("yes", samples=word(level=0.002)),
        clip("no", samples=tone(1.0, 0.1, 5)),
    )
    clips += [clip("silence", samples=s) for s in (np.zeros(64000, np.float32), tone(1.0, 1e-4, 1))]
    found = told(examined(*clips, long, quiet, cut))
    assert found["longer than the others"] == ("warning", [f"{long.id}: 4.00 s"])
    assert [name.split(":")[0] for name in found["quiet word"][1]] == [quiet.id]
    assert [name.split(":")[0] for name in found["word cut"][1]] == [cut.id]
    assert "silent" not in found
    trimmed = told(examined(*(clip(x, samples=tone(0.5, 0.1, i)) for x in ("yes", "no") for i in range(20, 40))))
    assert trimmed["trimmed close"][0] == "note"


def test_one_recording_under_two_labels(clip) -> None:
    same = word(seed=99)
    one, two, again = clip("yes", samples=same), clip("no", samples=same), clip("up", samples=word(seed=98))
    twice = clip("up", samples=word(seed=98))
    found = told(examined(one, two, again, twice))
    assert found["same recording under two labels"] == ("error", [f"{one.id} (yes) = {two.id} (no)"])
    assert found["same recording twice"] == ("warning", [f"{again.id} = {twice.id}"])


def test_speakers_of_clips(clip) -> None:
    clips = [clip(x, "c/anna", split) for x in ("yes", "no") for split in ("train", "dev", "test") for _ in range(10)]
    clips += [clip("yes", "c/unknown", "test"), clip("silence", "c/unknown", "dev"), clip("silence", "c/unknown")]
    found = told(examined(*clips))
    assert found["speaker in two splits"] == ("warning", ["c/anna: train, dev, test"])
    assert found["unknown speakers"] == ("note", ["test: 1 clips"])


def test_json_text_and_page(clip) -> None:
    found = examined(clip("y<es"), clip("y<es", split="dev"), clip("no"), clip("no"))
    assert json.loads(json.dumps(found.as_dict()))["labels"]["y<es"]["clips"] == {"train": 1, "dev": 1}
    assert "y<es       2 clips" in found.as_text()
    assert "<td>y&lt;es</td><td>1</td><td>1</td>" in page(found, "words")


def test_the_command_knows_labels_by_themselves(tmp_path: Path, write, capsys) -> None:
    for label, clips in (("yes", 3), ("no", 1)):  # so few that only the folders tell it
        for i in range(clips):
            write(tmp_path / "w" / label / f"{i}.wav", samples=word(seed=i))
    (tmp_path / "w" / "up").mkdir()
    (tmp_path / "w" / "yes" / "notes.wav").write_text("not a sound")
    assert main(["doctor", str(tmp_path / "w"), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert set(told["labels"]) == {"yes", "no"}
    found = {finding["kind"]: finding["names"] for finding in told["findings"]}
    assert found["one clip"] == ["no"]
    assert found["left out"][0].endswith("/up: is empty")
    assert "notes.wav" in found["left out"][1]
    main(["doctor", str(tmp_path / "w"), "--json", "--task", "recognize"])
    assert "labels" not in json.loads(capsys.readouterr().out)
    assert main(["doctor", "--task", "classify"]) == 2
