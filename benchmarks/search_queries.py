"""Queries for `resonet evaluate --task search`: words and phrases of transcripts, with every place where they are said.

    python benchmarks/search_queries.py DATA... --known FILE... -o queries.jsonl [--bundle en-small] [--seed 0]

DATA are folders with transcripts.tsv (path, text). Chosen are, by the seed,

    seen      200 words and phrases that are said 1 to 20 times: half of them words of four letters and more, a quarter
              phrases of two and a quarter of three words, at least one of which is such a word
    unseen    50 words of four letters and more that are said 1 to 20 times and stand in none of the --known files:
              texts of language models, transcripts of training data, dictionaries (.txt, .tsv, .csv, .dict; .xz too)

No word of a seen query is unseen. Times come from forced alignment of the transcripts with the bundle; a recording that
cannot be aligned is left out of all. Recordings are named by the last two folders of DATA and their path in it, so that
they are found in an index wherever they lie. The words of a query are in the form in which recognizers write, a phrase
in quotes.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resonet.errors import ResonetError
from resonet.text.normalise import normalise

MOST = 20  # times that a query is said
LETTERS = 4  # of a word that says something
SHARES = (2, 1, 1)  # words, phrases of two words, of three

_PIECE = 1 << 22  # characters of a known text that are read at once


@dataclass(frozen=True)
class Recording:
    """A recording with its transcript as words; name: as the queries call it."""

    name: str
    path: Path
    words: tuple[str, ...]


Phrase = tuple[str, ...]
Places = list[tuple[int, int]]  # recording and first word, by number


def recordings(folders: Sequence[Path], language: str = "en") -> list[Recording]:
    """All recordings of the folders."""
    from resonet.evaluate import references

    found = []
    for folder in folders:
        last = "/".join(folder.resolve().parts[-2:])
        for reference in references.read(folder):
            name = f"{last}/{reference.path.relative_to(folder).as_posix()}"
            found.append(Recording(name, reference.path, tuple(normalise(reference.text, language).split())))
    return found


def phrases(said: Sequence[Recording], length: int) -> dict[Phrase, Places]:
    """All runs of so many words, with the places where they are said."""
    found: dict[Phrase, Places] = defaultdict(list)
    for number, recording in enumerate(said):
        for i in range(len(recording.words) - length + 1):
            found[recording.words[i : i + length]].append((number, i))
    return found


def telling(word: str) -> bool:
    """Whether a word can be searched for by itself: four letters and more, no digits."""
    return sum(c.isalpha() for c in word) >= LETTERS and not any(c.isdigit() for c in word)


def unknown(words: Iterable[str], files: Iterable[Path], language: str = "en") -> set[str]:
    """Those of the words that stand in none of the files."""
    left = set(words)
    for file in files:
        for text in read(file):
            left.difference_update(normalise(text, language).split())
    return left


def read(file: Path) -> Iterator[str]:
    """A file in pieces that end with a line; of a dictionary (WORD(2) P H O N E S) its words."""
    with (lzma.open if file.suffix == ".xz" else open)(file, "rt", encoding="utf-8") as lines:
        while piece := lines.readlines(_PIECE):
            if file.suffix == ".dict":
                yield "\n".join(re.sub(r"\(\d+\)$", "", line.split(maxsplit=1)[0]) for line in piece if line.strip())
            else:
                yield "".join(piece)


def chosen(
    said: Sequence[Recording], unseen: set[str], seen_count: int, unseen_count: int, seed: int
) -> tuple[list[Phrase], list[Phrase]]:
    """The queries, seen and unseen; unseen: words that no known file has."""
    draw = random.Random(seed)
    words = phrases(said, 1)
    rare = sorted(p for p, places in words.items() if len(places) <= MOST and p[0] in unseen)
    seen: list[Phrase] = []
    for length, share in enumerate(SHARES, 1):
        there = [
            p
            for p, places in phrases(said, length).items()
            if len(places) <= MOST and any(map(telling, p)) and not unseen & set(p) and not re.search(r"\d", "".join(p))
        ]
        count = seen_count * share // sum(SHARES)
        seen += draw.sample(sorted(there), min(count, len(there)))
    return seen, draw.sample(rare, min(unseen_count, len(rare)))


def timed(said: Sequence[Recording], wanted: Iterable[int], bundle: str) -> dict[int, list[tuple[float, float]]]:
    """Start and end of each word of recordings by number; what cannot be aligned is told and left out."""
    from resonet.runtime.alignment import Aligner

    aligner, found = Aligner.load(bundle), {}
    numbers = sorted(set(wanted))
    for done, number in enumerate(numbers, 1):
        recording = said[number]
        print(f"\raligned {done}/{len(numbers)}", end="", file=sys.stderr, flush=True)
        try:
            words = aligner.align(recording.path, " ".join(recording.words)).words
        except ResonetError as error:
            print(f"\nleft out: {recording.name}: {error}", file=sys.stderr)
            continue
        if [w.word for w in words] != list(recording.words):
            print(f"\nleft out: {recording.name}: other words were aligned", file=sys.stderr)
            continue
        found[number] = [(w.start, w.end) for w in words]
    print(file=sys.stderr)
    return found


def lines(
    said: Sequence[Recording],
    groups: Mapping[str, Sequence[Phrase]],
    times: Mapping[int, Sequence[tuple[float, float]]],
) -> list[dict[str, Any]]:
    """The queries as JSON objects; recordings without times are not there."""
    found = []
    by_length = {n: phrases(said, n) for n in {len(p) for group in groups.values() for p in group}}
    for group, some in groups.items():
        for phrase in some:
            hits = [
                {
                    "file": said[number].name,
                    "start": round(times[number][first][0], 3),
                    "end": round(times[number][first + len(phrase) - 1][1], 3),
                }
                for number, first in by_length[len(phrase)][phrase]
                if number in times
            ]
            text = " ".join(phrase)
            if hits:
                query = f'"{text}"' if len(phrase) > 1 else text
                found.append({"id": f"{group}-{text.replace(' ', '-')}", "query": query, "group": group, "hits": hits})
    return found


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path, help="folders with transcripts.tsv")
    parser.add_argument("--known", nargs="*", type=Path, default=[], help="texts whose words are not unseen")
    parser.add_argument("--bundle", default="en-small", help="the recognizer that aligns")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seen", type=int, default=200, help="how many words and phrases")
    parser.add_argument("--unseen", type=int, default=50, help="how many words of no known file")
    parser.add_argument("-o", "--output", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    """Chooses, aligns and writes."""
    args = arguments()
    said = recordings(args.data)
    candidates = {p[0] for p, places in phrases(said, 1).items() if telling(p[0])}
    unseen = unknown(candidates, args.known) if args.known else set()
    seen, rare = chosen(said, unseen, args.seen, args.unseen, args.seed)
    where = {n: phrases(said, n) for n in (1, 2, 3)}
    wanted = {number for p in [*seen, *rare] for number, _ in where[len(p)][p]}
    times = timed(said, wanted, args.bundle)
    failed = wanted - times.keys()
    found = lines(said, {"seen": seen, "unseen": rare}, times)
    head = {
        "recordings": [r.name for i, r in enumerate(said) if i not in failed],
        "made": {
            "data": ["/".join(folder.resolve().parts[-2:]) for folder in args.data],
            "known": [file.name for file in args.known],
            "words_of_no_known_file": len(unseen),
            "bundle": Path(args.bundle).name,
            "seed": args.seed,
        },
    }
    with args.output.open("w", encoding="utf-8") as file:
        for line in (head, *found):
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    for group in ("seen", "unseen"):
        own = [line for line in found if line["group"] == group]
        print(f"{group}: {len(own)} queries, said {sum(len(line['hits']) for line in own)} times")
    print(f"{len(head['recordings'])} recordings, {len(unseen)} words of no known file, {len(failed)} not aligned")


if __name__ == "__main__":
    main()
