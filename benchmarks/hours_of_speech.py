"""What error rate how many hours of speech give: one recipe, the same training time, several amounts of its data.

    python benchmarks/hours_of_speech.py TABLE WORK --hours 0.5 1 5 --test FOLDER... [--time 30m] \
        --recipe bundles/en-small/recipe/en-small.yaml [--set lm=work/lm.bin ...]

TABLE is a table of recordings with the columns path, speaker, text, split (for English: that of
bundles/en-small/recipe/table.py). For every amount, the train part is taken speaker by random speaker until there is
enough, so that each amount holds the smaller ones; dev stays as it is. Then `resonet train` and, on every test folder,
`resonet evaluate`. WORK keeps every training: a second run goes on where the first one stopped. The result goes to
benchmarks/results/hours-of-speech.json (`--output`), and as a table to stdout. Needs the extra `[train]`.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import machine

from resonet import audio

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--hours", type=float, nargs="+", required=True)
    parser.add_argument("--test", type=Path, nargs="+", required=True)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--time", default="30m", help="of every training, as in a recipe")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="A.B=C")
    parser.add_argument("--seed", type=int, default=0, help="of the draw of speakers")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "hours-of-speech.json")
    args = parser.parse_args()

    args.work.mkdir(parents=True, exist_ok=True)
    with open(args.table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    hours = sorted(args.hours)
    runs = []
    for amount, chosen in zip(hours, draw(rows, hours, args.seed), strict=True):
        bundle = train(chosen, args.work / f"{amount:g}h", args.recipe, [*args.settings, f"time={args.time}"])
        rates = {f"{t.parent.name}/{t.name}": evaluate(bundle, t) for t in args.test}
        train_rows = [r for r in chosen if r["split"] == "train"]
        runs.append({"hours": amount, "speakers": len({r["speaker"] for r in train_rows}), "wer_percent": rates})
        print(f"{amount:g} h  " + "  ".join(f"{name} {rate:.1f} %" for name, rate in rates.items()), flush=True)
    result = {
        "question": "what error rate how many hours of speech give, with one recipe and the same training time",
        "recipe": Path(args.recipe).name,
        "settings": [s.split("=")[0] for s in args.settings],
        "time": args.time,
        "seed": args.seed,
        "machine": machine.describe(),
        "versions": machine.versions(["resonet", "torch"]),
        "runs": runs,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def draw(rows: list[dict[str, str]], hours: Sequence[float], seed: int) -> list[list[dict[str, str]]]:
    """The rows of each amount: those that are not train, and those of random train speakers until it is reached."""
    train_rows = [row for row in rows if row["split"] == "train"]
    speakers = sorted({row["speaker"] for row in train_rows})
    random.Random(seed).shuffle(speakers)
    train_rows.sort(key=lambda row: speakers.index(row["speaker"]))
    ends = list(accumulate(audio.info(row["path"]).duration for row in train_rows))
    if ends[-1] < max(hours) * 3600:
        raise SystemExit(f"the train part has {ends[-1] / 3600:.2f} h, and not {max(hours):g}")
    rest = [row for row in rows if row["split"] != "train"]
    return [[*rest, *train_rows[: bisect_left(ends, amount * 3600) + 1]] for amount in hours]


def train(rows: list[dict[str, str]], folder: Path, recipe: str, settings: Sequence[str]) -> Path:
    """The bundle of a training on these rows; trained, or gone on with, where it is not there yet."""
    bundle = folder / "trained" / "hours.resonet"
    if bundle.is_file():
        return bundle
    folder.mkdir(exist_ok=True)
    if (folder / "trained" / "checkpoint.pt").is_file():
        resonet("train", "--resume", folder / "trained")
        return bundle
    with open(folder / "table.tsv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(
            file, list(rows[0]), delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None, lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)
    resonet("prepare", folder / "table.tsv", folder / "data")
    flags = [part for setting in settings for part in ("--set", setting)]
    resonet("train", "--data", folder / "data", "--recipe", recipe, "-o", bundle.parent, "--name", "hours", *flags)
    return bundle


def evaluate(bundle: Path, data: Path) -> float:
    """Word error rate in percent."""
    answer = json.loads(resonet("evaluate", "--bundle", bundle, "--data", data, "--json"))
    return float(answer["wer_percent"])


def resonet(*arguments: object) -> str:
    """stdout of the command of this installation; its progress goes to stderr."""
    command = [sys.executable, "-m", "resonet", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8").stdout


if __name__ == "__main__":
    main()
