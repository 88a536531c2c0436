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

FILES = 200  # of one call: a command line has an end


def words_of(command: str) -> list[str]:
    """A command taken apart as a shell would; UsageError where that cannot be done, or nothing is there."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"the command {command!r} cannot be taken apart: {error}") from None
    if not words:
        raise UsageError("the command is empty")
    return words


def printed(command: Sequence[str]) -> tuple[list[str], int]:
    """The lines that a program prints, and its exit code; UsageError where it cannot be started."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    except OSError as error:
        raise UsageError(f"{command[0]} cannot be started: {error.strerror}") from None
    return done.stdout.decode("utf-8", "replace").splitlines(), done.returncode


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
        self._command = words_of(command)

    def classify_many(self, paths: Iterable[Path]) -> Iterator[tuple[Path, Any]]:
        """Path and label of each file, in order; UsageError where the program cannot be started."""
        files = list(paths)
        for first in range(0, len(files), FILES):
            some = files[first : first + FILES]
            answers = self._run(some)
            for file in some:
                yield file, answers.get(str(file)) or AudioError(f"{file}: {self._command[0]} gave no label for it")

    def _run(self, files: Sequence[Path]) -> dict[str, Given]:
        lines, _ = printed([*self._command, *map(str, files)])
        found = {}
        for line in lines:
            try:
                told = json.loads(line)
                found[str(told["file"])] = Given(str(told["label"]), float(told.get("score", 1.0)))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # whatever else a program has to say
        return found
