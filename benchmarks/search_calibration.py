"""Fits the weights by which keyword search turns evidence into probabilities, on development recordings.

    python benchmarks/search_calibration.py DATA... --index DIR [--split dev] [--bundle en-small] [--seed 0]

DATA are folders with transcripts.tsv, or what `resonet prepare` wrote; no test part belongs here. DIR is made of their
recordings where it is not there yet. Asked are words and phrases of two and three words that are said 1 to 20 times
(drawn as for search_queries.py), all such words that the recognizer's lexicon lacks, and, a fifth of all, words of the
lexicon that nobody says: so that the best place of a word that is not there is not taken for it. Reference times come
from forced alignment.

Prints the term-weighted values of each kind of query, each judged by weights that were fitted on the other four fifths
of the queries; then the weights fitted on all, for `FITTED` in src/resonet/search/calibration.py. The result goes to
benchmarks/results/search-calibration.json (`--output`).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
import numpy as np
from numpy.typing import NDArray
from search_queries import MOST, Phrase, Recording, phrases, telling, timed

from resonet.bundle import Bundle
from resonet.evaluate import references
from resonet.evaluate.metrics.term_weighted import Keyword, paired, weigh
from resonet.search.calibration import NAMES, Calibration, Evidence, judge
from resonet.search.indexer import Indexer
from resonet.search.keywords import Keywords
from resonet.search.sayings import Sayings
from resonet.search.store import Store
from resonet.search.texts import Texts
from resonet.search.tokens import tokens_of
from resonet.search.tree import Words
from resonet.text.lexicon import Lexicon
from resonet.text.normalise import normalise

HERE = Path(__file__).resolve().parent
KINDS = ("words", "pairs", "triples", "unseen", "absent")
FOLDS = 5
# Seconds between recordings, laid one after the other.
FAR = 1e6


@dataclass(frozen=True)
class Judged:
    """A query: how often it is said, its places, and which of them are right; unread: said in texts not looked at."""

    said: int
    evidence: Evidence
    right: NDArray[np.bool_]
    unread: float


def recordings(folders: Sequence[Path], split: str) -> list[Recording]:
    """All recordings of the folders, by absolute path."""
    return [
        Recording(str(r.path.absolute()), r.path, tuple(normalise(r.text, "en").split()))
        for folder in folders
        for r in references.read(folder, split)
    ]


def drawn(said: Sequence[Recording], known: Lexicon, counts: Sequence[int], seed: int) -> dict[str, list[Phrase]]:
    """Queries by kind; counts: words, pairs and triples at most."""
    draw = random.Random(seed)
    found: dict[str, list[Phrase]] = {}
    for kind, length, count in zip(KINDS, (1, 2, 3), counts, strict=False):
        there = sorted(
            p
            for p, places in phrases(said, length).items()
            if len(places) <= MOST and any(map(telling, p)) and all(word in known for word in p)
        )
        found[kind] = draw.sample(there, min(count, len(there)))
    spoken = phrases(said, 1)
    found["unseen"] = sorted(p for p, at in spoken.items() if len(at) <= MOST and telling(p[0]) and p[0] not in known)
    silent = sorted((word,) for word in known if telling(word) and (word,) not in spoken)
    found["absent"] = draw.sample(silent, min(len(silent), sum(map(len, found.values())) // 4))
    return found


def judged(
    store: Store,
    sayings: Sayings,
    queries: Mapping[str, Sequence[Phrase]],
    said: Sequence[Recording],
    times: Mapping[int, Sequence[tuple[float, float]]],
) -> dict[Phrase, Judged]:
    """Every query with its evidence, and what of it is right."""
    numbers = {recording.name: number for number, recording in enumerate(said)}
    indexed = {r.id: numbers.get(path) for path, r in store.recordings().items()}
    of_segment = {i: indexed[r] for i, r in store.rows("select id, recording from segments")}
    texts, keywords = Texts(store), Keywords(store)
    where = {n: phrases(said, n) for n in (1, 2, 3)}
    found = {}
    everything = [phrase for some in queries.values() for phrase in some]
    for done, phrase in enumerate(everything, 1):
        print(f"\rasked {done}/{len(everything)}", end="", file=sys.stderr, flush=True)
        text = " ".join(phrase)
        words = Words(tuple(token for word in phrase for token in tokens_of(word)), text)
        in_text = {
            segment.id: [(place.start, place.end, place.score) for place in places]
            for segment in texts.candidates(words, 0, 1 << 30)
            if (places := texts.occurrences(words, segment))
        }
        segments, evidence, unread = keywords.evidence(sayings.ways(text), in_text)
        true = [
            (number, times[number][first][0], times[number][first + len(phrase) - 1][1])
            for number, first in where[len(phrase)].get(phrase, ())
            if number in times
        ]
        far = np.array([FAR * (-1 if (number := of_segment[int(i)]) is None else number) for i in segments])
        pairs = paired(
            far + (evidence.start + evidence.end) / 2,
            np.nan_to_num(evidence.said) + np.minimum(evidence.count, 1),
            np.array([FAR * number + (start + end) / 2 for number, start, end in true]),
        )
        found[phrase] = Judged(len(true), evidence, pairs >= 0, unread)
    print(file=sys.stderr)
    return found


def fitted(some: Sequence[Judged]) -> Calibration:
    """Weights from queries."""
    return Calibration.fit([query.evidence for query in some], [query.right for query in some])


def crossed(asked: Mapping[Phrase, Judged], seconds: float, seed: int) -> dict[Phrase, Keyword]:
    """Every query judged by weights that were fitted on others."""
    order = sorted(asked)
    random.Random(seed).shuffle(order)
    found = {}
    for fold in range(FOLDS):
        weights = fitted([asked[phrase] for i, phrase in enumerate(order) if i % FOLDS != fold])
        for phrase in order[fold::FOLDS]:
            query = asked[phrase]
            _, scores = judge(query.evidence, seconds, query.unread, weights)
            found[phrase] = Keyword(query.said, scores, query.right, scores >= 0.5)
    return found


def measured(
    found: Mapping[Phrase, Keyword], queries: Mapping[str, Sequence[Phrase]], seconds: float
) -> dict[str, Any]:
    """The values of each kind of query; of absent ones, how many are taken for said somewhere."""
    table: dict[str, Any] = {}
    for kind in KINDS[:-1]:
        own = [found[phrase] for phrase in queries[kind] if found[phrase].said]
        value = weigh(own, seconds)
        table[kind] = {
            "keywords": len(own), "true_hits": sum(k.said for k in own), "atwv": round(value.atwv, 4),
            "mtwv": round(value.mtwv, 4), "otwv": round(value.otwv, 4), "stwv": round(value.stwv, 4),
        }  # fmt: skip
    absent = [found[phrase] for phrase in queries["absent"]]
    table["absent"] = {
        "keywords": len(absent),
        "accepted_somewhere": round(float(np.mean([k.accepted.any() for k in absent])), 4),
        "accepted_places": round(float(np.mean([k.accepted.sum() for k in absent])), 4),
    }
    return table


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path, help="folders with transcripts.tsv, or prepared data")
    parser.add_argument("--split", default="dev", help="of prepared data")
    parser.add_argument("--index", type=Path, required=True, help="of these recordings; made where it is not there")
    parser.add_argument("--bundle", default="en-small", help="the recognizer")
    parser.add_argument("--count", type=int, nargs=3, default=(600, 300, 300), help="words, pairs, triples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "search-calibration.json")
    return parser.parse_args()


def main() -> None:
    """Asks, fits, prints and writes."""
    args = arguments()
    said = recordings(args.data, args.split)
    if not args.index.exists():
        Indexer(args.index, args.bundle, "none").run([r.path for r in said])
    with Bundle.open(args.bundle, kind="recognizer") as bundle:
        known = Lexicon.from_bytes(bundle.read("lexicon.bin"))
    queries = drawn(said, known, args.count, args.seed)
    where = {n: phrases(said, n) for n in (1, 2, 3)}
    wanted = {number for some in queries.values() for p in some for number, _ in where[len(p)].get(p, ())}
    times = timed(said, wanted, args.bundle)
    with Store.open(args.index) as store:
        asked = judged(store, Sayings.of(store.meta, args.bundle), queries, said, times)
        seconds = store.seconds
    table = measured(crossed(asked, seconds, args.seed), queries, seconds)
    weights = fitted(list(asked.values())).weights
    result = {
        "question": "weights of the evidence for a keyword, and what they are worth on keywords not fitted on",
        "command": f"python benchmarks/search_calibration.py {' '.join(p.name for p in args.data)} --index ... "
        f"--split {args.split} --bundle {Path(args.bundle).name} --seed {args.seed}",
        "machine": machine.describe(),
        "versions": machine.versions(["resonet", "numpy"]),
        "recordings": len(said),
        "seconds": round(seconds, 1),
        "by_kind": table,
        "weights": {name: round(weight, 4) for name, weight in zip(NAMES, weights, strict=True)},
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(table, indent=1))
    print("FITTED = Calibration(", tuple(round(weight, 4) for weight in weights), ")", sep="")


if __name__ == "__main__":
    main()
