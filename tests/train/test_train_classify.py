"""Classification: what the rows of a batch hold, that a network learns from them, and what a user meets on the way."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from tone_words import RATE, WORDS, record, say

from resonet.data import load
from resonet.data.augment import Places
from resonet.data.negatives import Negatives
from resonet.data.utterance import Utterance
from resonet.runtime import Spotter
from resonet.train import recipe as recipes
from resonet.train.losses import soft_cross_entropy
from resonet.train.tasks import classify
from resonet.train.tasks.classify import Classify, labels_of
from resonet.train.tasks.clip_rows import placed, spoken, wordless

TINY = [
    "family=tc_resnet", "preset=8", "batch_seconds=60", "threads=1", "precision=float32", "passes=2",
    "augmentation.noise_probability=0", "augmentation.warp=false", "augmentation.frequency_masks=0",
    "augmentation.time_share=0", "augmentation.speeds=[1.0]", "clips.smoothing=0", "optimiser.rate=0.01",
]  # fmt: skip


def task(folder: Path, *settings: str, **others: Any) -> Classify:
    """The task of the tone words, half of whose speakers are dev."""
    prepared = load.resolve(record(folder / "words"), cache=folder / "prepared")
    every = [u for name in load.splits(prepared) for u in load.utterances(prepared, name)]
    half = len(every) // 2
    recipe = recipes.load("commands", [*TINY, *settings])
    every.sort(key=lambda u: u.speaker)
    return Classify(recipe, every[:half], every[half:], folder / "cache", **others)


def test_labels_are_the_words_and_the_two_made_ones() -> None:
    assert labels_of(["stop", "go ", "_unknown_", "_background_noise_", "go"]) == ["go", "stop", "unknown", "silence"]


def test_the_loud_part_of_a_clip() -> None:
    clip = np.zeros(RATE, np.float32)
    clip[4800:8000] = 0.3
    assert spoken(clip) == (4800, 8000)
    assert spoken(np.zeros(100, np.float32)) == (0, 100)


@pytest.mark.parametrize("end", [50, 100, 130])
def test_a_clip_in_a_row_ends_where_it_should(end: int) -> None:
    clip = np.arange(1, 61, dtype=np.float32)
    row = placed(clip, 100, end)
    assert len(row) == 100
    for at in range(100):
        inside = at - (end - 60)
        assert row[at] == (clip[inside] if 0 <= inside < 60 else 0)


def test_a_running_word_is_whole_in_the_window_and_ends_late_in_it(tmp_path: Path) -> None:
    made = task(tmp_path, "clips.running=1", "augmentation.gain_db=0", "augmentation.room_probability=0")
    rng = np.random.default_rng(3)
    ends = []
    for _ in range(40):
        row = made.rows.clip(0, rng)
        window = row[-made.rows.window :]
        first, last = spoken(window)
        assert last - first >= 0.35 * RATE  # both tones
        ends.append((len(window) - last) / RATE)
    assert min(ends) >= 0 and max(ends) < 0.45 and np.ptp(ends) > 0.2


def test_batches_depend_on_their_number_alone(tmp_path: Path) -> None:
    made = task(tmp_path, "batch_seconds=20")
    again = list(made.batches(1, 0, 1))
    other = next(iter(made.batches(1, 1, 1)))
    assert torch.equal(again[1].pcm, other.pcm) and again[1].names == other.names
    assert not torch.equal(again[0].pcm, next(iter(made.batches(2, 0, 1))).pcm)
    batch = again[0]
    assert batch.pcm.shape[1] == made.rows.length and torch.isfinite(batch.pcm).all()
    held = {made.labels[i] for i in batch.targets.argmax(1).tolist()}
    assert {"unknown", "silence"} <= held and batch.other.sum() == (batch.targets.argmax(1) == 3).sum()


def test_rare_words_are_drawn_more_often(tmp_path: Path) -> None:
    made = task(tmp_path)
    made.targets = [0] * 20 + [1] * 4
    made.counts.clear()
    made.counts.update({0: 20, 1: 4})
    order = made._order(0)
    assert len(order) == 20 + 4 * 2 and set(order.tolist()) == set(range(24))  # half of 20 is 10: twice each


def test_only_the_hardest_of_other_speech_counts() -> None:
    scores = torch.log_softmax(torch.tensor([[5.0, 0.0], [0.0, 5.0], [0.0, 0.0], [5.0, 0.0]]), 1)
    targets = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    other = torch.tensor([False, True, True, True])
    each = -scores[:, 0]
    found = soft_cross_entropy(scores, targets, 0.0, other, 1 / 3)
    assert found == pytest.approx(float((each[0] + each[1]) / 2))
    nothing = torch.zeros(4, dtype=torch.bool)
    assert soft_cross_entropy(scores, targets, 0.0, nothing, 0.5) == pytest.approx(float(each.mean()))


def test_words_count_where_they_are_surest_and_alarms_where_they_are_loudest(tmp_path: Path) -> None:
    made = task(tmp_path, "clips.alarms=0.25")
    heard = torch.full((1, 9, 5), 0.1)
    heard[0, :, 3] = 0.6  # unknown
    heard[0, 2:6, 0] = torch.tensor([0.1, 0.5, 0.7, 0.9])  # lights, where it is said
    heard[0, 8, 1] = 5.0  # music, where nothing is: an alarm
    heard = heard / heard.sum(2, keepdim=True)
    labels = torch.tensor([[-1, -1, 0, 0, 0, 0, -2, -1, -1]])
    words, alarms = made._stream_losses(heard.log(), labels)
    assert words == pytest.approx(float(-heard[0, 3:6, 0].log().mean()))
    assert alarms == pytest.approx(float(-heard[0, 8, 3:].sum().log()))


def test_a_stream_says_where_its_words_end(tmp_path: Path) -> None:
    said = [Utterance(f"n{i}", tmp_path / f"n{i}.wav", "other words", end=9.0) for i in range(2)]
    for utterance in said:
        hum = np.sin(np.arange(9 * RATE) * 0.02) * 0.01
        soundfile.write(utterance.audio, hum.astype(np.float32), RATE)
    negatives = Negatives(said, ["lights"], cache=tmp_path / "cache")
    made = task(tmp_path, "augmentation.gain_db=0", "augmentation.room_probability=0", negatives=negatives)
    running = made.rows.running(np.random.default_rng(0))
    assert running is not None and running.pcm.shape[1] == 6 * RATE
    stride = made.network.stride
    for pcm, labels in zip(running.pcm, running.labels, strict=True):
        ends = [i for i in range(1, len(labels)) if labels[i] >= 0 and labels[i - 1] < 0]
        assert ends and {int(x) for x in labels} <= {-2, -1, 0, 1, 2}
        for end in ends:  # before the end of the word there are its tones, after it only the low hum
            before, after = pcm[end * stride - 2400 : end * stride], pcm[end * stride + 800 : end * stride + 2400]
            assert before.diff().square().mean() > 3 * after.diff().square().mean()


def test_sound_without_words_comes_at_all_levels() -> None:
    rng = np.random.default_rng(0)
    places = Places(recipes.load("commands").augmentation)
    rows = [wordless(1000, places, rng) for _ in range(60)]
    levels = [float(np.abs(row).max()) for row in rows]
    assert min(levels) == 0 and max(levels) > 0.1 and all(len(row) == 1000 for row in rows)


def test_clips_of_people_are_not_lost_among_synthetic_ones(tmp_path: Path) -> None:
    made = task(tmp_path)
    assert len(made._order(0)) == len(made.train)
    made.train = [dataclasses.replace(u, id=f"synthetic/{u.id}") if i % 4 else u for i, u in enumerate(made.train)]
    of_people = [made.train[i].id for i in made._order(0) if not made.train[i].id.startswith("synthetic")]
    assert len(of_people) == pytest.approx(len(made._order(0)) / 2, rel=0.1)
    assert len(set(of_people)) == -(-len(made.train) // 4)


def test_a_network_learns_the_words_of_other_speakers(tmp_path: Path) -> None:
    made = task(tmp_path, "family=svm", "preset=linear")
    made.network.learn(*made.examples(8))
    assert made.validate()["label_error_rate"] <= 25


@pytest.mark.slow
def test_a_residual_network_learns_the_words(tmp_path: Path, resonet: Callable[..., Any]) -> None:
    flags = [part for setting in TINY for part in ("--set", setting)]
    ran = resonet("train", "--task", "classify", "--data", record(tmp_path / "words"), *flags, "--set", "passes=60",
                  "-o", "run", "-q", "--json")  # fmt: skip
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["label_error_rate"] <= 20


def test_train_writes_a_bundle_that_classifies(tmp_path: Path, resonet: Callable[..., Any]) -> None:
    folder = record(tmp_path / "words")
    flags = [part for setting in TINY for part in ("--set", setting)]
    ran = resonet("train", "--task", "classify", "--data", folder, *flags, "-o", "run", "--name", "tones", "--json")
    assert ran.code == 0, ran.err
    spotter = Spotter.load(Path("run/tones.resonet"))
    assert spotter.labels == (*sorted(WORDS), "unknown", "silence")
    assert spotter.classify(np.zeros(RATE, np.float32), RATE).label == "silence"
    heard = spotter.classify(say("stop", 1.0, np.random.default_rng(1)), RATE)
    assert heard.label in spotter.labels and 0 <= heard.score <= 1
    assert "unknown" in (Path("run") / "log.jsonl").read_text()
    page = Path("run/report.html").read_text()
    told = json.loads(ran.out)
    assert Path(told["report"]) == Path("run/report.html") and all(word in page for word in WORDS) and "<svg" in page
    judged = resonet("evaluate", "--task", "classify", "--bundle", "run/tones.resonet", "--data", "run/dev", "--json")
    found = json.loads(judged.out)["with_silence"]
    assert found["clips"] == len(Path("run/dev/transcripts.tsv").read_text().splitlines()) - 1
    # The bundle hears a clip as training did: silence before it, as far as the network has learnt to look back.
    assert found["accuracy_percent"] == pytest.approx(100 - told["label_error_rate"], abs=0.02)


def test_synthetic_clips_are_trained_on_and_named_in_the_bundle(tmp_path: Path, resonet: Callable[..., Any]) -> None:
    from resonet.bundle import Bundle

    made = record(tmp_path / "made", speakers=2)
    flags = [part for setting in TINY for part in ("--set", setting)]
    ran = resonet("train", "--task", "classify", "--data", record(tmp_path / "words"), "--clips", made, *flags, "-o",
                  "run", "-q", "--set", "family=svm", "--set", "preset=linear", "--set", "passes=1")  # fmt: skip
    assert ran.code == 0, ran.err
    with Bundle.open(Path("run/run.resonet")) as bundle:
        assert bundle.manifest.runtime["synthetic"]["clips"] == 12
        assert "12 of them synthetic" in bundle.read("card.md").decode()


def test_a_word_with_one_clip_is_refused(tmp_path: Path, resonet: Callable[..., Any]) -> None:
    folder = record(tmp_path / "words", speakers=6)
    for clip in sorted((folder / "stop").iterdir())[1:]:
        clip.unlink()
    flags = [part for setting in TINY for part in ("--set", setting)]
    ran = resonet("train", "--task", "classify", "--data", folder, *flags, "-o", "run", "-q")
    assert ran.code == 1 and "one clip alone of stop" in ran.err


def test_clips_that_cannot_be_read_are_named(tmp_path: Path, resonet: Callable[..., Any]) -> None:
    folder = record(tmp_path / "words", speakers=6)
    for clip in (folder / "stop").iterdir():
        clip.write_bytes(b"no sound")
    flags = [part for setting in TINY for part in ("--set", setting)]
    ran = resonet("train", "--task", "classify", "--data", folder, *flags, "-o", "run", "--set", "family=svm", "--set",
                  "preset=linear", "--set", "passes=1")  # fmt: skip
    assert ran.code == 0 and "left out: 12" in ran.err and "00000000_nohash_0.wav" in ran.err


def test_few_clips_are_said_to_be_few(tmp_path: Path, resonet: Callable[..., Any]) -> None:
    flags = [part for setting in TINY for part in ("--set", setting)]
    ran = resonet("train", "--task", "classify", "--data", record(tmp_path / "words", speakers=4), *flags, "-o", "run",
                  "--set", "family=svm", "--set", "preset=linear", "--set", "passes=1")  # fmt: skip
    assert ran.code == 0 and "few clips: lights" in ran.err
    assert classify.UNKNOWN in ran.err
