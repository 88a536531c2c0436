"""An outside program in the place of a bundle: given files, it prints what it takes each of them for."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resonet.errors import AudioError, UsageError

_FILES = 200  # of one call: a command line has an end


@dataclass(frozen=True)
class Given:
    """A label as the program gave it, with its score, 0..1."""

    label: str
    score: float


class Program:
    """An outside program as a classifier: it is given files as its last arguments, and prints a line of JSON for each,
    `{"file", "label", "score"}`, as `resonet classify --format json` does.

    Raises:
        UsageError: the command cannot be taken apart, or is empty.
    """

    labels: tuple[str, ...] = ()

    def __init__(self, command: str) -> None:
        try:
            self._command = shlex.split(command)
        except ValueError as error:
            raise UsageError(f"the command {command!r} cannot be taken apart: {error}") from None
        if not self._command:
            raise UsageError("the command is empty")

    def classify_many(self, paths: Iterable[Path]) -> Iterator[tuple[Path, Any]]:
        """Path and label of each file, in order; UsageError where the program cannot be started."""
        files = list(paths)
        for first in range(0, len(files), _FILES):
            some = files[first : first + _FILES]
            answers = self._run(some)
            for file in some:
                yield file, answers.get(str(file)) or AudioError(f"{file}: {self._command[0]} gave no label for it")

    def _run(self, files: Sequence[Path]) -> dict[str, Given]:
        try:
            done = subprocess.run([*self._command, *map(str, files)], stdout=subprocess.PIPE, check=False)
        except OSError as error:
            raise UsageError(f"{self._command[0]} cannot be started: {error.strerror}") from None
        found = {}
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            try:
                told = json.loads(line)
                found[str(told["file"])] = Given(str(told["label"]), float(told.get("score", 1.0)))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # whatever else a program has to say
        return found
