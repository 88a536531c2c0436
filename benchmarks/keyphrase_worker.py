"""Runs PocketSphinx keyphrase spotting over a stream; started by peer_spotters.py in the peers' own Python.

One line of JSON in, `{"pcm": path, "phrases": [...], "phones": {word: "P H O N E S"}}`, one line out, `{"events":
[[seconds, phrase, score], ...], "cpu_seconds", "seconds", "versions", "settings", "unknown": [...]}`. Nothing of
resonet is imported. All phrases are searched for at once with a threshold low enough to keep every peak; PocketSphinx
gives the score of each, so that any higher threshold can be read from one pass. The stream goes through in pieces of
30 s that overlap by 3 s, each a search of its own, since detections that are never let go would make it slower and
slower.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from typing import Any

import machine

RATE = 16000
PIECE, OVERLAP = 30 * RATE, 3 * RATE
THRESHOLD = "1e-20"  # a rival of commands has some thousand events an hour at it
# The detection is told so many seconds after the end of its phones (the decoder's own default, 10 frames).
DELAY = 0.1


def spot(pcm: bytes, phrases: list[str], phones: dict[str, str]) -> tuple[list[tuple[float, str, float]], list[str]]:
    """Detections (seconds, phrase, score) in s16le PCM, and the phrases that cannot be searched for."""
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=RATE, loglevel="FATAL")
    for word, said in phones.items():
        if decoder.lookup_word(word) is None:
            decoder.add_word(word, said, True)
    known = [p for p in phrases if all(decoder.lookup_word(word) for word in p.split())]
    with tempfile.NamedTemporaryFile("w", suffix=".list", delete=False) as file:
        file.writelines(f"{phrase} /{THRESHOLD}/\n" for phrase in known)
    decoder.add_kws("phrases", file.name)
    decoder.activate_search("phrases")
    os.unlink(file.name)
    found = {}
    samples = len(pcm) // 2
    for start in range(0, samples, PIECE):
        first = max(0, start - OVERLAP)
        decoder.start_utt()
        decoder.process_raw(pcm[2 * first : 2 * min(samples, start + PIECE)], full_utt=False)
        decoder.end_utt()
        for segment in decoder.seg() or ():
            at = first / RATE + segment.end_frame / 100 + DELAY
            # What lies wholly in the overlap was found by the piece before.
            if at >= start / RATE - 1 or start == 0:
                found[round(at, 2), segment.word.strip()] = segment.prob
    return sorted((at, phrase, score) for (at, phrase), score in found.items()), [p for p in phrases if p not in known]


def main() -> None:
    """Answers lines until stdin ends."""
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        with open(asked["pcm"], "rb") as file:
            pcm = file.read()
        before = resource.getrusage(resource.RUSAGE_SELF)
        events, unknown = spot(pcm, asked["phrases"], asked["phones"])
        after = resource.getrusage(resource.RUSAGE_SELF)
        told = {
            "events": events,
            "unknown": unknown,
            "seconds": len(pcm) / 2 / RATE,
            "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "versions": machine.versions(["pocketsphinx"]),
            "settings": "keyphrase search of all phrases at once, en-us model, one thread; thresholds read afterwards",
        }
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
