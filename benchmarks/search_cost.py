"""What an hour of recordings costs to index: processor seconds, and bytes of text, posteriors and vectors.

    python benchmarks/search_cost.py RECORDINGS... [--bundle en-small] [--embedder find-small] [--minutes 30]

RECORDINGS are files and folders; the first so many minutes of them are indexed, by one process with one thread, into a
folder that is then thrown away: processor seconds of all threads, user and system, reading and decoding of the files
included. With a model of sentences (the extra [meaning], or RESONET_MEANING_MODEL) the texts are embedded, too. The
result goes to benchmarks/results/search-cost.json (`--output`); docs/scale.md reckons with it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import machine

from resonet import audio
from resonet.errors import MissingExtra
from resonet.search.indexer import Indexer
from resonet.search.meaning import COPY, Meanings
from resonet.search.store import Store

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, nargs="+")
    parser.add_argument("--bundle")
    parser.add_argument("--embedder")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "search-cost.json")
    args = parser.parse_args()
    chosen = some(args.recordings, args.minutes * 60)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "index"
        begun = time.process_time(), time.perf_counter()
        done = Indexer(folder, args.bundle, args.embedder, threads=1).run(chosen)
        cpu, clock = time.process_time() - begun[0], time.perf_counter() - begun[1]
        hours = done.seconds / 3600
        with Store.open(folder) as store:
            sizes, made = store.sizes(), store.meta
            ((segments, speech),) = store.rows("select count(*), total(finish - start) from segments")
            result = {
                "question": "what an hour of recordings costs to index",
                "machine": machine.describe(),
                "versions": machine.versions(["resonet", "numpy", "onnxruntime", "wordllama"]),
                "recognizer": made["recognizer"],
                "embedder": made["embedder"],
                "hours": hours,
                "recordings": done.added,
                "segments": segments,
                "segments_an_hour": segments / hours,
                "hours_of_segments": speech / 3600,
                "cpu_seconds_an_hour": cpu / hours,
                "seconds_an_hour": clock / hours,
                "bytes_an_hour": {key: value / hours for key, value in sizes.items()},
                "meaning": meaning(store, segments, hours),
            }
    print(json.dumps(result, indent=1))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def some(paths: list[Path], seconds: float) -> list[Path]:
    """The first recordings of so many seconds."""
    found, total = [], 0.0
    for recording in audio.find(paths):
        if total >= seconds:
            break
        found.append(recording)
        total += audio.info(recording).duration
    return found


def meaning(store: Store, segments: int, hours: float) -> dict[str, Any] | None:
    """What the vectors of sentences cost; None without a model."""
    try:
        meanings = Meanings(store, threads=1)
    except MissingExtra:
        return None
    begun = time.process_time()
    meanings.refresh()
    cpu = time.process_time() - begun
    return {
        "cpu_ms_a_segment": cpu / segments * 1000,
        "cpu_seconds_an_hour": cpu / hours,
        "bytes_an_hour": (store.folder / COPY).stat().st_size / hours,
    }


if __name__ == "__main__":
    main()
