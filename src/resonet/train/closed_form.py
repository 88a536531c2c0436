"""Families that are computed from all examples at once (support vectors, hidden Markov models) in place of a loop."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from resonet.train import log
from resonet.train.loop import Event, Listener
from resonet.train.recipe import Recipe
from resonet.train.tasks.classify import Classify

# Times that each clip is heard, each time augmented differently, where the recipe counts by the clock.
_PASSES = 4


class ClosedForm:
    """Computes the network of a task; tells what a loop would tell.

    Attributes:
        last: what the validation said.
    """

    def __init__(self, task: Classify, recipe: Recipe, folder: Path, listener: Listener | None = None) -> None:
        self.task, self.recipe, self.folder = task, recipe, folder
        self.last: dict[str, float] = {}
        self._listener = listener

    def run(self) -> None:
        """Collects the examples, learns, validates."""
        started = time.monotonic()
        self.task.network.learn(*self.task.examples(max(1, round(self.recipe.passes or _PASSES))))
        self.last = self.task.validate()
        elapsed = time.monotonic() - started
        self._tell("validation", {"step": 1, **self.last, "samples": self.task.samples()})
        self._tell("end", {"step": 1, "elapsed": elapsed})

    def averaged(self) -> AbstractContextManager:
        """There is one set of weights."""
        return nullcontext()

    def _tell(self, kind: str, values: dict[str, Any]) -> None:
        log.add(self.folder, kind, values)
        if self._listener:
            self._listener(Event(kind, values))
