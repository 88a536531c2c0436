"""Search by spoken examples beside dynamic time warping over MFCCs, in English and, untrained, in Mandarin.

    python benchmarks/query_by_example.py DATA --embedder find-small --work WORK [--queries 100] [--seed 0]
    python benchmarks/query_by_example.py DATA --embedder find-small --work WORK --fit

DATA holds the corpora as their READMEs name them. English: the archive is librispeech-mini/test and
speechocean762/test; queries are words of six letters and more that are said 1 to 20 times there, each cut by forced
alignment out of one utterance of librispeech-mini/train, librispeech-mini/dev or speechocean762/train, and 0.3 s long
at least. None of their speakers is in the archive. Mandarin: every syllable of audio-cmn is a segment of an index of
its own, whether or not the English recognizer takes it for a word; queries are syllables of pinyin-syllables, another
speaker's. Nothing was trained on either, nor on Mandarin at all; but for `--trained NAME SOUNDS WORDS`, a recognizer
and an embedder that heard no other Mandarin than audio-cmn (mandarin_syllables.py), which are asked the same besides.

The baseline is the usual one: 13 MFCCs with their deltas every 10 ms, `librosa.sequence.dtw(subseq=True)` by cosine
through every recording, the best three places of each, 0.6 s apart; with the mean and the deviation of each recording
taken out, and (`--baselines 2`) as they are. The MFCCs of the archive are made beforehand, as our index is. Of
syllables, whole ones without the silence around them are laid over each other: parts of them find nothing.

A query's time is the processor's, of one thread, from samples to hits. WORK keeps the indexes, the queries and each
system's measures, so that a stopped run goes on. `--fit` fits the weights in search/example.py instead, with queries by
train speakers alone in librispeech-mini/dev, english-more/dev and the dev speakers of speechocean762/train, and
measures with these.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
import numpy as np
from numpy.typing import NDArray
from search_queries import Recording, phrases, recordings, timed
from speaker_search import dev_speakers

from resonet import audio
from resonet.audio.loudness import speech_span
from resonet.bundle import Bundle
from resonet.errors import AudioError
from resonet.evaluate import queries as reading
from resonet.evaluate import search
from resonet.evaluate.metrics.ranking import average_precision
from resonet.evaluate.search_result import Answer, Found
from resonet.runtime.acoustic import Acoustic
from resonet.search import embedding, example, posteriors
from resonet.search.finder import Finder
from resonet.search.indexer import Indexer, tokens_of
from resonet.search.places import Evidence
from resonet.search.rows import Segment
from resonet.search.store import Recording as Row
from resonet.search.store import Store, writing
from resonet.search.windows import Windows

RATE = 16000
LETTERS, MOST = 6, 20
SHORTEST = 0.3  # seconds of a query
BEFORE, AFTER = 0.04, 0.12  # seconds around a word, but for what its neighbours take
BASELINES = (("MFCC-DTW, normalised", True), ("MFCC-DTW", False))
DECIDED = ("atwv", "accepted", "accepted_right")
HITS, APART = 3, 0.6  # of a recording, seconds between them
HERE = Path(__file__).resolve().parent
Samples = NDArray[np.float32]
Frames = NDArray[np.float64]


@dataclass(frozen=True)
class Timer:
    """Wraps what answers queries, and keeps the processor seconds of each answer."""

    ask: search.Ask
    spent: list[float]

    def __call__(self, query: reading.Query) -> list[Found]:
        began = time.process_time()
        found = list(self.ask(query))
        self.spent.append(time.process_time() - began)
        return found


# Queries.


def cut(
    archive: Sequence[Recording], sources: Sequence[Recording], bundle: str, count: int, seed: int, folder: Path
) -> Path:
    """Writes queries: clips, and the file that says where what they say is said; gives the file."""
    file = folder / "queries.jsonl"
    if file.exists():
        return file
    draw = random.Random(seed)
    there, spoken = phrases(archive, 1), phrases(sources, 1)
    words = sorted(
        p
        for p in there
        if len(there[p]) <= MOST and p in spoken and sum(c.isalpha() for c in p[0]) >= LETTERS and p[0].isalpha()
    )
    draw.shuffle(words)
    # More than are wanted: some are too short, or cannot be aligned.
    chosen = {p: draw.choice(spoken[p]) for p in words[: 2 * count]}
    times = timed(sources, {number for number, _ in chosen.values()}, bundle)
    clips: list[tuple[str, Samples]] = []
    for (word,), (number, at) in chosen.items():
        if number not in times or len(clips) == count:
            continue
        samples, around = audio.read(sources[number].path, RATE), times[number]
        start = max(around[at][0] - BEFORE, around[at - 1][1] if at else 0.0)
        end = around[at][1] + AFTER
        end = min(end, around[at + 1][0] if at + 1 < len(around) else end, len(samples) / RATE)
        if end - start >= SHORTEST:
            clips.append((word, samples[round(start * RATE) : round(end * RATE)]))
    places = timed(archive, {number for word, _ in clips for number, _ in there[(word,)]}, bundle)
    lines: list[dict[str, Any]] = [{"recordings": [str(r.path) for r in archive]}]
    for word, clip in clips:
        hits = [
            {"file": str(archive[n].path), "start": places[n][i][0], "end": places[n][i][1]}
            for n, i in there[(word,)]
            if n in places
        ]
        if hits:
            audio.write(folder / f"{word}.wav", clip, RATE)
            lines.append({"id": word, "audio": f"{word}.wav", "hits": hits})
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def sets(data: Path, fit: bool) -> tuple[list[Recording], list[Recording]]:
    """Archive and sources of queries, with their transcripts."""
    if not fit:
        archive = recordings([data / "librispeech-mini/test", data / "speechocean762/test"])
        parts = ("librispeech-mini/train", "librispeech-mini/dev", "speechocean762/train")
        return archive, recordings([data / part for part in parts])
    held = dev_speakers(data)
    with open(data / "speechocean762/train/transcripts.tsv", encoding="utf-8", newline="") as table:
        rows = csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        theirs = {data / "speechocean762/train" / row["path"] for row in rows if row["speaker"] in held}
    learners = recordings([data / "speechocean762/train"])
    archive = recordings([data / "librispeech-mini/dev", data / "english-more/dev"])
    archive += [r for r in learners if r.path in theirs]
    sources = recordings([data / "librispeech-mini/train"]) + [r for r in learners if r.path not in theirs]
    return archive, sources


# The baseline.


def mfcc(samples: Samples, normalised: bool) -> Frames:
    """13 MFCCs and their deltas, [26, frames], a frame every 10 ms."""
    import librosa

    found = librosa.feature.mfcc(y=samples, sr=RATE, n_mfcc=13, n_fft=512, win_length=400, hop_length=160)
    width = min(9, (found.shape[1] - 1) // 2 * 2 + 1)
    deltas = librosa.feature.delta(found, width=width) if width >= 3 else np.zeros_like(found)
    both: Frames = np.concatenate([found, deltas]).astype(np.float64)
    if normalised:
        both = (both - both.mean(1, keepdims=True)) / np.maximum(both.std(1, keepdims=True), 1e-6)
    return both


def whole(query: Frames, recording: Frames) -> float:
    """Cost of the whole query laid over the whole recording, a frame of both."""
    import librosa

    table = librosa.sequence.dtw(X=query, Y=recording, metric="cosine", backtrack=False)
    return float(table[-1, -1]) / (query.shape[1] + recording.shape[1])


def warped(query: Frames, recording: Frames) -> Frames:
    """Cost of the query that ends at each frame, a frame of it."""
    import librosa

    if recording.shape[1] < 2:
        return np.full(recording.shape[1], np.inf)
    table = librosa.sequence.dtw(X=query, Y=recording, metric="cosine", subseq=True, backtrack=False)
    last: Frames = np.nan_to_num(table[-1], nan=np.inf) / query.shape[1]
    return last


class Warping:
    """The baseline over an archive of samples by path."""

    def __init__(self, paths: Iterable[Path], normalised: bool) -> None:
        self._normalised = normalised
        self._archive = {str(path): mfcc(audio.read(path, RATE), normalised) for path in paths}

    def __call__(self, query: reading.Query) -> list[Found]:
        assert query.audio is not None
        frames = mfcc(audio.read(query.audio, RATE), self._normalised)
        seconds = frames.shape[1] / 100
        found = []
        for path, recording in self._archive.items():
            cost = warped(frames, recording)
            for _ in range(HITS):
                end = int(cost.argmin())
                if not np.isfinite(cost[end]):
                    break
                # Scores are shown as probabilities; their order is all that is used.
                found.append(Found(path, max(0.0, end / 100 - seconds), end / 100, float(np.exp(-4 * cost[end]))))
                cost[max(0, end - round(APART * 100)) : end + round(APART * 100)] = np.inf
        return found


# English.


def english(given: argparse.Namespace) -> dict[str, Any]:
    """Both systems over the same archive and queries."""
    folder = given.work / ("dev" if given.fit else "english")
    folder.mkdir(parents=True, exist_ok=True)
    archive, sources = sets(given.data, given.fit)
    index = given.index or folder / "index"
    Indexer(index, given.bundle, given.embedder, 1).run([r.path for r in archive], failed=print)
    asked = reading.read(cut(archive, sources, given.bundle, given.queries, given.seed, folder))
    systems: dict[str, Any] = {}
    with Finder.open(index, threads=1, bundle=given.bundle, embedder=given.embedder) as finder:
        if given.fit:
            fit(finder.store, asked, given)
        recordings_of = search.archive_of(finder.store, asked.file)
        sizes = finder.store.sizes()
        hours = finder.seconds / 3600
        if given.fit:
            systems["resonet"] = measured(search.by_finder(finder), asked, recordings_of)
        else:
            ask = search.by_finder(finder)
            systems["resonet"] = kept(folder / "resonet.json", lambda: measured(ask, asked, recordings_of))
    for name, normalised in () if given.fit else BASELINES[: given.baselines]:
        paths = [r.path for r in archive]

        def warp(paths: list[Path] = paths, normalised: bool = normalised) -> dict[str, Any]:
            return measured(Warping(paths, normalised), asked, recordings_of)

        found = kept(folder / f"{name}.json", warp)
        # It only ranks: there is no decision of its own to judge.
        systems[name] = {key: value for key, value in found.items() if key not in DECIDED}
    return {
        "archive_hours": round(hours, 2),
        "megabytes_an_hour": {k: round(v / hours / 1e6, 3) for k, v in sizes.items()},
        "systems": systems,
    }


def kept(file: Path, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was measured before, else now."""
    if not file.exists():
        found = measure()
        print(f"\n{file.stem}: {json.dumps(found)}", file=sys.stderr, flush=True)
        file.write_text(json.dumps(found), encoding="utf-8")
    result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return result


def measured(ask: search.Ask, asked: reading.Queries, archive: reading.Archive) -> dict[str, Any]:
    """The measures of a system, and the processor seconds of its queries after the first one."""
    timer = Timer(ask, [])
    timer(asked.queries[0])
    timer.spent.clear()
    result = search.score(timer, asked, archive, progress=_progress)
    found, weighted = result.whole, result.whole.weighted
    assert weighted is not None
    rng = np.random.default_rng(0)
    each = np.array([average_precision(a.right, len(a.query.hits)) for a in result.answers])
    means = rng.choice(each, (2000, len(each))).mean(1)
    return {
        "queries": found.queries,
        "true_hits": weighted.said,
        "seconds_searched": round(result.seconds),
        "map": _short(found.map),
        "map_95": [_short(float(x)) for x in np.quantile(means, (0.025, 0.975))],
        "mrr": _short(found.mrr),
        "precision_at_10": _short(found.precision_at_10),
        "recall_at_10": _short(found.recall_at_10),
        "mtwv": _short(weighted.mtwv),
        "atwv": _short(weighted.atwv),
        "otwv": _short(weighted.otwv),
        "stwv": _short(weighted.stwv),
        "accepted": found.counts.accepted,
        "accepted_right": found.counts.right,
        "milliseconds": [round(1000 * float(x), 1) for x in (np.mean(timer.spent), np.quantile(timer.spent, 0.95))],
        "failures": sum(bool(a.failure) for a in result.answers),
        "lowest": _lowest(result.answers),
    }


def _lowest(answers: Sequence[Answer]) -> list[str]:
    """The queries that were found worst."""
    order = sorted(answers, key=lambda a: average_precision(a.right, len(a.query.hits)))
    return [a.query.id for a in order[:10]]


# Weights.


def fit(store: Store, asked: reading.Queries, given: argparse.Namespace) -> None:
    """Fits the weights of search/example.py on the queries, prints them and uses them from here on."""
    examples = example.Examples(store, given.bundle, given.embedder, 1)
    segments = dict(store.rows("select s.id, path from segments s join recordings r on r.id = recording"))
    heard = [examples.heard(audio.read(query.audio, RATE)) for query in asked.queries if query.audio]
    for ways in example.WEIGHTS:
        x, y = [], []
        for query, whole in zip(asked.queries, heard, strict=True):
            part = example.Query(whole.slots if ways[0] else None, whole.windows if ways[1] else ())
            if part.slots is None and not part.windows:
                continue
            evidence = examples.evidence(part)
            if not len(evidence.both):
                continue
            x.append(example.features(part, evidence))
            y.append(_right(query, evidence, segments))
        example.WEIGHTS[ways] = _logistic(np.concatenate(x), np.concatenate(y))
        print(f"    {ways}: {tuple(round(w, 4) for w in example.WEIGHTS[ways])},")


def _right(query: reading.Query, evidence: Evidence, segments: dict[int, str]) -> NDArray[np.bool_]:
    from resonet.evaluate.metrics.term_weighted import paired

    path = np.array([segments[number] for number in evidence.segment.tolist()])
    centre, right = (evidence.start + evidence.end) / 2, np.zeros(len(path), bool)
    for file in {place.file for place in query.hits}:
        own = np.flatnonzero(path == file)
        said = [place.centre for place in query.hits if place.file == file]
        if len(own):
            right[own] = paired(centre[own], -evidence.both[own], said) >= 0
    return right


def _logistic(x: Frames, y: NDArray[np.bool_], ridge: float = 1.0) -> tuple[float, ...]:
    """Weights of greatest likelihood by Newton's method, with a ridge on all but the first (calibration.py)."""
    scale = np.append(1.0, np.maximum(x[:, 1:].std(axis=0), 1e-9))
    z, weights = x / scale, np.zeros(x.shape[1])
    more = np.diag([1e-6, *[ridge] * (x.shape[1] - 1)])
    for _ in range(60):
        p = 1 / (1 + np.exp(-np.clip(z @ weights, -30, 30)))
        step = np.linalg.solve((z * (p * (1 - p))[:, None]).T @ z + more, z.T @ (y - p) - more @ weights)
        weights += step * min(1.0, 5.0 / float(np.abs(step).max()))
    return tuple((weights / scale).tolist())


# Mandarin.


def syllables(data: Path, name: str, only: str = "") -> list[tuple[Path, str]]:
    """Clips with their syllables in pinyin, the tone a digit behind."""
    with open(data / name / "index.tsv", encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [(data / name / row["path"], row["pinyin"]) for row in rows if row["path"].startswith(only)]


def mandarin(given: argparse.Namespace) -> dict[str, Any]:
    """Which syllables a syllable finds first."""
    archive = syllables(given.data, "audio-cmn", "syllables")
    labels = [label for _, label in archive]
    queries = [pair for pair in syllables(given.data, "pinyin-syllables") if pair[1] in set(labels)]
    random.Random(given.seed).shuffle(queries)
    queries = queries[: given.syllables]
    index = given.work / "mandarin"
    wanted = [label for _, label in queries]

    def warp(normalised: bool) -> dict[str, Any]:
        frames = [mfcc(spoken(audio.read(path, RATE)), normalised) for path, _ in archive]
        ranks, spent = [], []
        for path, _ in _progress(queries, len(queries)):
            samples = audio.read(path, RATE)
            began = time.process_time()
            query = mfcc(spoken(samples), normalised)
            costs = [whole(query, recording) for recording in frames]
            spent.append(time.process_time() - began)
            ranks.append(np.argsort(costs, kind="stable").tolist())
        return _shares(wanted, labels, ranks, spent)

    pairs = {"resonet": (given.bundle, given.embedder)}
    for name, *pair in given.trained:
        pairs[f"resonet, {name}"] = tuple(pair)
    systems = {}
    for name, pair in pairs.items():
        own = index / name

        def ask(own: Path = own, pair: tuple[str, str] = pair) -> dict[str, Any]:
            if not (own / "index.sqlite").exists():
                clips(own, archive, *pair)
            return _examples(own, queries, labels, *pair)

        systems[name] = kept(index / f"{name}.json", ask)
    for name, normalised in BASELINES[: given.baselines]:
        systems[name] = kept(index / f"{name}.json", lambda normalised=normalised: warp(normalised))
    return {"queries": len(queries), "archive_clips": len(archive), "systems": systems}


def _examples(
    index: Path, queries: Sequence[tuple[Path, str]], labels: Sequence[str], bundle: str, embedder: str
) -> dict[str, Any]:
    """What our own search finds first."""
    ranks: list[list[int]] = []
    spent: list[float] = []
    with Store.open(index) as store:
        examples = example.Examples(store, bundle, embedder, 1)
        place = {number: i for i, (number,) in enumerate(store.rows("select id from segments order by id"))}
        for path, _ in _progress(queries, len(queries)):
            samples = audio.read(path, RATE)
            began = time.process_time()
            try:
                hits = examples.find(samples, RATE)
            except AudioError:  # nothing is heard in it
                hits = []
            spent.append(time.process_time() - began)
            ranks.append(list(dict.fromkeys(place[hit.segment] for hit in hits)))
    return _shares([label for _, label in queries], labels, ranks, spent)


def spoken(samples: Samples) -> Samples:
    """A clip without the silence at its ends."""
    first, last, _ = speech_span(samples, RATE)
    return samples[first:last]


def clips(folder: Path, archive: Sequence[tuple[Path, str]], bundle: str, embedder: str) -> None:
    """An index in which each clip is one segment."""
    meta = Indexer(folder, bundle, embedder, 1).meta
    with Bundle.open(bundle, kind="recognizer") as opened:
        acoustic = Acoustic(opened, 1)
    with Bundle.open(embedder, kind="embedder") as opened:
        windows = Windows.of(opened, 1)
    with writing(folder, meta, tokens_of(meta)) as writer:
        for i in range(0, len(archive), 64):
            some = archive[i : i + 64]
            sounds = [audio.read(path, RATE) for path, _ in some]
            rows = zip(some, sounds, acoustic.scores(sounds), windows.packed(sounds), strict=True)
            for (path, _), sound, log_probs, packed in rows:
                seconds = len(sound) / RATE
                segment = Segment(0.0, seconds, (), posteriors.pack(log_probs), packed)
                writer.add(Row(str(path), 1, 1, str(path), seconds, "zh"), [segment])


def _shares(
    asked: Sequence[str], labels: Sequence[str], ranks: Sequence[Sequence[int]], spent: Sequence[float]
) -> dict[str, Any]:
    """Percent of queries whose syllable is the first, and among the first five; with its tone, and without.

    The first five clips; of syllables without tone, which have up to five clips each, also the first five syllables.
    """

    def share(form: Callable[[str], str], count: int, distinct: bool = False) -> float:
        found = [[form(labels[i]) for i in rank] for rank in ranks]
        first = [list(dict.fromkeys(forms))[:count] if distinct else forms[:count] for forms in found]
        return round(100 * float(np.mean([form(label) in forms for label, forms in zip(asked, first, strict=True)])), 1)

    def base(label: str) -> str:
        return label.rstrip("12345")

    return {
        "toned_top_1": share(str, 1),
        "toned_top_5": share(str, 5),
        "base_top_1": share(base, 1),
        "base_top_5": share(base, 5),
        "base_top_5_syllables": share(base, 5, distinct=True),
        "milliseconds": round(1000 * float(np.mean(spent)), 1),
    }


def _progress(items: Iterable[Any], count: int) -> Iterable[Any]:
    for i, item in enumerate(items, 1):
        yield item
        print(f"\rasked {i}/{count}", end="\n" if i == count else "", file=sys.stderr, flush=True)


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--embedder", default="find-small", help="bundle of kind embedder, by name or path")
    parser.add_argument("--bundle", default="en-small", help="the recognizer")
    parser.add_argument("--work", type=Path, required=True, help="folder for the indexes and queries")
    parser.add_argument(
        "--trained", nargs=3, action="append", default=[], metavar=("NAME", "SOUNDS", "WORDS"),
        help="two bundles that learnt Mandarin, and how the table calls them; repeatable",
    )  # fmt: skip
    parser.add_argument("--index", type=Path, help="an index of the English archive that is there already")
    parser.add_argument("--queries", type=int, default=100, help="spoken words")
    parser.add_argument("--syllables", type=int, default=200, help="spoken syllables")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fit", action="store_true", help="fit the weights on development recordings")
    parser.add_argument("--parts", nargs="+", choices=("english", "mandarin"), default=("english", "mandarin"))
    parser.add_argument("--baselines", type=int, default=1, help="how many forms of the baseline, 0 to 2")
    parser.add_argument("-o", "--output", type=Path)
    return parser.parse_args()


def main() -> None:
    """Measures, prints and writes."""
    given = arguments()
    result: dict[str, Any] = {
        "question": "search by spoken examples beside subsequence DTW over MFCCs",
        "command": f"python benchmarks/query_by_example.py DATA --queries {given.queries} "
        f"--syllables {given.syllables} --seed {given.seed}" + (" --fit" if given.fit else ""),
        "machine": machine.describe(),
        "versions": machine.versions(["resonet", "librosa", "numpy", "onnxruntime"]),
        "bundles": [embedding.described(_path(given.embedder))["embedder"], Path(given.bundle).stem],
    }
    if "english" in given.parts or given.fit:
        result["english"] = english(given)
    if "mandarin" in given.parts and not given.fit:
        result["mandarin"] = mandarin(given)
    print(json.dumps(result, indent=1, ensure_ascii=False))
    if given.output:
        given.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _path(name: str) -> Path:
    from resonet.bundle import find

    return find(name, "embedder").path


if __name__ == "__main__":
    main()
