"""`resonet spot`: words in running sound, printed as they are heard."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from resonet.cli import _options
from resonet.cli._live import heard
from resonet.cli._results import json_line
from resonet.errors import UsageError

if TYPE_CHECKING:
    from resonet.runtime import Event


@click.command()
@click.argument("recording", required=False, metavar="[RECORDING|-]")
@click.option("--microphone", is_flag=True, help="Listen to the microphone until Ctrl-C.")
@_options.classifier
@click.option("--words", metavar="FILE", help="Enrolled words and thresholds.  [default: in the user's data folder]")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True),
    help="Probability from which any word counts.  [default: of each word]",
)
@click.option("--only", multiple=True, metavar="WORD", help="Listen for this word alone; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="An object a line.")
@_options.rate
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Processor threads.")
def command(
    recording: str | None,
    microphone: bool,
    bundle: str | None,
    words: str | None,
    threshold: float | None,
    only: tuple[str, ...],
    as_json: bool,
    rate: int | None,
    threads: int,
) -> None:
    """Watch running sound for words, and print each as soon as it is heard.

    A line a word: seconds from the start, the word, its probability. The words are those of the bundle and those that
    were added by `resonet enroll`; `resonet tune-threshold` sets how sure it has to be of each. Standard input (`-`) is
    heard as it comes where it is raw PCM (with --rate) or 16-bit WAV.

    \b
    Examples:
      resonet spot --microphone
      resonet spot meeting.flac --only stop --json
      arecord -q -t raw -f S16_LE -r 16000 | resonet spot - --rate 16000
    """
    if (recording is not None) == microphone:
        raise UsageError(
            "--microphone takes no recording beside it" if microphone else "no recording given", "resonet spot --help"
        )
    if rate is not None and recording != "-":
        raise UsageError("--rate goes with raw PCM on standard input, and the recording is not -")

    from resonet.runtime import Spotter

    spotter = Spotter.load(bundle, threads=threads, words=words)
    for sentence in spotter.skipped:
        click.echo(f"resonet: {sentence}", err=True)
    name = "microphone" if recording is None else recording
    stream = spotter.stream(threshold, only or None)
    if microphone and sys.stderr.isatty():
        click.echo("Listening; Ctrl-C ends.", err=True)
    for block in heard(recording, rate, spotter.sample_rate):
        _print(stream.push(block), name, as_json)
    _print(stream.finish(), name, as_json)


def _print(events: list[Event], name: str, as_json: bool) -> None:
    for event in events:
        sys.stdout.write(render(event, name, as_json))
        sys.stdout.flush()


def render(event: Event, name: str, as_json: bool) -> str:
    """The line of an event."""
    if as_json:
        time, score = round(event.time, 3), round(event.score, 4)
        return json_line({"file": name, "time": time, "word": event.word, "score": score})
    return f"{event.time:.3f}\t{event.word}\t{event.score:.2f}\n"
