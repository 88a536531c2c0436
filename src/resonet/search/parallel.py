"""Recordings into an index by several processes, on one machine or many: some recognize and embed, one writes.

    ParallelIndexer("meetings.index", workers=8).run(["recordings/"])

It does what `Indexer` does, and can be stopped and run again in turn with it: only how new recordings are recognized
differs. Ray Data hands them out some at a time, and takes what was found back as it comes; Ray restarts a worker that
dies. On a cluster every machine sees the recordings and bundles under the same paths, and has resonet installed.
"""

from __future__ import annotations

import base64
import json
import logging
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from resonet.errors import AudioError, MissingExtra, ResonetError, SearchIndexError
from resonet.search.embedding import Embedding
from resonet.search.indexer import Found, Hearing, Indexed, Indexer
from resonet.search.rows import Segment
from resonet.text.transcript import Word

# Fields of a segment that are bytes.
_BLOBS = ("sounds", "windows", "voice")
# Recordings that a worker gets at once: enough to be recognized together, few enough that little is lost with it.
_TOGETHER = 16
# Bytes of shared memory where Ray is started here: what waits to be written is a few kilobytes a recording.
_SHARED = 256 << 20


class ParallelIndexer(Indexer):
    """Writes an index with several workers (arguments of `Indexer`, and these).

    Args:
        workers: processes that recognize.
        threads: of each of them.
        address: of a Ray cluster that runs; None: Ray is started here, and ended after the run.

    Raises:
        MissingExtra: Ray is not installed.
        As `Indexer`.
    """

    def __init__(
        self,
        folder: str | Path,
        recognizer: str | Path | None = None,
        embedder: str | Path | None = None,
        threads: int | None = 1,
        workers: int = 2,
        address: str | None = None,
    ) -> None:
        _ray()
        super().__init__(folder, recognizer, embedder, threads or 1)
        self.workers, self.address = workers, address

    def _found(
        self, paths: Sequence[Path], done: SimpleNamespace, advance: Callable[[float], object] | None
    ) -> Generator[tuple[int, Found | ResonetError], None, None]:
        with _running(self.workers, self.threads or 1, self.address) as ray:
            jobs = [{"number": number, "path": str(path.absolute())} for number, path in enumerate(paths)]
            blocks = min(len(jobs), max(self.workers, -(-len(jobs) // _TOGETHER)))
            found = ray.data.from_items(jobs, override_num_blocks=blocks).map_batches(
                Worker,
                fn_constructor_args=(str(self._recognizer), self._embedder and str(self._embedder), self.threads),
                batch_size=_TOGETHER,
                batch_format="numpy",
                num_cpus=self.threads,
                compute=ray.data.ActorPoolStrategy(size=min(self.workers, blocks)),
            )
            try:
                for answer in found.iter_rows():
                    what, counted = unpacked(answer["found"])
                    for key in ("seconds", "noise", "silence", "wordless"):
                        setattr(done, key, getattr(done, key) + counted[key])
                    if advance is not None:
                        advance(counted["seconds"])
                    yield int(answer["number"]), what
            except ray.exceptions.RayError as error:
                line = (str(error).strip().splitlines() or ["?"])[-1]
                raise SearchIndexError(
                    f"the workers failed: {line}", "the same command goes on from here; try fewer workers"
                ) from error


class Worker:
    """Recognizes and embeds recordings in a process of its own.

    Args:
        recognizer, embedder: paths of the bundles; the latter may be None.
        threads: processor threads.
    """

    def __init__(self, recognizer: str, embedder: str | None, threads: int | None) -> None:
        from resonet.bundle import read_manifest
        from resonet.runtime import Recognizer

        shift = read_manifest(Path(recognizer)).output_shift
        assert shift is not None  # that of a recognizer, which was checked
        self._heard = Hearing(shift)
        self._recognizer = Recognizer.load(Path(recognizer), threads=threads)
        self._vectors = Embedding.load(Path(embedder), threads) if embedder else None

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """What is in the recordings `path` [n] of numbers `number` [n]: `number` [n] and `found` [n] (`packed`)."""
        paths = [Path(str(path)) for path in batch["path"]]
        results = self._recognizer.transcribe_many(paths, None, self._heard.hear)
        found: list[str] = []
        for path, result in results:
            counted = SimpleNamespace(**asdict(Indexed()))
            found.append(packed(self._heard.found(path, result, self._vectors, counted), vars(counted)))
        return {"number": np.asarray(batch["number"], np.int64), "found": np.array(found, object)}


def packed(found: Found | ResonetError, counted: Mapping[str, float]) -> str:
    """What was found in a recording, and counts, as JSON: so it goes from one process to another."""
    if isinstance(found, ResonetError):
        return json.dumps({"error": [found.message, found.hint], "counted": dict(counted)})
    duration, language, segments = found
    rows = [
        {
            **{key: base64.b64encode(getattr(segment, key)).decode() for key in _BLOBS},
            "span": [segment.start, segment.end],
            "words": [[word.word, word.start, word.end, word.confidence] for word in segment.words],
        }
        for segment in segments
    ]
    return json.dumps({"duration": duration, "language": language, "segments": rows, "counted": dict(counted)})


def unpacked(content: str) -> tuple[Found | ResonetError, dict[str, float]]:
    """What `packed` was given; an error as an AudioError, whatever it was."""
    fields = json.loads(content)
    if "error" in fields:
        return AudioError(*fields["error"]), fields["counted"]
    segments = []
    for row in fields["segments"]:
        sounds, windows, voice = (base64.b64decode(row[key]) for key in _BLOBS)
        start, end = row["span"]
        segments.append(Segment(start, end, tuple(Word(*word) for word in row["words"]), sounds, windows, voice))
    return (fields["duration"], fields["language"], segments), fields["counted"]


def _ray() -> Any:
    try:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        import ray
        import ray.data
    except ImportError:
        raise MissingExtra("indexing with several workers", "ray") from None
    for name in ("ray", "ray.data"):  # what is wrong comes as an error
        logging.getLogger(name).setLevel(logging.ERROR)
    return ray


@contextmanager
def _running(workers: int, threads: int, address: str | None) -> Iterator[Any]:
    """Ray, started where it does not run yet, and then ended."""
    ray = _ray()
    started = not ray.is_initialized()
    if started:
        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        try:
            if address:
                ray.init(address=address, **quiet)
            else:
                # By itself it gives way to whatever else the machine does, and may then never be done.
                os.environ.setdefault("RAY_worker_niceness", "0")
                # One more than the workers need: Ray Data's own tasks (to hand out the list) take one.
                ray.init(
                    num_cpus=workers * threads + 1,
                    object_store_memory=_SHARED,
                    include_dashboard=False,
                    **quiet,
                )
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            line = (str(error).strip().splitlines() or ["?"])[0]
            raise SearchIndexError(f"the workers cannot be started: {line}") from error
    context = ray.data.DataContext.get_current()
    shown, context.enable_progress_bars = context.enable_progress_bars, False
    try:
        yield ray
    finally:
        context.enable_progress_bars = shown
        if started:
            ray.shutdown()
