"""Ten commands in running speech, ours beside PocketSphinx; and single clips in noise.

    python benchmarks/spotting.py stream TEST... --dev DEV... --clips speech-commands --work WORK [--insert] \
        [--bundle commands-en] [--peer-python PEERS/bin/python]
    python benchmarks/spotting.py snr --clips speech-commands --noise noise/test [--bundle commands-en]

`stream`: TEST and DEV are folders with transcripts.tsv (or what `resonet prepare` wrote, of which test and dev are
taken), --clips a folder with test.tsv and dev.tsv (path, label, speaker). How the streams are made, and what is not
scored: command_streams.py; they lie in WORK, a gigabyte in all. A hit is an event of the word from its start to half a
second after its end, everything else in the speech a false alarm. A command that is heard as another one is a miss, and
counted as `another_word_heard_at_a_clip`: not as an alarm of the hours of speech, for how often it happens is a matter
of how many clips there are. The thresholds of the bundle, one a word, are moved together by as much as the dev stream
says, for --per-hour false alarms an hour (where dev is too short to show so few, as `tune-threshold` does it); the
events are those that `resonet spot` prints. Beside it stands the recall at equal false alarms, thresholds chosen on the
test stream itself, for all systems alike: one threshold for all words, and the best that a threshold for each word
could give, as PocketSphinx wants to be used. Without --dev that is all there is.

`snr`: accuracy on the clips of test.tsv as they are, and with noise at 20 to 0 dB: the RMS of the loud part of the clip
against that of the noise, which is drawn with a seed. Clips of `silence` are left out.

PocketSphinx needs a Python of its own (`pip install pocketsphinx==5.1.1`); what it answers is kept in WORK. Results go
to benchmarks/results/spotting.json, spotting-inserted.json or commands-snr.json (`--output`), and in short to stdout.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import command_streams
import heard
import machine
import numpy as np
import peer_spotters
from command_streams import RATE, Stream
from heard import Detections, Heard

from resonet import audio
from resonet.bundle import Bundle
from resonet.evaluate.metrics import bootstrap, spotting
from resonet.runtime import Spotter
from resonet.runtime.events import Event
from resonet.runtime.thresholds import expected

HERE = Path(__file__).resolve().parent
WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
RATES = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)  # false alarms an hour
LISTED = 40  # false alarms in the result
SNRS = (None, 20.0, 10.0, 5.0, 0.0)


@dataclass
class Answer:
    """What one system heard in one stream; thresholds: its own for each word, which dev moves all at once."""

    heard: Heard | Detections
    thresholds: Mapping[str, float]
    cpu_per_second: float
    about: dict[str, Any]


def spotter_of(name: str) -> Spotter:
    """The words of a bundle, on one thread; without those that somebody enrolled on this machine."""
    with Bundle.open(name, kind="classifier") as bundle:
        return Spotter(bundle, 1)


def ours(bundle: str) -> Callable[[Stream], Answer]:
    """resonet with a bundle, one thread."""
    spotter = spotter_of(bundle)
    missing = [word for word in WORDS if word not in spotter.words]
    if missing:
        raise SystemExit(f"{bundle} does not have the words {', '.join(missing)}")

    def answer(stream: Stream) -> Answer:
        found = heard.listen(spotter.listeners(), stream.blocks(), WORDS)
        about = {"versions": machine.versions(["resonet", "onnxruntime"]), "settings": f"bundle {Path(bundle).name}"}
        own = {word: spotter.thresholds[word] for word in WORDS}
        return Answer(found, own, round(found.cpu_seconds / found.seconds, 4), about)

    return answer


def sphinx(python: str) -> Callable[[Stream], Answer]:
    """PocketSphinx, in a Python of its own."""

    def answer(stream: Stream) -> Answer:
        found = peer_spotters.pocketsphinx(stream, WORDS, {}, python)
        return Answer(found.heard, dict.fromkeys(WORDS, 0.0), found.cpu_per_second, found.about)

    return answer


def measured(answer: Callable[[Stream], Answer], dev: Stream | None, test: Stream, per_hour: float) -> dict[str, Any]:
    """All figures of one system."""
    there = answer(test)
    each = by_word(there.heard, test)
    curve = spotting.joined(list(each.values()), next(iter(each.values())).seconds)
    result: dict[str, Any] = {
        **there.about,
        "cpu_seconds_per_audio_second": there.cpu_per_second,
        "at_equal_false_alarms": {f"{rate:g}": percent(curve.recall_at(rate)) for rate in RATES},
        "at_equal_false_alarms_own_thresholds": {
            f"{rate:g}": percent(spotting.recall_with_own_thresholds(list(each.values()), rate)) for rate in RATES
        },
    }
    if isinstance(there.heard, Heard):
        # As it comes, thresholds from the speech that it was trained on.
        shipped, wrong = judged(there.heard, there.thresholds, test)
        result["as_shipped"] = {"thresholds": dict(there.thresholds), **described(shipped, wrong, test)}
    if dev is None:
        return result
    own = answer(dev)
    shifts = own.heard.shifts
    on = [judged(own.heard, own.heard.moved(own.thresholds, shift), dev)[0] for shift in shifts]
    alarms = np.array([len(found.false_alarms) for found in on])
    shift = expected(np.array(shifts), alarms, per_hour * on[0].seconds / 3600)
    thresholds = own.heard.moved(own.thresholds, shift)
    on_dev, _ = judged(own.heard, thresholds, dev)
    on_test, wrong = judged(there.heard, thresholds, test)
    return result | {
        "thresholds": thresholds,
        "dev": {"recall_percent": percent(on_dev.recall), "false_alarms": len(on_dev.false_alarms)},
        "test": described(on_test, wrong, test),
    }


def elsewhere(stream: Stream, word: str | None = None) -> list[spotting.Stretch]:
    """What is not scored for a word: near commands of the transcripts, and at the clips of other words (of all)."""
    clips = [(p.start, p.end + spotting.TOLERANCE) for p in stream.placed if p.word != word]
    return [*stream.unscored, *clips]


def by_word(found: Heard | Detections, stream: Stream) -> dict[str, spotting.Curve]:
    """The curve of each word; the hours are those of speech alone."""
    thresholds, speech = found.thresholds, spotting.scored_seconds(stream.seconds, elsewhere(stream))
    curves = {}
    for word in WORDS:
        own = [s for s in stream.spoken if s.word == word]
        curve = heard.curve_of(found, word, thresholds, own, stream.seconds, elsewhere(stream, word))
        curves[word] = dataclasses.replace(curve, seconds=speech)
    return curves


def judged(
    found: Heard | Detections, thresholds: Mapping[str, float], stream: Stream
) -> tuple[spotting.Judged, list[Event]]:
    """The events of all words at their thresholds, and those that fell on a clip of another word."""
    each, wrong = [], []
    for word in WORDS:
        events = found.events_of(word, thresholds[word])
        own = [s for s in stream.spoken if s.word == word]
        strict = spotting.judge(events, own, stream.seconds, stream.unscored)
        each.append(spotting.judge(events, own, stream.seconds, elsewhere(stream, word)))
        wrong += [event for event in strict.false_alarms if event not in each[-1].false_alarms]
    together = spotting.Judged(
        hits=tuple(h for j in each for h in j.hits),
        misses=tuple(m for j in each for m in j.misses),
        false_alarms=tuple(a for j in each for a in j.false_alarms),
        repeats=sum(j.repeats for j in each),
        seconds=spotting.scored_seconds(stream.seconds, elsewhere(stream)),
    )
    return together, wrong


def described(found: spotting.Judged, wrong: Sequence[Event], stream: Stream) -> dict[str, Any]:
    """The events at thresholds: recall with its interval, by word and by level, delays, and the false alarms; `wrong`:
    those at a clip of another word."""
    placed = {(p.word, p.start): p for p in stream.placed}
    hits = [placed[s.word, s.start] for s, _ in found.hits]
    every = [(p, True) for p in hits] + [(placed[s.word, s.start], False) for s in found.misses]
    bounds = bootstrap.interval([not hit for _, hit in every], [1] * len(every), [p.speaker for p, _ in every])
    delays = [event.time - p.loud_end for p, (_, event) in zip(hits, found.hits, strict=True)]

    def share(own: Sequence[bool]) -> float | None:
        return percent(float(np.mean(own))) if own else None

    return {
        "recall_percent": percent(found.recall),
        "recall_interval_percent": [percent(1 - bounds.high), percent(1 - bounds.low)],
        "interval_drawn": bounds.drawn,
        "words": len(every),
        "hits": len(found.hits),
        "false_alarms": len(found.false_alarms),
        "false_alarms_per_hour": round(found.false_alarms_per_hour, 3),
        "hours": round(found.seconds / 3600, 4),
        "another_word_heard_at_a_clip": len(wrong),
        "repeats": found.repeats,
        "delay_seconds": {
            name: round(float(np.quantile(delays, at)), 3) for name, at in (("median", 0.5), ("p95", 0.95))
        }
        if delays
        else None,
        "recall_by_word": {word: share([hit for p, hit in every if p.word == word]) for word in WORDS},
        "recall_by_level": {
            "0 to 5 dB": share([hit for p, hit in every if p.snr < 5]),
            "5 to 10 dB": share([hit for p, hit in every if p.snr >= 5]),
        },
        "false_alarms_at": [
            {
                "time": round(event.time, 2),
                "word": event.word,
                "score": round(event.score, 4),
                "recording": (piece := stream.said_at(event.time)).recording,
                "text": piece.text,
            }
            for event in sorted(found.false_alarms, key=lambda e: -e.score)[:LISTED]
        ],
    }


def percent(share: float) -> float:
    """In percent with two decimals."""
    return round(100 * share, 2)


def run_stream(args: argparse.Namespace) -> dict[str, Any]:
    """The mode `stream`."""
    how = "inserted" if args.insert else "added"

    def made(data: Sequence[Path], split: str) -> Stream:
        clips = command_streams.read_clips(args.clips / f"{split}.tsv", WORDS)
        return command_streams.make(data, clips, WORDS, args.work, args.seed, how, split)

    test = made(args.data, "test")
    dev = made(args.dev, "dev") if args.dev else None
    for name, stream in (("test", test), ("dev", dev)):
        if stream is not None:
            told = stream.as_dict()
            print(
                f"{name}: {told['hours']:.2f} h, of which {told['seconds_not_scored']:.0f} s near commands of the "
                f"transcripts are not scored; {told['clips']} clips {how}",
                flush=True,
            )
    systems = {Path(bundle).name: ours(bundle) for bundle in args.bundle}
    if args.peer_python:
        systems["pocketsphinx"] = sphinx(args.peer_python)
    found = {}
    for name, answer in systems.items():
        found[name] = measured(answer, dev, test, args.per_hour)
        print(in_short(name, found[name]), flush=True)
    shown = f"{names(args.data)} --clips {args.clips.name} --work ... --bundle {' '.join(systems)} --seed {args.seed}"
    shown += f" --dev {names(args.dev)}" if args.dev else ""
    shown += " --insert" * args.insert
    shown += " --peer-python ..." if args.peer_python else ""
    return {
        "question": "ten commands in running speech: recall and false alarms, threshold from dev, one thread",
        "command": f"python benchmarks/spotting.py stream {shown}",
        "machine": machine.describe(),
        "per_hour": args.per_hour,
        "streams": {"test": test.as_dict(), "dev": dev.as_dict() if dev else None},
        "systems": found,
    }


def in_short(name: str, result: Mapping[str, Any]) -> str:
    """One system in a few lines."""
    equal, own = (
        ", ".join(f"{rate}: {recall:.1f} %" for rate, recall in result[key].items())
        for key in ("at_equal_false_alarms", "at_equal_false_alarms_own_thresholds")
    )
    lines = [f"{name}  {result['cpu_seconds_per_audio_second']:.4f} CPU s a second"]
    for whose, key in (("thresholds as shipped", "as_shipped"), ("threshold from dev", "test")):
        if (told := result.get(key)) is None:
            continue
        low, high = told["recall_interval_percent"]
        alarms = f"{told['false_alarms']} false alarms in {told['hours']:.2f} h"
        lines.append(
            f"  {whose}: recall {told['recall_percent']:.1f} % ({low:.1f} to {high:.1f}), {alarms}, "
            f"{told['false_alarms_per_hour']:.2f} an hour; {told['another_word_heard_at_a_clip']} clips heard as others"
        )
        if told["delay_seconds"]:
            lines.append(
                f"  from the end of the word to the event: {told['delay_seconds']['median']:.3f} s, "
                f"95 % within {told['delay_seconds']['p95']:.3f} s"
            )
    lines.append(f"  recall at so many false alarms an hour, threshold from test: {equal}")
    lines.append(f"    with the best threshold for each word: {own}")
    return "\n".join(lines)


def run_snr(args: argparse.Namespace) -> dict[str, Any]:
    """The mode `snr`."""
    from resonet.data import tables

    table = args.clips / "test.tsv"
    clips = [u for u in tables.utterances(table, table.parent) if u.text != "silence"]
    sounds = [audio.read(u.audio, RATE) for u in clips]
    noises = [audio.read(path, RATE) for path in audio.find([args.noise])]
    found: dict[str, Any] = {}
    for bundle in args.bundle:
        spotter = spotter_of(bundle)
        told = found[Path(bundle).name] = {}
        for snr in SNRS:
            # The same noise at every level.
            rng = np.random.default_rng(args.seed)
            noisy = [in_noise(sound, noises, snr, rng) for sound in sounds]
            wrong = [spotter.classify(s, RATE).label != u.text for s, u in zip(noisy, clips, strict=True)]
            bounds = bootstrap.interval(wrong, [1] * len(wrong), [u.speaker for u in clips])
            told["clean" if snr is None else f"{snr:g} dB"] = {
                "accuracy_percent": percent(1 - bounds.rate),
                "accuracy_interval_percent": [percent(1 - bounds.high), percent(1 - bounds.low)],
            }
        print(Path(bundle).name, "  ".join(f"{name} {row['accuracy_percent']:.1f} %" for name, row in told.items()))
    return {
        "question": "accuracy on single clips in noise, clips of silence left out",
        "command": f"python benchmarks/spotting.py snr --clips {args.clips.name} --noise {names([args.noise])} "
        f"--bundle {' '.join(found)} --seed {args.seed}",
        "machine": machine.describe(),
        "versions": machine.versions(["resonet", "onnxruntime"]),
        "clips": len(clips),
        "noises": len(noises),
        "systems": found,
    }


def in_noise(sound: Any, noises: Sequence[Any], snr: float | None, rng: np.random.Generator) -> Any:
    """A clip with a random piece of a random noise under it."""
    noise = noises[int(rng.integers(len(noises)))]
    piece = noise[(int(rng.integers(len(noise))) + np.arange(len(sound))) % len(noise)]
    if snr is None:
        return sound
    first, last = command_streams.loud(sound)
    level, loudness = (float(np.sqrt(np.mean(np.square(x)))) + 1e-6 for x in (sound[first:last], piece))
    return np.clip(sound + piece * np.float32(level / loudness * 10 ** (-snr / 20)), -1, 1).astype(np.float32)


def names(places: Sequence[Path]) -> str:
    """`librispeech-mini/test` for a folder of that name, wherever it lies."""
    return " ".join("/".join(place.resolve().parts[-2:]) for place in places)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(dest="mode", required=True)
    stream, snr = modes.add_parser("stream"), modes.add_parser("snr")
    stream.add_argument("data", type=Path, nargs="+", metavar="TEST")
    stream.add_argument("--dev", type=Path, nargs="+", default=[])
    stream.add_argument("--work", type=Path, required=True, help="folder for the streams and the peers' answers")
    stream.add_argument("--insert", action="store_true", help="clips between words instead of over them")
    stream.add_argument("--per-hour", type=float, default=0.5, help="false alarms that are allowed")
    stream.add_argument("--peer-python", help="a Python with pocketsphinx==5.1.1")
    snr.add_argument("--noise", type=Path, required=True)
    for mode in (stream, snr):
        mode.add_argument("--clips", type=Path, required=True, help="a folder with test.tsv (and dev.tsv)")
        mode.add_argument("--bundle", nargs="*", default=["commands-en"], help="none after it: the peers alone")
        mode.add_argument("--seed", type=int, default=0)
        mode.add_argument("--output", type=Path)
    args = parser.parse_args()
    if args.mode == "stream":
        result, name = run_stream(args), "spotting-inserted" if args.insert else "spotting"
    else:
        result, name = run_snr(args), "commands-snr"
    output = args.output or HERE / "results" / f"{name}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
