"""`resonet transcribe`: recordings in, text out (docs/formats.md)."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import click

from resonet.cli import _options
from resonet.cli._recordings import Recording, gather, under_its_name
from resonet.cli._results import Failures, as_field, check_output, is_folder, json_line, write_each
from resonet.errors import ResonetError, UsageError

if TYPE_CHECKING:
    from resonet.runtime import Recognizer
    from resonet.text.transcript import Transcript

FORMATS = ("txt", "json", "srt", "vtt", "tsv")
_BAR = "{percentage:3.0f} %|{bar}| {n:.0f} of {total:.0f} s, {rate_noinv_fmt}, {remaining} left{postfix}"


@click.command()
@click.argument("recordings", nargs=-1, metavar="[RECORDING|FOLDER|-]...")
@click.option("--bundle", metavar="BUNDLE", help="Bundle to recognize with: an installed one's name, or a path.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Form of the results.  [default: txt]")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json: an object a line.")
@_options.output
@click.option("--microphone", is_flag=True, help="Record until Enter is pressed, then transcribe that.")
@_options.rate
@_options.threads
@_options.quiet
def command(
    recordings: tuple[str, ...],
    bundle: str | None,
    format_: str | None,
    as_json: bool,
    output: str | None,
    microphone: bool,
    rate: int | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Write down what is said in recordings.

    Takes WAV, FLAC, OGG/Opus and MP3 of any rate and channel count; folders are searched; `-` is standard input.
    Text is a line a recording, with the file and a tab before it where there are several. A recording that cannot be
    read is named on stderr, the others go on, and the exit code is 1.

    \b
    Examples:
      resonet transcribe talk.opus
      resonet transcribe interviews/ --format srt --output subtitles/
      ffmpeg -i film.mkv -f s16le -ac 1 -ar 16000 - | resonet transcribe - --rate 16000 --json
    """
    if as_json and format_ not in (None, "json"):
        raise UsageError(f"--json and --format {format_} contradict each other")
    if bool(recordings) == microphone:
        raise UsageError(
            "--microphone takes no recordings beside it" if microphone else "no recording given",
            "resonet transcribe --help",
        )
    format_ = "json" if as_json else format_ or "txt"
    failures = Failures()
    with tempfile.TemporaryDirectory(prefix="resonet-") as scratch:
        found = [] if microphone else gather(recordings, rate, Path(scratch), failures)
        if not microphone and not found:
            failures.leave()
        several = len(found) > 1 or any(Path(argument).is_dir() for argument in recordings)
        _check_output(output, format_, found)

        from resonet.runtime import Recognizer

        recognizer = Recognizer.load(bundle, threads=threads)
        if microphone:
            results = _record(recognizer)
            found = [Recording("microphone", Path(), PurePath("microphone"))]
        else:
            results = _transcribe(recognizer, found, failures, quiet)
        write_each(
            results,
            found,
            output,
            f".{format_}",
            lambda result, name, several: render(result, name, format_, several),
            several,
            head="file\tstart\tend\ttext\n" if several and format_ == "tsv" else "",
        )
    failures.leave()


def _check_output(output: str | None, format_: str, recordings: list[Recording]) -> None:
    if format_ in ("srt", "vtt") and len(recordings) > 1 and not (output and is_folder(output)):
        raise UsageError(f"a file of {format_} holds one recording", "name a folder: --output FOLDER")
    check_output(output, recordings)


def _transcribe(
    recognizer: Recognizer, recordings: list[Recording], on_error: Callable[[ResonetError], None], quiet: bool
) -> Iterator[tuple[int, Transcript]]:
    """Index into `recordings` and transcript, in order, of each recording that could be read."""
    from tqdm import tqdm

    shown = not quiet and sys.stderr.isatty()
    total = sum(map(_seconds, recordings)) if shown else None
    with tqdm(total=total, unit="s", bar_format=_BAR, disable=not shown, leave=False) as bar:

        def advance(seconds: float) -> None:
            if shown:
                bar.total = max(bar.total, bar.n + seconds)  # a header may tell less than the recording holds
                bar.update(seconds)

        results = recognizer.transcribe_many([recording.path for recording in recordings], progress=advance)
        for index, (_, result) in enumerate(results):
            bar.set_postfix_str(f"{index + 1} of {len(recordings)} recordings", refresh=False)
            if isinstance(result, ResonetError):
                on_error(under_its_name(result, recordings[index]))
            else:
                yield index, result


def _seconds(recording: Recording) -> float:
    """Its length; 0 where it cannot be read, which reading it will say."""
    from resonet import audio

    try:
        return audio.info(recording.path).duration
    except ResonetError:
        return 0.0


def _record(recognizer: Recognizer) -> Iterator[tuple[int, Transcript]]:
    from resonet.audio import microphone

    yield 0, recognizer.transcribe(microphone.record(16000), sample_rate=16000)


def render(transcript: Transcript, name: str, format_: str, several: bool) -> str:
    """One recording's result, newline at the end. With `several`, each line of txt and tsv starts with the file."""
    if format_ == "json":
        return json_line(transcript.as_dict(name))
    field = as_field(name)
    if format_ == "txt":
        return f"{field}\t{transcript.text}\n" if several else f"{transcript.text}\n"
    from resonet.text import subtitles

    if format_ == "tsv" and several:
        rows = subtitles.tsv(transcript).splitlines()[1:]  # without the head
        return "".join(f"{field}\t{row}\n" for row in rows)
    made = {"srt": subtitles.srt, "vtt": subtitles.vtt, "tsv": subtitles.tsv}[format_](transcript)
    return made if made.endswith("\n") else f"{made}\n"
