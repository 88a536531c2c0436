"""How well an embedder bundle tells speakers and languages apart, on people it never heard.

    python benchmarks/speaker_search.py DATA BUNDLE [--dev] [--json OUT]

DATA holds the corpora as bundles/find-small/README.md names them. Speakers: all pairs of test utterances of 3 s or
more of librispeech-mini and speechocean762, compared by their cosine; the equal error rate over both sets together,
and in each. Languages: those English recordings and english-more/test by people never trained on; Mandarin syllables
of another speaker than those of training (pinyin-syllables, joined to 3 s); German by the one reader there is, in
sentences never trained on (kerstin-de/test.txt), so that its figure says little of other voices. `--dev` does the
same for the development parts, which is where settings are chosen.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe
from numpy.typing import NDArray

from resonet.audio import read
from resonet.audio.loudness import speech_span
from resonet.decoding.likeness import equal_error_rate, pairs
from resonet.runtime.identity import Identity

RATE = 16000
LEAST = 3.0  # seconds
SETS = ("librispeech-mini", "speechocean762")


@dataclass(frozen=True)
class Said:
    """An utterance: its set, who speaks ("" where nobody knows), the language, the sound."""

    set: str
    speaker: str
    language: str
    samples: NDArray[np.float32]


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def english(data: Path, name: str, split: str, only: set[str] | None = None) -> Iterator[Said]:
    """Utterances of 3 s or more."""
    for row in rows(data / name / split / "transcripts.tsv"):
        if float(row["seconds"]) >= LEAST and (only is None or row["speaker"] in only):
            speaker = "" if name == "english-more" else f"{name}-{row['speaker']}"
            yield Said(name, speaker, "en", read(data / name / split / row["path"]))


def german(data: Path, part: str) -> Iterator[Said]:
    for name in (data / "kerstin-de" / f"{part}.txt").read_text(encoding="utf-8").split():
        samples = read(next((data / "kerstin-de" / "wavs").glob(f"{name}.*")))
        if len(samples) >= LEAST * RATE:
            yield Said("kerstin-de", "kerstin", "de", samples)


def mandarin(data: Path, part: str) -> Iterator[Said]:
    """Clips of one speaker, one after another, until they are 3 s together."""
    name = {"test": "pinyin-syllables", "dev": "audio-cmn"}[part]
    pieces: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    for i, row in enumerate(rows(data / name / "index.tsv")):
        if part == "dev" and i % 25:
            continue
        samples = read(data / name / row["path"])
        first, last, _ = speech_span(samples, RATE)
        held = pieces[row["speaker"]]
        held.append(samples[first:last])
        if sum(map(len, held)) >= LEAST * RATE:
            yield Said(name, row["speaker"], "zh", np.concatenate(held))
            held.clear()


def utterances(data: Path, dev: bool) -> Iterator[Said]:
    part = "dev" if dev else "test"
    yield from english(data, "librispeech-mini", part)
    if dev:
        yield from english(data, "speechocean762", "train", dev_speakers(data))
    else:
        yield from english(data, "speechocean762", "test")
        yield from english(data, "english-more", "test")
    yield from german(data, part)
    yield from mandarin(data, part)


def dev_speakers(data: Path) -> set[str]:
    """The speakers of speechocean762/train that bundles/find-small/recipe/speaker_table.py holds out."""
    names = sorted({f"speechocean762-{row['speaker']}" for row in rows(data / "speechocean762/train/transcripts.tsv")})
    return {name.partition("-")[2] for name in random.Random(762).sample(names, 15)}


@dataclass(frozen=True)
class Heard:
    """What was heard of an utterance: `language` is what it is, `answer` what it was taken for."""

    set: str
    speaker: str
    language: str
    answer: str
    voice: NDArray[np.float32]


def speakers(heard: list[Heard]) -> list[dict[str, Any]]:
    """Equal error rates, with how many speakers, utterances and pairs stand behind them."""
    found = []
    for sets in (SETS, *((name,) for name in SETS)):
        chosen = [h for h in heard if h.set in sets]
        who = [h.speaker for h in chosen]
        same, other = pairs(np.stack([h.voice for h in chosen]), who)
        rate, threshold = equal_error_rate(same, other)
        found.append(
            {
                "sets": " + ".join(sets),
                "speakers": len(set(who)),
                "with_two": sum(n > 1 for n in Counter(who).values()),
                "utterances": len(chosen),
                "same": len(same),
                "other": len(other),
                "equal_error_rate": round(100 * rate, 2),
                "threshold": round(threshold, 3),
            }
        )
    return found


def languages(heard: list[Heard]) -> list[dict[str, Any]]:
    """How many of each set were taken for what they are."""
    found = []
    for name in dict.fromkeys(h.set for h in heard):
        chosen = [h for h in heard if h.set == name]
        wrong = Counter(h.answer for h in chosen if h.answer != h.language)
        found.append(
            {
                "set": name,
                "language": chosen[0].language,
                "utterances": len(chosen),
                "right": len(chosen) - wrong.total(),
                "taken_for": dict(wrong),
            }
        )
    return found


def accuracy(found: list[dict[str, Any]]) -> float:
    """Percent right, each language counted alike."""
    shares = []
    for tag in sorted({row["language"] for row in found}):
        rows_of = [row for row in found if row["language"] == tag]
        shares.append(sum(row["right"] for row in rows_of) / sum(row["utterances"] for row in rows_of))
    return round(100 * float(np.mean(shares)), 1)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("data", type=Path)
    options.add_argument("bundle")
    options.add_argument("--dev", action="store_true")
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    identity = Identity.load(given.bundle)
    heard, seconds, spent = [], 0.0, 0.0
    for u in utterances(given.data, given.dev):
        began = time.process_time()
        found = identity.hear(u.samples)
        spent += time.process_time() - began
        seconds += len(u.samples) / RATE
        heard.append(Heard(u.set, u.speaker, u.language, next(iter(found.languages)), found.voice))
    result = {
        "bundle": identity.name,
        "sha256": identity.sha256,
        "part": "dev" if given.dev else "test",
        "hours": round(seconds / 3600, 2),
        "speed": round(seconds / spent),
        "speakers": speakers(heard),
        "languages": languages(heard),
        "language_accuracy": accuracy(languages(heard)),
        "machine": describe(),
    }
    report(result)
    if given.json:
        given.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def report(result: dict[str, Any]) -> None:
    for row in result["speakers"]:
        print(
            f"{row['sets']}: EER {row['equal_error_rate']} % at cosine {row['threshold']} ({row['utterances']} "
            f"utterances of {row['speakers']} speakers, {row['with_two']} with two or more; {row['same']} pairs of one "
            f"speaker, {row['other']} of two)"
        )
    for row in result["languages"]:
        print(f"{row['set']}: {row['language']} {row['right']} of {row['utterances']} {row['taken_for'] or ''}")
    print(f"languages, each counted alike: {result['language_accuracy']} %")
    print(f"{result['hours']} h, {result['speed']} s of sound a processor second")


if __name__ == "__main__":
    main()
