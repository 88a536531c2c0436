"""What became of recordings on the disk since they were indexed: new, changed, moved, copied, gone.

A recording of the same path, size and time of change is taken for the same. Otherwise its whole content decides (a
SHA-256 of it costs a hundredth of recognizing it): a file that was only touched, moved or copied keeps what was found
in it, and one that was changed in place, a name made inaudible say, is never taken for what it was.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from resonet import audio
from resonet.errors import AudioError, ResonetError
from resonet.search.rows import Recording

_BLOCK = 1 << 20  # bytes read at a time


@dataclass(frozen=True)
class File:
    """A recording on the disk.

    Fields:
        given: its path as it was named, or found below a folder that was named; so errors name it.
        path: the same, absolute; links are not followed.
        within: the folder that it was found below, absolute; where it was named itself, the folder that it lies in.
        size, modified: bytes, and ns since 1970.
    """

    given: Path
    path: str
    within: str
    size: int
    modified: int


@dataclass(frozen=True)
class Found:
    """The recordings below the paths that were given, each once, and the folders (absolute) that were searched."""

    files: tuple[File, ...]
    folders: tuple[str, ...]


@dataclass(frozen=True)
class Changes:
    """What to do with the files that were found, and with what the index holds of others.

    Fields:
        same: files whose sound the index has under this row; path, size and time of the two may differ.
        copies: files whose sound it has under a row that stays what it is.
        new: files to recognize, with their fingerprint, or "" where it is not known yet.
        gone: rows of files that are no more.
    """

    same: tuple[tuple[File, Recording], ...]
    copies: tuple[tuple[File, Recording], ...]
    new: tuple[tuple[File, str], ...]
    gone: tuple[Recording, ...]


def search(paths: Iterable[str | Path], failed: Callable[[ResonetError], object]) -> Found:
    """Finds recordings: files as given, folders searched. What cannot be found or read is told, and left out."""
    files: dict[str, File] = {}
    folders: list[str] = []
    for given in map(Path, paths):
        folder = os.path.isdir(given)
        within = os.path.abspath(given if folder else given.parent)
        try:
            inner = audio.find(given) if folder else [given]
        except ResonetError as error:
            failed(error)
            continue
        if folder:
            folders.append(within)
        for path in inner:
            try:
                file = _file(path, within)
            except ResonetError as error:
                failed(error)
            else:
                files.setdefault(file.path, file)
    return Found(tuple(files.values()), tuple(folders))


def _file(given: Path, within: str) -> File:
    path = os.path.abspath(given)
    try:
        path.encode()
        found = os.stat(path)
    except UnicodeEncodeError:
        raise AudioError(f"the name {str(given)!r} is no UTF-8 text, which an index cannot hold", "rename it") from None
    except FileNotFoundError:
        raise AudioError(f"{given} does not exist") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte
        raise AudioError(f"{given} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(found.st_mode):  # to open a pipe would wait for whoever writes to it
        raise AudioError(f"{given} is not a file")
    return File(given, path, within, found.st_size, found.st_mtime_ns)


def changed_since(file: File) -> bool:
    """Whether the file is another by now than when it was found."""
    try:
        now = os.stat(file.path)
    except OSError:
        return True
    return (now.st_size, now.st_mtime_ns) != (file.size, file.modified)


def below(path: str, folder: str) -> bool:
    """Whether a path is the folder's own or lies anywhere below it; both absolute."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def fingerprint(path: str | Path) -> str:
    """SHA-256 of the content of a file. Raises AudioError where it cannot be read."""
    made = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(_BLOCK):
                made.update(block)
    except OSError as error:
        raise AudioError(f"{path} cannot be read: {error.strerror or error}") from None
    return made.hexdigest()


def changes(found: Found, rows: Mapping[str, Recording], failed: Callable[[ResonetError], object]) -> Changes:
    """Compares what was found with the rows of an index, by path.

    Args:
        failed: told of files that cannot be read.
    """
    same: list[tuple[File, Recording]] = []
    copies: list[tuple[File, Recording]] = []
    new: list[tuple[File, str]] = []
    sizes = {row.size for row in rows.values()}
    known: dict[str, list[Recording]] = {}
    for row in rows.values():
        known.setdefault(row.fingerprint, []).append(row)
    # Rows that get another path, and those that give way to a copy before a later file could be copied from them.
    moved: set[str] = set()
    replaced: set[str] = set()
    for file in found.files:
        here = rows.get(file.path)
        if here and (here.size, here.modified) == (file.size, file.modified):
            same.append((file, here))
            continue
        made = ""
        if file.size in sizes:
            try:
                made = fingerprint(file.given)
            except ResonetError as error:
                failed(error)
                continue
        if here and here.fingerprint == made:
            same.append((file, here))
            continue
        alike = [row for row in known.get(made, ()) if row.path not in replaced]
        left = next((row for row in alike if row.path not in moved and _gone(row.path)), None)
        if left and not here:
            moved.add(left.path)
            same.append((file, left))
        elif alike:
            copies.append((file, alike[0]))
            replaced |= {here.path} if here else set()
        else:
            new.append((file, made))
    there = {file.path for file in found.files} | moved
    gone = [
        row
        for row in rows.values()
        if row.path not in there and any(below(row.path, folder) for folder in found.folders) and _gone(row.path)
    ]
    return Changes(tuple(same), tuple(copies), tuple(new), tuple(gone))


def _gone(path: str) -> bool:
    """Whether there is no such file; one that only cannot be looked at is not gone."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
