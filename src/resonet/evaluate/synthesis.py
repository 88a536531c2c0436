"""Scores a voice over texts: what judges understand of it, how near it comes to recordings of the same texts, its pace.

For example:

    with TemporaryDirectory() as folder:
        found = score(Voice.load("de-kerstin"), references.read("data"), [judge("de-judge")], folder=Path(folder))
        print(found.rates("voice", "de-judge").characters.rate)     # of all characters, wrong

Three kinds of sound stand side by side wherever there are recordings: `natural`, the recording itself, which shows what
the judge gets wrong by itself; `copy`, copy synthesis, which shows what the vocoder loses; and `voice`, what was spoken
from text. Measures that need sounds of one length (STOI, PESQ, SDR, SI-SDR) are taken of `copy` alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.audio import pitch
from resonet.errors import BundleError, DataError, MissingExtra, ResonetError, UsageError
from resonet.evaluate.judges import Judge
from resonet.evaluate.metrics import f0, mcd, sdr, word_errors
from resonet.evaluate.metrics.noise_floor import noise_floor
from resonet.evaluate.metrics.pesq import pesq
from resonet.evaluate.metrics.speaking_rate import speaking_rate
from resonet.evaluate.metrics.speed import Stopwatch
from resonet.evaluate.metrics.stoi import stoi
from resonet.evaluate.references import Reference
from resonet.evaluate.synthesis_result import COPY, NATURAL, SYSTEMS, VOICE, Heard, Nearness, Result, Sentence, Sound
from resonet.text.normalise import normalise

FIRST_AUDIO = 20  # sentences whose first sound is waited for
LETTERS_ALONE = ("zh", "ja", "th")  # written without spaces: their words are their characters

Progress = Callable[[Iterable[Any], int], Iterable[Any]]
Samples = NDArray[np.float32]


class Speaks(Protocol):
    """What is asked of a voice; resonet.Voice is one."""

    @property
    def speakers(self) -> Sequence[str]: ...
    @property
    def sample_rate(self) -> int: ...

    def language(self, speaker: str | None = None, /) -> str: ...
    def speak(self, text: str, /, *, speaker: str | None = None) -> Any: ...
    def stream(self, text: str, /, *, speaker: str | None = None) -> Iterator[Any]: ...


def score(
    voice: Speaks,
    references: Sequence[Reference],
    judges: Sequence[Judge] = (),
    *,
    folder: Path,
    name: str = "",
    data: str = "",
    speaker: str | None = None,
    copy: Callable[[Samples], Samples] | None = None,
    spoken: Callable[[str, str], str] | None = None,
    load_seconds: float | None = None,
    progress: Progress | None = None,
) -> Result:
    """Speaks the text of every reference and measures what came out.

    Args:
        references: texts with their recordings (`references.read`), or without (`references.read_lines`).
        judges: who is asked what was said; none leaves intelligibility out.
        folder: takes the sounds, as WAV, a folder a system; they must stay there for a report.
        name, data: what the result calls the voice and the texts.
        speaker: who speaks; else the reader of the recording where the voice has one of that name, else its first.
        copy: copy synthesis, `sounds.Copier` of the voice; at the voice's rate.
        spoken: text and language to the words that are heard ("2 cats" -> "two cats"), where the references do not say.
        load_seconds: what opening the voice took.
        progress: wraps the references as they are spoken (given their number), for a progress bar.

    Raises:
        DataError: no text at all, or nothing could be spoken. UsageError: an unknown speaker, or a judge that cannot
            be run. MissingExtra: jiwer, or what the voice needs to read, is not installed. BundleError: from the voice.
    """
    if not any(r.text.strip() for r in references):
        raise DataError("None of the references has any text", "a voice needs something to say")
    if judges:
        word_errors.align([], [])  # a missing extra is told now, not after all has been spoken
    watch = Stopwatch()
    failures: list[tuple[str, str]] = []
    notes: list[str] = []
    for system in SYSTEMS:
        (folder / system).mkdir(parents=True, exist_ok=True)
    if speaker is not None:
        voice.language(speaker)  # raises: nobody of that name
    shown = progress(references, len(references)) if progress else references
    sentences = _spoken(voice, shown, folder, speaker, copy, spoken or _as_written, watch, failures)
    if not sentences:
        raise DataError(f"None of {len(references)} texts could be spoken; the first: {failures[0][1]}")
    first = _first_audio(voice, sentences)
    sentences = _with_pitch(sentences, voice.sample_rate)
    sentences = [_measured(s, voice.sample_rate, notes) for s in sentences]
    names = []
    for judge in judges:
        sentences = _judged(sentences, judge, voice, failures)
        names.append(judge.name)
    return Result(
        name=name,
        data=data,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        sentences=tuple(sentences),
        judges=tuple(names),
        speed=watch.speed(sum(s.sounds[VOICE].seconds for s in sentences)),
        first_audio=tuple(first),
        load_seconds=load_seconds,
        failures=tuple(failures),
        notes=tuple(dict.fromkeys(notes)),
    )


def _spoken(
    voice: Speaks,
    references: Iterable[Reference],
    folder: Path,
    speaker: str | None,
    copy: Callable[[Samples], Samples] | None,
    words_of: Callable[[str, str], str],
    watch: Stopwatch,
    failures: list[tuple[str, str]],
) -> list[Sentence]:
    """Every text spoken, with recording and copy synthesis beside it; what cannot be said goes to `failures`."""
    sentences: list[Sentence] = []
    warm = True
    for number, reference in enumerate(references, 1):
        who = speaker or _reader(reference, voice)
        try:
            if warm:
                voice.speak(reference.text, speaker=who)  # what is read at first use is not the cost of a sentence
                warm = False
            with watch:
                speech = voice.speak(reference.text, speaker=who)
            made = {VOICE: speech.samples, **_natural(reference, voice.sample_rate, copy)}
        except (UsageError, MissingExtra, BundleError):
            raise  # no matter of this text
        except ResonetError as error:
            failures.append((str(reference.path) if reference.path.name else reference.text, str(error)))
            continue
        said = reference.columns.get("said") or words_of(reference.text, voice.language(who))
        sounds = {system: _sound(folder / system / f"{number:04}.wav", made[system], voice.sample_rate, said)
                  for system in SYSTEMS if system in made}  # fmt: skip
        words = tuple((w.text, w.start, w.end) for w in speech.words)
        sentences.append(Sentence(reference.text, said, who, sounds, words))
    return sentences


def scoring_form(text: str, language: str) -> str:
    """What is compared: `normalise`d, and characters apart where a language is written without spaces."""
    plain = normalise(text, language)
    return " ".join(plain.replace(" ", "")) if language.split("-")[0] in LETTERS_ALONE else plain


def _as_written(text: str, language: str) -> str:
    return text


def _reader(reference: Reference, voice: Speaks) -> str:
    """The voice's speaker that is named like the reader of a recording, else its first."""
    own = reference.speaker.rsplit("/", 1)[-1]
    return own if own in voice.speakers else voice.speakers[0]


def _natural(reference: Reference, sample_rate: int, copy: Callable[[Samples], Samples] | None) -> dict[str, Samples]:
    """The recording and its copy synthesis, where there are any."""
    if not reference.path.name:
        return {}
    samples = audio.read(reference.path, sample_rate)
    if not reference.whole:
        begin = round(reference.start * sample_rate)
        samples = samples[begin : None if reference.seconds is None else begin + round(reference.seconds * sample_rate)]
    return {NATURAL: samples} | ({} if copy is None else {COPY: copy(samples)})


def _sound(file: Path, samples: Samples, sample_rate: int, said: str) -> Sound:
    audio.write(file, samples, sample_rate)
    return Sound(
        file=file,
        seconds=len(samples) / sample_rate,
        rms_dbfs=audio.measure(samples, sample_rate).rms_dbfs,
        rate=speaking_rate(said, samples, sample_rate),
        noise_floor=noise_floor(samples, sample_rate),
        f0=None,
    )


def _first_audio(voice: Speaks, sentences: Sequence[Sentence]) -> list[float]:
    """Seconds to the first sound of some sentences, spread over all."""
    found = []
    for sentence in sentences[:: max(1, len(sentences) // FIRST_AUDIO)][:FIRST_AUDIO]:
        begin = time.perf_counter()
        for chunk in voice.stream(sentence.text, speaker=sentence.speaker):
            if len(chunk.samples):
                found.append(time.perf_counter() - begin)
                break
    return found


class _Files(Sequence[Samples]):
    """Recordings that are read when they are asked for."""

    def __init__(self, files: Sequence[Path], sample_rate: int) -> None:
        self._files, self._rate = files, sample_rate

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, at: Any) -> Any:
        return audio.read(self._files[at], self._rate)


def _with_pitch(sentences: Sequence[Sentence], sample_rate: int) -> list[Sentence]:
    """The sentences with the pitch of each sound, inside the range of its speaker, and how near the melodies are."""
    tracks: dict[Path, pitch.Track] = {}
    for system in SYSTEMS:
        for speaker in sorted({s.speaker for s in sentences}):
            files = [s.sounds[system].file for s in sentences if system in s.sounds and s.speaker == speaker]
            tracks |= zip(files, pitch.of_speaker(_Files(files, sample_rate), sample_rate), strict=True)
    return [replace(s, sounds=_pitched(s.sounds, tracks, sample_rate)) for s in sentences]


def _pitched(sounds: Mapping[str, Sound], tracks: Mapping[Path, pitch.Track], sample_rate: int) -> dict[str, Sound]:
    found = {}
    natural = sounds.get(NATURAL)
    for system, sound in sounds.items():
        track = tracks[sound.file]
        voiced = track[track > 0]
        near = None
        if natural is not None and sound is not natural:
            pair = [audio.read(x.file, sample_rate) for x in (natural, sound)]
            distortion = mcd.compare(pair[0], pair[1], sample_rate)
            if distortion is None:
                near = Nearness(None, None)
            else:
                near = Nearness(distortion.decibels, f0.errors(tracks[natural.file], track, distortion.path))
        found[system] = replace(sound, f0=float(np.median(voiced)) if len(voiced) else None, near=near)
    return found


def _measured(sentence: Sentence, sample_rate: int, notes: list[str]) -> Sentence:
    """The sentence with what only aligned sounds allow."""
    copied, natural = sentence.sounds.get(COPY), sentence.sounds.get(NATURAL)
    if copied is None or natural is None or copied.near is None:
        return sentence
    reference, other = (audio.read(x.file, sample_rate) for x in (natural, copied))
    if not np.any(reference) or not len(other):
        return sentence
    near = replace(copied.near, sdr=sdr.sdr(reference, other), si_sdr=sdr.si_sdr(reference, other))
    found: dict[str, Any] = {}
    for name, measure in (("stoi", stoi), ("pesq", pesq)):
        try:
            found[name] = measure(reference, other, sample_rate)
        except UsageError as error:  # its package is not installed
            notes.append(f"left out: {error}")
    near = replace(near, **found)
    return replace(sentence, sounds={**sentence.sounds, COPY: replace(copied, near=near)})


def _judged(
    sentences: Sequence[Sentence], judge: Judge, voice: Speaks, failures: list[tuple[str, str]]
) -> list[Sentence]:
    """The sentences with what a judge heard of each sound."""
    places = [(i, system) for i, s in enumerate(sentences) for system in s.sounds]
    files = [sentences[i].sounds[system].file for i, system in places]
    answers = judge.heard(files, [sentences[i].said for i, _ in places])
    good = [(at, answer) for at, answer in zip(places, answers, strict=True) if isinstance(answer, str)]
    failures += [(judge.name, str(answer)) for answer in answers if not isinstance(answer, str)]
    languages = [voice.language(sentences[i].speaker) for (i, _), _ in good]
    said = [scoring_form(sentences[i].said, at) for ((i, _), _), at in zip(good, languages, strict=True)]
    heard = [scoring_form(text, at) for (_, text), at in zip(good, languages, strict=True)]
    by_sentence: list[dict[str, Sound]] = [dict(s.sounds) for s in sentences]
    for ((i, system), _), text, found in zip(good, heard, word_errors.align(said, heard), strict=True):
        sound = by_sentence[i][system]
        told = Heard(text, found.words, found.characters, found.steps)
        by_sentence[i][system] = replace(sound, heard={**sound.heard, judge.name: told})
    return [replace(s, sounds=sounds) for s, sounds in zip(sentences, by_sentence, strict=True)]
