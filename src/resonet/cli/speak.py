"""`resonet speak`: text in, sound out (docs/formats.md)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import click

from resonet.cli import _options, _phrases
from resonet.cli._results import Failures, above_progress, as_field, is_folder, json_line, written
from resonet.cli._texts import Text, as_written, character_data, gather, is_ssml
from resonet.errors import BundleError, MissingExtra, ResonetError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from resonet.runtime.voice import SpokenAt, Voice

FORMATS = ("wav", "flac", "ogg", "mp3")
SUFFIXES = (*(f".{name}" for name in FORMATS), ".opus")
# Repeated from resonet.runtime.voice, whose import costs what `--help` does not have; a test compares them.
SPEEDS, PITCHES, ENERGIES = (0.25, 4.0), (-12.0, 12.0), (-24.0, 12.0)
_BAR = "{percentage:3.0f} %|{bar}| {n:,} of {total:,} characters, {remaining} left"


@dataclass(frozen=True)
class Ways:
    """What becomes of the sound: a file of some format in `output` (None: here), or none; and what goes with it."""

    output: str | None
    format: str
    files: bool
    stream: bool
    play: bool
    subtitles: str | None
    json: bool


@click.command()
@click.argument("text", nargs=-1, metavar="[TEXT...|-]")
@click.option("--file", "files", multiple=True, metavar="FILE", help="Speak a text file; repeatable, a recording each.")
@click.option("--lines", metavar="FILE", help="A recording a line: FOLDER/0001.wav ... (needs --output FOLDER).")
@click.option(
    "-o",
    "--output",
    metavar="FILE|FOLDER",
    help="Write there; a name without suffix is a folder.  [default: speech.wav here, or the text file's name with "
    ".wav; a file that is there is kept, and the new one numbered]",
)
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Form of the sound.  [default: wav]")
@click.option(
    "--voice",
    "voices",
    multiple=True,
    metavar="BUNDLE",
    help="Voice to speak with: an installed bundle's name, or a path; repeatable with --clips.",
)
@click.option("--speaker", metavar="NAME", help="Speaker of the voice.  [default: its first one]")
@click.option("--speed", type=click.FloatRange(*SPEEDS), default=1.0, help="2 is twice as fast.  [default: 1]")
@click.option("--pitch", type=click.FloatRange(*PITCHES), default=0.0, help="Semitones up or down.  [default: 0]")
@click.option("--energy", type=click.FloatRange(*ENERGIES), default=0.0, help="Decibels up or down.  [default: 0]")
@click.option("--ssml", is_flag=True, help="The text is SSML; one that begins with <speak> is taken for it anyway.")
@click.option("--words", metavar="FILE", help="Lexicon of your own: a word, two spaces, its phones; a line each.")
@click.option("--subtitles", type=click.Choice(("srt", "vtt")), help="Write subtitles beside the sound.")
@click.option("--stream", is_flag=True, help="Raw PCM to stdout while it is made: s16le, mono; the rate is on stderr.")
@click.option("--play", is_flag=True, help="Play it (extra [microphone]); no file is written unless --output names it.")
@click.option("--clips", metavar="FOLDER", help="Make clips of --phrases there, a folder a phrase, for a classifier.")
@click.option("--phrases", metavar="PHRASES|FILE", help="With --clips: commas between phrases, or a file, a line each.")
@click.option(
    "--count", metavar="N", type=click.IntRange(1, 99_999), default=100, help="Clips of each phrase.  [default: 100]"
)
@click.option("--language", metavar="TAG", help="Language of the phrases.  [default: that of the voices]")
@click.option("--noise", metavar="FOLDER", help="Recordings of noise to put under some of the clips.")
@click.option("--rooms", metavar="FOLDER", help="Impulse responses of rooms that some of the clips are in.")
@click.option("--seed", metavar="N", type=click.IntRange(0), default=0, help="Of the draws of the clips.  [default: 0]")
@click.option("--json", "as_json", is_flag=True, help="Results as JSON with word times, an object a line.")
@click.option("--list", "list_", is_flag=True, help="List the voices that are installed, and their speakers.")
@_options.threads
@_options.quiet
@click.pass_context
def command(
    context: click.Context,
    text: tuple[str, ...],
    files: tuple[str, ...],
    lines: str | None,
    output: str | None,
    format_: str | None,
    voices: tuple[str, ...],
    speaker: str | None,
    speed: float,
    pitch: float,
    energy: float,
    ssml: bool,
    words: str | None,
    subtitles: str | None,
    stream: bool,
    play: bool,
    clips: str | None,
    phrases: str | None,
    count: int,
    language: str | None,
    noise: str | None,
    rooms: str | None,
    seed: int,
    as_json: bool,
    list_: bool,
    threads: int | None,
    quiet: bool,
) -> None:
    """Speak a text.

    The text is given as words, as files (--file), as lines of a file (--lines), or on standard input (-). Prints each
    recording that was written, and its seconds. A text that cannot be spoken is named on stderr, the others go on, and
    the exit code is 1.

    With --clips it speaks phrases, each many times by all speakers in all manners, and what only sounds like them
    (FOLDER/unknown): clips to train a classifier on. Run again it makes what is missing.

    \b
    Examples:
      resonet speak "It is half past nine." -o time.wav
      resonet speak --file chapter1.txt --file chapter2.txt -o book/ --format mp3 --subtitles srt
      resonet speak --lines prompts.txt -o prompts/ --speaker kathleen --speed 0.9
      resonet speak "Hello." --stream | aplay -q -t raw -f S16_LE -r 24000
      resonet speak --clips clips/ --phrases "lights on,lights off" --count 200 --noise noise/
    """
    _phrases.check(context)
    if list_:
        _list(voices, as_json)
        return
    if clips is not None:
        how = {"count": count, "language": language, "noise": noise, "rooms": rooms, "seed": seed, "words": words}
        _phrases.speak(clips, phrases or "", voices, as_json=as_json, quiet=quiet, threads=threads, **how)
        return
    if len(voices) > 1:
        raise UsageError("a text is spoken by one voice", "name one with --voice; several go with --clips")
    texts = gather(text, files, lines)
    several = lines is not None or len(files) > 1
    ways = _ways(output, format_, stream, play, subtitles, as_json, several)

    from resonet.runtime import Voice

    loaded = Voice.load(voices[0] if voices else None, threads=threads, words=words, warn=_warn)
    speaker = loaded.speakers[0] if speaker is None else speaker
    loaded.language(speaker)  # an unknown one is told before anything is made
    asked = {"speaker": speaker, "speed": speed, "pitch": pitch, "energy": energy}
    failures = Failures()
    with ExitStack() as stack:
        sinks = _sinks(stack, ways, loaded.sample_rate, quiet)
        progress = _Progress(stack, texts, quiet)
        for item in texts:
            try:
                _speak(loaded, item, asked, ssml, ways, sinks, progress)
            except (BundleError, MissingExtra):
                raise  # the other texts would meet it too
            except ResonetError as error:
                failures(error)
            progress.passed(item)
    failures.leave()


def _ways(
    output: str | None,
    format_: str | None,
    stream: bool,
    play: bool,
    subtitles: str | None,
    as_json: bool,
    several: bool,
) -> Ways:
    """What to do with the sound. Raises UsageError where options contradict each other."""
    if output == "-":
        raise UsageError("sound on standard output is raw PCM", "give --stream in place of --output -")
    for name, given in (("--output", output), ("--format", format_), ("--subtitles", subtitles)):
        if stream and given:
            raise UsageError(f"--stream writes no file, and {name} is about one")
    if stream and (as_json or play):
        raise UsageError(f"--stream and {'--json' if as_json else '--play'} do not go together")
    if stream and sys.stdout.isatty():
        raise UsageError("standard output is the terminal", "pipe the sound into a player or a file")
    files = not stream and not (play and output is None)
    if not files and (subtitles or format_):
        raise UsageError(f"{'--subtitles' if subtitles else '--format'} needs --output", "--play alone writes no file")
    suffix = ""
    if output is not None and not is_folder(output):
        suffix = PurePath(output).suffix.lower()
        if several:
            raise UsageError(f"--output {output} is one file for several recordings", "name a folder: --output FOLDER")
        if suffix not in SUFFIXES:
            raise UsageError(f"{output} has no suffix that can be written", f"use one of {', '.join(SUFFIXES)}")
        if format_ and suffix != f".{format_}":
            raise UsageError(f"--format {format_} and --output {output} contradict each other")
    elif several and files and output is None:
        raise UsageError("several recordings need a folder", "name it: --output FOLDER")
    return Ways(output, suffix.removeprefix(".") or format_ or "wav", files, stream, play, subtitles, as_json)


def _sinks(
    stack: ExitStack, ways: Ways, sample_rate: int, quiet: bool
) -> list[Callable[[NDArray[np.float32]], object]]:
    """Where the sound of all texts goes, one after the other."""
    if ways.stream:
        if not quiet:
            click.echo(f"resonet: raw PCM, signed 16-bit little-endian, mono, {sample_rate} Hz", err=True)
        return [_to_stdout]
    if ways.play:
        from resonet.audio import loudspeaker

        return [stack.enter_context(loudspeaker.opened(sample_rate)).push]
    return []


def _warn(sentence: str) -> None:
    with above_progress():
        click.echo(f"resonet: {sentence}", err=True)


def _to_stdout(samples: NDArray[np.float32]) -> None:
    from resonet import audio

    sys.stdout.buffer.write(audio.as_int16(samples).astype("<i2").tobytes())
    sys.stdout.buffer.flush()


class _Progress:
    """A bar of the characters that were spoken, if somebody watches and they can be counted."""

    def __init__(self, stack: ExitStack, texts: Iterable[Text], quiet: bool) -> None:
        from tqdm import tqdm

        total = sum(_length(text) for text in texts) if isinstance(texts, list) else None
        shown = bool(total) and not quiet and sys.stderr.isatty()
        self._bar: Any = stack.enter_context(tqdm(total=total, bar_format=_BAR, disable=not shown, leave=False))
        self._before = 0

    def __call__(self, read: int) -> None:
        """Of the text at hand so many characters are spoken."""
        self._bar.update(max(0, self._before + read - self._bar.n))

    def passed(self, text: Text) -> None:
        self._before += _length(text)
        self._bar.update(max(0, self._before - self._bar.n))


def _length(text: Text) -> int:
    return len(text.content) if isinstance(text.content, str) else 0


def _speak(
    voice: Voice,
    text: Text,
    asked: dict[str, Any],
    ssml: bool,
    ways: Ways,
    sinks: list[Callable[[NDArray[np.float32]], object]],
    progress: _Progress,
) -> None:
    """Speaks one text, and tells it."""
    if isinstance(text.content, ResonetError):
        raise text.content
    path = _path(text, ways) if ways.files else None
    keep = ways.json or ways.subtitles is not None
    ssml = ssml or is_ssml(text.content)
    words: list[SpokenAt] = []
    marks: list[tuple[str, float]] = []
    samples = 0
    try:
        with ExitStack() as stack:
            pushes = list(sinks)
            if path is not None:
                from resonet import audio

                path.parent.mkdir(parents=True, exist_ok=True)
                pushes.append(stack.enter_context(audio.writing(path, voice.sample_rate)).push)
            for chunk in voice.stream(text.content, ssml=ssml, **asked):
                for push in pushes:
                    push(chunk.samples)
                samples += len(chunk.samples)
                if keep:
                    words += chunk.words
                    marks += chunk.marks
                if chunk.words:
                    progress(chunk.words[-1].characters[1])
    except ResonetError as error:
        if text.where and not isinstance(error, BundleError):
            error.message = f"{text.where}: {error.message}"
        raise
    duration = samples / voice.sample_rate
    if path is not None and ways.subtitles:
        plain = character_data(text.content) if ssml else text.content
        with written(path.with_suffix(f".{ways.subtitles}")) as file:
            file.write(_subtitles(words, plain, duration, voice.language(asked["speaker"]), ways.subtitles))
    if not ways.stream and (path is not None or ways.json):
        with above_progress():
            sys.stdout.write(_result(voice, text, asked["speaker"], path, duration, words, marks, ways.json))
            sys.stdout.flush()


def _path(text: Text, ways: Ways) -> Path:
    """The file of a text's sound; where none was named, one that is not there yet."""
    if ways.output is not None and not is_folder(ways.output):
        return Path(ways.output)
    name = text.below.with_name(f"{text.below.name}.{ways.format}")
    if ways.output is not None:
        return Path(ways.output) / name
    path, number = Path(name.name), 1
    while path.exists():
        number += 1
        path = Path(f"{text.below.name}-{number}.{ways.format}")
    return path


def _result(
    voice: Voice,
    text: Text,
    speaker: str,
    path: Path | None,
    duration: float,
    words: list[SpokenAt],
    marks: list[tuple[str, float]],
    as_json: bool,
) -> str:
    """The line that tells what was made."""
    if not as_json:
        return f"{as_field(str(path))}\t{duration:.3f}\n"
    return json_line(
        {
            "file": text.source or None,
            "line": text.line or None,
            "text": text.content,
            "output": str(path) if path else None,
            "duration": round(duration, 3),
            "voice": voice.manifest.name,
            "speaker": speaker,
            "language": voice.language(speaker),
            "words": [{"word": w.text, "start": round(w.start, 3), "end": round(w.end, 3)} for w in words],
            "marks": [{"name": name, "time": round(time, 3)} for name, time in marks],
        }
    )


def _subtitles(words: list[SpokenAt], text: str, duration: float, language: str, form: str) -> str:
    """The words as subtitles, srt or vtt."""
    from resonet.text import subtitles
    from resonet.text.transcript import Transcript

    said = as_written(words, text)
    transcript = Transcript(" ".join(word.word for word in said), said, (), duration, language)
    return subtitles.srt(transcript) if form == "srt" else subtitles.vtt(transcript)


def _list(voices: tuple[str, ...], as_json: bool) -> None:
    """Voices, their speakers, and the language of each: a line a speaker."""
    from resonet.bundle import find, installed, read_manifest
    from resonet.bundle.places import INSTALL

    found = [find(voice, "voice") for voice in voices] or installed("voice")
    if not found:
        raise BundleError("no voice bundle is installed", INSTALL)
    for place in found:
        manifest = read_manifest(place.path)
        for name in manifest.speakers:
            language = manifest.voice.speakers[name].language
            if as_json:
                click.echo(json_line({"voice": place.name, "speaker": name, "language": language}), nl=False)
            else:
                click.echo(f"{place.name}\t{name}\t{language}")
