"""`resonet transcribe`: recordings in, text out (docs/formats.md)."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, TextIO

import click

from resonet.cli._recordings import Recording, gather
from resonet.cli._results import file_names, is_folder, written
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
@click.option(
    "-o", "--output", metavar="FILE|FOLDER", help="Write there, not to stdout. A name without suffix is a folder."
)
@click.option("--microphone", is_flag=True, help="Record until Enter is pressed, then transcribe that.")
@click.option("--rate", type=click.IntRange(1000, 768000), help="Standard input is raw 16-bit mono PCM of so many Hz.")
@click.option("--threads", type=click.IntRange(1), help="Processor threads.  [default: all cores]")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
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
        _write(results, found, format_, several, output)
    failures.leave()


def _check_output(output: str | None, format_: str, recordings: list[Recording]) -> None:
    if output and is_folder(output):
        return
    if format_ in ("srt", "vtt") and len(recordings) > 1:
        raise UsageError(f"a file of {format_} holds one recording", "name a folder: --output FOLDER")
    if output and Path(output).exists() and any(Path(output).samefile(r.path) for r in recordings if r.path.exists()):
        raise UsageError(f"--output {output} is a recording that is to be read")


class Failures:
    """Shows each recording that failed, once, in one sentence on stderr, and remembers the exit code."""

    def __init__(self) -> None:
        self.exit_code = 0

    def __call__(self, error: ResonetError) -> None:
        self.exit_code = max(self.exit_code, error.exit_code)
        with _above_progress():
            click.echo(f"resonet: {error}", err=True)

    def leave(self) -> None:
        if self.exit_code:
            click.get_current_context().exit(self.exit_code)


@contextmanager
def _above_progress() -> Iterator[None]:
    """Takes a progress bar off the terminal while something else is printed."""
    tqdm = sys.modules.get("tqdm")
    if tqdm is None:
        yield
    else:
        with tqdm.tqdm.external_write_mode(file=sys.stderr):
            yield


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
                on_error(_under_its_name(result, recordings[index]))
            else:
                yield index, result


def _seconds(recording: Recording) -> float:
    """Its length; 0 where it cannot be read, which reading it will say."""
    from resonet import audio

    try:
        return audio.info(recording.path).duration
    except ResonetError:
        return 0.0


def _under_its_name(error: ResonetError, recording: Recording) -> ResonetError:
    """The error about a copy of standard input, told of standard input."""
    if recording.name == "-":
        error.message = error.message.replace(str(recording.path), "standard input")
    return error


def _record(recognizer: Recognizer) -> Iterator[tuple[int, Transcript]]:
    from resonet.audio import microphone

    yield 0, recognizer.transcribe(microphone.record(16000), sample_rate=16000)


def _write(
    results: Iterator[tuple[int, Transcript]],
    recordings: list[Recording],
    format_: str,
    several: bool,
    output: str | None,
) -> None:
    """Sends each result where it belongs as soon as it is there."""
    if output and is_folder(output):
        names = file_names(recordings, f".{format_}")
        for index, transcript in results:
            with written(Path(output) / names[index]) as single:
                single.write(render(transcript, recordings[index].name, format_, several=False))
        return
    with ExitStack() as stack:
        file: TextIO = stack.enter_context(written(Path(output))) if output else sys.stdout
        if several and format_ == "tsv":
            file.write("file\tstart\tend\ttext\n")
        for index, transcript in results:
            with _above_progress():
                file.write(render(transcript, recordings[index].name, format_, several))
                file.flush()


def render(transcript: Transcript, name: str, format_: str, several: bool) -> str:
    """One recording's result, newline at the end. With `several`, each line of txt and tsv starts with the file."""
    if format_ == "json":
        return _json_line(transcript.as_dict(name))
    # A tab or newline in a file name would break the line that it stands in.
    field = name.replace("\t", " ").replace("\n", " ")
    if format_ == "txt":
        return f"{field}\t{transcript.text}\n" if several else f"{transcript.text}\n"
    from resonet.text import subtitles

    if format_ == "tsv" and several:
        rows = subtitles.tsv(transcript).splitlines()[1:]  # without the head
        return "".join(f"{field}\t{row}\n" for row in rows)
    made = {"srt": subtitles.srt, "vtt": subtitles.vtt, "tsv": subtitles.tsv}[format_](transcript)
    return made if made.endswith("\n") else f"{made}\n"


def _json_line(fields: dict[str, object]) -> str:
    line = json.dumps(fields, ensure_ascii=False)
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:  # a file name that is no UTF-8: escaped, JSON stays valid
        line = json.dumps(fields)
    return f"{line}\n"
