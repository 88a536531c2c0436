"""What speaks for voices.py: voices of ours, peers and outside programs, recordings; each says a list of sentences."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
STARTS = 3
PROGRAMS = {
    "espeak-ng": (
        ["espeak-ng", "-v", "{language}", "-s", "150", "-f", "{text}", "-w", "{file}"],
        ["espeak-ng", "--version"],
    ),
    "flite": (["flite", "-voice", "slt", "-f", "{text}", "-o", "{file}"], ["flite", "--version"]),
}


@dataclass
class Spoken:
    """What one system made of the list: a file a sentence (None: it could not), and what that took."""

    files: list[Path | None] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)
    references: list[str] | None = None  # its own, where they are not those of the list


class Process:
    """voice_worker.py with one voice, from its start; `about` is what it says of itself."""

    def __init__(self, python: str, arguments: Sequence[str], threads: int) -> None:
        self.command = [python, str(HERE / "voice_worker.py"), *arguments]
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RESONET_THREADS")
        self.begin = time.perf_counter()
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **dict.fromkeys(names, str(threads))},
        )
        self.about = self._line()
        self.ready = time.perf_counter() - self.begin

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the voice ended with exit code {self.process.wait()}: {' '.join(self.command)}")
        return json.loads(line)

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """The worker's answer to one order."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order, ensure_ascii=False) + "\n")
        self.process.stdin.flush()
        return self._line()

    def close(self) -> None:
        """Ends it."""
        self.process.communicate()


def by_worker(python: str, arguments: Sequence[str], texts: Sequence[str], folder: Path, threads: int) -> Spoken:
    """All sentences by voice_worker.py, and how long some cold starts take."""
    spoken = Spoken()
    for start in range(STARTS):
        worker = Process(python, arguments, threads)
        first = worker.ask({"id": -1, "text": texts[0], "file": str(folder / "first.wav")})
        if "error" in first:
            sys.exit(f"{' '.join(worker.command)}: {first['error']}")
        spoken.cold.append(worker.ready + first["first_seconds"])
        if start < STARTS - 1:
            worker.close()
    spoken.about = {**worker.about, **worker.ask({"installed": True})}
    for i, text in enumerate(texts):
        file = folder / f"{i:04}.wav"
        answer = worker.ask({"id": i, "text": text, "file": str(file)})
        if "error" in answer:
            spoken.errors.append(f"{text[:60]}: {answer['error']}")
        spoken.answers.append(answer)
        spoken.files.append(None if "error" in answer else file)
    worker.close()
    return spoken


def by_program(name: str, texts: Sequence[str], folder: Path, language: str) -> Spoken:
    """All sentences by an outside program, started for each."""
    command, version = PROGRAMS[name]
    command = [{"en": "en-us"}.get(language, language) if part == "{language}" else part for part in command]
    told = subprocess.run(version, capture_output=True, text=True, check=False)
    lines = [line.strip() for line in (told.stdout + told.stderr).splitlines() if line.strip()]
    spoken = Spoken()
    spoken.about = {
        "versions": {name: next((line for line in lines if "ersion" in line or name in line.lower()), "unknown")},
        "settings": " ".join(command),
        "streams": False,
        "installed_bytes": _package_bytes(name),
    }
    for i, text in enumerate(texts):
        file, written = folder / f"{i:04}.wav", folder / "text.txt"
        written.write_text(text + "\n", encoding="utf-8")
        before, begin = os.times(), time.perf_counter()
        places = {"{text}": str(written), "{file}": str(file)}
        done = subprocess.run([places.get(part, part) for part in command], capture_output=True, check=False)
        wall, after = time.perf_counter() - begin, os.times()
        if done.returncode or not file.is_file():
            spoken.errors.append(f"{text[:60]}: exit code {done.returncode}")
            spoken.answers.append({"error": ""})
            spoken.files.append(None)
            continue
        with wave.open(str(file)) as sound:
            seconds = sound.getnframes() / sound.getframerate()
            spoken.about["sample_rate"] = sound.getframerate()
        cpu = sum(getattr(after, x) - getattr(before, x) for x in ("children_user", "children_system"))
        spoken.answers.append({"seconds": seconds, "wall_seconds": wall, "cpu_seconds": cpu, "first_seconds": wall,
                               "load": round(os.getloadavg()[0], 2)})  # fmt: skip
        spoken.files.append(file)
    return spoken


def recordings(data: Path, texts: Sequence[str]) -> Spoken:
    """Recordings of the sentences, or of as many others where the data has none of them."""
    from resonet.cli.evaluate import _references
    from resonet.evaluate.metrics.word_errors import plain

    found, _ = _references(str(data), "test")
    by_text = {plain(r.text): r for r in found if r.whole}
    same = [by_text.get(plain(text)) for text in texts]
    spoken = Spoken(about={"settings": f"recordings of {data.name}: the same sentences"})
    if not any(same):
        one_a_text = list(by_text.values())
        same = list(one_a_text[:: max(1, len(one_a_text) // len(texts))][: len(texts)])
        spoken.references = [r.text for r in same if r]
        spoken.about["settings"] = f"recordings of {data.name}: other sentences, {len(same)} spread over its test split"
    spoken.files = [r.path.absolute() if r else None for r in same]
    spoken.errors = [f"{text[:60]}: no recording" for text, r in zip(texts, same, strict=False) if r is None]
    return spoken


def kept(speak: Callable[[Path], Spoken], folder: Path, key: Sequence[Any], fresh: bool) -> Spoken:
    """What a peer said before to the same key, else what it says now: it does not change, and is slow."""
    file = folder / "spoken.json"
    digest = hashlib.sha256(json.dumps([*map(str, key), _code()]).encode()).hexdigest()
    if not fresh and file.is_file():
        told = json.loads(file.read_text(encoding="utf-8"))
        if told.pop("key") == digest and all(f is None or Path(f).is_file() for f in told["files"]):
            return Spoken(**{**told, "files": [f and Path(f) for f in told["files"]]})
    spoken = speak(folder)
    told = {**asdict(spoken), "files": [f and str(f) for f in spoken.files], "key": digest}
    file.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    return spoken


def _code() -> str:
    """Another edition of the worker may speak otherwise."""
    return (HERE / "voice_worker.py").read_text(encoding="utf-8")


def _package_bytes(program: str) -> int | None:
    """Bytes of the Debian packages that a program and what it links to of its own come from."""
    names = {"espeak-ng": ("espeak-ng", "espeak-ng-data", "libespeak-ng1"), "flite": ("flite", "libflite1")}
    if shutil.which("dpkg-query") is None:
        return None
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Installed-Size}\n", *names[program]],
        capture_output=True,
        text=True,
        check=False,
    )
    sizes = [int(line) for line in asked.stdout.split() if line.isdigit()]
    return 1024 * sum(sizes) or None
