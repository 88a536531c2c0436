"""What a training is made of before it runs: the task, what must stay the same in a resumption, how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from resonet.data import load, split
from resonet.data.findings import Finding
from resonet.data.utterance import Utterance
from resonet.train import log, page
from resonet.train.loop import Event, Listener, Task
from resonet.train.recipe import Recipe

Progress = Callable[[Iterable[Any], int], Iterable[Any]]

SHOWN = 3  # names in a line about utterances


class Learnt(Protocol):
    """What has run a task; within `averaged()` its network has the weights that are kept."""

    def averaged(self) -> AbstractContextManager: ...


@dataclass
class Made:
    """A task; `same` is what must not change before a resumption; `write` makes the bundle."""

    task: Task
    same: dict[str, Any]
    write: Callable[[Learnt, Recipe, Path, str], Path]


class Teller:
    """Writes events to the log and hands them to a listener; in other processes than the first it says nothing."""

    def __init__(self, folder: Path, listener: Listener | None, first: bool) -> None:
        self.folder, self._listener, self._first = folder, listener, first

    def __call__(self, kind: str, **values: Any) -> None:
        if not self._first:
            return
        log.add(self.folder, kind, values)
        if self._listener:
            self._listener(Event(kind, values))

    def pass_on(self, event: Event) -> None:
        """An event of the loop, which has logged it: on to the listener, and the curves are drawn anew."""
        if event.kind in ("validation", "end"):
            page.write(self.folder, self.folder.name)
        if self._listener:
            self._listener(event)


def splits(folder: Path, tell: Teller, labelled: bool = False) -> tuple[list[Utterance], list[Utterance]]:
    """Train and dev; where there is no dev, a part of train. `labelled`: the texts are labels of clips."""
    train = load.utterances(folder, "train")
    if "dev" in load.splits(folder):
        return train, load.utterances(folder, "dev")
    seconds = [(u.end or 0.0) - u.start for u in train]
    names = split.assign(train, seconds, parts=("dev",), labelled=labelled)
    dev = [u for u, name in zip(train, names, strict=True) if name == "dev"]
    if not dev:
        tell("note", text="the data has no dev split: error rates are those of training recordings, not of new ones")
        return train, train[:16]
    tell("note", text=f"the data has no dev split: {len(dev)} of its train utterances are held out for it")
    return [u for u, name in zip(train, names, strict=True) if name == "train"], dev


def cache(recipe: Recipe) -> Path:
    """Where decoded recordings lie."""
    if recipe.cache:
        return Path(recipe.cache)
    import platformdirs

    return Path(platformdirs.user_cache_dir("resonet")) / "waveforms"


def finding_text(finding: Finding) -> str:
    """A finding of the doctor in one line."""
    names = ", ".join(finding.names[:SHOWN]) + (", ..." if finding.count > SHOWN else "")
    return f"{finding.severity}: {finding.message}: {finding.count} ({names}); {finding.advice}"


def weights_text(task: Any) -> str:
    """Family, preset and size of the network."""
    parameters = list(task.network.parameters())
    weights = sum(p.numel() for p in parameters)
    learn = sum(p.numel() for p in parameters if p.requires_grad)
    of_them = f", of which {learn:,} learn" if learn < weights else ""
    return f"{task.recipe.family} {task.recipe.preset}, {weights / 1e6:.2f} million weights{of_them}"


def duration_text(hours: float) -> str:
    """`1.25 h` or `4.2 min`."""
    return f"{hours:.2f} h" if hours >= 0.1 else f"{hours * 60:.1f} min"
