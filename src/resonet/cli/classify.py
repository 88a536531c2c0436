"""`resonet classify`: clips in, a label each out (docs/formats.md)."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from resonet.cli import _options
from resonet.cli._recordings import Recording, gather, under_its_name
from resonet.cli._results import Failures, as_field, check_output, json_line, write_each
from resonet.errors import ResonetError, UsageError

if TYPE_CHECKING:
    from resonet.runtime import Label, Spotter

FORMATS = ("txt", "json", "tsv")


@click.command()
@click.argument("clips", nargs=-1, metavar="[CLIP|FOLDER|-]...")
@_options.classifier
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Form of the results.  [default: txt]")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json: an object a line.")
@_options.output
@_options.rate
@_options.threads
@_options.quiet
def command(
    clips: tuple[str, ...],
    bundle: str | None,
    format_: str | None,
    as_json: bool,
    output: str | None,
    rate: int | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Tell which word is said in clips.

    A line a clip: the label and its probability, after the file where there are several. Labels are those that the
    bundle was trained with, `unknown` (another word) and `silence`. A clip that cannot be read is named on stderr, the
    others go on, and the exit code is 1. Words in running sound: resonet spot.

    \b
    Examples:
      resonet classify go.wav
      resonet classify clips/ --json > labels.jsonl
    """
    if as_json and format_ not in (None, "json"):
        raise UsageError(f"--json and --format {format_} contradict each other")
    if not clips:
        raise UsageError("no clip given", "resonet classify --help")
    format_ = "json" if as_json else format_ or "txt"
    failures = Failures()
    with tempfile.TemporaryDirectory(prefix="resonet-") as scratch:
        found = gather(clips, rate, Path(scratch), failures)
        if not found:
            failures.leave()
        check_output(output, found)

        from resonet.bundle import Bundle
        from resonet.runtime import Spotter

        with Bundle.open(bundle, kind="classifier") as opened:
            spotter = Spotter(opened, threads)  # without the user's words: clips are judged by the bundle alone
        write_each(
            _classify(spotter, found, failures, quiet),
            found,
            output,
            f".{format_}",
            lambda label, name, several: render(label, name, format_, several),
            several=len(found) > 1 or any(Path(argument).is_dir() for argument in clips),
            head="file\tlabel\tscore\n" if format_ == "tsv" else "",
        )
    failures.leave()


def _classify(
    spotter: Spotter, clips: list[Recording], on_error: Callable[[ResonetError], None], quiet: bool
) -> Iterator[tuple[int, Label]]:
    """Index into `clips` and label, in order, of each that could be read."""
    from tqdm import tqdm

    shown = not quiet and len(clips) > 1 and sys.stderr.isatty()
    with tqdm(total=len(clips), unit=" clips", disable=not shown, leave=False) as bar:
        results = spotter.classify_many([clip.path for clip in clips], progress=bar.update)
        for index, (_, result) in enumerate(results):
            if isinstance(result, ResonetError):
                on_error(under_its_name(result, clips[index]))
            else:
                yield index, result


def render(label: Label, name: str, format_: str, several: bool) -> str:
    """One clip's line. With `several`, and in tsv, it starts with the file."""
    if format_ == "json":
        return json_line({"file": name, "label": label.label, "score": round(label.score, 4)})
    line = f"{label.label}\t{label.score:.2f}\n"
    return f"{as_field(name)}\t{line}" if several or format_ == "tsv" else line
