"""`resonet tune-threshold`: how sure `spot` has to be of each word, from the false alarms that are allowed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from resonet.cli import _options
from resonet.cli._results import Failures, json_line
from resonet.errors import DataError, ResonetError, UsageError

if TYPE_CHECKING:
    from resonet.runtime import Spotter
    from resonet.runtime.thresholds import Tuned, Tuner

_BAR = "{percentage:3.0f} %|{bar}| {n:.2f} of {total:.2f} h, {remaining} left"


@click.command()
@click.argument("speech", nargs=-1, required=True, metavar="SPEECH...")
@click.option(
    "--false-alarms",
    type=click.FloatRange(0),
    default=0.5,
    show_default=True,
    help="So many an hour are allowed for each word.",
)
@click.option("--word", "chosen", multiple=True, metavar="WORD", help="Tune this word alone; repeatable.")
@click.option(
    "--examples",
    type=click.Path(exists=True, path_type=Path),
    metavar="DATA",
    help="Recordings of the words, to count misses: a folder with one a word, or a table with path and label.",
)
@_options.classifier
@click.option("--words", metavar="FILE", help="Enrolled words and thresholds.  [default: in the user's data folder]")
@click.option("--dry-run", is_flag=True, help="Show the thresholds, but keep none.")
@click.option("--json", "as_json", is_flag=True, help="An object a word, a line each.")
@_options.threads
@_options.quiet
def command(
    speech: tuple[str, ...],
    false_alarms: float,
    chosen: tuple[str, ...],
    examples: Path | None,
    bundle: str | None,
    words: str | None,
    dry_run: bool,
    as_json: bool,
    threads: int | None,
    quiet: bool,
) -> None:
    """Find for each word the lowest threshold that keeps false alarms within a budget, and keep it for `spot`.

    SPEECH is recordings in which the words are not said: files, folders, or a table (.tsv, .csv) with the columns path
    and text; of a table, recordings whose text holds a word do not count for that word. The more hours there are, the
    smaller a budget they can prove: 0.5 an hour needs at least two. Thresholds go into the user's words file.

    \b
    Examples:
      resonet tune-threshold audiobooks/ --false-alarms 0.5
      resonet tune-threshold dev/transcripts.tsv --word stop --examples clips/ --dry-run
    """
    from resonet.bundle import Bundle
    from resonet.runtime import Spotter
    from resonet.runtime.enrolled import WordList
    from resonet.runtime.thresholds import Tuner, split

    with Bundle.open(bundle, kind="classifier") as opened:
        spotter = Spotter(opened, threads, WordList.load(words))
    for sentence in spotter.skipped:
        click.echo(f"resonet: {sentence}", err=True)
    for word in chosen:
        if word not in spotter.words:
            raise UsageError(f"{word!r} is no word of {spotter.manifest.name}", f"it has {', '.join(spotter.words)}")
    labelled = [] if examples is None else labels(examples)
    failures = Failures()
    tuner = Tuner(spotter, chosen or None)
    recordings = [item for source in speech for item in said(source, tuner.words, failures)]
    _listen(tuner, spotter, recordings, failures, quiet)
    if not tuner.hours:
        raise DataError("no speech could be heard, so there is nothing to tune on")
    _try_examples(tuner, spotter, labelled, failures)
    results = tuner.tuned(false_alarms)
    for result in results:
        sys.stdout.write(json_line(fields(result)) if as_json else f"{told(result)}\n")
    _summarise(results, tuner.hours, false_alarms)
    if not dry_run:
        of_bundle, enrolled = split(spotter, results)
        WordList.load(words).tuned(spotter.manifest.name, of_bundle, enrolled).save()
    failures.leave()


def fields(result: Tuned) -> dict[str, object]:
    """The JSON of a word."""
    found: dict[str, object] = {
        "word": result.word,
        "threshold": result.threshold,
        "false_alarms": result.false_alarms,
        "hours": round(result.hours, 4),
    }
    return found | ({"examples": result.examples, "missed": result.missed} if result.examples else {})


def told(result: Tuned) -> str:
    """The line of a word."""
    line = f"{result.word}\t{result.threshold:g}\t{result.false_alarms} false alarms in {result.hours:.2f} h"
    if result.examples:
        line += f", {result.missed} of {result.examples} examples missed"
    return line


def _summarise(results: Sequence[Tuned], hours: float, allowed: float) -> None:
    total = sum(result.false_alarms for result in results)
    note = f"{len(results)} words on {hours:.2f} h of speech: {total / hours:.2f} false alarms an hour in all"
    if allowed and allowed * hours < 1:
        note += f"; {allowed:g} an hour can only be shown on {1 / allowed:.1f} h or more, so none was allowed"
    click.echo(note, err=True)
    if loud := [result.word for result in results if not result.kept]:
        click.echo(f"resonet: more false alarms than allowed at any threshold: {', '.join(loud)}", err=True)


def said(
    source: str, words: Sequence[str], on_error: Callable[[ResonetError], None]
) -> list[tuple[Path, frozenset[str]]]:
    """Recordings of other speech, each with the words that its text is known to hold."""
    from resonet import audio
    from resonet.data.tables import is_table
    from resonet.text.normalise import normalise

    try:
        if not is_table(Path(source)):
            return [(path, frozenset()) for path in audio.find([source])]
        spoken = {word: f" {normalise(word)} " for word in words}
        rows = [(path, f" {normalise(text)} ") for path, text in _rows(Path(source), "text", needed=False)]
        return [(path, frozenset(w for w, form in spoken.items() if form in text)) for path, text in rows]
    except ResonetError as error:
        on_error(error)
        return []


def labels(examples: Path) -> list[tuple[Path, str]]:
    """Recordings of words, each with its word: of a table, or of a folder with a folder for each word."""
    from resonet import audio
    from resonet.data.tables import is_table

    if is_table(examples):
        return list(_rows(examples, "text", needed=True))
    if not examples.is_dir():
        raise DataError(f"{examples} is no folder and no table", "give a folder with one a word, or a .tsv")
    found = [(path, path.relative_to(examples).parts) for path in audio.find([examples])]
    if not any(len(parts) > 1 for _, parts in found):
        raise DataError(
            f"{examples} has no folders with recordings", "give a folder with one a word: DATA/WORD/clip.wav"
        )
    return [(path, parts[0]) for path, parts in found if len(parts) > 1]


def _rows(table: Path, role: str, needed: bool) -> Iterator[tuple[Path, str]]:
    """Path and text (or label) of each row; paths are beside the table."""
    from resonet.data import tables

    for number, row in tables.rows(table):
        path, text = (tables.column(row, name) for name in ("audio", role))
        label = "label" if "label" in row and needed else text
        if path is None or (needed and label is None):
            raise DataError(f"{table} has no column {'path' if path is None else 'label'} (line {number})")
        yield table.parent / str(row[path]), str(row[label]) if label else ""


def _listen(
    tuner: Tuner,
    spotter: Spotter,
    recordings: Sequence[tuple[Path, frozenset[str]]],
    on_error: Callable[[ResonetError], None],
    quiet: bool,
) -> None:
    from resonet import audio

    with _progress([path for path, _ in recordings], quiet) as advance:
        for path, holds in recordings:
            try:
                tuner.speech(audio.blocks(path, spotter.sample_rate), holds, advance)
            except ResonetError as error:
                on_error(error)


@contextmanager
def _progress(paths: Sequence[Path], quiet: bool) -> Iterator[Callable[[float], object] | None]:
    """A bar of the hours heard, on stderr, if somebody watches."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    from resonet import audio

    def seconds(path: Path) -> float:
        try:
            return audio.info(path).duration
        except ResonetError:
            return 0.0

    with tqdm(total=sum(map(seconds, paths)) / 3600, bar_format=_BAR, leave=False) as bar:
        yield lambda heard: bar.update(heard / 3600)


def _try_examples(
    tuner: Tuner, spotter: Spotter, labelled: Sequence[tuple[Path, str]], on_error: Callable[[ResonetError], None]
) -> None:
    from resonet import audio

    names = {word.casefold(): word for word in tuner.words}
    wanted = [(path, names[label.casefold()]) for path, label in labelled if label.casefold() in names]
    if labelled and not wanted:
        raise DataError("none of the examples is of a word that is tuned", f"these are: {', '.join(tuner.words)}")
    for path, word in wanted:
        try:
            tuner.example(word, audio.read(path, spotter.sample_rate))
        except ResonetError as error:
            on_error(error)
