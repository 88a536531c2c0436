"""The part of `resonet speak` that makes clips of phrases: `--clips`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from resonet.cli._results import above_progress, as_field, json_line
from resonet.errors import UsageError

if TYPE_CHECKING:
    from resonet.runtime.clips import Made

# Parameters of `resonet speak` that are about clips alone, and those that go with them too.
ALONE = frozenset({"phrases", "count", "noise", "rooms", "seed", "language"})
BESIDE = frozenset({"clips", "voices", "words", "as_json", "threads", "quiet"})


def check(context: click.Context) -> None:
    """Raises UsageError where options of texts and options of clips were given together."""
    given = [
        parameter
        for parameter in context.command.params
        if parameter.name and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    ]
    names = {parameter.name for parameter in given}
    if "clips" not in names:
        for parameter in given:
            if parameter.name in ALONE:
                raise UsageError(f"{parameter.opts[0]} is about clips", "add --clips FOLDER, or leave it out")
        return
    for parameter in given:
        if isinstance(parameter, click.Argument):
            raise UsageError("--clips speaks the phrases of --phrases, and no other text", "resonet speak --help")
        if parameter.name not in ALONE | BESIDE:
            raise UsageError(
                f"{parameter.opts[0]} and --clips do not go together", "each clip has a speaker and a manner of its own"
            )
    if "phrases" not in names:
        raise UsageError("--clips needs --phrases", 'write --phrases "lights on,lights off"')


def speak(out: str, phrases: str, voices: tuple[str, ...], *, as_json: bool, quiet: bool, **how: Any) -> None:
    """Makes the clips, and tells it: a line a label, with its number of clips."""
    from pathlib import Path

    from resonet.runtime import clip_record, clips
    from resonet.runtime.phrases import read

    try:
        made = clips.make(out, read(phrases), voices, warn=_warn, progress=None if quiet else _progress, **how)
    except KeyboardInterrupt:
        if (Path(out) / clip_record.NAME).is_file():
            click.echo("stopped; the same command goes on", err=True)
        raise
    if as_json:
        click.echo(json_line(_as_dict(made)), nl=False)
        return
    for label, count in made.clips.items():
        click.echo(f"{as_field(str(made.folder / label))}\t{count}")
    if not quiet:
        click.echo(_about(made), err=True)


def _as_dict(made: Made) -> dict[str, Any]:
    return {
        "folder": str(made.folder),
        "clips": made.clips,
        "new": made.new,
        "speakers": list(made.speakers),
        "held_out": list(made.held_out),
    }


def _about(made: Made) -> str:
    """How many are new, and who speaks what."""
    if made.held_out:
        dev = f"those for checking (validation_list.txt) are spoken by {', '.join(made.held_out)} alone"
    else:
        dev = "those for checking (validation_list.txt) are spoken by the same"
    return f"{made.new} new clips, {len(made.speakers)} speakers; {dev}"


def _warn(sentence: str) -> None:
    with above_progress():
        click.echo(f"resonet: {sentence}", err=True)


def _progress(items: Iterable[Any], total: int) -> Iterable[Any]:
    from tqdm import tqdm

    return tqdm(items, total=total, unit=" clips", disable=None, leave=False)
