"""Recognition on tones: a tiny network learns them, and a run repeats and resumes exactly."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tone_speech
import torch
from tone_speech import PLAIN, RANDOM, TEXTS, UNITS

from resonet.data.augment import spec_augment
from resonet.errors import DataError
from resonet.train.loop import Event, Loop
from resonet.train.tasks import recognize
from resonet.train.tasks.recognize import Recognize, SpeechBatch, best_path, corpus


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def losses(events: list[Event]) -> list[float]:
    return [e.values["loss"] for e in events if e.kind == "step"]


@pytest.mark.parametrize(
    "settings",
    [
        [],
        ["loss.flat_start=0.3"],
        ["loss.flat_start=0.3", "loss.name=cross_entropy"],
        ["family=crnn", "network={mels: 20, mean_window: 50, front: 4, width: 24, layers: 1, ahead: 2, dropout: 0}"],
    ],
    ids=["ctc", "flat start", "cross entropy", "crnn"],
)
def test_four_utterances_are_learnt_by_heart(tmp_path: Path, settings: list[str]) -> None:
    recipe = tone_speech.recipe(PLAIN, "passes=80", *settings)
    task = tone_speech.task(tmp_path, recipe)
    events: list[Event] = []
    Loop(task, recipe, tmp_path / "run", events.append).run()
    (result,) = [e.values for e in events if e.kind == "validation"]
    assert result["unit_error_rate"] == 0
    assert result["samples"] == [f"{text} -> {text}" for text in TEXTS[:3]]
    assert losses(events)[-1] < 0.2 * losses(events)[0]


def test_three_steps_and_three_more_are_six(tmp_path: Path) -> None:
    """With everything that is drawn at random; the loss after resumption is the same within 1e-6."""
    recipe = tone_speech.recipe(RANDOM, "passes=3", "batch_seconds=2.6", "loss.consistency=0.2")
    whole: list[Event] = []
    Loop(tone_speech.task(tmp_path, recipe), recipe, tmp_path / "whole", whole.append).run()
    assert len(losses(whole)) >= 6 and "consistency" in whole[0].values

    def interrupt(event: Event) -> None:
        if event.kind == "step" and event.values["step"] == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        Loop(tone_speech.task(tmp_path, recipe), recipe, tmp_path / "parts", interrupt).run()
    parts: list[Event] = []
    loop = Loop(tone_speech.task(tmp_path, recipe), recipe, tmp_path / "parts", parts.append)
    torch.rand(11)
    loop.resume()
    loop.run()
    assert losses(parts) == pytest.approx(losses(whole)[3:], abs=1e-6)
    assert parts[-2].kind == whole[-2].kind == "validation"
    assert loop.progress.last["unit_error_rate"] == whole[-2].values["unit_error_rate"]


def test_two_views_are_hidden_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def watch(settings: Any, rng: Any, strength: float = 1.0) -> Any:
        seen.append(strength)
        return spec_augment(settings, rng, strength)

    monkeypatch.setattr(recognize, "spec_augment", watch)
    settings = ("loss.consistency=0.2", "loss.consistency_from=0.5", "loss.consistency_masks=2.5")
    task = tone_speech.task(tmp_path, tone_speech.recipe(RANDOM, *settings))
    for progress in (0.1, 0.6):
        task.loss(task.largest(), progress)
    assert seen == [1.0, 2.5, 2.5]


def test_every_utterance_once_a_pass_and_the_first_pass_from_short_to_long(tmp_path: Path) -> None:
    recipe = tone_speech.recipe(PLAIN, "batch_seconds=1.5")
    task = tone_speech.task(tmp_path, recipe, ("a", "abcdabcd", "abc", "ab", "abcdab", "d"))
    for number in (0, 1):
        batches = list(task.batches(number, 0, 1))
        assert len(batches) == task.plan(number) > 2
        assert sorted(n for b in batches for n in b.names) == [f"u{i}" for i in range(6)]
        again = [list(task.batches(number, start, 2)) for start in (0, 1)]
        merged = [b.names for b in batches]
        assert [b.names for b in again[0]] == merged[::2] and [b.names for b in again[1]] == merged[1::2]
        if number == 0:
            longest = [int(b.lengths.max()) for b in batches]
            assert longest == sorted(longest)
    (late,) = list(task.batches(1, task.plan(1) - 1, 1))
    assert torch.equal(late.pcm, batches[-1].pcm)


def test_a_batch_is_the_same_each_time_it_is_made(tmp_path: Path) -> None:
    task = tone_speech.task(tmp_path, tone_speech.recipe(RANDOM))
    one, two = (list(task.batches(2, 0, 1)) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        assert torch.equal(a.pcm, b.pcm) and torch.equal(a.warp, b.warp) and a.names == b.names  # type: ignore[arg-type]
    other = list(task.batches(3, 0, 1))
    assert any(a.pcm.shape != b.pcm.shape or not torch.equal(a.pcm, b.pcm) for a, b in zip(one, other, strict=False))


def test_a_batch(tmp_path: Path) -> None:
    task = tone_speech.task(tmp_path, tone_speech.recipe(PLAIN, "batch_seconds=30"))
    (batch,) = task.batches(0, 0, 1)
    assert batch.warp is None and batch.pcm.dtype == torch.float32
    assert batch.seconds == pytest.approx(0.2 * sum(map(len, TEXTS)))
    rows = batch.targets.split(batch.target_lengths.tolist())
    for name, samples, length, row in zip(batch.names, batch.pcm, batch.lengths, rows, strict=True):
        text = TEXTS[int(name[1:])]
        assert UNITS.decode(row.tolist()) == text
        assert int(length) == 3200 * len(text) and not samples[length:].any()
        np.testing.assert_allclose(samples[:length], tone_speech.say(text), atol=1e-4)


def test_the_largest_batch_is_the_one_with_the_most_samples(tmp_path: Path) -> None:
    task = tone_speech.task(tmp_path, tone_speech.recipe(PLAIN, "batch_seconds=1.1"), ("abcdabcdabcd", "a", "abc"))
    assert task.largest().names == ["u0"]


class NotANumber(Recognize):
    def loss(self, batch: SpeechBatch, progress: float) -> dict[str, Any]:
        parts = super().loss(batch, progress)
        return {k: v * float("nan") for k, v in parts.items()} if "u2" in batch.names else parts


def test_the_utterances_of_a_bad_batch_are_named(tmp_path: Path) -> None:
    recipe = tone_speech.recipe(PLAIN, "passes=1", "batch_seconds=1.0")
    task = tone_speech.task(tmp_path, recipe, kind=NotANumber)
    events: list[Event] = []
    Loop(task, recipe, tmp_path / "run", events.append).run()
    (bad,) = [e.values for e in events if e.kind == "bad"]
    assert "u2" in bad["names"]
    kept = torch.load(bad["file"], weights_only=True)
    assert kept["names"] == bad["names"] and kept["pcm"].shape[0] == len(bad["names"])
    assert all(bool(p.isfinite().all()) for p in task.network.parameters())


def test_what_ctc_cannot_learn_is_dropped_with_its_reason(tmp_path: Path) -> None:
    said = tone_speech.speak(tmp_path, ("ab", "abcdabcdabcd", "aa", "ab"))
    said[3] = type(said[3])(**{**vars(said[3]), "text": "öx"})

    def encode(text: str) -> list[int]:
        if "x" in text:
            raise DataError("there is no unit for x")
        return UNITS.encode(text)

    found = corpus(said, encode, "en", longest=2.0, shift=0.14)
    assert [u.id for u in found.utterances] == ["u0"] and found.targets == [UNITS.encode("ab")]
    reasons = dict(found.dropped)
    assert "2.4 s is over 2 s" in reasons["u1"]
    assert "do not fit" in reasons["u2"]  # two equal letters need three frames
    assert reasons["u3"] == "there is no unit for x"
    with pytest.raises(DataError, match="no utterance can be trained on"):
        Recognize(tone_speech.recipe(PLAIN, "longest=0.1"), said, said, UNITS, encode, tmp_path / "cache")


def test_features_are_calibrated_on_the_data(tmp_path: Path) -> None:
    task = tone_speech.task(tmp_path, tone_speech.recipe(PLAIN))
    features = task.network.features
    total, square, frames = 0.0, 0.0, 0
    for text in TEXTS:
        one, two = features.calibrate(torch.from_numpy(tone_speech.say(text)).unsqueeze(0))
        total, square, frames = total + one, square + two, frames + 20 * len(text)
    deviation = (square / frames - (total / frames) ** 2).sqrt()
    torch.testing.assert_close(features.mean, total / frames, atol=0.05, rtol=0)
    torch.testing.assert_close(features.scale, 1 / deviation, atol=0.05, rtol=0.05)


def test_scores_are_of_each_utterance_alone_and_in_order(tmp_path: Path) -> None:
    task = tone_speech.task(tmp_path, tone_speech.recipe(PLAIN))
    found = task.scores(task.dev_waves)
    assert [len(s) for s in found] == [5 * len(t) for t in TEXTS]
    pcm = torch.from_numpy(task.dev_waves.samples(2).astype(np.float32) / 32767).unsqueeze(0)
    with torch.no_grad():
        np.testing.assert_allclose(found[2], task.network.scores(pcm)[0][0], atol=1e-4)


def test_best_path() -> None:
    path = [0, 1, 1, 0, 1, 2, 2, 0]
    assert best_path(np.eye(3, dtype=np.float32)[path]) == [1, 1, 2]
    assert best_path(np.eye(3, dtype=np.float32)[[0, 0]]) == []
