"""Where results go: to stdout, to one file, or to a file each in a folder; and what is said of recordings that failed.

Files appear whole or not at all.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePath
from typing import TextIO, TypeVar

import click

from resonet.cli._recordings import Recording
from resonet.errors import ResonetError, UsageError

Result = TypeVar("Result")


class Failures:
    """Shows each recording that failed, once, in one sentence on stderr, and remembers the exit code."""

    def __init__(self) -> None:
        self.exit_code = 0

    def __call__(self, error: ResonetError) -> None:
        self.exit_code = max(self.exit_code, error.exit_code)
        with above_progress():
            click.echo(f"resonet: {error}", err=True)

    def leave(self) -> None:
        if self.exit_code:
            click.get_current_context().exit(self.exit_code)


@contextmanager
def above_progress() -> Iterator[None]:
    """Takes a progress bar off the terminal while something else is printed."""
    tqdm = sys.modules.get("tqdm")
    if tqdm is None:
        yield
    else:
        with tqdm.tqdm.external_write_mode(file=sys.stderr):
            yield


def write_each(
    results: Iterable[tuple[int, Result]],
    recordings: Sequence[Recording],
    output: str | None,
    suffix: str,
    render: Callable[[Result, str, bool], str],
    several: bool,
    head: str = "",
) -> None:
    """Sends each result where it belongs as soon as it is there.

    Args:
        results: index into `recordings`, and what was found in it.
        output: a file, a folder for a file each, or None for stdout.
        render: the text of a result, from the recording's name and whether those of several stand together.
        head: first line where all stand together.
    """
    if output and is_folder(output):
        names = file_names(recordings, suffix)
        for index, result in results:
            with written(Path(output) / names[index]) as single:
                single.write(render(result, recordings[index].name, False))
        return
    with ExitStack() as stack:
        file: TextIO = stack.enter_context(written(Path(output))) if output else sys.stdout
        file.write(head)
        for index, result in results:
            with above_progress():
                file.write(render(result, recordings[index].name, several))
                file.flush()


def check_output(output: str | None, recordings: Sequence[Recording]) -> None:
    """Raises UsageError where the one file to write is a recording that is to be read."""
    if not output or is_folder(output) or not Path(output).exists():
        return
    if any(Path(output).samefile(r.path) for r in recordings if r.path.exists()):
        raise UsageError(f"--output {output} is a recording that is to be read")


def json_line(fields: Mapping[str, object]) -> str:
    """An object a line."""
    line = json.dumps(fields, ensure_ascii=False)
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:  # a file name that is no UTF-8: escaped, JSON stays valid
        line = json.dumps(fields)
    return f"{line}\n"


def as_field(text: str) -> str:
    """A name without what would break the line of a table that it stands in."""
    return text.replace("\t", " ").replace("\n", " ")


def is_folder(output: str) -> bool:
    """Whether `--output` means a folder: it is one, ends in a slash, or has no suffix (`out`, but not `out.txt`)."""
    return Path(output).is_dir() or output.endswith(("/", os.sep)) or not PurePath(output).suffix


def file_names(recordings: Sequence[Recording], suffix: str) -> list[PurePath]:
    """One distinct relative file name a recording, `suffix` with its dot.

    The name is the recording's below the folder that was given, without its own suffix. Names that would clash keep
    the suffix (a.wav.txt, a.flac.txt), then the folders as they were given; a recording given twice gets a number.
    """
    chosen = [recording.below.with_suffix("") for recording in recordings]
    for longer in (lambda recording: recording.below, _as_given):
        seen = Counter(chosen)
        chosen = [
            longer(recording) if seen[name] > 1 else name for recording, name in zip(recordings, chosen, strict=True)
        ]
    names: list[PurePath] = []
    taken: set[PurePath] = set()
    for name in chosen:
        target, number = name, 1
        while target in taken:
            number += 1
            target = name.with_name(f"{name.name}-{number}")
        taken.add(target)
        names.append(target.with_name(target.name + suffix))
    return names


def _as_given(recording: Recording) -> PurePath:
    path = PurePath(recording.name)
    return PurePath(*(part for part in path.parts if part not in (path.anchor, "..")))


@contextmanager
def written(path: Path) -> Iterator[TextIO]:
    """A text file that gets its name when the block ends well, and leaves nothing behind when it does not."""
    from resonet.bundle import replacing

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as stream:
        file = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="\n")
        yield file
        file.detach()  # flushes; closing is for `replacing`
