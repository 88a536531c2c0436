"""`resonet align`: when the words of a text are said in a recording (docs/formats.md)."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import click

from resonet.cli import _options
from resonet.cli._recordings import Recording, gather, under_its_name
from resonet.cli._results import Failures, above_progress, check_output, is_folder, json_line, write_each
from resonet.errors import DataError, ResonetError, UsageError

if TYPE_CHECKING:
    from resonet.runtime.alignment import Aligner, Alignment

FORMATS = ("textgrid", "json", "ctm")
SUFFIXES = {"textgrid": ".TextGrid", "json": ".json", "ctm": ".ctm"}
# What a text beside a recording ends in.
BESIDE = (".txt", ".lab")
_MOST = 64 << 20  # bytes of one text


@click.command()
@click.argument("arguments", nargs=-1, metavar="RECORDING [TEXT|TEXTFILE] | [RECORDING|FOLDER]...")
@click.option("--bundle", metavar="BUNDLE", help="Recognizer to align with: an installed bundle's name, or a path.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Form of the results.  [default: textgrid]")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json: an object a line.")
@_options.output
@_options.rate
@_options.threads
@_options.quiet
def command(
    arguments: tuple[str, ...],
    bundle: str | None,
    format_: str | None,
    as_json: bool,
    output: str | None,
    rate: int | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Find when each word of a text is said, and each of its phones.

    One recording and its text, as words or as a file (`-` is standard input); or recordings and folders, each recording
    with its text beside it (talk.wav, talk.txt). Numbers, abbreviations and capitals are read as people do; the words
    of the result are as they are written. Where text and recording do not fit, one warning says where. Hours are no
    problem.

    \b
    Examples:
      resonet align talk.wav talk.txt --output talk.TextGrid
      resonet align hello.wav "Hello, Dr. Smith." --json
      resonet align lectures/ --output aligned/
    """
    if as_json and format_ not in (None, "json"):
        raise UsageError(f"--json and --format {format_} contradict each other")
    if not arguments:
        raise UsageError("no recording given", "resonet align --help")
    format_ = "json" if as_json else format_ or "textgrid"
    failures = Failures()
    with tempfile.TemporaryDirectory(prefix="resonet-") as scratch:
        names, given = _apart(arguments)
        found = gather(names, rate, Path(scratch), failures)
        text = None if given is None else _given(given)
        if not found:
            failures.leave()
        if format_ == "textgrid" and len(found) > 1 and not (output and is_folder(output)):
            raise UsageError("a TextGrid holds one recording", "name a folder: --output FOLDER, or another --format")
        check_output(output, found)
        _check_texts(output, SUFFIXES[format_], given, found)

        from resonet.runtime.alignment import Aligner

        write_each(
            _align(Aligner.load(bundle, threads), found, text, failures, quiet),
            found,
            output,
            SUFFIXES[format_],
            lambda alignment, name, several: render(alignment, name, format_),
            several=len(found) > 1,
        )
    failures.leave()


def _apart(arguments: Sequence[str]) -> tuple[Sequence[str], str | None]:
    """The recordings, and the text where it is given: the second of two arguments, unless it is a recording."""
    from resonet.audio import AUDIO_SUFFIXES

    if len(arguments) != 2 or (arguments[0] and Path(arguments[0]).is_dir()):
        return arguments, None
    second = arguments[1]
    try:
        recording = bool(second) and (PurePath(second).suffix.lower() in AUDIO_SUFFIXES or Path(second).is_dir())
    except OSError:  # a text too long for a path
        recording = False
    if second == "-" and arguments[0] == "-":
        raise UsageError("standard input (-) can be read only once")
    return (arguments, None) if recording and " " not in second else (arguments[:1], second)


def _given(text: str) -> str:
    """A text that stands on the command line: the words themselves, or the file that holds them."""
    if text == "-":
        if sys.stdin.buffer.isatty():
            raise UsageError("standard input is the terminal", "pipe a text into it, or give the text or a file")
        return _decoded(sys.stdin.buffer.read(_MOST + 1), "standard input")
    try:
        file = Path(text).is_file()
    except (OSError, ValueError):  # too long for a path, or no path at all
        file = False
    if file:
        return _read(Path(text))
    if not any(map(str.isspace, text)) and PurePath(text).suffix.lower() in (*BESIDE, ".textgrid"):
        raise UsageError(f"the text {text} does not exist")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # bytes of another encoding, which Python keeps as surrogates
        raise UsageError("the text on the command line is not UTF-8", "set a UTF-8 locale, or give a file") from None
    return text


def _beside(recording: Recording) -> Path:
    """The text of a recording."""
    for suffix in BESIDE:
        if (text := recording.path.with_suffix(suffix)).is_file():
            return text
    raise DataError(
        f"{recording.name} has no text beside it", f"write {PurePath(recording.name).stem}.txt, or name its text"
    )


def _read(path: Path) -> str:
    """A text: plain, or the words of a TextGrid. Raises DataError."""
    try:
        with path.open("rb") as file:
            return _decoded(file.read(_MOST + 1), str(path))
    except OSError as error:
        raise DataError(f"the text {path} cannot be read: {error.strerror or error}") from None


def _decoded(content: bytes, name: str) -> str:
    from resonet.text import textgrid

    if len(content) > _MOST:
        raise DataError(f"{name} has more than {_MOST >> 20} MiB of text", "give it in parts")
    if textgrid.is_textgrid(content):
        tiers = textgrid.parse(content, name).tiers
        held = next((tier for tier in tiers if tier.name.lower() == "words"), tiers[0] if tiers else None)
        return " ".join(interval.text.strip() for interval in held.intervals if interval.text.strip()) if held else ""
    try:
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 text: byte {error.start + 1}", "convert it to UTF-8") from None


def _check_texts(output: str | None, suffix: str, given: str | None, recordings: Sequence[Recording]) -> None:
    """Raises UsageError where a result would be written over the text that it is made from."""
    if not output or is_folder(output) or not Path(output).exists():
        return
    texts = [Path(given)] if given not in (None, "-") else [r.path.with_suffix(s) for r in recordings for s in BESIDE]
    for text in texts:
        try:
            same = text.is_file() and Path(output).samefile(text)
        except (OSError, ValueError):
            continue
        if same:
            raise UsageError(f"--output {output} is a text that is to be read")


def _align(
    aligner: Aligner,
    recordings: Sequence[Recording],
    text: str | None,
    on_error: Callable[[ResonetError], None],
    quiet: bool,
) -> Iterator[tuple[int, Alignment]]:
    """Index into `recordings` and alignment, in order, of each that could be aligned."""
    from tqdm import tqdm

    shown = not quiet and sys.stderr.isatty()
    total = round(sum(map(_seconds, recordings))) if shown else None
    with tqdm(total=total, unit=" s", disable=not shown, leave=False) as bar:
        for index, recording in enumerate(recordings):
            try:
                said = _read(_beside(recording)) if text is None else text
                alignment = aligner.align(recording.path, said, progress=bar.update)
            except ResonetError as error:
                on_error(_named(error, recording))
                continue
            if alignment.warning:
                with above_progress():
                    click.echo(f"resonet: {recording.name}: {alignment.warning}", err=True)
            yield index, alignment


def _seconds(recording: Recording) -> float:
    """Its length; 0 where it cannot be read, which reading it will say."""
    from resonet import audio

    try:
        return audio.info(recording.path).duration
    except ResonetError:
        return 0.0


def _named(error: ResonetError, recording: Recording) -> ResonetError:
    """The error with the name of the recording that it is about."""
    error = under_its_name(error, recording)
    if recording.name not in error.message and str(recording.path) not in error.message:
        name = "standard input" if recording.name == "-" else recording.name
        if not error.message.startswith(name):
            error.message = f"{name}: {error.message}"
    return error


def render(alignment: Alignment, name: str, format_: str) -> str:
    """One recording's result, newline at the end."""
    if format_ == "json":
        return json_line(alignment.as_dict(name))
    if format_ == "ctm":
        from resonet.text import ctm

        return ctm.render(alignment.as_ctm(name))
    from resonet.text import textgrid

    return textgrid.render(alignment.as_textgrid())
