"""Where results go: to stdout, to one file, or to a file each in a folder. Files appear whole or not at all."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import TextIO

from resonet.cli._recordings import Recording


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
