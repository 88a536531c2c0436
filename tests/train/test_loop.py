"""The loop, on a task of nine weights: what a step is, and what happens when something goes wrong."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_task import Rivals, Toy, ToyBatch

from resonet.errors import TrainError
from resonet.train import checkpoints
from resonet.train.loop import Event, Loop
from resonet.train.recipe import Recipe, parse

STEADY = {"name": "sgd", "rate": 0.1, "schedule": "constant", "warm_up": 0.0, "clip": 1e9, "weight_decay": 0.0}


def recipe(**content: Any) -> Recipe:
    return parse({"passes": 3, "optimiser": STEADY, **content}, [], "test")


def weights(toy: Toy) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in toy.network.parameters()])


def by_hand(groups: list[list[int]]) -> torch.Tensor:
    """The weights after a step a group, each on the mean loss of the batches in it."""
    toy = Toy(max(max(g) for g in groups) + 1)
    for group in groups:
        losses = [toy.loss(toy.made[i], 0.0)["loss"] for i in group]
        (sum(losses) / len(losses)).backward()  # type: ignore[union-attr]
        with torch.no_grad():
            for p in toy.network.parameters():
                p -= 0.1 * p.grad
                p.grad = None
    return weights(toy)


def interrupt_at(step: int) -> Any:
    def listen(event: Event) -> None:
        if event.kind == "step" and event.values["step"] == step:
            signal.raise_signal(signal.SIGINT)

    return listen


def test_a_run(tmp_path: Path) -> None:
    events: list[Event] = []
    toy = Toy(3)
    Loop(toy, recipe(passes=2), tmp_path, events.append).run()
    assert [e.kind for e in events] == ["step"] * 6 + ["validation", "end"]
    assert toy.seen[1:7] == ["u0", "u1", "u2"] * 2  # the first was the largest batch, tried before
    losses = [e.values["loss"] for e in events[:6]]
    assert losses[3] < losses[0]
    assert [e.values["pass"] for e in events[:6]] == [0, 0, 0, 1, 1, 1]
    assert [e.values["share"] for e in events[:6]] == pytest.approx([i / 6 for i in range(1, 7)], abs=1e-4)
    assert events[-2].values["samples"] == ["in -> out"]
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in logged] == [e.kind for e in events]
    torch.testing.assert_close(weights(toy), by_hand([[0], [1], [2]] * 2))


def test_half_a_pass(tmp_path: Path) -> None:
    toy = Toy(4)
    loop = Loop(toy, recipe(passes=1.5), tmp_path)
    loop.run()
    assert toy.seen[1:-1] == ["u0", "u1", "u2", "u3", "u0", "u1"]
    assert (loop.progress.step, loop.progress.number, loop.progress.index) == (6, 1, 2)


def test_batches_add_up_over_the_end_of_a_pass(tmp_path: Path) -> None:
    toy = Toy(3)
    Loop(toy, recipe(passes=2, accumulate=2), tmp_path).run()
    torch.testing.assert_close(weights(toy), by_hand([[0, 1], [2, 0], [1, 2]]))


def test_the_average_follows_slowly_and_is_lent(tmp_path: Path) -> None:
    toy = Toy(2)
    loop = Loop(toy, recipe(passes=1, average=0.5), tmp_path)
    start = weights(toy)
    loop.run()
    first = by_hand([[0]])
    last = weights(toy)
    decays = [(1 + step) / (10 + step) for step in (1, 2)]
    mean = decays[0] * start + (1 - decays[0]) * first
    mean = decays[1] * mean + (1 - decays[1]) * last
    with loop.averaged():
        torch.testing.assert_close(weights(toy), mean)
    assert torch.equal(weights(toy), last)
    with pytest.raises(ZeroDivisionError), loop.averaged():
        1 / 0  # noqa: B018
    assert torch.equal(weights(toy), last)


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("name", ["momentum", "adamw", "novograd", "muon"])
def test_a_resumed_run_is_the_same_run(tmp_path: Path, name: str, accumulate: int) -> None:
    """Interrupted in a pass (and with two batches a step in the midst of one): the losses after are the same."""
    optimiser = {"name": name, "rate": 0.05, "schedule": "cosine"}
    settings = recipe(passes=2, optimiser=optimiser, accumulate=accumulate)
    events: list[Event] = []
    whole = Loop(Toy(5, dropout=0.3), settings, tmp_path / "whole", events.append)
    whole.run()
    with pytest.raises(KeyboardInterrupt):
        Loop(Toy(5, dropout=0.3), settings, tmp_path / "parts", interrupt_at(3)).run()
    after: list[Event] = []
    toy = Toy(5, dropout=0.3)
    torch.rand(7)
    parts = Loop(toy, settings, tmp_path / "parts", after.append)
    parts.resume()
    done = parts.progress.step
    assert done == (3 if accumulate == 1 else 4)
    parts.run()
    expected = [e.values["loss"] for e in events if e.kind == "step"]
    assert len(expected) == 10
    assert [e.values["loss"] for e in after if e.kind == "step"] == pytest.approx(expected[done:], abs=1e-6)
    for name, average in whole.average.items():
        torch.testing.assert_close(parts.average[name], average, atol=1e-6, rtol=0)


class Forgetful(Rivals):
    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@pytest.mark.parametrize("kind", [Rivals, Forgetful])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_resumed_run_goes_on_with_a_second_optimiser(tmp_path: Path, kind: type[Rivals], accumulate: int) -> None:
    """The losses after are the same, as they would not be if the rival began anew."""
    settings = recipe(passes=2, optimiser={"name": "adamw", "rate": 0.05}, accumulate=accumulate)
    events: list[Event] = []
    Loop(kind(5, dropout=0.3), settings, tmp_path / "whole", events.append).run()
    with pytest.raises(KeyboardInterrupt):
        Loop(kind(5, dropout=0.3), settings, tmp_path / "parts", interrupt_at(4)).run()
    after: list[Event] = []
    task = kind(5, dropout=0.3)
    parts = Loop(task, settings, tmp_path / "parts", after.append)
    parts.resume()
    parts.run()
    expected = [e.values["loss"] for e in events if e.kind == "step"][4:]
    found = [e.values["loss"] for e in after if e.kind == "step"]
    assert len(found) == 6 and task.updates == 6 // accumulate
    if kind is Rivals:
        assert found == pytest.approx(expected, abs=1e-6)
    else:
        assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) > 1e-3


def test_updated_is_called_after_steps_that_were_taken(tmp_path: Path) -> None:
    class Bad(Rivals):
        def loss(self, batch: ToyBatch, progress: float) -> dict[str, torch.Tensor]:
            loss = super().loss(batch, progress)["loss"]
            return {"loss": loss * math.nan if batch.names == ["u1"] else loss}

    task = Bad(3)
    seen: list[tuple[int, int]] = []
    Loop(task, recipe(passes=2), tmp_path, lambda e: seen.append((e.values.get("step", 0), task.updates))).run()
    assert task.updates == 4  # neither for the largest batch, which is tried first, nor for a gradient without a number
    assert (1, 1) in seen and (2, 1) in seen and (3, 2) in seen


def test_a_second_optimiser_must_be_in_the_checkpoint(tmp_path: Path) -> None:
    Loop(Rivals(), recipe(passes=1), tmp_path).run()
    content = checkpoints.load(tmp_path / "checkpoint.pt")
    assert content["task"]["optimiser"]["state"]
    Loop(Toy(), recipe(passes=1), tmp_path).resume()  # what a task does not ask for is no harm
    del content["task"]["rival"]
    checkpoints.save(tmp_path / "checkpoint.pt", content)
    with pytest.raises(TrainError, match="of another network or optimiser"):
        Loop(Rivals(), recipe(passes=1), tmp_path).resume()


def test_the_log_has_each_step_once_after_a_resumption_from_an_older_checkpoint(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def kill(event: Event) -> None:
        if event.values["step"] == 5:
            raise Killed

    with pytest.raises(Killed):
        Loop(Toy(), recipe(), tmp_path, kill).run()
    lines = (tmp_path / "log.jsonl").read_text().splitlines(keepends=True)
    older = Loop(Toy(), recipe(), tmp_path / "older", interrupt_at(3))
    with pytest.raises(KeyboardInterrupt):
        older.run()
    (tmp_path / "checkpoint.pt").write_bytes(older.checkpoint.read_bytes())
    loop = Loop(Toy(), recipe(), tmp_path)
    loop.resume()
    assert (tmp_path / "log.jsonl").read_text() == "".join(lines[:3])
    loop.run()
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in logged if line["kind"] == "step"] == list(range(1, 13))


def test_a_resumed_run_takes_the_settings_of_its_recipe(tmp_path: Path) -> None:
    before = {**STEADY, "name": "adamw"}
    Loop(Toy(), recipe(passes=1, optimiser=before), tmp_path).run()
    after = {**before, "weight_decay": 0.5, "betas": (0.5, 0.6)}
    loop = Loop(Toy(), recipe(passes=2, optimiser=after), tmp_path)
    loop.resume()
    matrices, vectors = loop.optimiser.param_groups
    assert (matrices["weight_decay"], vectors["weight_decay"], tuple(matrices["betas"])) == (0.5, 0, (0.5, 0.6))
    loop.run()
    assert loop.progress.step == 8


def test_a_finished_run_resumed_only_validates(tmp_path: Path) -> None:
    first = Loop(Toy(), recipe(), tmp_path)
    first.run()
    events: list[Event] = []
    toy = Toy()
    loop = Loop(toy, recipe(), tmp_path, events.append)
    loop.resume()
    loop.run()
    assert [e.kind for e in events] == ["validation", "end"]
    assert loop.progress == first.progress


def test_what_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="there is no checkpoint"):
        Loop(Toy(), recipe(), tmp_path).resume()
    toy = Toy()
    Loop(toy, recipe(passes=1), tmp_path).run()
    other = Toy()
    other.network[0] = torch.nn.Linear(3, 4)
    novograd = recipe(optimiser={**STEADY, "name": "novograd"})
    content = checkpoints.load(tmp_path / "checkpoint.pt")
    for task, settings in ((other, recipe()), (Toy(), novograd)):
        with pytest.raises(TrainError, match="of another network or optimiser"):
            Loop(task, settings, tmp_path).resume()
    del content["kind"]  # as the first version wrote it
    checkpoints.save(tmp_path / "checkpoint.pt", content)
    Loop(Toy(), recipe(), tmp_path).resume()
    checkpoints.save(tmp_path / "checkpoint.pt", {"something": "else"})
    with pytest.raises(TrainError, match="of another network or optimiser"):
        Loop(Toy(), recipe(), tmp_path).resume()


class Poisoned(Toy):
    """Some batches give no number."""

    bad: tuple[str, ...] = ("u1",)

    def loss(self, batch: ToyBatch, progress: float) -> dict[str, torch.Tensor]:
        loss = super().loss(batch, progress)["loss"]
        return {"loss": loss * math.nan if batch.names[0] in self.bad else loss}


def test_a_batch_without_a_number_is_kept_and_named(tmp_path: Path) -> None:
    events: list[Event] = []
    toy = Poisoned(3)
    Loop(toy, recipe(passes=2), tmp_path, events.append).run()
    torch.testing.assert_close(weights(toy), by_hand([[0], [2], [0], [2]]))
    bad = [e.values for e in events if e.kind == "bad"]
    assert [b["names"] for b in bad] == [["u1"], ["u1"]] and [b["step"] for b in bad] == [2, 5]
    kept = checkpoints.load(Path(bad[0]["file"]))
    assert torch.equal(kept["x"], toy.made[1].x) and kept["names"] == ["u1"]
    assert sorted(p.name for p in (tmp_path / "bad").iterdir()) == ["step-2.pt", "step-5.pt"]


def test_among_batches_that_add_up_the_bad_one_is_named(tmp_path: Path) -> None:
    events: list[Event] = []
    toy = Poisoned(4)
    toy.bad = ("u0",)
    Loop(toy, recipe(passes=1, accumulate=2), tmp_path, events.append).run()
    assert [e.values["names"] for e in events if e.kind == "bad"] == [["u0"]]
    torch.testing.assert_close(weights(toy), by_hand([[2, 3]]))


def test_ten_bad_steps_in_a_row_end_the_run(tmp_path: Path) -> None:
    toy = Poisoned(5)
    toy.bad = ("u0", "u1", "u2", "u3", "u4")
    with pytest.raises(TrainError, match="ten steps in a row had no finite gradient, the last on u4"):
        Loop(toy, recipe(passes=5), tmp_path).run()
    assert bool(weights(toy).isfinite().all())


def test_a_run_by_the_clock(tmp_path: Path) -> None:
    """Waiting for data counts as time, validation does not."""

    class Slow(Toy):
        def batches(self, number: int, start: int, step: int) -> Iterator[ToyBatch]:
            for batch in super().batches(number, start, step):
                time.sleep(0.02)
                yield batch

        def validate(self) -> dict[str, float]:
            time.sleep(0.3)
            return super().validate()

    events: list[Event] = []
    settings = {"name": "sgd", "rate": 0.1, "schedule": "linear", "warm_up": 0.0}
    loop = Loop(
        Slow(50), recipe(passes=None, time=0.5, optimiser=settings, validate_every=0.2), tmp_path, events.append
    )
    loop.run()
    steps = [e.values for e in events if e.kind == "step"]
    assert loop.progress.elapsed >= 0.5 and 2 <= len(steps) <= 40
    assert loop.progress.elapsed - steps[-2]["elapsed"] < 0.4
    assert sum(e.kind == "validation" for e in events) >= 2
    assert steps[-1]["share"] == 1 and steps[0]["rate"] > steps[-1]["rate"]


def test_processor_time_does_not_count_waiting(tmp_path: Path) -> None:
    class Waiting(Toy):
        def batches(self, number: int, start: int, step: int) -> Iterator[ToyBatch]:
            for batch in super().batches(number, start, step):
                time.sleep(0.05)
                yield batch

    loop = Loop(Waiting(50), recipe(passes=None, time=0.2, clock="processor"), tmp_path)
    began = time.monotonic()
    loop.run()
    assert 0.2 <= loop.progress.elapsed < 0.6 * (time.monotonic() - began)


def test_errors_of_the_batches_are_raised_where_they_are_used(tmp_path: Path) -> None:
    class Broken(Toy):
        def batches(self, number: int, start: int, step: int) -> Iterator[ToyBatch]:
            yield self.made[0]
            raise TrainError("the recording is gone")

    with pytest.raises(TrainError, match="the recording is gone"):
        Loop(Broken(), recipe(), tmp_path).run()
    time.sleep(0.3)
    assert not [t for t in threading.enumerate() if t.name.startswith("Thread") and t.daemon and t.is_alive()]


def test_ctrl_c_saves_first_and_gives_the_signals_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        Loop(Toy(), recipe(), tmp_path, interrupt_at(2)).run()
    assert signal.getsignal(signal.SIGINT) is before
    assert checkpoints.load(tmp_path / "checkpoint.pt")["progress"]["step"] == 2


def test_checkpoints_and_validations_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    monkeypatch.setattr(Loop, "save", lambda self: saved.append(self.progress.step))
    events: list[Event] = []
    settings = recipe(passes=1, checkpoint_every=1e-9, validate_every=1e-9, accumulate=2)
    Loop(Toy(4), settings, tmp_path, events.append).run()
    assert saved == [2, 4, 4]  # none while gradients are under way; the last is the end's
    assert [e.values["step"] for e in events if e.kind == "validation"] == [1, 2, 3, 4]


def test_the_largest_batch_leaves_no_trace(tmp_path: Path) -> None:
    toy = Toy(dropout=0.5)
    loop = Loop(toy, recipe(), tmp_path)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    loop._probe_memory()
    assert torch.equal(torch.rand(1), expected)
    assert all(p.grad is None for p in toy.network.parameters())


def test_more_processes_than_batches(tmp_path: Path) -> None:
    loop = Loop(Toy(2), recipe(), tmp_path)
    loop.world.size = 3
    with pytest.raises(TrainError, match="3 processes have 2 batches to share"):
        loop.run()


@pytest.mark.slow
def test_two_processes_end_with_the_same_weights(tmp_path: Path) -> None:
    """Five batches for two: each takes every second one, the fifth is left over, and a step is the mean of both."""
    here = Path(__file__).parent
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*torchrun, str(here / "two_processes.py"), str(tmp_path)],
        check=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(here)},
    )  # fmt: skip
    first, second = (torch.load(tmp_path / f"process-{rank}.pt", weights_only=True) for rank in (0, 1))
    assert second["seen"] == ["u0", *["u1", "u3"] * 3]
    for name, weight in first["weights"].items():
        assert torch.equal(weight, second["weights"][name])
        assert torch.equal(first["average"][name], second["average"][name])
    found = torch.cat([w.flatten() for w in first["weights"].values()])
    torch.testing.assert_close(found, by_hand([[0, 1], [2, 3]] * 3))
    steps = [json.loads(x) for x in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert sum(x["kind"] == "step" for x in steps) == 6
