"""The one training loop: steps, averaging, checkpoints, exact resume, a guard against NaN, several processes.

A task brings what differs: `batches`, `loss`, `validate`, `samples`. The loop knows nothing of speech.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from resonet.data.batches import ahead
from resonet.errors import TrainError
from resonet.train import checkpoints, log, optim
from resonet.train.averaging import AveragedWeights, weights
from resonet.train.recipe import Recipe


class Batch(Protocol):
    """What a task trains on at once: `seconds` of audio (or another measure of work) and the `names` of its rows."""

    seconds: float
    names: list[str]


class Task(Protocol):
    """What is learnt. `batches`: every `step`-th batch of a pass from number `start` on, the same for the same pass.

    One that learns more than its network (an adversary) has `updated()`, called after each step that was taken, and
    `state_dict()` and `load_state_dict(...)` of it for the checkpoint.
    """

    network: nn.Module

    def plan(self, number: int) -> int: ...

    def batches(self, number: int, start: int, step: int) -> Iterator[Batch]: ...

    def largest(self) -> Batch: ...

    def loss(self, batch: Any, progress: float) -> dict[str, Tensor]: ...

    def validate(self) -> dict[str, float]: ...

    def samples(self) -> list[str]: ...


@dataclass
class Progress:
    """Where a run is: `number` passes done, `index` batches of the present one, `elapsed` seconds of
    training, `last` what the last validation said."""

    step: int = 0
    number: int = 0
    index: int = 0
    elapsed: float = 0.0
    last: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """One line of the log: kind `step`, `validation`, `bad` or `end`, and its values."""

    kind: str
    values: dict[str, Any]


Listener = Callable[[Event], None]


class World:
    """This process among those that `torchrun` started, each with a graphics card of its own; alone without it."""

    def __init__(self) -> None:
        self.rank, self.size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        if self.size > 1 and not torch.distributed.is_initialized():
            if torch.cuda.is_available():
                torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)) % torch.cuda.device_count())
            torch.distributed.init_process_group(
                # Clocks and flags are agreed on in CPU tensors, also where the gradients are on GPUs.
                "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
                # The others wait while the first one decodes the recordings, which may take hours.
                timeout=timedelta(hours=12),
            )

    def mean_gradients(self, network: nn.Module) -> None:
        """Averages the gradients over all processes."""
        if self.size == 1:
            return
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        torch.distributed.all_reduce(flat)
        flat /= self.size
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def agree(self, *values: float) -> list[float]:
        """The values of process 0, so that clocks and signals decide alike everywhere."""
        if self.size == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64)
        torch.distributed.broadcast(tensor, 0)
        return tensor.tolist()


class Loop:
    """Trains `task` as `recipe` says, in `folder` (checkpoint.pt, log.jsonl, bad batches).

    Args:
        listener: is told of steps and validations; the command line draws its display from them.
    Raises:
        TrainError: ten steps in a row were not finite; the disk is full; nothing to resume, or another network;
            fewer batches than processes.
    """

    def __init__(self, task: Task, recipe: Recipe, folder: Path, listener: Listener | None = None) -> None:
        self.task, self.recipe, self.folder = task, recipe, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.world = World()
        self.optimiser = optim.optimiser(task.network, recipe.optimiser)
        self.clip = optim.Clip(recipe.optimiser.clip)
        self.average = {n: w.detach().clone() for n, w in weights(task.network).items()}
        self.progress = Progress()
        self._listener = listener
        self._stop = False
        self._bad_in_a_row = 0
        self._suspect: Batch | None = None
        self._now = time.process_time if recipe.clock == "processor" else time.monotonic
        self._clock = 0.0

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def resume(self) -> None:
        """Takes up the run from its last checkpoint; what the log says of later steps is forgotten."""
        content = checkpoints.load(self.checkpoint)
        settings = [{k: v for k, v in group.items() if k != "params"} for group in self.optimiser.param_groups]
        try:
            if content.get("kind", self._kind) != self._kind:
                raise ValueError(f"the state is that of {content['kind']}")
            self.task.network.load_state_dict(content["network"])
            self.optimiser.load_state_dict(content["optimiser"])
            for name, weights in self.average.items():
                weights.copy_(content["average"][name])
            self.clip.history.extend(content["norms"])
            if hasattr(self.task, "load_state_dict"):
                self.task.load_state_dict(content["task"])
            self.progress = Progress(**content["progress"])
            set_random_state(content["random"])
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise TrainError(
                f"the checkpoint {self.checkpoint} is of another network or optimiser",
                "go on with the recipe it began with",
            ) from error
        for group, own in zip(self.optimiser.param_groups, settings, strict=True):
            group.update(own)  # decay and momentum are the recipe's, which may have changed
        if not self.world.rank:
            log.cut(self.folder, self.progress.step)

    @property
    def _kind(self) -> str:
        return type(self.optimiser).__name__

    def save(self) -> None:
        """Writes the checkpoint (process 0 only)."""
        if self.world.rank:
            return
        checkpoints.save(
            self.checkpoint,
            {
                "network": self.task.network.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "kind": self._kind,
                "average": self.average,
                "task": self.task.state_dict() if hasattr(self.task, "state_dict") else {},
                "norms": list(self.clip.history),
                "progress": vars(self.progress),
                "random": random_state(),
            },
        )

    def run(self) -> None:
        """Trains to the end, or to the first Ctrl-C: then the checkpoint is saved and KeyboardInterrupt raised."""
        if self.task.plan(0) < self.world.size:
            raise TrainError(
                f"{self.world.size} processes have {self.task.plan(0)} batches to share",
                "start fewer, or make smaller batches with --set batch_seconds=20",
            )
        restore = self._catch_interrupts()
        try:
            self._probe_memory()
            last_save = last_check = time.monotonic()
            self._clock = self._now()
            stop = 0.0
            while self._share() < 1 and not stop:
                for batch in self._batches():
                    self._step(batch)
                    now = time.monotonic()
                    check, save, stop = self.world.agree(
                        now - last_check > self.recipe.validate_every,
                        now - last_save > self.recipe.checkpoint_every,
                        self._stop,
                    )
                    if self.progress.step % self.recipe.accumulate:  # gradients under way are in no checkpoint
                        save = stop = 0.0
                    if check and self._share() < 1:  # the last one follows
                        self._validate()
                        last_check = time.monotonic()
                    if save:
                        self.save()
                        last_save = time.monotonic()
                    if stop or self._share() >= 1:
                        break
                    self._clock = self._now()
                else:
                    self.progress.number, self.progress.index = self.progress.number + 1, 0
            self.save()
            if stop:
                raise KeyboardInterrupt
            self._validate()
            self._tell("end", {"step": self.progress.step, "elapsed": self.progress.elapsed})
        finally:
            restore()

    def averaged(self) -> AveragedWeights:
        """A context in which the network holds the running mean of its weights."""
        return AveragedWeights(self.task.network, self.average)

    def _share(self) -> float:
        """How much of the training is done, 0..1."""
        p = self.progress
        if self.recipe.time is not None:
            return min(1.0, self.world.agree(p.elapsed)[0] / self.recipe.time)
        done = p.number + p.index / max(1, self.task.plan(p.number) // self.world.size)
        return min(1.0, done / (self.recipe.passes or 1))

    def _batches(self) -> Iterator[Batch]:
        p, size = self.progress, self.world.size
        mine = self.task.batches(p.number, p.index * size + self.world.rank, size)
        return ahead(islice(mine, self.task.plan(p.number) // size - p.index))  # as many in every process

    def _step(self, batch: Batch) -> None:
        """One batch; its time runs from the end of the one before, so that waiting for data counts."""
        progress, p = self._share(), self.progress
        rate = optim.rate(self.recipe.optimiser, progress)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        losses = self._losses(batch, progress)
        (losses["loss"] / self.recipe.accumulate).backward()
        if not torch.isfinite(losses["loss"]):
            self._suspect = batch
        p.index, p.step = p.index + 1, p.step + 1
        if p.step % self.recipe.accumulate == 0:
            self._update(batch)
        spent = self._now() - self._clock
        p.elapsed += spent
        self._tell(
            "step",
            {
                "step": p.step,
                "pass": p.number,
                "share": round(self._share(), 5),
                "rate": rate,
                "elapsed": round(p.elapsed, 2),
                "seconds": batch.seconds,
                "speed": batch.seconds / max(spent, 1e-9),
                **{k: float(v.detach()) for k, v in losses.items()},
            },
        )

    def _losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        self.task.network.train()
        low = self.recipe.precision == "bfloat16"
        with torch.autocast(self.recipe.device.split(":")[0], torch.bfloat16, enabled=low):
            return self.task.loss(batch, progress)

    def _update(self, batch: Batch) -> None:
        network = self.task.network
        self.world.mean_gradients(network)
        norm = self.clip(network.parameters())
        if not math.isfinite(norm):
            self._bad(batch if self._suspect is None else self._suspect)
        else:
            self._bad_in_a_row = 0
            self.optimiser.step()
            self._follow()
            if hasattr(self.task, "updated"):
                self.task.updated()
        self._suspect = None
        self.optimiser.zero_grad(set_to_none=True)

    @torch.no_grad()
    def _follow(self) -> None:
        """Moves the running mean; early steps weigh more, or the mean would hold the random start for long."""
        decay = min(self.recipe.average, (1 + self.progress.step) / (10 + self.progress.step))
        new = [w.detach() for w in weights(self.task.network).values()]
        torch._foreach_lerp_(list(self.average.values()), new, 1 - decay)

    def _bad(self, batch: Batch) -> None:
        """Keeps a batch whose gradients are not finite, names its rows, and goes on without it."""
        self._bad_in_a_row += 1
        place = self.folder / "bad"
        place.mkdir(exist_ok=True)
        rank = f"-process-{self.world.rank}" if self.world.size > 1 else ""
        file = place / f"step-{self.progress.step}{rank}.pt"
        checkpoints.save(file, {k: v for k, v in vars(batch).items() if isinstance(v, (Tensor, list, float, int))})
        values = {"step": self.progress.step, "names": batch.names, "file": str(file)}
        self._tell("bad", values)
        if self._bad_in_a_row >= 10:
            raise TrainError(
                f"ten steps in a row had no finite gradient, the last on {', '.join(batch.names[:3])}",
                f"the batches are in {place}; lower the rate with --set optimiser.rate=5e-4, or run `resonet doctor`",
            )

    def _probe_memory(self) -> None:
        """Runs the largest batch once without learning, so that memory runs out now or never."""
        state = random_state()
        self._losses(self.task.largest(), 1.0)["loss"].backward()
        self.task.network.zero_grad(set_to_none=True)
        set_random_state(state)

    def _validate(self) -> None:
        if self.world.rank == 0:
            with self.averaged():
                self.task.network.eval()
                values = self.task.validate()
                samples = self.task.samples()
            self.progress.last = values
            self._tell("validation", {"step": self.progress.step, **values, "samples": samples})
        if self.world.size > 1:
            torch.distributed.barrier()

    def _tell(self, kind: str, values: dict[str, Any]) -> None:
        if self.world.rank:
            return
        log.add(self.folder, kind, values)
        if self._listener:
            self._listener(Event(kind, values))

    def _catch_interrupts(self) -> Callable[[], None]:
        """The first Ctrl-C (or SIGTERM) ends the run after the present step; the second one ends it at once."""
        if threading.current_thread() is not threading.main_thread():
            return lambda: None
        before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}

        def note(_number: int, _frame: object) -> None:
            if self._stop:
                raise KeyboardInterrupt
            self._stop = True

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        for number in before:
            signal.signal(number, note)
        return restore


def random_state() -> list[Tensor]:
    """The states of PyTorch's generators, CPU first."""
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else ())]


def set_random_state(states: list[Tensor]) -> None:
    torch.set_rng_state(states[0])
    if torch.cuda.is_available() and len(states) == 1 + torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states[1:])
