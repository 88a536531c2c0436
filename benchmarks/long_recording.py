"""A recording of hours: how much memory `resonet transcribe` takes for it, and whether its length costs words.

    pip install 'resonet[evaluate]'
    python benchmarks/long_recording.py DATA [--bundle en-small] [--hours 3] [--pause 0.5]

DATA is a folder with transcripts.tsv (columns path, speaker, seconds, text). Its recordings are joined to one FLAC file
(16 bit, 16 kHz), in the order of the table, again from the start until it is long enough, with `--pause` seconds of
digital silence between them. `resonet transcribe --json` writes the file down in a process of its own, of which peak
memory, wall and CPU time are told; then the recordings one by one. The words of the long file go to the recording in
which they begin, so that both are scored alike, recording by recording. Asked for: at most 1 GiB, and an error rate
within one percent point; else the exit code is 1. The result goes to benchmarks/results/long-recording.json
(`--output`), and in short to stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import machine
import numpy as np
import soundfile

from resonet import audio
from resonet.evaluate import references as reading
from resonet.evaluate.metrics import word_errors
from resonet.evaluate.references import Reference

HERE = Path(__file__).resolve().parent
RATE = 16000
MOST_MIB, MOST_POINTS = 1024.0, 1.0


@dataclass(frozen=True)
class Heard:
    """The JSON objects of `resonet transcribe`, in the order of the files, and what they cost."""

    answers: list[dict[str, Any]]
    wall_seconds: float
    cpu_seconds: float
    peak_mib: float


def join(references: list[Reference], seconds: float, pause: float, path: Path) -> tuple[list[Reference], list[float]]:
    """Writes the long file; the references in it, and the second at which each of them starts."""
    silence = np.zeros(round(pause * RATE), np.float32)
    inside: list[Reference] = []
    starts: list[float] = []
    written = 0
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for reference in cycle(references):
            if written >= seconds * RATE:
                break
            inside.append(reference)
            starts.append(written / RATE)
            samples = np.concatenate([audio.read(reference.path, RATE), silence])
            file.write(samples)
            written += len(samples)
    return inside, starts


def transcribe(files: list[Path], bundle: str) -> Heard:
    """Runs `resonet transcribe` in a process of its own."""
    program = shutil.which("resonet", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if program is None:
        sys.exit("the command `resonet` is not installed beside this Python")
    begin = time.perf_counter()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        started = subprocess.Popen([program, "transcribe", *map(str, files), "--json", "--bundle", bundle], stdout=out)
        _, status, used = os.wait4(started.pid, 0)
        wall = time.perf_counter() - begin
        out.seek(0)
        answers = [json.loads(line) for line in out]
    if status or len(answers) != len(files):
        sys.exit(f"resonet transcribe ended with exit code {os.waitstatus_to_exitcode(status)}")
    return Heard(answers, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def shared_out(answer: dict[str, Any], starts: list[float]) -> list[str]:
    """The text of each recording in the long file: the words that have their middle before the next one starts."""
    texts: list[list[str]] = [[] for _ in starts]
    for word in answer["words"]:
        texts[max(0, bisect_right(starts, (word["start"] + word["end"]) / 2) - 1)].append(word["word"])
    return [" ".join(words) for words in texts]


def percent_wrong(references: list[Reference], texts: list[str]) -> float:
    aligned = word_errors.align([r.text for r in references], texts)
    return 100 * word_errors.total([a.words for a in aligned]).rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with transcripts.tsv")
    parser.add_argument("--bundle", default="en-small", help="a bundle's name or path")
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between two recordings")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "long-recording.json")
    args = parser.parse_args()

    references = reading.read(args.data)
    with tempfile.TemporaryDirectory(prefix="resonet-") as folder:
        path = Path(folder) / "long.flac"
        inside, starts = join(references, args.hours * 3600, args.pause, path)
        megabytes = path.stat().st_size / 1e6
        joined = transcribe([path], args.bundle)
    used = references[: len(inside)]
    alone = transcribe([r.path for r in used], args.bundle)
    text_of = {r.path: answer["text"] for r, answer in zip(used, alone.answers, strict=True)}
    seconds = joined.answers[0]["duration"]
    rates = {
        "joined": percent_wrong(inside, shared_out(joined.answers[0], starts)),
        "one_by_one": percent_wrong(inside, [text_of[r.path] for r in inside]),
    }
    difference = rates["joined"] - rates["one_by_one"]
    result = {
        "question": "memory for a recording of hours, and word errors against the same recordings one by one",
        "command": f"python benchmarks/long_recording.py {args.data.parent.name}/{args.data.name} "
        f"--bundle {args.bundle} --hours {args.hours:g} --pause {args.pause:g}",
        "machine": machine.describe(),
        "versions": machine.versions(["resonet", "onnxruntime", "numpy", "soundfile"]),
        "seconds": round(seconds, 1),
        "recordings": len(inside),
        "different_recordings": len(used),
        "file_megabytes": round(megabytes, 1),
        "peak_mib": round(joined.peak_mib, 1),
        "wall_seconds": round(joined.wall_seconds, 1),
        "cpu_seconds": round(joined.cpu_seconds, 1),
        "real_time_factor": round(joined.wall_seconds / seconds, 5),
        "cpu_seconds_per_audio_second": round(joined.cpu_seconds / seconds, 5),
        "wer_percent": {name: round(rate, 2) for name, rate in rates.items()},
        "difference_points": round(difference, 2),
        "held": joined.peak_mib <= MOST_MIB and abs(difference) <= MOST_POINTS,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(
        f"{seconds / 3600:.2f} h in {joined.wall_seconds:.0f} s, {joined.cpu_seconds:.0f} CPU s, "
        f"peak {joined.peak_mib:.0f} MiB (at most {MOST_MIB:.0f})\n"
        f"WER {rates['joined']:.2f} % joined, {rates['one_by_one']:.2f} % one by one: {difference:+.2f} points "
        f"(at most {MOST_POINTS:g})"
    )
    sys.exit(0 if result["held"] else 1)


if __name__ == "__main__":
    main()
