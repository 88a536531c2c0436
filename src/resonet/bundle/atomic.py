"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from resonet.errors import ResonetError


def open_new(path: Path) -> BinaryIO:
    """Opens a file that must not exist yet: the one way of a bundle to the disk, where tests put a full one."""
    return open(path, "xb")


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """A stream whose bytes become `path` when the block ends well: temporary name beside it, synced, renamed.

    Whatever ends the block otherwise (a full disk, Ctrl-C, any error) leaves `path` as it was and no other file; after
    a kill a hidden `.part` file may remain, which nothing reads.

    Raises:
        ResonetError: the system refused to write; the sentence says why.
    """
    path = Path(path)
    partial = path.with_name(f".resonet-{secrets.token_hex(8)}.part")
    try:
        with open_new(partial) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
        _sync_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise cannot_write(path, error) from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def cannot_write(path: Path, error: OSError) -> ResonetError:
    """The sentence for a file or folder that the system refused to write."""
    hint = "the folder does not exist" if isinstance(error, FileNotFoundError) else "nothing was changed"
    return ResonetError(f"{path} cannot be written: {error.strerror or error}", hint)


def _sync_folder(folder: Path) -> None:
    """Makes the new name survive a power cut; not every system can, and the file is whole without it."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
