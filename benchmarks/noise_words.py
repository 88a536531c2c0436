"""Words that are invented: what a recognizer writes down where nobody speaks.

    python benchmarks/noise_words.py FOLDER [--leave-out babble...] [--bundle en-small]

Transcribes all recordings below FOLDER but those whose name begins with one of `--leave-out` (voices, such as babble),
and tells the words a minute, and by kind of noise (the file's name up to its number: `rain-02.opus` is rain). The
result goes to benchmarks/results/noise-words.json (`--output`), and in short to stdout.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from pathlib import Path

import machine

from resonet import audio
from resonet.errors import ResonetError
from resonet.runtime import Recognizer

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--leave-out", nargs="+", default=[], metavar="NAME", help="names that begin like this")
    parser.add_argument("--bundle", default="en-small", help="a bundle's name or path")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "noise-words.json")
    args = parser.parse_args()

    paths = [p for p in audio.find([args.folder]) if not p.name.startswith(tuple(args.leave_out))]
    seconds: Counter[str] = Counter()
    words: Counter[str] = Counter()
    heard = {}
    for path, answer in Recognizer.load(args.bundle).transcribe_many(paths):
        if isinstance(answer, ResonetError):
            raise answer
        kind = re.sub(r"[-_]?\d+$", "", path.stem)
        seconds[kind] += answer.duration
        words[kind] += len(answer.words)
        if answer.words:
            heard[str(path.relative_to(args.folder))] = answer.text
    minutes = seconds.total() / 60
    result = {
        "question": "words that are written down where nobody speaks",
        "command": f"python benchmarks/noise_words.py {args.folder.parent.name}/{args.folder.name} "
        + (f"--leave-out {' '.join(args.leave_out)} " if args.leave_out else "")
        + f"--bundle {args.bundle}",
        "machine": machine.describe(),
        "versions": machine.versions(["resonet"]),
        "recordings": len(paths),
        "minutes": round(minutes, 2),
        "words": words.total(),
        "words_a_minute": round(words.total() / minutes, 2),
        "by_kind": {kind: {"minutes": round(seconds[kind] / 60, 2), "words": words[kind]} for kind in sorted(seconds)},
        "heard": heard,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    rate, most = result["words_a_minute"], [f"{kind} {count}" for kind, count in words.most_common(5) if count]
    print(f"{words.total()} words in {minutes:.1f} minutes of {len(paths)} recordings: {rate} a minute")
    print(f"most: {', '.join(most) or 'none'}")


if __name__ == "__main__":
    main()
