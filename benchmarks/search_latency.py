"""How long a search takes in a thousand hours: by words of the text, words listened for, vectors, a voice, meaning.

    python benchmarks/search_latency.py INDEX FOLDER [--hours 1000] [--bundle en-small] [--embedder find-small]
        [--audio CLIPS...] [--kinds text sounds vector voice meaning]

INDEX is a folder that `resonet index` made. FOLDER becomes an index of so many hours (of its segments), made by
repeating the recordings of INDEX under other names and numbers; one that is there already is taken as it is. Every copy
would have the same words, and no word would be rare: so of the words that are in at most three segments of INDEX, every
forty copies have forms of their own, and the vocabulary grows as that of real speech does. What is heard (posteriors,
vectors) is the same in every copy, which is the harder case: what is near comes a thousand times.

A Finder is opened once and warm: each kind of search is asked other queries first. 100 queries of a kind, seeded: words
and phrases of the texts (`text`, exact); words that are in few texts, listened for in the posteriors (`sounds`); one
vector of the index itself (`vector`; beyond a million, --copy makes the copy that FAISS searches); 1.2 s of recordings
(`voice`); the first words of segments (`meaning`). The musts are 30 / 50 / 300 ms at the 95th percentile for text /
vector / voice. Processor time stands beside the clock, for machines that do other things meanwhile. The result goes to
benchmarks/results/search-latency.json (`--output`); kinds that were measured there before, in the same index, stay.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import machine
import numpy as np

from resonet import audio
from resonet.search.embedding import reader
from resonet.search.finder import Finder
from resonet.search.indexer import tokens_of
from resonet.search.store import NAME, Store, writing

HERE = Path(__file__).resolve().parent
QUERIES, WARM = 100, 10
RARE, TOGETHER = 3, 40
KINDS = ("text", "sounds", "vector", "voice", "meaning")
MUST = {"text": 30, "vector": 50, "voice": 300}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hours", type=float, default=1000.0)
    parser.add_argument("--bundle")
    parser.add_argument("--embedder")
    parser.add_argument("--audio", type=Path, nargs="*", default=[])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["text", "sounds"])
    parser.add_argument(
        "--copy", action="store_true", help="bring the copy of the vectors that FAISS searches up to date"
    )
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "search-latency.json")
    args = parser.parse_args()
    making, copying = 0.0, 0.0
    if not (args.folder / NAME).exists():
        making = repeated(args.index, args.folder, args.hours)
    if args.copy:
        copying = copied(args.folder)
    with Store.open(args.index) as store:
        texts = [text for (text,) in store.rows("select text from segments order by id")]
    rng = np.random.default_rng(args.seed)
    asked = queries(texts, rng)
    with Finder.open(args.folder, threads=1, bundle=args.bundle, embedder=args.embedder) as finder:
        (segments, seconds), sizes = (
            finder.store.rows("select count(*), total(finish - start) from segments")[0],
            finder.store.sizes(),
        )
        result: dict[str, Any] = {
            "question": "how long a search takes in an index of so many hours",
            "hours_of_speech": seconds / 3600,
            "segments": segments,
            "bytes": sizes,
            "making_cpu_seconds": making,
            "copying_cpu_seconds": copying,
            "machine": machine.describe(),
            "versions": machine.versions(["resonet", "numpy", "onnxruntime", "faiss-cpu"]),
            "must_ms_p95": MUST,
            "kinds": {},
        }
        for kind in args.kinds:
            found = measured(*ways(kind, finder, asked, args.audio, rng))
            result["kinds"][kind] = found
            print(kind, json.dumps(found), flush=True)
    before = json.loads(args.output.read_text(encoding="utf-8")) if args.output.exists() else {}
    if before.get("segments") == result["segments"]:  # kinds that were measured another time, in the same index
        result["kinds"] = {**before["kinds"], **result["kinds"]}
        for key in ("making_cpu_seconds", "copying_cpu_seconds"):
            result[key] = result[key] or before[key]
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def repeated(source: Path, folder: Path, hours: float) -> float:
    """Makes the large index; gives the processor seconds that it took."""
    begun = time.process_time()
    with Store.open(source) as store:
        meta = {key: value for key, value in store.meta.items() if key not in ("format", "generation")}
        recordings = store.rows(
            "select id, path, size, modified, fingerprint, duration, language, speaker, date from recordings"
        )
        segments = store.rows("select recording, start, finish, text, words, sounds, windows, voice, id from segments")
    made = tokens_of(meta)
    grams = {row[-1]: made.grams(row[5]) for row in segments}
    counts = Counter(word for row in segments for word in set(row[3].split()))
    speech = sum(row[2] - row[1] for row in segments)
    copies = int(np.ceil(hours * 3600 / speech))
    # Copies by number, for the numbers of recordings and segments are given here.
    step_r, step_s = max(row[0] for row in recordings), max(row[-1] for row in segments)
    with writing(folder, meta, made) as writer:
        db = writer.database
        db.execute("pragma synchronous = off")
        db.execute("insert into runs values (0, 'made')")
        for copy in range(copies):
            db.execute("begin")
            db.executemany(
                "insert into recordings values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                ((row[0] + copy * step_r, f"/{copy:05d}{row[1]}", *row[2:]) for row in recordings),
            )
            form = letters(copy // TOGETHER)
            rows = [
                (
                    row[-1] + copy * step_s,
                    row[0] + copy * step_r,
                    row[1],
                    row[2],
                    renamed(row[3], counts, form),
                    *row[4:8],
                )
                for row in segments
            ]
            db.executemany("insert into segments values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            db.executemany("insert into texts (rowid, said) values (?, ?)", ((r[0], made.text(r[4])) for r in rows))
            db.executemany(
                "insert into grams (rowid, said) values (?, ?)",
                ((r[0], grams[s[-1]]) for r, s in zip(rows, segments, strict=True)),
            )
            db.execute("update meta set value = value + 1 where key = 'generation'")
            db.execute("commit")
            if copy % 50 == 49:
                db.execute("pragma wal_checkpoint(truncate)")
                print(f"{copy + 1} of {copies} copies, {time.process_time() - begun:.0f} CPU s", flush=True)
        for table in ("texts", "grams"):
            db.execute(f"insert into {table} ({table}) values ('optimize')")
    return time.process_time() - begun


def copied(folder: Path) -> float:
    """Makes the copy that FAISS searches, of 22 million vectors in a thousand hours; gives the processor seconds."""
    from resonet.search.vectors import refresh

    begun = time.process_time()
    with Store.open(folder) as store:
        refresh(store, "windows", reader(store, "windows"))
    return time.process_time() - begun


def letters(number: int) -> str:
    """A number in letters; none for 0."""
    found = ""
    while number:
        number, rest = divmod(number, 26)
        found += chr(ord("a") + rest)
    return found


def renamed(text: str, counts: Counter[str], form: str) -> str:
    return " ".join(word + form if counts[word] <= RARE else word for word in text.split()) if form else text


def queries(texts: list[str], rng: np.random.Generator) -> dict[str, list[str]]:
    """Words and phrases that are there; and words that are in few texts or none, as they are written."""
    counts = Counter(word for text in texts for word in set(text.split()))
    words = sorted(word for word in counts if len(word) > 3)
    rare = sorted(word for word in words if counts[word] <= RARE)
    phrases = sorted({" ".join(pair) for text in texts for pair in zip(text.split(), text.split()[1:], strict=False)})
    count = QUERIES + WARM
    common = rng.choice(words, count // 2).tolist() + [f'"{p}"' for p in rng.choice(phrases, count - count // 2)]
    rng.shuffle(common)
    sentences = [" ".join(text.split()[:8]) for text in rng.choice(texts, count)]
    return {"text": common, "sounds": rng.choice(rare, count).tolist(), "meaning": sentences}


def ways(
    kind: str, finder: Finder, asked: dict[str, list[str]], clips: list[Path], rng: np.random.Generator
) -> tuple[Callable[[Any], Any], list[Any]]:
    """How a kind of search is asked, and what."""
    if kind == "text":
        return lambda query: finder.search(query, exact=True), asked["text"]
    if kind == "sounds":
        return finder.search, asked["sounds"]
    if kind == "meaning":
        return finder.by_meaning, asked["meaning"]
    if kind == "voice":
        found = list(short(clips))
        return lambda samples: finder.by_voice(samples, sample_rate=16000), [
            found[i] for i in rng.integers(0, len(found), QUERIES + WARM)
        ]
    from resonet.search.vectors import Vectors

    read = reader(finder.store, "windows")
    vectors = Vectors(finder.store, "windows", read)
    blobs = [blob for _, blob in zip(range(2000), (b for _, b in finder.store.column("windows")), strict=False)]
    some = [read(blobs[i]).astype(np.float32)[:1] for i in rng.integers(0, len(blobs), QUERIES + WARM)]
    vectors.nearest(some[0], 200)
    if vectors.left_out:
        raise SystemExit(f"{vectors.left_out} vectors would not be searched: give --copy")
    print(f"vectors: recall of the copy {vectors.recall}", flush=True)
    return lambda query: vectors.nearest(query, 200), some


def short(clips: list[Path]) -> Iterator[np.ndarray]:
    """Recordings as samples, 1.2 s of each from its middle: a word or two."""
    for path in clips:
        samples = audio.read(path)
        middle = len(samples) // 2
        yield samples[max(0, middle - 9600) : middle + 9600]


def measured(ask: Callable[[Any], Any], asked: list[Any]) -> dict[str, Any]:
    """Milliseconds of the queries after the first ones, and how many hits they had."""
    cpu, clock, hits = [], [], []
    for number, query in enumerate(asked):
        began = time.process_time(), time.perf_counter()
        found = ask(query)
        if number >= WARM:
            cpu.append(time.process_time() - began[0])
            clock.append(time.perf_counter() - began[1])
            hits.append(len(found) if isinstance(found, list) else 1)
    return {
        "queries": len(clock),
        "with_hits": sum(map(bool, hits)),
        **{
            f"{name}_ms_{what}": round(float(np.percentile(times, rank)) * 1000, 2)
            for name, times in (("cpu", cpu), ("clock", clock))
            for what, rank in (("median", 50), ("p95", 95), ("most", 100))
        },
    }


if __name__ == "__main__":
    main()
