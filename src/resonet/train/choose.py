"""Picks a recipe from hours of speech, cores, memory and graphics card, and says why in one line."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from resonet.bundle import Kind, installed, read_manifest

# Families whose encoder a classifier of words can begin with.
_ENCODERS = ("resnet_words", "resnet_pool")
# Up to so many hours each recipe is the nearest one (on a scale of factors: 0.7 is as far from 0.5 as from 1).
TIERS = ((1 / 6, "minutes"), (0.7, "half-hour"), (2.2, "one-hour"), (10.0, "five-hours"), (45.0, "twenty-hours"))
LARGEST = "hundred-hours"
# Below this a batch of more than a minute of audio may not fit beside the system (GB).
_LITTLE_MEMORY = 4.0
# A network of 15 million weights trains at about 15 times real time a core: 100 hours need more than a few.
_FEW_CORES = 8
# Settings for clips of voices alone: every second one through another microphone or room, most with noise.
_ROUGH = (
    "augmentation.channel_probability=0.5",
    "augmentation.room_probability=0.5",
    "augmentation.noise_probability=0.8",
)


@dataclass(frozen=True)
class Machine:
    """Cores that this process may use, GB of memory (None: unknown), name and GB of the first graphics card."""

    cores: int
    memory: float | None
    gpu: str = ""
    gpu_memory: float = 0.0

    def __str__(self) -> str:
        parts = [f"{self.cores} core{'s' if self.cores > 1 else ''}"]
        if self.memory is not None:
            parts.append(f"{self.memory:.0f} GB")
        parts.append(f"{self.gpu} ({self.gpu_memory:.0f} GB)" if self.gpu else "no GPU")
        return ", ".join(parts)


@dataclass(frozen=True)
class Choice:
    """A recipe's name, settings over it as `--set` takes them, and why."""

    recipe: str
    settings: tuple[str, ...]
    why: str


def choose(hours: float, machine: Machine) -> Choice:
    """The recipe for so many hours of training speech on this machine."""
    name = next((name for most, name in TIERS if hours <= most), LARGEST)
    settings, reasons = [], [f"{hours:.2g} h of speech", str(machine)]
    if name == "minutes":
        reasons.append("enough to learn these recordings by heart and no more")
    if machine.gpu:
        settings.append("device=cuda")
    elif machine.memory is not None and machine.memory < _LITTLE_MEMORY and name in ("twenty-hours", LARGEST):
        settings += ["batch_seconds=50", "accumulate=2"]
        reasons.append("small batches for little memory")
    if name == LARGEST and not machine.gpu and machine.cores < _FEW_CORES:
        settings.append("preset=4m")
        reasons.append("a smaller network for few cores")
    return Choice(name, tuple(settings), f"recipe {name}: {', '.join(reasons)}")


def beginning(spoken: bool = False) -> Choice:
    """The recipe for words, begun with an installed classifier or embedder where one has an encoder for it.

    Args:
        spoken: all clips are spoken by voices. These are few and clean: they are made rougher, and heard more briefly
            and at a lower rate, or the encoder would unlearn the people that it knows.
    """
    rough = _ROUGH if spoken else ()
    kinds: tuple[Kind, ...] = ("classifier", "embedder")
    for kind in kinds:
        for found in installed(kind):
            manifest = read_manifest(found.path)
            recipe = manifest.runtime.get("recipe")
            if manifest.family in _ENCODERS and isinstance(recipe, dict):
                settings = ["family=resnet_words", f"start={found.name}"]
                settings += [f"{key}={recipe[key]}" for key in ("preset",) if key in recipe]
                rate = 0.0002 if spoken else 0.0005
                settings.append(f"optimiser={{name: muon, rate: {rate}, weight_decay: 0.1, warm_up: 0.02}}")
                settings += [*rough, "time=5m"] if spoken else []
                return Choice("commands", tuple(settings), f"begins with {found.name}, which knows many words")
    return Choice(
        "commands", rough, "no bundle that knows words is installed to begin with: learns from the clips alone"
    )


def machine() -> Machine:
    """This machine; loads PyTorch."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not torch.cuda.is_available():
        return Machine(cores, memory())
    card = torch.cuda.get_device_properties(0)
    return Machine(cores, memory(), card.name, card.total_memory / 1e9)


def memory() -> float | None:
    """GB of memory that this process may use: of the machine, or of its control group where that is less."""
    found = []
    with suppress(AttributeError, ValueError, OSError):  # not on Windows
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
    with suppress(OSError, ValueError):  # no such group, or "max"
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text()) / 1e9)
    return min(found, default=None)
