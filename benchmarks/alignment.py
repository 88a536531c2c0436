"""How near the times of `resonet align` are to the truth, and what an hour costs.

    apt install flite
    python benchmarks/alignment.py DATA [--bundle en-small] [--sentences 60] [--minutes 60]

DATA is a folder with transcripts.tsv (columns path, speaker, seconds, text). No times of real speech come with it, so:

1. flite, a synthesizer that tells when each of its phones begins and ends, says some of its texts in four voices;
   starts and ends are compared where the recognizer's lexicon and flite's agree on the phones.
2. Its recordings are joined, in random order, to one of an hour; each word must lie in the recording that it belongs
   to. Then the same with every tenth text missing, and with foreign words (another seed's order of the texts) in the
   middle.

The result goes to benchmarks/results/alignment.json (`--output`), and in short to stdout. Synthetic speech is clearer
than people's: read the first figures as what the method can do.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import subprocess
import tempfile
import time
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import machine
import numpy as np

from resonet import audio
from resonet.runtime.alignment import AlignedWord, Aligner

HERE = Path(__file__).resolve().parent
VOICES = ("slt", "rms", "awb", "kal16")
# What flite calls otherwise than the lexicon.
NAMES = {"ax": "AH"}
Row = tuple[Path, str]


def said(voice: str, text: str, path: Path) -> list[tuple[str, float, float, bool]]:
    """Phones as flite says them: name, start, end, whether a pause is before it."""
    command = ["flite", "-psdur", "-voice", voice, "-t", text, "-o", str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found, start, paused = [], 0.0, True
    for item in told.split():
        name, end = item.rsplit(":", 1)
        if name != "pau":
            found.append((NAMES.get(name, name.upper()), start, float(end), paused))
        start, paused = float(end), name == "pau"
    return found


def synthetic(aligner: Aligner, rows: Sequence[Row], folder: Path) -> dict[str, Any]:
    """Errors in seconds against flite's times, summed up."""
    errors: dict[str, list[float]] = {"phones": [], "word starts": [], "word starts after pauses": [], "word ends": []}
    phones = 0
    for i, (_, text) in enumerate(rows):
        path = folder / "said.wav"
        truth = said(VOICES[i % len(VOICES)], text.lower(), path)
        phones += len(truth)
        units = [(unit, k, len(w.units)) for w in aligner.align(path, text).words for k, unit in enumerate(w.units)]
        same = SequenceMatcher(None, [unit.unit for unit, _, _ in units], [name for name, *_ in truth], autojunk=False)
        for block in same.get_matching_blocks():
            for k in range(block.size):
                (unit, place, count), (_, start, end, paused) = units[block.a + k], truth[block.b + k]
                if place == 0:
                    errors["word starts after pauses" if paused else "word starts"].append(unit.start - start)
                elif k:
                    errors["phones"].append(unit.start - start)
                if place == count - 1:
                    errors["word ends"].append(unit.end - end)
    return {"texts": len(rows), "phones": phones, **{name: summary(found) for name, found in errors.items()}}


def summary(errors: Sequence[float]) -> dict[str, float]:
    """In milliseconds, and shares in percent."""
    found = np.array(errors)
    return {
        "count": len(found),
        "median": round(1000 * float(np.median(found)), 1),
        "mean_absolute": round(1000 * float(np.abs(found).mean()), 1),
        "within_20_ms": round(100 * float((np.abs(found) <= 0.02).mean()), 1),
        "within_50_ms": round(100 * float((np.abs(found) <= 0.05).mean()), 1),
    }


def joined(
    aligner: Aligner, rows: Sequence[Row], foreign: Sequence[str], seconds: float, folder: Path
) -> dict[str, Any]:
    """Words outside of their own recordings by more than half a second, and costs."""
    path, pieces, end = folder / "joined.wav", list[tuple[float, float, str]](), 0.0
    with audio.writing(path, 16000) as out:
        for recording, text in rows:
            if end >= seconds:
                break
            samples = audio.read(recording)
            out.push(samples)
            pieces.append((end, end + len(samples) / 16000, text))
            end = pieces[-1][1]
    texts: list[tuple[str, tuple[float, float] | None]] = [(text, (a, b)) for a, b, text in pieces]
    half = len(texts) // 2
    ways = {
        "the text": texts,
        "every tenth missing": [item for i, item in enumerate(texts) if i % 10 != 5],
        "foreign words": [*texts[:half], *((text, None) for text in foreign), *texts[half:]],
    }
    result: dict[str, Any] = {"seconds": round(end, 1), "recordings": len(pieces)}
    for name, held in ways.items():
        begun = time.process_time()
        alignment = aligner.align(path, "\n".join(text for text, _ in held))
        cost = time.process_time() - begun
        words = iter(alignment.words)
        own: list[tuple[AlignedWord, tuple[float, float] | None]] = []
        for text, place in held:
            own += [(next(words), place) for _ in text.split()]
        right = [(word, place) for word, place in own if place is not None]
        result[name] = {
            "words": len(right),
            "misplaced": sum(w.said and (w.start < a - 0.5 or w.end > b + 0.5) for w, (a, b) in right),
            "left_out": sum(not w.said for w, _ in right),
            "foreign_words": len(own) - len(right),
            "foreign_left_out": sum(not w.said for w, place in own if place is None),
            "warning": alignment.warning,
            "cpu_seconds": round(cost, 1),
        }
    result["peak_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--bundle", default="en-small")
    parser.add_argument("--sentences", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "alignment.json")
    chosen = parser.parse_args()
    with (chosen.data / "transcripts.tsv").open(encoding="utf-8") as table:
        rows = [(chosen.data / row["path"], row["text"]) for row in csv.DictReader(table, delimiter="\t")]
    random.Random(chosen.seed).shuffle(rows)
    aligner = Aligner.load(chosen.bundle, threads=1)
    with tempfile.TemporaryDirectory() as scratch:
        short = [row for row in rows if 20 < len(row[1]) < 220][: chosen.sentences]
        result = {
            "machine": machine.describe(),
            "bundle": chosen.bundle,
            "synthetic_ms": synthetic(aligner, short, Path(scratch)),
            "joined": joined(aligner, rows, [text for _, text in rows[-50:]], chosen.minutes * 60, Path(scratch)),
        }
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps({name: result[name] for name in ("synthetic_ms", "joined")}, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
