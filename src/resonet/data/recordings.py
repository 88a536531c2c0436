"""What the headers of recordings say, and a hash of each file, read by a few threads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from resonet import audio
from resonet.errors import ResonetError

# libsndfile and SHA-256 release the interpreter lock, and the disk likes a few requests at once.
THREADS = 4


@dataclass(frozen=True)
class Recording:
    """A recording as its header describes it; `fault` is a sentence that says why it cannot be used, else empty.

    sample_rate: Hz. frames: samples in each channel. sha256: of the file's bytes.
    """

    path: Path
    sample_rate: int = 0
    frames: int = 0
    channels: int = 0
    sha256: str = ""
    fault: str = ""

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate if self.sample_rate else 0.0


def inspect(path: Path, hashed: bool = True) -> Recording:
    """The header of one recording and, where `hashed`, the hash of its file; never raises for a bad file."""
    try:
        found = audio.info(path)
        digest = hashlib.sha256()
        if hashed:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    except ResonetError as error:
        return Recording(path, fault=str(error))
    except OSError as error:
        return Recording(path, fault=f"{path} cannot be read: {error.strerror or error}")
    frames = round(found.duration * found.sample_rate)
    fault = "" if frames else f"{path} holds no samples"
    return Recording(path, found.sample_rate, frames, found.channels, digest.hexdigest(), fault)


def inspect_all(paths: Iterable[Path], threads: int = THREADS) -> Iterator[Recording]:
    """`inspect` for each path, in order."""
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(inspect, paths)
