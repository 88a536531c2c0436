"""What classifiers of words reach: three seeds of the shipped recipe, the families at equal time, new speakers.

    python benchmarks/command_training.py seeds    SPEECH_COMMANDS WORK --recipe FILE [--set a.b=c ...]
    python benchmarks/command_training.py families SPEECH_COMMANDS WORK --recipe FILE [--set ...] [--time 1h]
    python benchmarks/command_training.py speakers CLIPS.tsv WORK --recipe NAME|FILE [--set ...]

SPEECH_COMMANDS is a folder with train.tsv, dev.tsv and test.tsv (columns path, label, speaker); CLIPS.tsv a table with
the columns path, label, speaker (for spoken digits: clips.tsv of the Free Spoken Digit Dataset).

`seeds` trains the recipe with seeds 0, 1 and 2 and gives the accuracy on test: mean and 95 % interval (Student's t over
the seeds), parameters and multiply-adds. `families` trains every classifier family on one core for `--time` each, which
is processor time; those that are computed at once (svm, hmm) take as long as they take. `speakers` leaves one speaker
after the other out of training, which is tested on. WORK keeps every training: a second run goes on where the first one
stopped. Results go to benchmarks/results/command-{seeds,families,speakers}.json and as a table to stdout. Clips of
`silence` are judged apart. Needs the extra `[train]`.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import machine

HERE = Path(__file__).resolve().parent
# Family and preset, in the order of the table.
FAMILIES = (("svm", "rbf"), ("hmm", "base"), ("bc_resnet", "3"), ("resnet", "16"), ("crnn", "small"),
            ("tc_resnet", "wide"))  # fmt: skip
# Student's t of 95 % for two degrees of freedom: three seeds.
_T = 4.303


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", choices=["seeds", "families", "speakers"])
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="A.B=C")
    parser.add_argument("--time", default="1h", help="of every family, as in a recipe")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    runs = {"seeds": seeds, "families": families, "speakers": speakers}[args.question](args)
    result = {
        "question": {
            "seeds": "what accuracy the shipped recipe gives, with three seeds",
            "families": f"what accuracy each family gives after {args.time} of one core",
            "speakers": "what accuracy on a speaker who was left out of training",
        }[args.question],
        "recipe": Path(args.recipe).name,
        "settings": [s.split("=")[0] for s in args.settings],
        "machine": machine.describe(),
        "versions": machine.versions(["resonet", "torch", "scikit-learn"]),
        **runs,
    }
    output = args.output or HERE / "results" / f"command-{args.question}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def seeds(args: argparse.Namespace) -> dict[str, Any]:
    """Accuracy of each seed, their mean and its interval."""
    found = []
    for seed in range(3):
        bundle = train(args, args.data, f"seed-{seed}", [*args.settings, f"seed={seed}"])
        found.append({"seed": seed, **measured(bundle, args.data / "test.tsv")})
        print(f"seed {seed}: {found[-1]['accuracy_percent']:.2f} %", flush=True)
    result: dict[str, Any] = {"runs": found}
    for name, key in (("", "accuracy_percent"), ("without_silence_", "without_silence_percent")):
        rates = [f[key] for f in found]
        mean, half = statistics.mean(rates), _T * statistics.stdev(rates) / len(rates) ** 0.5
        print(f"{key}: mean {mean:.2f}, 95 % interval {mean - half:.2f} to {mean + half:.2f}")
        result[f"{name}mean_percent"] = round(mean, 2)
        result[f"{name}interval_percent"] = [round(mean - half, 2), round(mean + half, 2)]
    return result


def families(args: argparse.Namespace) -> dict[str, Any]:
    """Accuracy of each family after the same processor time."""
    found = []
    for family, preset in FAMILIES:
        settings = [*args.settings, f"family={family}", f"preset={preset}", f"time={args.time}", "clock=processor",
                    "threads=1"]  # fmt: skip
        bundle = train(args, args.data, f"{family}-{preset}", settings)
        found.append({"family": family, "preset": preset, **measured(bundle, args.data / "test.tsv")})
        r = found[-1]
        print(f"{family} {preset}: {r['accuracy_percent']:.2f} %, {r['parameters']:,} parameters", flush=True)
    return {"time": args.time, "runs": found}


def speakers(args: argparse.Namespace) -> dict[str, Any]:
    """Accuracy on each speaker by a network that heard the others; of these, every tenth clip is dev."""
    with open(args.data, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = []
    for speaker in sorted({row["speaker"] for row in rows}):
        folder = args.work / speaker
        folder.mkdir(exist_ok=True)
        table = folder / "clips.tsv"
        with open(table, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
            writer.writerow(["path", "label", "speaker", "split"])
            for i, row in enumerate(rows):
                split = "test" if row["speaker"] == speaker else "dev" if i % 10 == 0 else "train"
                writer.writerow([(args.data.parent / row["path"]).absolute(), row["label"], row["speaker"], split])
        bundle = train(args, table, f"{speaker}/run", args.settings)
        found.append({"speaker": speaker, **measured(bundle, table)})
        print(f"{speaker}: {found[-1]['accuracy_percent']:.2f} %", flush=True)
    mean = statistics.mean(f["accuracy_percent"] for f in found)
    print(f"mean {mean:.2f} %")
    return {"runs": found, "mean_percent": round(mean, 2)}


def train(args: argparse.Namespace, data: Path, name: str, settings: Sequence[str]) -> Path:
    """The bundle of a training; trained, or gone on with, where it is not there yet."""
    out = args.work / name
    bundle = out / "words.resonet"
    if not bundle.is_file():
        if (out / "checkpoint.pt").is_file():
            resonet("train", "--resume", out)
        else:
            flags = [part for setting in settings for part in ("--set", setting)]
            resonet("train", "--task", "classify", "--data", data, "--recipe", args.recipe, "-o", out, "--name",
                     "words", *flags)  # fmt: skip
    return bundle


def measured(bundle: Path, table: Path) -> dict[str, Any]:
    """Accuracy on the test clips of a table, in percent, with and without `silence`; size of the network."""
    found = json.loads(resonet("evaluate", "--task", "classify", "--bundle", bundle, "--data", table, "--json"))
    log = (bundle.parent / "log.jsonl").read_text(encoding="utf-8").splitlines()
    ends = [event["elapsed"] for event in map(json.loads, log) if event["kind"] == "end"]
    about = json.loads(resonet("bundle", "show", bundle, "--json"))["manifest"]["runtime"]
    return {
        "accuracy_percent": found["with_silence"]["accuracy_percent"],
        "interval_percent": found["with_silence"]["accuracy_interval_percent"],
        "without_silence_percent": found["accuracy_percent"],
        "silence_percent": found["silence"]["accuracy_percent"],
        "clips": found["with_silence"]["clips"],
        "parameters": about.get("parameters"),
        "multiply_adds_a_second": about.get("multiply_adds"),
        "seconds": round(ends[-1]) if ends else None,
    }


def resonet(*arguments: object) -> str:
    """stdout of the command of this installation; its progress goes to stderr."""
    command = [sys.executable, "-m", "resonet", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8").stdout


if __name__ == "__main__":
    main()
