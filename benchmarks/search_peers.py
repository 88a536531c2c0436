"""Search over an index beside plain search over what recognizers understood best: PocketSphinx's text and our own.

    python benchmarks/search_peers.py QUERIES.jsonl --index DIR --peer-python PEERS/bin/python --cache CACHE

QUERIES are those of benchmarks/search_queries.py: words, or phrases in quotes. All three systems are asked the same
queries about the same recordings and scored by `resonet.evaluate.search`:

    resonet               the index as people search it
    resonet, text only    the words that its recognizer understood, one after the other as in the query; every place is
                          accepted, scored by the least confidence of its words
    pocketsphinx          the same over PocketSphinx's words, times and posteriors (US English model of its package)

PocketSphinx runs in a Python of its own (recognition_peers.py says how to make it), half a CPU second an audio second;
what it answered is kept in CACHE, so that a stopped run goes on. `--only ours` leaves it out. The result goes to
benchmarks/results/search-peers.json (`--output`), and as a table to stdout.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
from recognition_peers import BATCH, HERE, Cache, Worker

from resonet.errors import UsageError
from resonet.evaluate import queries as reading
from resonet.evaluate import search
from resonet.evaluate.search_result import Found
from resonet.search.finder import Finder
from resonet.text.normalise import normalise

PEER = "pocketsphinx-words"
COLUMNS = ("atwv", "mtwv", "stwv", "precision", "recall", "map", "mrr")


@dataclass(frozen=True)
class Word:
    """A word that was understood: seconds, and how sure, 0..1."""

    word: str
    start: float
    end: float
    sure: float


Texts = Mapping[str, Sequence[Word]]  # by path


class PlainSearch:
    """Finds the words of a query one after the other in texts; all that it finds it accepts."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._having: dict[str, set[str]] = {}
        for path, words in texts.items():
            for word in words:
                self._having.setdefault(word.word, set()).add(path)

    def __call__(self, query: reading.Query) -> list[Found]:
        """Hits of a word, or of a phrase in quotes.

        Raises:
            UsageError: another query.
        """
        wanted = plain(query.text)
        found = []
        for path in sorted(set.intersection(*(self._having.get(word, set()) for word in wanted))):
            words = self._texts[path]
            for i in range(len(words) - len(wanted) + 1):
                run = words[i : i + len(wanted)]
                if [w.word for w in run] == wanted:
                    found.append(Found(path, run[0].start, run[-1].end, min(w.sure for w in run)))
        return found


def plain(text: str) -> list[str]:
    """The words of a query that is a word, or a phrase in quotes."""
    bare = text[1:-1] if len(text) > 2 and text[0] == text[-1] == '"' else text
    words = normalise(bare).split()
    if not words or " ".join(words) != bare or (len(words) > 1 and bare == text):
        raise UsageError(f"{text!r} is neither a word nor a phrase in quotes", "plain search takes no other queries")
    return words


def understood(finder: Finder) -> Texts:
    """The words that an index has of each recording."""
    return {
        path: [Word(w.word, w.start, w.end, w.confidence) for s in finder.store.segments(r.id) for w in s.words]
        for path, r in finder.store.recordings().items()
    }


def understood_by_peer(python: str, folder: Path, files: Sequence[str]) -> tuple[Texts, dict[str, Any]]:
    """PocketSphinx's words of each file, and what it says of itself with its CPU seconds an audio second."""
    cache, worker = Cache(folder, PEER), None
    texts: dict[str, Sequence[Word]] = {}
    audio = cpu = 0.0
    for i in range(0, len(files), BATCH):
        part = [Path(file) for file in files[i : i + BATCH]]
        # Known by what is in the files, wherever they lie.
        digest = hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in part)).hexdigest()[:16]
        key = ("words", digest)
        if key not in cache.batches:
            if worker is None:
                worker = Worker(python, PEER)
                cache.add(worker.about)
            answer = worker.batch(part)
            cache.add({"set": key[0], "batch": key[1], **{k: v for k, v in answer.items() if k != "id"}})
        entry = cache.batches[key]
        audio, cpu = audio + sum(entry["seconds"]), cpu + entry["cpu_seconds"]
        for file, words in zip(part, entry["texts"], strict=True):
            texts[str(file)] = [Word(normalise(word), start, end, sure) for word, start, end, sure in words]
        print(f"\r{PEER} {min(i + BATCH, len(files))}/{len(files)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if worker is not None:
        worker.close()
    return texts, {**cache.about, "cpu_seconds_per_audio_second": round(cpu / audio, 4) if audio else None}


def table(systems: Mapping[str, Mapping[str, Any]]) -> str:
    """The result in short, as Markdown: all queries, then each group."""
    first = next(iter(systems.values()))["found"]
    told = [f"T = {first['seconds_searched']:.0f} s, {first['keywords']} queries said {first['true_hits']} times", ""]
    told += ["| system | queries | " + " | ".join(COLUMNS) + " |", "|---|---|" + "---|" * len(COLUMNS)]
    for group in ("all", *first["by_group"]):
        for name, system in systems.items():
            found = system["found"] if group == "all" else system["found"]["by_group"][group]
            cells = ["–" if found[key] is None else f"{found[key]:.3f}" for key in COLUMNS]
            told.append(f"| {name} | {group}, {found['keywords']} | " + " | ".join(cells) + " |")
    return "\n".join(told)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queries", type=Path, help="of benchmarks/search_queries.py")
    parser.add_argument("--index", type=Path, required=True, help="what `resonet index` made of the recordings")
    parser.add_argument("--peer-python", default=sys.executable, help="Python of the environment with the peers")
    parser.add_argument("--cache", type=Path, help="folder that keeps the peer's answers")
    parser.add_argument("--only", choices=("ours",), help="measure only these")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "search-peers.json")
    args = parser.parse_args()
    if args.cache is None and args.only is None:
        parser.error("the peer needs --cache")
    return args


def main() -> None:
    """Asks, scores, prints a table and writes the JSON."""
    args = arguments()
    asked = reading.read(args.queries)
    systems: dict[str, Any] = {}
    with Finder.open(args.index) as finder:
        archive = search.archive_of(finder.store, args.queries)
        searched = archive.only(asked.recordings) if asked.recordings else archive

        def put(name: str, ask: search.Ask, about: Mapping[str, Any]) -> None:
            found = search.score(ask, asked, archive, name=name, data=args.queries.name).as_dict()
            systems[name] = {**about, "found": {key: value for key, value in found.items() if key != "peak_mb"}}

        recognizer = finder.store.meta.get("recognizer") or {}
        about = {"versions": machine.versions(["resonet"]), "bundle": recognizer.get("name")}
        put("resonet", search.by_finder(finder), about)
        put("resonet, text only", PlainSearch(understood(finder)), about)
    if args.only != "ours":
        texts, told = understood_by_peer(args.peer_python, args.cache, sorted(searched.seconds))
        shown = ("versions", "settings", "cpu_seconds_per_audio_second")
        put("pocketsphinx", PlainSearch(texts), {key: told[key] for key in shown})
    result = {
        "question": "search over an index, beside plain search over the best text of two recognizers",
        "command": f"python benchmarks/search_peers.py {args.queries.name} --index ... --peer-python ... --cache ..."
        + (f" --only {args.only}" if args.only else ""),
        "machine": machine.describe(),
        "systems": systems,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(table(systems))


if __name__ == "__main__":
    main()
