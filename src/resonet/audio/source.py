"""Where a recording comes from: a path, bytes in memory or an open binary stream, all turned into one seekable file."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

from resonet.errors import AudioError

Source: TypeAlias = "str | Path | bytes | BinaryIO"

# A pipe is copied to a temporary file, since decoders seek; up to this size the copy stays in memory.
_IN_MEMORY = 32 * 2**20


def name_of(source: Source) -> str:
    """How errors name the source: the path as given, the stream's own name, else that it has none."""
    if isinstance(source, (str, Path)):
        return str(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return "the recording in memory"
    name = getattr(source, "name", None)
    if name == "<stdin>":
        return "standard input"
    return name if isinstance(name, str) and name else "the audio stream"


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """The source as a seekable binary file at its start; closed afterwards unless the caller had opened it.

    A seekable stream is read from its beginning, wherever it stands. Raises AudioError for what is missing, a folder,
    not allowed to be read, or holds no byte.
    """
    name = name_of(source)
    if isinstance(source, (str, Path)):
        with _open_path(Path(source), name) as file, _seekable(file, name) as whole:
            yield whole
    elif isinstance(source, (bytes, bytearray, memoryview)):
        with io.BytesIO(source) as file, _seekable(file, name) as whole:
            yield whole
    else:
        with _seekable(source, name) as whole:
            yield whole


def _open_path(path: Path, name: str) -> BinaryIO:
    try:
        if path.is_dir():
            raise AudioError(f"{name} is a folder, not a recording")
        return path.open("rb")
    except FileNotFoundError:
        raise AudioError(f"{name} does not exist") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise AudioError(f"{name} cannot be opened: {reason(error)}") from None


@contextmanager
def _seekable(stream: BinaryIO, name: str) -> Iterator[BinaryIO]:
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
        try:
            file = stream
            if not stream.seekable():
                shutil.copyfileobj(stream, copy)
                file = cast(BinaryIO, copy)
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
        except (OSError, ValueError) as error:  # ValueError: the stream is closed
            raise AudioError(f"{name} cannot be read: {reason(error)}") from None
        if size == 0:
            raise AudioError(f"{name} is empty")
        yield file


def reason(error: Exception) -> str:
    """The cause of an operating system error in words, without its number and path."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


@dataclass(frozen=True)
class Patch:
    """Bytes that take the place of those in a file, from the position `at`."""

    at: int
    instead: bytes


class Steady:
    """A file for libsndfile, whose callbacks must not raise: Python would print a traceback and go on.

    A seek that cannot be done is not done, a read that fails gives nothing and is kept in `failure`; Ctrl-C, which
    would be lost there, is kept for `raise_interrupt`.
    """

    def __init__(self, file: BinaryIO, patch: Patch | None = None) -> None:
        self._file, self._patch = file, patch
        self.failure: Exception | None = None
        self._interrupt: KeyboardInterrupt | None = None

    def raise_interrupt(self) -> None:
        """Raises the KeyboardInterrupt that came while libsndfile read, if one did."""
        if self._interrupt is not None:
            raise self._interrupt

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):  # a damaged header leads before the start
            return self._file.tell()

    def tell(self) -> int:
        return self._file.tell()

    def read(self, count: int = -1) -> bytes:
        start = self._file.tell()
        try:
            got = self._file.read(count)
        except (OSError, ValueError) as error:
            self.failure = error
            return b""
        except KeyboardInterrupt as interrupt:
            self._interrupt = interrupt
            return b""
        if self._patch is None or start >= self._patch.at + len(self._patch.instead):
            return got
        patched = bytearray(got)
        for i, byte in enumerate(self._patch.instead, self._patch.at - start):
            if 0 <= i < len(patched):
                patched[i] = byte
        return bytes(patched)
