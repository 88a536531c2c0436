"""How near a classifier that learnt from spoken clips of voices comes to one that learnt from people: ten commands.

    python benchmarks/clips_from_voices.py SPEECH_COMMANDS WORK --recipe NAME|FILE [--voice V ...] [--count 200]
        [--real 20] [--noise FOLDER] [--rooms FOLDER] [--seed 0] [--set a.b=c ...] [--spoken a.b=c ...]

SPEECH_COMMANDS is a folder with train.tsv, dev.tsv and test.tsv (columns path, label, speaker). Four trainings with the
same recipe and settings, each judged by test.tsv, whose people none of them heard:

    people            all clips of train.tsv, the ceiling
    few people        --real clips a command (a fifth of them for dev, of other speakers), and nothing else
    voices            clips of `resonet speak --clips` alone; no recording of a person, not for dev either; with the
                      settings of --spoken over those of --set
    voices, few       these clips beside those of the few people, which are dev too

Clips are spoken of the ten commands by all voices that are given (or installed); what sounds like them and other words
are their `unknown`. Noise and rooms are put on spoken clips, and on all clips while training (augmentation). WORK keeps
clips and trainings: a second run goes on where the first one stopped. The result goes to
benchmarks/results/clips-from-voices.json and as a table to stdout. Needs the extra `[train]`, and a voice.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import machine
from command_training import measured, resonet, train

HERE = Path(__file__).resolve().parent
COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
# Of the few people one in so many is heard for dev alone.
DEV = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--voice", dest="voices", action="append", default=[], help="by default all installed ones")
    parser.add_argument("--count", type=int, default=200, help="spoken clips of each command")
    parser.add_argument("--real", type=int, default=20, help="clips a command of the few people")
    parser.add_argument("--noise", type=Path)
    parser.add_argument("--rooms", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="A.B=C")
    parser.add_argument("--spoken", action="append", default=[], metavar="A.B=C", help="settings of `voices` alone")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "clips-from-voices.json")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)

    spoken = speak(args)
    few = few_people(args)
    settings = [*args.settings, f"seed={args.seed}"]
    settings += [f"augmentation.{kind}={getattr(args, kind)}" for kind in ("noise", "rooms") if getattr(args, kind)]
    trainings = {
        "people": (args.data, []),
        "few people": (few, []),
        "voices": (args.work / "clips", args.spoken),
        "voices, few": (few, [f"clips.synthetic={args.work / 'clips'}"]),
    }
    found = {}
    for name, (data, own) in trainings.items():
        bundle = train(args, data, name.replace(", ", "-").replace(" ", "-"), [*settings, *own])
        found[name] = measured(bundle, args.data / "test.tsv")
        low, high = found[name]["interval_percent"] or (float("nan"), float("nan"))
        print(f"{name:<12} {found[name]['accuracy_percent']:6.2f} % ({low:.2f} to {high:.2f}), "
              f"{found[name]['without_silence_percent']:.2f} % without silence", flush=True)  # fmt: skip
    ceiling = found["people"]["without_silence_percent"]
    for name in ("few people", "voices", "voices, few"):
        print(f"{name}: {found[name]['without_silence_percent'] - ceiling:+.2f} points beside people")
    result = {
        "question": "how near a classifier of ten commands comes to one of people's clips that learnt from voices",
        "recipe": Path(args.recipe).name,
        "settings": args.settings,
        "settings_of_voices": args.spoken,
        "machine": machine.describe(),
        "versions": machine.versions(["resonet", "torch", "onnxruntime"]),
        "spoken": spoken,
        "real_clips_a_command": args.real,
        "runs": found,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def speak(args: argparse.Namespace) -> dict[str, Any]:
    """Makes the spoken clips, or what is missing of them; gives whose they are and how many."""
    flags = [part for voice in args.voices for part in ("--voice", voice)]
    flags += [part for kind in ("noise", "rooms") if getattr(args, kind) for part in (f"--{kind}", getattr(args, kind))]
    told = json.loads(resonet("speak", "--clips", args.work / "clips", "--phrases", ",".join(COMMANDS), "--count",
                              args.count, "--seed", args.seed, "--language", "en", "--json", *flags))  # fmt: skip
    record = json.loads((args.work / "clips" / "clips.json").read_text(encoding="utf-8"))
    return {
        "voices": record["settings"]["voices"],
        "held_out": told["held_out"],
        "clips": told["clips"],
        "unknown": dict(Counter(clip["kind"] for clip in record["clips"] if clip["kind"] != "phrase")),
        **{key: record["settings"][key] for key in ("seed", "lexicon", "noise", "rooms")},
    }


def few_people(args: argparse.Namespace) -> Path:
    """A table with --real clips of each command, of as many people as there are; a fifth of these people are dev."""
    with open(args.data / "train.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    speakers = sorted({row["speaker"] for row in rows}, key=lambda speaker: rank(args.seed, speaker))
    dev = set(speakers[::DEV])
    wanted = {"dev": max(1, args.real // DEV), "train": args.real - max(1, args.real // DEV)}
    chosen: list[tuple[Path, str, str, str]] = []
    for command in COMMANDS:
        for split, count in wanted.items():
            turns: dict[str, int] = defaultdict(int)
            clips = []
            for row in sorted(rows, key=lambda row: rank(args.seed, row["path"])):
                if row["label"] == command and (row["speaker"] in dev) == (split == "dev"):
                    clips.append((turns[row["speaker"]], row))  # everybody's first clip before anybody's second
                    turns[row["speaker"]] += 1
            clips.sort(key=lambda entry: entry[0])
            chosen += [
                ((args.data / row["path"]).absolute(), command, row["speaker"], split) for _, row in clips[:count]
            ]
    table = args.work / "few.tsv"
    with open(table, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
        writer.writerow(["path", "label", "speaker", "split"])
        writer.writerows(chosen)
    return table


def rank(seed: int, name: str) -> str:
    return hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8).hexdigest()


if __name__ == "__main__":
    main()
