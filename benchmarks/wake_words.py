"""Words that no network was trained on, from three examples each or from their spelling, beside PocketSphinx and
openWakeWord.

    python benchmarks/wake_words.py SPEECH... --clips wakeword/index.tsv --work WORK [--bundle commands-en] \
        [--recognizer en-small] [--peer-python PEERS/bin/python] [--openwakeword package/models]

SPEECH are folders with transcripts.tsv, joined one after another without any clip (command_streams.py); a second around
a wake word in a transcript is not scored. --clips is a table with path, word, split; what lies in its folder not-wake
is no wake word. The test clips, all in a row with silence between them, are the positives of their word and negatives
of the others, not-wake too; a clip whose phrase contains the word ("hey computer" for "computer") is neither. A hit is
an event between the start of the clip and half a second after its end.

For each word the threshold is the lowest at which speech, other words and not-wake together give no more false alarms
than --per-hour times the hours of speech; recall is the share of its test clips found at it, and means are over words,
none weighted. Thresholds are chosen on the very sound that is judged, for all systems alike.

    examples  three dev clips of each word enrolled, in --draws seeded draws; a draw that enrolment refuses (unlike
              examples, no word to be found) is drawn again, and counted
    text      enrolled by spelling, through the recognizer
    pocketsphinx, openwakeword  see peer_spotters.py; openWakeWord has one of the words, alexa

Who speaks in the clips is not known: the same people may be in dev and test, so this says nothing of new voices. The
result goes to benchmarks/results/wake-words.json (`--output`), and in short to stdout.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import command_streams
import heard
import machine
import numpy as np
import peer_spotters
from command_streams import Clip, Piece, Placed, Stream
from heard import Detections, Heard

from resonet.bundle import Bundle
from resonet.data import tables
from resonet.errors import ResonetError
from resonet.evaluate.metrics import spotting
from resonet.evaluate.metrics.spotting import Curve
from resonet.runtime import enrolment
from resonet.runtime.acoustic import Acoustic
from resonet.runtime.embedder import Embedder
from resonet.runtime.enrolled import Enrolled
from resonet.runtime.examples import Examples
from resonet.runtime.keyword import Keywords, pronunciations
from resonet.text.units import Units

HERE = Path(__file__).resolve().parent
SHOTS = 3
NOT_WAKE = "not-wake"
GAP = 2.0  # seconds of silence between two clips: longer than any window that one could fill
AGAIN = 20  # draws that enrolment may refuse one after another


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path, nargs="+")
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--bundle", default="commands-en", help="a classifier with an embedder")
    parser.add_argument("--recognizer", help="for words by spelling; the installed one without it")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--per-hour", type=float, default=1.0)
    parser.add_argument("--peer-python", help="a Python with pocketsphinx==5.1.1")
    parser.add_argument("--openwakeword", type=Path, help="folder with its graphs")
    parser.add_argument(
        "--only", nargs="+", choices=["examples", "text", "peers"], default=["examples", "text", "peers"]
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "wake-words.json")
    args = parser.parse_args()

    clips = list(tables.utterances(args.clips, args.clips.parent))
    words = sorted({u.text for u in clips if u.audio.parent.name != NOT_WAKE})
    speech = command_streams.make(args.speech, [], words, args.work, args.seed, "none")
    tested = [Clip(u.audio, u.text) for u in clips if u.split == "test"]
    streams = [speech, in_a_row(tested, words, args.work)]
    print(
        f"{speech.seconds / 3600:.2f} h of speech, {len(tested)} test clips of {len(words)} words and others",
        flush=True,
    )
    systems: dict[str, Any] = {}
    if "examples" in args.only:
        dev = {word: [u.audio for u in clips if u.text == word and u.split == "dev"] for word in words}
        systems["examples"] = by_examples(args.bundle, dev, streams, args)
    if "text" in args.only:
        found, about = by_text(args.recognizer, words, streams)
        systems["text"] = {**table(words, found, streams, args.per_hour), **about}
    if "peers" in args.only:
        systems |= peers(words, streams, args)
    for name, told in systems.items():
        each = ", ".join(f"{word} {recall:.0f}" for word, recall in told["recall_percent"].items())
        print(f"{name}: {told['mean_recall_percent']:.1f} % ({each})", flush=True)
    result = {
        "question": "recall of wake words, thresholds chosen on the sound that is judged; speakers may repeat",
        "per_hour": args.per_hour,
        "command": f"python benchmarks/wake_words.py {' '.join('/'.join(p.resolve().parts[-2:]) for p in args.speech)} "
        f"--clips {'/'.join(args.clips.resolve().parts[-2:])} --work ... --bundle {Path(args.bundle).name} "
        f"--draws {args.draws} --seed {args.seed}",
        "machine": machine.describe(),
        "versions": machine.versions(["resonet", "onnxruntime"]),
        "streams": {"speech": speech.as_dict(), "clips": streams[1].as_dict()},
        "systems": systems,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def in_a_row(clips: Sequence[Clip], words: Sequence[str], folder: Path) -> Stream:
    """The clips one after another, two seconds of silence around each, as a stream."""
    from resonet import audio

    rate = command_streams.RATE
    silence = np.zeros(round(GAP * rate), np.int16)
    parts, placed, at = [silence], [], len(silence)
    for clip in clips:
        sound = audio.read(clip.path, rate)
        placed.append(
            Placed(
                word=clip.word,
                clip="/".join(clip.path.parts[-2:]),
                speaker="",
                start=at / rate,
                end=(at + len(sound)) / rate,
                loud_end=(at + command_streams.loud(sound)[1]) / rate,
                snr=0.0,
            )
        )
        parts += [np.clip(np.rint(sound * 32768), -32768, 32767).astype("<i2"), silence]
        at += len(sound) + len(silence)
    folder.mkdir(parents=True, exist_ok=True)
    key = command_streams.key_of([[str(c.path), c.word] for c in clips])
    pcm = folder / f"clips-{key}.pcm"
    np.concatenate(parts).tofile(pcm)
    pieces = tuple(Piece(p.start, p.end, p.clip, p.word) for p in placed)
    return Stream(pcm, at / rate, 0, "clips in a row", tuple(words), tuple(placed), (), pieces)


def curve_in(word: str, found: Heard | Detections, thresholds: Sequence[float], stream: Stream) -> Curve:
    """The curve of one word in one stream: its own clips are to be found, those that contain it count nowhere."""
    own = word.split()

    def contains(other: str) -> bool:
        said = other.split()
        return other != word and any(said[i : i + len(own)] == own for i in range(len(said)))

    neither = [(p.start, p.end + spotting.TOLERANCE) for p in stream.placed if contains(p.word)]
    spoken = [s for s in stream.spoken if s.word == word]
    return heard.curve_of(found, word, thresholds, spoken, stream.seconds, [*stream.unscored, *neither])


def table(
    words: Sequence[str], found: Sequence[Heard | Detections], streams: Sequence[Stream], per_hour: float
) -> dict[str, Any]:
    """Recall of each word, with false alarms in all sound and in speech alone; `found`: what each stream gave."""
    recalls, alone = {}, {}
    thresholds = sorted({t for own in found for t in own.thresholds})
    for word in words:
        each = [curve_in(word, own, thresholds, stream) for own, stream in zip(found, streams, strict=True)]
        # So many false alarms as the hours of speech allow: clips of other words add alarms, but no hours.
        whole = spotting.joined(each, each[0].seconds)
        quiet = dataclasses.replace(whole, alarms=each[0].alarms)
        recalls[word] = round(100 * whole.recall_at(per_hour), 2)
        alone[word] = round(100 * quiet.recall_at(per_hour), 2)
    return {
        "mean_recall_percent": round(float(np.mean(list(recalls.values()))), 2),
        "recall_percent": recalls,
        "mean_recall_percent_speech_alone": round(float(np.mean(list(alone.values()))), 2),
        "recall_percent_speech_alone": alone,
    }


def by_examples(
    bundle: str, dev: dict[str, list[Path]], streams: Sequence[Stream], args: argparse.Namespace
) -> dict[str, Any]:
    """All draws: the mean of each word and of all, and the draws' own means."""
    words = sorted(dev)
    drawn, refused = [], 0
    with Bundle.open(bundle, kind="classifier") as opened:
        embedder = Embedder.of(opened, 1)
        frames = [frames_of(embedder, stream) for stream in streams]
        for draw in range(args.draws):
            enrolled = []
            for place, word in enumerate(words):
                entry, no = enroll(opened, word, dev[word], np.random.default_rng([args.seed, draw, place]))
                enrolled.append(entry)
                refused += no
            found = []
            for stream, own in zip(streams, frames, strict=True):
                examples = Examples(
                    Replayed(embedder, own),  # type: ignore[arg-type]
                    words,
                    [entry.matrix for entry in enrolled],
                    [entry.seconds for entry in enrolled],
                )
                found.append(heard.listen([examples.listener()], stream.blocks()))
            drawn.append(table(words, found, streams, args.per_hour))
            print(f"  draw {draw + 1}: {drawn[-1]['mean_recall_percent']:.1f} %", flush=True)
    result: dict[str, Any] = {"bundle": Path(bundle).name, "shots": SHOTS, "draws": args.draws, "refused": refused}
    for suffix in ("", "_speech_alone"):
        each = [d[f"mean_recall_percent{suffix}"] for d in drawn]
        result[f"mean_recall_percent{suffix}"] = round(float(np.mean(each)), 2)
        result[f"recall_percent{suffix}"] = {
            word: round(float(np.mean([d[f"recall_percent{suffix}"][word] for d in drawn])), 2) for word in words
        }
        result[f"draws_percent{suffix}"] = each
    return result


def enroll(bundle: Bundle, word: str, clips: Sequence[Path], rng: np.random.Generator) -> tuple[Enrolled, int]:
    """The word from some of its clips, and how many draws were refused before."""
    for refused in range(AGAIN):
        chosen = rng.choice(len(clips), size=min(SHOTS, len(clips)), replace=False)
        try:
            return enrolment.by_examples(bundle, word, [clips[int(i)] for i in chosen]), refused
        except ResonetError as error:
            last = error
    raise SystemExit(f"{word!r} could not be enrolled in {AGAIN} draws; the last time: {last}")


class Replayed:
    """An embedder over a stream whose frames are known: the network runs once for all draws."""

    def __init__(self, embedder: Embedder, frames: np.ndarray) -> None:
        self._embedder, self._frames = embedder, frames

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)

    @property
    def network(self) -> Any:
        return _Network(self._embedder.network, self._frames)


class _Network:
    def __init__(self, network: Any, frames: np.ndarray) -> None:
        self.shift, self.delay, self.columns = network.shift, network.delay, network.columns
        self._stride, self._frames = network.stride, frames

    def stream(self) -> _FramesStream:
        return _FramesStream(self._frames, self._stride)


class _FramesStream:
    """Frames that are known, as many at a time as there is sound."""

    def __init__(self, frames: np.ndarray, stride: int) -> None:
        self._frames, self._stride = frames, stride
        self._done = self._samples = 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        self._samples += len(samples)
        return self._until(self._samples // self._stride)

    def finish(self) -> np.ndarray:
        return self._until(len(self._frames))

    def _until(self, end: int) -> np.ndarray:
        first, self._done = self._done, end
        return self._frames[first:end]


def frames_of(embedder: Embedder, stream: Stream) -> np.ndarray:
    """The embedder's frames of a stream, float32 [frames, dims + 1]."""
    running = embedder.network.stream()
    return np.concatenate([*(running.push(block) for block in stream.blocks()), running.finish()])


def by_text(
    recognizer: str | None, words: Sequence[str], streams: Sequence[Stream]
) -> tuple[list[Heard], dict[str, Any]]:
    """What each stream gives for words by their spelling."""
    with Bundle.open(recognizer, kind="recognizer") as opened:
        entries = [enrolment.by_text(opened, word) for word in words]
        units = opened.manifest.units
        assert units is not None  # a recognizer has units
        acoustic, name = Acoustic(opened, 1), opened.name
    keywords = Keywords(acoustic, Units(units.type, units.symbols), words, [entry.phones for entry in entries])
    found = [heard.listen([keywords.listener()], stream.blocks()) for stream in streams]
    used, seconds = sum(h.cpu_seconds for h in found), sum(h.seconds for h in found)
    return found, {
        "recognizer": name,
        "cpu_seconds_per_audio_second": round(used / seconds, 4),
    }


def peers(words: Sequence[str], streams: Sequence[Stream], args: argparse.Namespace) -> dict[str, Any]:
    """PocketSphinx for all words, openWakeWord for alexa, where they are at hand."""
    found: dict[str, Any] = {}

    def told(some: Sequence[str], hear: Callable[[Stream], peer_spotters.Answer]) -> dict[str, Any]:
        answers = [hear(stream) for stream in streams]
        figures = table(some, [answer.heard for answer in answers], streams, args.per_hour)
        return {**figures, **answers[0].about, "cpu_seconds_per_audio_second": answers[0].cpu_per_second}

    if args.peer_python:
        with Bundle.open(args.recognizer, kind="recognizer") as opened:
            phones = {w: " ".join(pronunciations(opened, w)[0]) for word in words for w in word.split()}
        found["pocketsphinx"] = told(
            words, lambda stream: peer_spotters.pocketsphinx(stream, words, phones, args.peer_python)
        )
    if args.openwakeword and "alexa" in words:
        found["openwakeword"] = told(
            ["alexa"], lambda stream: peer_spotters.openwakeword(stream, "alexa", args.openwakeword)
        )
    return found


if __name__ == "__main__":
    main()
