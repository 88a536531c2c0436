"""Voices and languages: rows and batches, the margin, and a training that ends in a bundle with and without words."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tone_people import record

from resonet.bundle import Bundle, write
from resonet.data import load
from resonet.data.waveforms import Waveforms
from resonet.errors import BundleError, DataError, UsageError
from resonet.runtime.identity import Identity
from resonet.train import recipe as recipes
from resonet.train.centres import Centres, angular_margin
from resonet.train.tasks.identify import Identify
from resonet.train.tasks.speaker_rows import SpeakerRows, joined, narrowed

SETTINGS = [
    "task=identify", "threads=1", "precision=float32", "augmentation.speeds=[1.0, 1.1]", "batch_seconds=30",
    "network={widths: [4, 8], blocks: [1, 1], mels: 32, frame: 24, size: 12, attention: 8, language_width: 12}",
]  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("people") / "data")


def settings(*more: str) -> recipes.Recipe:
    return recipes.load("speakers", [*SETTINGS, "passes=2", *more])


def task(table: Path, cache: Path, *more: str, **changed: Any) -> Identify:
    folder = load.resolve(table, cache / "prepared")
    parts = [load.utterances(folder, name) for name in ("train", "dev")]
    parts = [[dataclasses.replace(u, **changed) for u in part] for part in parts]
    return Identify(settings(*more), *parts, cache)


@pytest.fixture(scope="module")
def made(table: Path, cache: Path) -> Identify:
    return task(table, cache)


def test_people_at_other_speeds_are_other_people(made: Identify) -> None:
    assert made.languages == ("de", "en") and len(made.people) == 4
    assert made.network.centres.weight.shape == (8, 12)
    assert made.speakers_of_languages() == {"de": 4, "en": 4}


def test_batches(made: Identify) -> None:
    batch = next(made.batches(1, 0, 1))
    rows = batch.pcm.shape[0]
    assert rows == 12 and 2.0 <= batch.pcm.shape[1] / 16000 <= 3.01 and batch.pcm.shape[1] % 160 == 0
    people = batch.speakers >= 0
    assert people.sum() == 8 and set(batch.speakers[people].tolist()) <= set(range(8))
    assert (batch.languages[~people]).unique(return_counts=True)[1].tolist() == [2, 2], "languages count alike"
    assert bool((batch.speakers[~people] == -1).all()) and bool((batch.languages[people] == -1).all())
    assert bool((batch.warp[people] == 7).all()) and len(batch.names) == rows
    assert batch.seconds == pytest.approx(batch.pcm.numel() / 16000)
    again, other = next(made.batches(1, 0, 1)), next(made.batches(2, 0, 1))
    assert torch.equal(batch.pcm, again.pcm) and batch.pcm.shape != other.pcm.shape
    later = list(made.batches(0, 0, 1))
    assert len(later) == made.plan(0) and torch.equal(next(made.batches(0, 1, 1)).pcm, later[1].pcm)
    assert made.largest().pcm.shape[1] == 3 * 16000


def test_one_language_is_not_asked_for(table: Path, cache: Path) -> None:
    one = task(table, cache, language="en")
    batch = next(one.batches(0, 0, 1))
    assert bool((batch.speakers >= 0).all())
    found = one.loss(batch, 0.5)
    assert set(found) == {"loss"} and bool(found["loss"].isfinite())
    found["loss"].backward()
    assert all(p.grad is not None for p in one.network.parameters())
    assert set(one.validate()) == {"equal_error_rate"}


def test_nobody_known(table: Path, cache: Path) -> None:
    with pytest.raises(DataError, match="the data name no speakers, where many are to be told apart"):
        task(table, cache, speaker="people/unknown")
    with pytest.raises(DataError, match="the data name one speaker"):
        task(table, cache, speaker="ann")


def test_dev_is_judged_by_three_seconds_or_more(made: Identify) -> None:
    assert all(len(item.samples) >= 48000 for item in made.dev)
    assert len([item for item in made.dev if item.speaker]) == 12  # three takes in two languages by two people
    assert all("before" in item.name for item in made.dev if not item.speaker)


def test_the_margin_by_hand() -> None:
    angles = torch.tensor([[0.5, 1.2, 2.0], [3.1, 1.0, 0.3]], requires_grad=True)
    found = angular_margin(angles.cos(), torch.tensor([0, 0]), 0.2, 10.0)
    moved = torch.tensor([[math.cos(0.7), math.cos(1.2), math.cos(2.0)],
                          [math.cos(3.1) - 0.2 * math.sin(0.2), math.cos(1.0), math.cos(0.3)]])  # fmt: skip
    torch.testing.assert_close(found, torch.nn.functional.cross_entropy(10 * moved, torch.tensor([0, 0])))
    found.backward()
    assert angles.grad is not None and bool(angles.grad.isfinite().all())
    plain = angular_margin(angles.cos(), torch.tensor([0, 2]), 0.0, 10.0)
    torch.testing.assert_close(plain, torch.nn.functional.cross_entropy(10 * angles.cos(), torch.tensor([0, 2])))


def test_a_voice_on_its_centre_is_no_nan() -> None:
    centres = Centres(3, 4)
    voice = torch.nn.functional.normalize(centres.weight.detach()[:1], dim=1).requires_grad_()
    angular_margin(centres(voice), torch.tensor([0]), 0.2, 30.0).backward()
    assert voice.grad is not None and bool(voice.grad.isfinite().all())


def test_the_margin_rises(made: Identify) -> None:
    made.network.eval()  # so that nothing but the margin differs
    batch = next(made.batches(0, 0, 1))
    early, half, late = (float(made.loss(batch, share)["speakers"].detach()) for share in (0.05, 0.3, 0.9))
    assert early < half < late


def test_rows_of_short_clips_are_joined(made: Identify, cache: Path) -> None:
    short = [u for u in made.waves.utterances if (u.end or 0) < 2 and u.speaker.endswith("p1")]
    rows = SpeakerRows(settings(), Waveforms(short, cache, (1.0, 1.1)))
    assert rows.people == ["p1"] or rows.people[0].endswith("p1")
    for seed in range(5):
        found = rows.speaker(0, 1.1, 48000, np.random.default_rng(seed))
        assert found.shape == (48000,) and found.dtype == np.float32 and float(np.abs(found).max()) <= 1
        assert len(rows.language(1, 40000, np.random.default_rng(seed))) == 40000


def test_pieces_fade_into_each_other() -> None:
    one, other = np.ones(1600, np.float32), np.full(2000, 0.5, np.float32)
    found = joined([one, other])
    assert len(found) == 3600 - 320 and found[0] == 1 and found[-1] == 0.5
    assert (np.diff(found) <= 1e-6).all() and float(found[1600 - 160]) == pytest.approx(0.75, abs=0.02)
    assert len(joined([np.ones(1, np.float32), one])) == 1601 and len(joined([])) == 0


def test_a_narrow_row_holds_nothing_above() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(narrowed(noise, 4000.0))))
    assert power[4500:].max() < 1e-3 * power[:3900].mean() and narrowed(noise, 4000.0).dtype == np.float32


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("identity.crop=[3, 2]", "crop goes from the lower to the higher number"),
        ("identity.margin=2", "identity.margin"),
        ("identity.word=x", "did you mean 'words'"),
    ],
)
def test_settings_that_do_not_fit(setting: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settings(setting)


def words(path: Path) -> Path:
    """A bundle of an embedder of words, whose graph is nobody's."""
    return write(
        path,
        {
            "kind": "embedder", "name": "words", "family": "resnet_pool", "sample_rate": 16000, "frame_shift": 0.01,
            "subsampling": 4, "languages": ["en"], "licence": [{"set": "books", "spdx": "CC-BY-4.0", "url": ""}],
            "data": {"name": "books", "sha256": "ab" * 32},
            "metrics": [{"name": "spelling_error_rate", "value": 9.5, "set": "dev", "command": "resonet train"}],
            "runtime": {"resonet": "0.1.0", "delay": 3, "state": 9, "dims": 8, "parts": 5},
        },
        {"model.onnx": b"a graph", "card.md": b"# words\n"},
    )  # fmt: skip


def options(*more: str) -> list[str]:
    return [part for setting in (*SETTINGS[1:], *more) for part in ("--set", setting)]


@pytest.fixture(scope="module")
def trained(table: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A training of some seconds, with words beside."""
    from resonet.cli import main

    folder = tmp_path_factory.mktemp("trained")
    given = words(folder / "words.resonet")
    code = main(["train", "--task", "identify", "--data", str(table), "-o", str(folder / "out"), "--name", "both", "-q",
                 *options("passes=14", "optimiser.rate=0.01", f"identity.words={given}")])  # fmt: skip
    assert code == 0
    return SimpleNamespace(folder=folder / "out", path=folder / "out" / "both.resonet", words=given)


def test_a_training_ends_in_a_bundle_of_words_and_voices(trained: SimpleNamespace) -> None:
    with Bundle.open(trained.path, "embedder") as bundle:
        manifest = bundle.manifest
        assert bundle.read("model.onnx") == b"a graph"
        assert bundle.read("card.md").decode().startswith("# words\n\n# both: voices and languages")
    assert manifest.family == "resnet_pool" and manifest.runtime["dims"] == 8 and manifest.subsampling == 4
    assert manifest.data is not None and manifest.data.name == "books"
    speaker = manifest.runtime["speaker"]
    assert speaker["family"] == "resnet_speaker" and speaker["speakers"] == {"de": 4, "en": 4}
    assert speaker["recipe"]["identity"]["words"] == "words.resonet", "no places of this machine"
    assert {m.name for m in manifest.metrics} == {
        "spelling_error_rate", "equal_error_rate", "language_error_rate",
    }  # fmt: skip
    assert manifest.licence[0].set == "books"


def test_it_knows_people_and_languages_that_it_never_heard(trained: SimpleNamespace) -> None:
    events = [json.loads(line) for line in (trained.folder / "log.jsonl").read_text().splitlines()]
    last = [e for e in events if e["kind"] == "validation"][-1]
    assert last["language_error_rate"] < 25 and last["equal_error_rate"] < 25, last
    text = next(e["text"] for e in events if e["kind"] == "data")
    assert "of 4 speakers to train on" in text and "de 4, en 4" in text
    assert any("few speakers: de 4, en 4" in e.get("text", "") for e in events)


def test_the_bundle_runs_and_gives_what_the_network_gave(trained: SimpleNamespace, made: Identify) -> None:
    identity = Identity.load(trained.path)
    assert (identity.name, identity.size, identity.languages) == ("both", 12, ("de", "en"))
    item = made.dev[0]
    heard = identity.hear(item.samples)
    assert heard.voice.shape == (12,) and sum(heard.languages.values()) == pytest.approx(1)


def test_a_run_goes_on_where_it_was(table: Path, resonet: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from resonet.train.loop import Loop

    plain, step = [], Loop._step

    def note(self: Any, batch: Any) -> None:
        step(self, batch)
        plain.append((self.progress.step, float(batch.pcm.sum())))
        if self.progress.step == 3 and len(plain) == 3:
            self._stop = True

    monkeypatch.setattr(Loop, "_step", note)
    arguments = ["train", "--task", "identify", "--data", table, "-o", "out", "-q", *options("passes=2")]
    assert resonet(*arguments).code == 130
    with pytest.raises(BundleError):
        Bundle.open(Path("out/out.resonet"))
    ran = resonet("train", "--resume", "out", "-q")
    assert ran.code == 0, ran.err
    assert [number for number, _ in plain] == list(range(1, len(plain) + 1))
    with Bundle.open(Path("out/out.resonet")) as bundle:
        assert set(bundle.members) == {"card.md", "speaker.onnx", "stats.json"}
        assert bundle.manifest.family == "resnet_speaker" and bundle.manifest.languages == ("de", "en")
        voices = bundle.read("speaker.onnx")
    # Words that come later: nothing is learnt any more, the bundle is written anew.
    ran = resonet("train", "--resume", "out", "-q", "--set", f"identity.words={words(Path('words.resonet'))}")
    assert ran.code == 0, ran.err
    assert [number for number, _ in plain] == list(range(1, len(plain) + 1))
    with Bundle.open(Path("out/out.resonet")) as bundle:
        assert bundle.read("model.onnx") == b"a graph" and bundle.read("speaker.onnx") == voices


@pytest.mark.parametrize(
    ("task_name", "more", "message"),
    [
        ("identify", ["family=resnet_pool", "network={}"], "the family resnet_pool embeds words, not voices"),
        ("embed", ["family=resnet_speaker"], "the family resnet_speaker embeds voices, not words"),
        ("identify", ["identity.words=nothing"], "nothing"),
    ],
)
def test_what_is_told_before_anything_is_read(
    table: Path, resonet: Callable[..., Any], task_name: str, more: list[str], message: str
) -> None:
    ran = resonet("train", "--task", task_name, "--data", table, "-o", "out", "-q", *options(*more))
    assert ran.code in (2, 3) and message in ran.err
