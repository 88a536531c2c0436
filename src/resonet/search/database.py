"""SQLite as an index uses it: files in folders without rights, one writer at a time, errors in a sentence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from resonet.errors import SearchIndexError

LOCK = "writing.sqlite"
# Milliseconds that SQLite waits for another process to be done with a lock of its own.
_PATIENCE = 30_000


def connect(path: Path, mode: str) -> tuple[sqlite3.Connection, bool]:
    """Opens the file; one in a folder that cannot be written is read as it is. Says whether it is read so: then what
    others write to it is not seen, and must not be read half (`signature`).

    Not where a writer was killed there: its last changes are in the log beside the file, which must be written to be
    read.
    """
    place = path.resolve().as_uri()
    log = path.with_name(f"{path.name}-wal")
    whole = not log.exists() or log.stat().st_size == 0
    for how in (f"mode={mode}", *(["mode=ro&immutable=1"] if mode == "ro" and whole else [])):
        database = sqlite3.connect(f"{place}?{how}", uri=True, timeout=_PATIENCE / 1000, isolation_level=None)
        try:
            database.execute("select count(*) from sqlite_master")
            return database, "immutable" in how
        except sqlite3.Error as error:
            database.close()
            reason = error
    raise refused(path.parent, reason)


def signature(path: Path) -> tuple[tuple[int, int], ...]:
    """Time and size of the file and of its log: others when it was written to."""
    files = (file for file in (path, path.with_name(f"{path.name}-wal")) if file.exists())
    return tuple((stat.st_mtime_ns, stat.st_size) for stat in (file.stat() for file in files))


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds the lock of who writes."""
    try:
        lock = sqlite3.connect(folder / LOCK, timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        raise refused(folder, error) from None
    with closing(lock):
        try:
            lock.execute("begin exclusive")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise SearchIndexError(
                    f"another process is writing to the index {folder}", "wait until it is done; searching goes on"
                ) from None
            raise refused(folder, error) from None
        yield


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Tells errors of SQLite in a sentence."""
    try:
        yield
    except sqlite3.Error as error:
        raise refused(folder, error) from error


def refused(folder: Path, error: Exception) -> SearchIndexError:
    said = str(error)
    if "full" in said:
        return SearchIndexError(f"{folder} cannot be written: the disk is full", "what was indexed before is whole")
    if "readonly" in said or "unable to open" in said:
        return SearchIndexError(f"{folder} cannot be opened: {said}", "check that the folder may be read and written")
    if "malformed" in said or "not a database" in said or "no such table" in said:
        return SearchIndexError(f"the index {folder} is damaged: {said}", "index the recordings into a new folder")
    return SearchIndexError(f"the index {folder} cannot be used: {said}")
