"""Running speech with spoken commands in it, made from a seed: what spotting.py and wake_words.py listen to.

A stream is the recordings of some sets joined one after another. Clips of commands lie at seeded places, about one in
20 s and never two within 4 s:

    added     over the speech, 0 to 10 dB (uniform) louder than it: the RMS of the clip's speech against the RMS of the
              second where it is put, which counts as no lower than 20 dB below that of its recording (pauses)
    inserted  between words, at the quietest place within a second of the drawn one, faded in and out over 10 ms; the
              level against that of the second before and the second behind
    none      no clips: the speech alone

What is said there: the clip's word, from the start to the end of the speech in the clip (audio.speech_regions, else the
whole clip); its level, and the delay of an event, are those of its loud part (within 25 dB of its loudest 20 ms), which
is shorter by the fifth of a second that speech_regions keeps on either side. Where a recording's transcript has a
command, a second around the word is not scored; the place is found by forced alignment with the installed recognizer,
and where that fails the whole recording is not scored. No clip is put there. A stream is int16 PCM at 16 kHz on disk
with a JSON of all this beside it, made once and found again.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.data.aligner import Aligner
from resonet.evaluate import references
from resonet.evaluate.metrics.spotting import Spoken, merged, scored_seconds
from resonet.evaluate.references import Reference
from resonet.text.normalise import normalise

VERSION = 1  # of the way streams are made: a stream of another is made anew
RATE = 16000
EVERY = 20.0  # seconds a clip
APART = 4.0  # seconds between the end of a clip and the start of the next
AROUND = 1.0  # seconds that are not scored on either side of a command in a transcript
SNR = (0.0, 10.0)  # dB
FLOOR = 20.0  # dB below the level of its recording: no place counts as quieter
FADE = 0.01
TRIES = 30

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """A recording of one command; speaker: "" where unknown."""

    path: Path
    word: str
    speaker: str = ""


@dataclass(frozen=True)
class Placed:
    """A clip in a stream, in seconds of it: the start and end of its speech, and the end of its loud part; dB."""

    word: str
    clip: str
    speaker: str
    start: float
    end: float
    loud_end: float
    snr: float


@dataclass(frozen=True)
class Piece:
    """A recording in a stream, in seconds of the stream, and its text."""

    start: float
    end: float
    recording: str
    text: str


@dataclass(frozen=True)
class Stream:
    """A stream on disk and what is said in it."""

    pcm: Path
    seconds: float
    seed: int
    how: str
    words: tuple[str, ...]
    placed: tuple[Placed, ...]
    unscored: tuple[tuple[float, float], ...]
    pieces: tuple[Piece, ...] = field(repr=False)

    @property
    def spoken(self) -> list[Spoken]:
        """The commands that are there."""
        return [Spoken(p.word, p.start, p.end) for p in self.placed]

    def blocks(self, seconds: float = 30.0) -> Iterator[Samples]:
        """The sound, float32 [time] at 16 kHz, -1..1."""
        pcm = self.samples()
        step = round(seconds * RATE)
        for start in range(0, len(pcm), step):
            yield np.multiply(pcm[start : start + step], 1 / 32768, dtype=np.float32)

    def samples(self) -> NDArray[np.int16]:
        """All of it, mapped into memory."""
        return np.memmap(self.pcm, np.int16, "r")

    def said_at(self, time: float) -> Piece:
        """The recording at a time."""
        return self.pieces[max(0, bisect_right([p.start for p in self.pieces], time) - 1)]

    def as_dict(self) -> dict[str, Any]:
        """What a result says of it."""
        silent = self.seconds - scored_seconds(self.seconds, self.unscored)
        return {
            "hours": round(self.seconds / 3600, 4),
            "hours_scored": round((self.seconds - silent) / 3600, 4),
            "seconds_not_scored": round(silent, 1),
            "recordings": len(self.pieces),
            "clips": len(self.placed),
            "different_clips": len({p.clip for p in self.placed}),
            "seed": self.seed,
            "how": self.how,
        }


def read_clips(table: Path, words: Collection[str]) -> list[Clip]:
    """The clips of some labels in a table (path, label or word)."""
    from resonet.data import tables

    found = [Clip(u.audio, u.text, u.speaker) for u in tables.utterances(table, table.parent) if u.text in words]
    if not found:
        raise SystemExit(f"{table} has no clip of {', '.join(words)}")
    return found


def make(
    data: Sequence[Path],
    clips: Sequence[Clip],
    words: Sequence[str],
    folder: Path,
    seed: int = 0,
    how: str = "added",
    split: str = "test",
    aligner: Aligner | None = None,
) -> Stream:
    """The stream of these sets and clips, made where it is not in `folder` yet.

    Args:
        data: folders with transcripts.tsv, or prepared ones, of which `split` is taken.
        words: the commands; stretches of the transcripts that hold one are not scored.
        aligner: finds these stretches; the installed recognizer where None.
    """
    found = [reference for place in data for reference in references.read(place, split)]
    key = key_of([seed, how, sorted(words), [str(c.path) for c in clips], [(str(r.path), r.text) for r in found]])
    folder.mkdir(parents=True, exist_ok=True)
    about = folder / f"stream-{key}.json"
    if not about.is_file():
        _make(found, clips, words, about, seed, how, aligner)
    told = json.loads(about.read_text(encoding="utf-8"))
    return Stream(
        pcm=about.with_suffix(".pcm"),
        seconds=told["seconds"],
        seed=seed,
        how=how,
        words=tuple(words),
        placed=tuple(Placed(**p) for p in told["placed"]),
        unscored=tuple((start, end) for start, end in told["unscored"]),
        pieces=tuple(Piece(**p) for p in told["pieces"]),
    )


def key_of(content: Any) -> str:
    """16 hexadecimal digits that change with what a stream is made of, and with the way it is made."""
    return hashlib.sha256(json.dumps([VERSION, content]).encode()).hexdigest()[:16]


def _make(
    found: Sequence[Reference],
    clips: Sequence[Clip],
    words: Sequence[str],
    about: Path,
    seed: int,
    how: str,
    aligner: Aligner | None,
) -> None:
    sounds = [_read(r) for r in found]
    lengths = np.array([len(s) for s in sounds])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    speech = np.concatenate(sounds)
    unscored = _unscored(found, sounds, starts[:-1] / RATE, words, aligner)
    floors = np.array([_rms(s) for s in sounds]) * 10 ** (-FLOOR / 20)
    del sounds  # gigabytes
    placed: list[Placed] = []
    shifts: list[tuple[int, int, Samples]] = []
    rng = np.random.default_rng(seed)
    for place, clip in _places(len(speech) / RATE, clips, unscored, how, rng):
        sound = audio.read(clip.path, RATE)
        (begin, end), (first, last) = _speech(sound), loud(sound)
        at = round(place * RATE)
        if how == "inserted":
            at = _quietest(speech, at)
            level = _rms(speech[max(0, at - RATE) : at + RATE])
        else:
            level = _rms(speech[at : at + RATE])
        floor = floors[max(0, int(np.searchsorted(starts, at, side="right")) - 1)]
        snr = float(rng.uniform(*SNR))
        sound = sound * np.float32(max(level, floor) / _rms(sound[first:last]) * 10 ** (snr / 20))
        start = at + sum(n for _, n, _ in shifts)
        placed.append(
            Placed(
                word=clip.word,
                clip="/".join(clip.path.parts[-3:]),
                speaker=clip.speaker,
                start=(start + begin) / RATE,
                end=(start + end) / RATE,
                loud_end=(start + last) / RATE,
                snr=round(snr, 2),
            )
        )
        if how == "inserted":
            shifts.append((at, len(sound), _faded(sound)))
        else:
            part = speech[at : at + len(sound)]
            part += sound[: len(part)]
    _write(about.with_suffix(".pcm"), _parts(speech, shifts))
    moved = [(at / RATE, n / RATE) for at, n, _ in shifts]
    borders = [_moved(float(start) / RATE, moved) for start in starts]
    pieces = [Piece(start, end, _name(r), r.text) for start, end, r in zip(borders, borders[1:], found, strict=False)]
    told = {
        "seconds": (len(speech) + sum(n for _, n, _ in shifts)) / RATE,
        "placed": [asdict(p) for p in placed],
        "unscored": [(_moved(start, moved), _moved(end, moved)) for start, end in unscored],
        "pieces": [asdict(p) for p in pieces],
    }
    about.write_text(json.dumps(told), encoding="utf-8")  # last: a stream without it is made again


def _write(path: Path, parts: Iterable[Samples]) -> None:
    with path.open("wb") as file:
        for part in parts:
            file.write(np.clip(np.rint(part * 32768), -32768, 32767).astype("<i2").tobytes())


def _read(reference: Reference) -> Samples:
    sound = audio.read(reference.path, RATE)
    if reference.whole:
        return sound
    first = round(reference.start * RATE)
    return sound[first : None if reference.seconds is None else first + round(reference.seconds * RATE)]


def _name(reference: Reference) -> str:
    return "/".join(reference.path.parts[-3:])


def _unscored(
    found: Sequence[Reference],
    sounds: Sequence[Samples],
    starts: NDArray[np.float64],
    words: Collection[str],
    aligner: Aligner | None,
) -> list[tuple[float, float]]:
    """The stretches around commands that the transcripts have."""
    phrases = [normalise(word).split() for word in words]
    texts = [normalise(r.text).split() for r in found]
    rows = [i for i, text in enumerate(texts) if any(_at(text, phrase) for phrase in phrases)]
    if not rows:
        return []
    rows.sort(key=lambda i: len(sounds[i]))  # those of like length go through the network together
    aligner = aligner or Aligner()
    stretches = []
    times = aligner.align((sounds[i] for i in rows), [found[i].text for i in rows])
    for i, said in zip(rows, times, strict=True):
        if said is None:
            stretches.append((starts[i], starts[i] + len(sounds[i]) / RATE))
            continue
        for phrase in phrases:
            for at in _at([s.word for s in said], phrase):
                first, last = said[at], said[at + len(phrase) - 1]
                stretches.append((starts[i] + first.start - AROUND, starts[i] + last.end + AROUND))
    return merged([(float(max(0.0, start)), float(end)) for start, end in stretches])


def _at(said: Sequence[str], phrase: Sequence[str]) -> list[int]:
    return [i for i in range(len(said) - len(phrase) + 1) if list(said[i : i + len(phrase)]) == list(phrase)]


def _places(
    seconds: float,
    clips: Sequence[Clip],
    unscored: Sequence[tuple[float, float]],
    how: str,
    rng: np.random.Generator,
) -> Iterator[tuple[float, Clip]]:
    """Where clips begin, in seconds of the speech: one in every stretch of 20 s, where there is a place for it.

    All clips are used before one is used again.
    """
    if how == "none":
        return
    near = 1.0 if how == "inserted" else 0.0  # as far as an inserted clip may be moved
    left: list[int] = []
    before = -APART
    for slot in range(int(seconds / EVERY)):
        left = left or rng.permutation(len(clips)).tolist()
        length = audio.info(clips[left[-1]].path).duration
        for _ in range(TRIES):
            place = (slot + float(rng.random())) * EVERY
            first, last = place - near, place + near + (length if how == "added" else 0.0)
            free = all(last < start or first > end for start, end in unscored)
            if free and first - before >= APART and last + near < seconds:
                # In the speech's own time an inserted clip takes none.
                before = last
                yield place, clips[left.pop()]
                break


def _speech(sound: Samples) -> tuple[int, int]:
    """First and last sample of the speech in a clip."""
    regions = audio.speech_regions(sound, RATE)
    if not regions:
        return 0, len(sound)
    return round(regions[0][0] * RATE), round(regions[-1][1] * RATE)


def loud(sound: Samples) -> tuple[int, int]:
    """First and last sample of the loud part of a clip: the first to the last 20 ms within 25 dB of the loudest."""
    size = RATE // 50
    power = np.square(sound[: len(sound) // size * size]).reshape(-1, size).mean(axis=1)
    if not len(power):
        return 0, len(sound)
    over = np.flatnonzero(power >= power.max() * 10**-2.5)
    return int(over[0]) * size, int(over[-1] + 1) * size


def _quietest(speech: Samples, at: int) -> int:
    """The middle of the quietest 50 ms within a second of a place."""
    size = RATE // 20
    first = max(0, at - RATE)
    around = speech[first : at + RATE]
    frames = np.square(around[: len(around) // size * size]).reshape(-1, size).mean(axis=1)
    return first + int(frames.argmin()) * size + size // 2


def _faded(sound: Samples) -> Samples:
    fade = np.linspace(0, 1, round(FADE * RATE), dtype=np.float32)
    faded = sound.copy()
    faded[: len(fade)] *= fade
    faded[len(faded) - len(fade) :] *= fade[::-1]
    return faded


def _parts(speech: Samples, inserted: Sequence[tuple[int, int, Samples]]) -> Iterator[Samples]:
    """The stream in pieces of a minute at most."""
    before = 0
    for at, _, sound in [*inserted, (len(speech), 0, speech[:0])]:
        for first in range(before, at, 60 * RATE):
            yield speech[first : min(first + 60 * RATE, at)]
        yield sound
        before = at


def _moved(time: float, inserted: Sequence[tuple[float, float]]) -> float:
    """A time of the speech in the stream: what was inserted before it has moved it."""
    return time + sum(length for at, length in inserted if at <= time)


def _rms(sound: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(sound)))) + 1e-6 if len(sound) else 1e-6
