"""How fast the lexicon beam search is, and what a narrower beam costs, on made-up acoustic scores.

    pip install 'resonet[evaluate]'
    python benchmarks/decoder_speed.py --bundle en-small [--beams 32 64 128 256] [--output FILE]
    python benchmarks/decoder_speed.py --lm lm.bin --lexicon cmudict.txt

Sentences are drawn from the language model itself; their pronunciations become scores as a phone CTC net gives them:
25 frames a second, one or two frames a phone, blanks between, about a quarter of the phones wrong (see `--strength`).
So only the search is measured, without audio or net, and on words as hard to guess as the language model finds them.
Printed for each beam: processing seconds by the clock and by the processor for a second of sound, and words wrong.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import jiwer
import machine
import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle
from resonet.decoding import BeamOptions, LexiconBeam, greedy
from resonet.decoding.ngram import NgramModel
from resonet.text.lexicon import Lexicon
from resonet.text.units import Units

FRAME_SHIFT = 0.04
MOST_WORDS = 45


def draw_sentences(lm: NgramModel, lexicon: Lexicon, count: int, rng: np.random.Generator) -> list[list[str]]:
    """Sentences of 4 to 45 words, drawn word by word; words that cannot be said are not drawn."""
    sayable = np.array([word in lexicon or word == "</s>" for word in lm.words])
    every = np.arange(len(lm.words), dtype=np.int32)
    sentences: list[list[str]] = []
    while len(sentences) < count:
        state = lm.start_state()
        words: list[str] = []
        while len(words) < MOST_WORDS:
            scores, states = lm.score(np.full(len(every), state, np.int64), every)
            chosen = int(np.argmax(np.where(sayable, scores, -np.inf) + rng.gumbel(size=len(every))))
            if lm.words[chosen] == "</s>":
                break
            words.append(lm.words[chosen])
            state = int(states[chosen])
        if len(words) >= 4:
            sentences.append(words)
    return sentences


class Speaker:
    """Makes acoustic scores of phones: Gaussian noise on all units, a bonus on the right one, blanks between."""

    def __init__(self, units: Units, strength: float, rng: np.random.Generator) -> None:
        self.units, self.strength, self.rng = units, strength, rng

    def say(self, pronunciations: list[tuple[str, ...]]) -> NDArray[np.float32]:
        """float32 [frames, units], natural log; a word a pronunciation."""
        rows = self._blanks(int(self.rng.integers(4, 12)), 12.0)
        for phones in pronunciations:
            for unit in self.units.encode(phones):
                heard = self._noise()
                heard[unit] += self.strength * self.rng.uniform(0.75, 1.25)
                heard[0] += 2.0
                rows += [heard + self.rng.normal(0, 0.5, len(heard)) for _ in range(self.rng.choice([1, 1, 1, 2, 2]))]
                rows += self._blanks(int(self.rng.integers(0, 3)), float(self.rng.choice([6.0, 9.0, 12.0])))
            if self.rng.random() < 0.12:
                rows += self._blanks(int(self.rng.integers(3, 15)), 12.0)
        rows += self._blanks(int(self.rng.integers(4, 12)), 12.0)
        scores = np.array(rows)
        scores -= scores.max(axis=1, keepdims=True)
        return (scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))).astype(np.float32)

    def _noise(self) -> NDArray[np.float64]:
        return self.rng.normal(0, 1.7, len(self.units))

    def _blanks(self, count: int, sure: float) -> list[NDArray[np.float64]]:
        rows = [self._noise() for _ in range(count)]
        for row in rows:
            row[0] += sure
        return rows


def load(arguments: argparse.Namespace) -> tuple[NgramModel, Lexicon]:
    if arguments.lm and arguments.lexicon:
        lm = NgramModel.from_bytes(arguments.lm.read_bytes())
        return lm, Lexicon.read_cmudict(arguments.lexicon).subset(lm.words)
    with Bundle.open(arguments.bundle, "recognizer") as bundle:
        return NgramModel.from_bytes(bundle.read("lm.bin")), Lexicon.from_bytes(bundle.read("lexicon.bin"))


def measure(search: LexiconBeam, scores: list[NDArray[np.float32]], references: list[str]) -> dict[str, Any]:
    seconds = sum(map(len, scores)) * FRAME_SHIFT
    clock, processor = time.perf_counter(), time.process_time()
    found = search.decode(scores)
    return {
        **dataclasses.asdict(search.options),
        "rtf": round((time.perf_counter() - clock) / seconds, 5),
        "cpu_seconds_a_second": round((time.process_time() - processor) / seconds, 5),
        "words_wrong_percent": round(100 * jiwer.wer(references, [hypothesis.text for hypothesis in found]), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--bundle", default="en-small")
    parser.add_argument("--lm", type=Path, help="lm.bin, instead of a bundle")
    parser.add_argument("--lexicon", type=Path, help="CMUdict text, instead of a bundle")
    parser.add_argument("--beams", type=int, nargs="+", default=[32, 64, 128, 256, 512])
    parser.add_argument("--lm-weight", type=float, default=0.7)
    parser.add_argument("--utterances", type=int, default=192)
    parser.add_argument("--strength", type=float, default=5.7, help="of the right phone: a lower one gives more errors")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()

    rng = np.random.default_rng(1)
    lm, lexicon = load(arguments)
    units = Units.phones(lexicon.symbols)
    sentences = draw_sentences(lm, lexicon, arguments.utterances, rng)
    spoken = [[lexicon.pronunciations(word)[0] for word in words] for words in sentences]
    scores = [Speaker(units, arguments.strength, rng).say(pronunciations) for pronunciations in spoken]
    references = [" ".join(words) for words in sentences]
    phones = [" ".join(phone for word in words for phone in word) for words in spoken]

    start = time.perf_counter()
    search = LexiconBeam(units, lexicon, lm)
    result: dict[str, Any] = {
        "machine": machine.describe(),
        "words": len(lexicon),
        "build_seconds": round(time.perf_counter() - start, 3),
        "utterances": len(scores),
        "seconds": round(sum(map(len, scores)) * FRAME_SHIFT, 1),
        "phones_wrong_percent": round(100 * jiwer.wer(phones, [h.text for h in greedy.decode(scores, units)]), 2),
        "runs": [],
    }
    for beam in arguments.beams:
        options = BeamOptions(lm_weight=arguments.lm_weight, beam=beam)
        run = measure(search.with_options(options), scores, references)
        result["runs"].append(run)
        print(f"beam {beam:4}: RTF {run['rtf']:.5f}, {run['words_wrong_percent']:.1f} % of words wrong", flush=True)
    text = json.dumps(result, indent=1)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
