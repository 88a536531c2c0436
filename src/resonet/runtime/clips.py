"""Words to clips: phrases spoken by voices, in many manners, and what only sounds like them, in a folder of folders.

    OUT/lights on/0001.flac ...     a folder a phrase
    OUT/unknown/0001.flac ...       what sounds like a phrase, and other words
    OUT/validation_list.txt         which clips are dev: those of other speakers, where there are three or more
    OUT/clips.json                  by which voices, and how each was drawn (clip_record.py)

Every draw depends on the seed, the label and the number of the clip alone. So a folder that was left half made is gone
on with, and more clips or phrases leave those that are there as they are.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resonet import audio
from resonet.bundle import replacing
from resonet.bundle.atomic import cannot_write
from resonet.decoding.labels import UNKNOWN
from resonet.errors import DataError, UsageError
from resonet.runtime import clip_record
from resonet.runtime import phrases as checking
from resonet.runtime.acoustic import Samples
from resonet.runtime.alike import Alike, Alikes, generator
from resonet.runtime.cast import Cast
from resonet.runtime.clip_record import Clip, Record, Settings
from resonet.runtime.enrolled import now
from resonet.runtime.level import fade_in, fade_out
from resonet.runtime.surroundings import RATE, Surroundings

Progress = Callable[[Iterable[Any], int], Iterable[Any]]

COUNT = 100
_LISTED = "validation_list.txt"
# How phrases are said: the bounds of speed (all factors between are as likely), semitones (deviation, bound), decibels.
_SPEED, _PITCH, _ENERGY = (0.8, 1.25), (1.2, 3.0), (-6.0, 3.0)
# What a phrase may end with, and so its melody.
_ENDS, _PUNCTUATION = (".", ".", ".", "!", "?"), ".!?。！？"
# Seconds that are kept before and after the words: what a consonant leaves behind is in them.
_BEFORE, _AFTER, _FADE = (0.1, 0.35), (0.15, 0.35), 0.01
# One clip in so many is dev; and one speaker in so many, where there are three or more.
_DEV, _HELD_OUT, _SEVERAL = 8, 6, 3
# Of the clips of `unknown` one in so many is of words that are nothing like the phrases. There are half as many clips
# of it as of all phrases, and no fewer than of one.
_OTHER, _UNKNOWN = 3, 0.5


@dataclass(frozen=True)
class Made:
    """What is there now.

    Fields:
        clips: of each label.
        new: those that were not there before.
        speakers: VOICE/SPEAKER of all; held_out: of those who are heard in dev clips alone.
    """

    folder: Path
    clips: dict[str, int]
    new: int
    speakers: tuple[str, ...]
    held_out: tuple[str, ...]


def make(
    out: str | Path,
    phrases: Iterable[str],
    voices: Sequence[str | Path] = (),
    *,
    count: int = COUNT,
    language: str | None = None,
    noise: str | Path | None = None,
    rooms: str | Path | None = None,
    seed: int = 0,
    words: str | Path | None = None,
    threads: int | None = None,
    warn: Callable[[str], object] | None = None,
    progress: Progress | None = None,
) -> Made:
    """Makes the clips that are not there yet; Ctrl-C loses none that was finished.

    Args:
        out: the folder; it is made, or is one that was begun so. Its phrases can be added to, its clips be more.
        phrases: what is said, each a label.
        voices: bundles, by name or path; without any, all installed ones that speak the language.
        count: clips of each phrase.
        language: of the phrases; None: that of the voices.
        noise, rooms: folders of noises and of impulse responses, put on some of the clips each.
        words: a lexicon of the user's, as `Voice.load` takes it.
        warn: is told in a sentence what is otherwise than could be expected.
        progress: wraps the clips while they are made (given their number), for a progress bar.

    Raises:
        UsageError: a phrase that cannot be a label; voices of several languages, or none of the language; a folder with
            other things in it, or one that was made with other settings.
        DataError: two phrases that sound the same, or one that cannot be said. BundleError: no voice.
        AudioError, ResonetError: what cannot be read or written.
    """
    out, phrases = Path(out), checking.checked(phrases)
    if not 1 <= count <= 99_999:
        raise UsageError(f"{count} clips of a phrase cannot be made", "give 1 to 99,999")
    before = _begun(out)
    if before and (gone := [phrase for phrase in before.phrases if phrase not in phrases]):
        raise UsageError(
            f"{out} holds clips of {gone[0]!r}, which is not asked for", "ask for it too, or for a new folder"
        )
    cast = Cast(voices, language, threads, words, warn)
    where = Surroundings(noise, rooms)
    alikes = Alikes(phrases, cast.sounds, seed)
    settings = Settings(
        seed=seed,
        language=cast.language,
        voices=tuple(cast.described()),
        lexicon=cast.lexicon_of,
        noise=_folder(noise),
        rooms=_folder(rooms),
        words=hashlib.sha256(Path(words).read_bytes()).hexdigest() if words is not None else "",
    )
    plan = list(_Plan(cast, alikes, settings, max(count, before.count if before else 0)).clips(phrases))
    if warn is not None and not any(clip.label == UNKNOWN for clip in plan):
        warn("nothing is known that sounds like the phrases: there are no clips of `unknown`")
    record = Record(
        format=clip_record.FORMAT,
        resonet=_version(),
        created=before.created if before else now(),
        phrases=tuple(phrases),
        count=max(count, before.count if before else 0),
        settings=settings,
        held_out=tuple(f"{voice}/{speaker}" for voice, speaker in _held_out(cast.members, seed)),
        clips=tuple(plan),
    )
    todo = _begin(out, record, before)
    studio = Studio(cast, where, seed)
    for clip in progress(todo, len(todo)) if progress else todo:
        audio.write(out / clip.file, studio.record(clip), RATE)
    return _told(out, record, len(todo))


def finished(out: str | Path, phrases: Iterable[str], count: int) -> Made | None:
    """What `make` would give, where there is nothing left to make; no voice is needed to know that."""
    record = clip_record.read(out)
    if record is None or list(record.phrases) != checking.checked(phrases) or record.count < count:
        return None
    if not all((Path(out) / clip.file).is_file() for clip in record.clips):
        return None
    return _told(Path(out), record, 0)


class Studio:
    """Records clips as they are planned; all draws depend on the seed and the clip's name."""

    def __init__(self, cast: Cast, where: Surroundings, seed: int) -> None:
        self._cast, self._where, self._seed = cast, where, seed

    def record(self, clip: Clip) -> Samples:
        """The clip, float32 [time] at 16 kHz."""
        rng = generator(self._seed, "sound", clip.file)
        voice = self._cast.voices[clip.voice]
        speech = voice.speak(clip.text, speaker=clip.speaker, speed=clip.speed, pitch=clip.pitch, energy=clip.energy)
        rate = speech.sample_rate
        before, after = (round(rng.uniform(*seconds) * rate) for seconds in (_BEFORE, _AFTER))
        first, last = round(speech.words[0].start * rate), round(speech.words[-1].end * rate)
        kept = speech.samples[max(0, first - before) : last + after]
        kept = fade_out(fade_in(kept, round(_FADE * rate)), round(_FADE * rate))
        missing = max(0, before - first), max(0, last + after - len(speech.samples))
        sound = audio.resample(np.pad(kept, missing), rate, RATE)
        spoken = slice(round(before * RATE / rate), round((before + last - first) * RATE / rate))
        return self._where(sound, spoken, rng)


class _Plan:
    """What clips there are to be: (label, number) decides who speaks and how."""

    def __init__(self, cast: Cast, alikes: Alikes, settings: Settings, count: int) -> None:
        self._alikes, self._seed, self._count = alikes, settings.seed, count
        held = _held_out(cast.members, settings.seed)
        self._dev = held or cast.members
        self._train = [member for member in cast.members if member not in held]

    def clips(self, phrases: Sequence[str]) -> Iterator[Clip]:
        for phrase in phrases:
            for number in range(1, self._count + 1):
                yield self._clip(phrase, number, phrase, "phrase")
        unlike = max(self._count, round(_UNKNOWN * self._count * len(phrases)))
        for number in range(1, unlike + 1):
            if (alike := self._alike(number)) is not None:
                yield self._clip(UNKNOWN, number, alike.text, alike.kind)

    def _alike(self, number: int) -> Alike | None:
        found = self._alikes.found
        if self._alikes.others and (number % _OTHER == 0 or not found):
            return self._alikes.other(generator(self._seed, "other", number))
        if not found:
            return None
        # All in turn, in another order each time.
        turn, place = divmod(number - 1, len(found))
        return found[int(generator(self._seed, "alike", turn).permutation(len(found))[place])]

    def _clip(self, label: str, number: int, text: str, kind: Any) -> Clip:
        rng = generator(self._seed, label, number)
        dev = number % _DEV == 2
        among = self._dev if dev else self._train
        # All in turn here, too.
        turn, place = divmod(number - 1, len(among))
        voice, speaker = among[int(generator(self._seed, label, "turn", turn).permutation(len(among))[place])]
        end = "" if text.endswith(tuple(_PUNCTUATION)) else str(rng.choice(_ENDS))
        deviation, bound = _PITCH
        return Clip(
            file=f"{label}/{number:04d}.flac",
            text=text + end,
            kind=kind,
            voice=voice,
            speaker=speaker,
            speed=round(math.exp(rng.uniform(math.log(_SPEED[0]), math.log(_SPEED[1]))), 3),
            pitch=round(float(np.clip(rng.normal() * deviation, -bound, bound)), 2),
            energy=round(float(rng.uniform(*_ENERGY)), 1),
            split="dev" if dev else "train",
        )


def _held_out(members: Sequence[tuple[str, str]], seed: int) -> list[tuple[str, str]]:
    """The speakers of dev clips alone; none where there are hardly any."""
    if len(members) < _SEVERAL:
        return []
    order = generator(seed, "held out").permutation(len(members))
    return sorted(members[int(k)] for k in order[: max(1, len(members) // _HELD_OUT)])


def _begun(out: Path) -> Record | None:
    """The record of the folder, if clips were made in it before; the folder may also be empty, or not there."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file, where a folder is to be written")
    before = clip_record.read(out)
    try:
        if before is None and out.is_dir() and any(out.iterdir()):
            raise UsageError(f"{out} holds other files", "name a new folder for the clips")
    except OSError as error:
        raise DataError(f"{out} cannot be listed: {error.strerror or error}") from None
    return before


def _begin(out: Path, record: Record, before: Record | None) -> list[Clip]:
    """Writes the plan and makes the folders; gives the clips that are not there, in their order."""
    if before is not None:
        for name, was, now in _pairs(before.settings, record.settings):
            if was != now:
                raise UsageError(
                    f"{out} was begun with other {name}: {was}, and now {now}", "give the same, or name a new folder"
                )
        planned = {clip.file: clip for clip in record.clips}
        # What sounds like a phrase changes with the phrases; what was a clip of something else must not stay.
        stale = [clip for clip in before.clips if planned.get(clip.file) != clip]
    else:
        stale = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for label in dict.fromkeys(clip.label for clip in record.clips):
            (out / label).mkdir(exist_ok=True)
        for clip in stale:
            (out / clip.file).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(Path(error.filename or out), error) from None
    clip_record.write(out, record)
    with replacing(out / _LISTED) as file:
        file.write("".join(f"{clip.file}\n" for clip in record.clips if clip.split == "dev").encode())
    return [clip for clip in record.clips if not (out / clip.file).is_file()]


def _pairs(before: Settings, now: Settings) -> Iterator[tuple[str, str, str]]:
    """What must be the same: its name, what it was and what it is."""
    for name in ("seed", "language", "lexicon", "noise", "rooms", "words"):
        was, wanted = (str(getattr(settings, name)) or "none" for settings in (before, now))
        yield name, was[:40], wanted[:40]
    was, wanted = (
        ", ".join(f"{v.name} ({v.sha256[:8]}, {' '.join(v.speakers)})" for v in settings.voices)
        for settings in (before, now)
    )
    yield "voices", was, wanted


def _told(out: Path, record: Record, new: int) -> Made:
    speakers = (f"{voice.name}/{speaker}" for voice in record.settings.voices for speaker in voice.speakers)
    counts = Counter(clip.label for clip in record.clips)
    return Made(out, dict(counts), new, tuple(speakers), record.held_out)


def _folder(folder: str | Path | None) -> str:
    """Name of a folder and how many recordings it has; a path would say where it lies on this machine."""
    return "" if folder is None else f"{Path(folder).resolve().name} ({len(audio.find(folder))} recordings)"


def _version() -> str:
    from importlib import metadata

    with suppress(metadata.PackageNotFoundError):
        return metadata.version("resonet")
    return "unknown"
