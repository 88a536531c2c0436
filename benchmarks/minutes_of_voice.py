"""What a voice from how many minutes of recordings is like: one recipe and training time, several amounts of a reader.

    python benchmarks/minutes_of_voice.py DATA/kathleen-arctic WORK --minutes 15 60 \\
        --recipe bundles/en-multi/recipe/voice.yaml [--time 20m] [--set voice.vocoder=VOCODER ...] \\
        --judge "JUDGE/bin/python judge_asr.py {table} --json {report}"

DATA is a folder that `resonet prepare` takes, of one speaker. Its train part is shuffled, and the first recordings are
taken until there is enough, so that each amount holds the smaller ones; dev and test stay as they are. Then `resonet
train`, and `resonet evaluate` on the texts of the test part, beside its recordings. WORK keeps every training (a second
run goes on where the first one stopped) and, in WORK/MINUTES/sounds, what was heard. The result goes to
benchmarks/results/minutes-of-voice.json (`--output`), and as a table to stdout. Needs `[train]` and `[evaluate]`.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path

import machine
from hours_of_speech import resonet

from resonet import audio
from resonet.data import load
from resonet.data.utterance import Utterance

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Trains, evaluates, prints a table and writes the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, nargs="+", required=True)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--judge", action="append", required=True, help="as for resonet evaluate; may repeat")
    parser.add_argument("--time", default="20m", help="of every training, as in a recipe")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="A.B=C")
    parser.add_argument("--seed", type=int, default=0, help="of the order of recordings")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "minutes-of-voice.json")
    args = parser.parse_args()

    everything = args.work / "everything"
    if not (everything / "data.json").is_file():
        resonet("prepare", args.data, everything)
    parts = {split: load.utterances(everything, split) for split in ("train", "dev", "test")}
    random.Random(args.seed).shuffle(parts["train"])
    runs = []
    for minutes in sorted(args.minutes):
        few = enough(parts["train"], minutes)
        folder = args.work / f"{minutes:g}"
        voice = train({**parts, "train": few}, folder, args.recipe, [*args.settings, f"time={args.time}"])
        judges = [flag for judge in args.judge for flag in ("--judge", judge)]
        answer = json.loads(
            resonet("evaluate", "--task", "synthesize", "--voice", voice, "--data", folder / "data", *judges,
                    "--sounds", folder / "sounds", "--json")
        )  # fmt: skip
        runs.append({"minutes": minutes, "utterances": len(few), "systems": answer["systems"]})
        for system, told in answer["systems"].items():
            rates = "  ".join(f"{judge} {found['wer_percent']:.1f} %" for judge, found in told["judges"].items())
            print(f"{minutes:g} min  {system:8}  {rates}", flush=True)
    result = {
        "question": "what a voice from how many minutes is like, with one recipe and the same training time",
        "data": args.data.name,
        "recipe": f"{Path(args.recipe).parents[1].name}/{Path(args.recipe).name}",
        "settings": [setting.split("=")[0] for setting in args.settings],
        "time": args.time,
        "seed": args.seed,
        "machine": machine.describe(),
        "versions": machine.versions(["resonet", "torch"]),
        "runs": runs,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def enough(utterances: Sequence[Utterance], minutes: float) -> list[Utterance]:
    """The first of them that last so long together."""
    seconds, few = 0.0, []
    for utterance in utterances:
        if seconds >= 60 * minutes:
            return few
        seconds += audio.info(utterance.audio).duration
        few.append(utterance)
    if seconds < 60 * minutes:
        raise SystemExit(f"the train part has {seconds / 60:.1f} minutes, and not {minutes:g}")
    return few


def train(parts: dict[str, list[Utterance]], folder: Path, recipe: str, settings: Sequence[str]) -> Path:
    """The voice of a training on these; trained, or gone on with, where it is not there yet."""
    voice = folder / "trained" / "few.resonet"
    if voice.is_file():
        return voice
    if (folder / "trained" / "run.json").is_file():
        resonet("train", "--resume", folder / "trained")
        return voice
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "table.tsv", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None, lineterminator="\n")
        table.writerow(["path", "speaker", "text", "split"])
        for split, utterances in parts.items():
            table.writerows([u.audio, "reader", u.text, split] for u in utterances)
    resonet("prepare", folder / "table.tsv", folder / "data")
    flags = [part for setting in settings for part in ("--set", setting)]
    resonet("train", "--task", "synthesize", "--data", folder / "data", "--recipe", recipe, "-o", voice.parent,
            "--name", "few", "--set", "voice.speakers={}", *flags)  # fmt: skip
    return voice


if __name__ == "__main__":
    main()
