"""Time and memory of a piece of work, this process and the ones it started together."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from types import TracebackType

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Speed:
    """What recognition took: seconds of audio, seconds by the clock, CPU seconds (user + system, all threads), and the
    most memory this process ever held in MB (10^6 bytes; 0 where the system does not say)."""

    audio_seconds: float
    wall_seconds: float
    cpu_seconds: float
    peak_mb: float

    @property
    def real_time_factor(self) -> float:
        """Processing seconds by the clock for a second of audio."""
        return self.wall_seconds / self.audio_seconds if self.audio_seconds else 0.0

    @property
    def cpu_per_audio_second(self) -> float:
        """CPU seconds for a second of audio: what the work costs, however many cores share it."""
        return self.cpu_seconds / self.audio_seconds if self.audio_seconds else 0.0


class Stopwatch:
    """Runs inside a `with`; several stretches add up. `speed(audio_seconds)` tells."""

    def __init__(self) -> None:
        self.wall_seconds = 0.0
        self.cpu_seconds = 0.0

    def __enter__(self) -> Stopwatch:
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.wall_seconds += time.perf_counter() - self._wall
        self.cpu_seconds += cpu_seconds() - self._cpu

    def speed(self, audio_seconds: float) -> Speed:
        """The result for so many seconds of audio."""
        return Speed(audio_seconds, self.wall_seconds, self.cpu_seconds, peak_mb())


def cpu_seconds() -> float:
    """User + system seconds of this process and of its children that have ended."""
    if resource is None:
        return time.process_time()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def peak_mb() -> float:
    """The most memory this process ever held, in MB (10^6 bytes)."""
    if resource is None:
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024  # Linux counts KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
