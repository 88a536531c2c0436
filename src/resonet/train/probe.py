"""A few seconds before training: which precision and how many threads are fastest, tried on the real network."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from resonet.train.loop import Task, random_state, set_random_state
from resonet.train.recipe import Recipe
from resonet.train.tasks.recognize import SpeechBatch

# Seconds of audio that are tried with: a step of a second or less on one core.
_AUDIO = 15.0
# Seconds that one setting is tried for at most, after a first step that does not count.
_TIME = 1.0
# A setting must be so much faster to be taken instead of the plain one: noise of a busy machine is of this size.
_GAIN = 1.1
_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


@dataclass(frozen=True)
class Probe:
    """What was found: threads, precision, the seconds of each setting that was tried, and whether the recipe asks for a
    precision that the device only emulates."""

    threads: int
    precision: str
    seconds: dict[str, float]
    emulated: bool = False

    def __str__(self) -> str:
        tried = ", ".join(f"{name} {seconds:.2f}" for name, seconds in self.seconds.items())
        text = f"{self.threads} thread{'s' if self.threads > 1 else ''}, {self.precision}"
        if self.emulated:
            text += ", which this machine seems to emulate, several times as slow: take --set precision=auto"
        return text + (f" (seconds of a small step: {tried})" if tried else "")


def probe(task: Task, recipe: Recipe, share: int = 1) -> Probe:
    """Tries what the recipe leaves open, and sets PyTorch's threads; the network and random state stay as they are.

    Args:
        share: processes on this machine that divide the cores; with several, nothing is tried, so that all agree.
    """
    every = torch.get_num_threads()
    if recipe.threads or share > 1:
        every = recipe.threads or max(1, every // share)
        torch.set_num_threads(every)
    counts = [every] if recipe.threads or share > 1 or every == 1 or recipe.device != "cpu" else [every, 1]
    precisions = ["float32" if recipe.precision == "auto" else recipe.precision]
    if recipe.precision == "auto" and share == 1 and has_bfloat16(recipe.device):
        precisions.append("bfloat16")
    emulated = recipe.precision == "bfloat16" and not has_bfloat16(recipe.device)
    if len(counts) == len(precisions) == 1:
        return Probe(every, precisions[0], {}, emulated)
    batch = part(task.largest(), _AUDIO)
    seconds: dict[tuple[int, str], float] = {}
    for threads in counts:
        for precision in precisions:
            torch.set_num_threads(threads)
            seconds[threads, precision] = _measure(task, recipe, batch, precision)
    plain = (counts[0], precisions[0])
    best = min(seconds, key=lambda setting: seconds[setting] * (1 if setting == plain else _GAIN))
    torch.set_num_threads(best[0])
    return Probe(*best, {f"{t} x {p}": round(s, 4) for (t, p), s in seconds.items()}, emulated)


def has_bfloat16(device: str) -> bool:
    """Whether the device computes in bfloat16 rather than emulating it."""
    if device != "cpu":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    found = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)
    return bool(found and _FLAGS & set(found[1].split()))


def part(batch: Any, seconds: float) -> Any:
    """The first rows of a batch of speech, about so many seconds of audio; other batches whole."""
    if not isinstance(batch, SpeechBatch) or batch.seconds <= seconds:
        return batch
    rows = max(1, int(len(batch.names) * seconds / batch.seconds))
    return replace(
        batch,
        pcm=batch.pcm[:rows],
        lengths=batch.lengths[:rows],
        targets=batch.targets[: int(batch.target_lengths[:rows].sum())],
        target_lengths=batch.target_lengths[:rows],
        warp=None if batch.warp is None else batch.warp[:rows],
        names=batch.names[:rows],
    )


def _measure(task: Task, recipe: Recipe, batch: Any, precision: str) -> float:
    """The shortest time of a step without learning, seconds."""
    device = recipe.device.split(":")[0]
    random = random_state()
    best, until = float("inf"), None
    task.network.train()
    while until is None or time.monotonic() < until:
        started = time.monotonic()
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
            loss = task.loss(batch, 1.0)["loss"]
        loss.backward()
        if device == "cuda":
            torch.cuda.synchronize()
        task.network.zero_grad(set_to_none=True)
        now = time.monotonic()
        if until is None:
            until = now + _TIME
        else:
            best = min(best, now - started)
    set_random_state(random)
    return best
