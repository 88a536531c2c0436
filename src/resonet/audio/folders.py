"""Finding of recordings in folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from resonet.audio.headers import FOREIGN_SUFFIXES
from resonet.audio.source import reason
from resonet.errors import AudioError

# What a folder is searched for; a file named outright is read whatever it is called.
AUDIO_SUFFIXES = FOREIGN_SUFFIXES | {
    *(".wav", ".wave", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".au", ".caf", ".sph"),
}


def find(paths: Iterable[str | Path] | str | Path) -> list[Path]:
    """Files as given and in that order, each folder replaced by its recordings (AUDIO_SUFFIXES), sorted, at any depth.

    Hidden files and folders (a leading dot) are left out, links are followed. A file given need not exist: reading
    it says so. Raises AudioError for a folder without a recording or one that cannot be listed.
    """
    if isinstance(paths, (str, Path)):
        paths = [paths]
    found: list[Path] = []
    for path in map(Path, paths):
        found += _in_folder(path) if path.is_dir() else [path]
    return found


def _in_folder(folder: Path) -> list[Path]:
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    try:
        for here, inner, names in os.walk(folder, onerror=_raise, followlinks=True):
            status = os.stat(here)
            if (status.st_dev, status.st_ino) in seen:  # a link back to a folder above
                inner.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            found += [
                Path(here, name)
                for name in names
                if not name.startswith(".") and Path(name).suffix.lower() in AUDIO_SUFFIXES
            ]
    except OSError as error:
        raise AudioError(f"the folder {error.filename or folder} cannot be searched: {reason(error)}") from None
    if not found:
        raise AudioError(
            f"the folder {folder} holds no recording", "WAV, FLAC, OGG, Opus, MP3, M4A and others are looked for"
        )
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error
