"""What listening costs: a core's time for sound that comes 80 ms at a time, for the words of a bundle and for more.

    python benchmarks/live_cost.py DATA CLIP... [--bundle commands-en] [--minutes 3]

DATA is a folder with transcripts.tsv, whose recordings are heard one after another; the CLIPs are examples of one word,
which is enrolled under one, three and seven names: as many words cost as much, whatever they are. One thread. CPU
seconds are user + system, of the stream alone. The result goes to benchmarks/results/live-cost.json (`--output`).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import machine
import numpy as np

from resonet import audio
from resonet.bundle import Bundle
from resonet.evaluate import references
from resonet.runtime import Spotter
from resonet.runtime.enrolled import WordList
from resonet.runtime.enrolment import by_examples

HERE = Path(__file__).resolve().parent
BLOCK = 1280  # samples: 80 ms, what `resonet spot` hears at a time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--bundle", default="commands-en")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "live-cost.json")
    args = parser.parse_args()
    sound = speech(args.data, round(args.minutes * 60 * 16000))
    runs = [cost(args.bundle, args.clips, count, sound) for count in (0, 1, 3, 7)]
    for run in runs:
        print(f"{run['enrolled']} enrolled words: {run['core_percent']:.2f} % of a core", flush=True)
    result = {
        "question": "what share of a core listening takes, sound coming 80 ms at a time",
        "bundle": args.bundle,
        "seconds": len(sound) / 16000,
        "machine": machine.describe(),
        "versions": machine.versions(["resonet", "onnxruntime"]),
        "runs": runs,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def speech(data: Path, samples: int) -> np.ndarray:
    """float32 [samples] of the recordings of a folder."""
    parts: list[np.ndarray] = []
    for reference in references.read(data):
        parts.append(audio.read(reference.path, 16000))
        if sum(map(len, parts)) >= samples:
            break
    return np.concatenate(parts)[:samples]


def cost(name: str, clips: Sequence[Path], count: int, sound: np.ndarray) -> dict[str, Any]:
    """CPU seconds a second, with so many enrolled words beside those of the bundle."""
    with Bundle.open(name, kind="classifier") as bundle:
        words = tuple(by_examples(bundle, f"word {i}", clips) for i in range(count))
        spotter = Spotter(bundle, 1, WordList(Path("words.json"), words))
    stream = spotter.stream()
    started = time.process_time()
    for at in range(0, len(sound), BLOCK):
        stream.push(sound[at : at + BLOCK])
    stream.finish()
    spent = time.process_time() - started
    return {"enrolled": count, "core_percent": round(100 * spent / (len(sound) / 16000), 3)}


if __name__ == "__main__":
    main()
