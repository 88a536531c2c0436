"""Writes docs/cli.md from the help of every verb. Run it after a change of a verb: `python tools/make_cli_docs.py`."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from resonet import cli

TARGET = Path(__file__).resolve().parent.parent / "docs" / "cli.md"

HEAD = """# The command line

<!-- Made by tools/make_cli_docs.py from the help of each verb: change the verb, not this page. -->

Results go to stdout, everything else to stderr. Exit codes: 0 all well, 1 some files failed, 2 usage, 3 bad bundle or
index, 4 missing extra (the sentence names the `pip install`), 130 Ctrl-C. `resonet --debug VERB ...` shows the
traceback of an error, `resonet --version` the version. Formats of results: [formats.md](formats.md).
"""


def page() -> str:
    context = click.Context(cli.resonet, info_name="resonet", **cli.resonet.context_settings)
    return HEAD + "".join(_command(name, context, cli.resonet, 2) for name in cli.resonet.list_commands(context))


def _command(name: str, parent: click.Context, group: click.Group, depth: int) -> str:
    command = group.get_command(parent, name)
    assert command is not None
    context = click.Context(command, info_name=name, parent=parent)
    parts = [f"\n{'#' * depth} {context.command_path}\n", "\n".join(_help(command.help or "")) + "\n"]
    parts.append(f"```text\n{' '.join([context.command_path, *command.collect_usage_pieces(context)])}\n```\n")
    rows = [
        record
        for parameter in command.params
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(context))
    ]
    if rows:
        parts.append("| option | what it does |\n|---|---|\n" + "".join(map(_row, rows)))
    page = "\n".join(parts)
    if isinstance(command, click.Group):
        page += "".join(_command(inner, context, command, depth + 1) for inner in command.list_commands(context))
    return page


def _row(record: tuple[str, str]) -> str:
    option, text = (" ".join(part.split()).replace("|", "\\|") for part in record)
    return f"| `{option}` | {text} |\n"


def _help(text: str) -> Iterator[str]:
    """Paragraphs as they are; the parts that click is told not to wrap (a line of \\b) as blocks of code."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", inspect.cleandoc(text).replace("\f", ""))):
        lines = paragraph.splitlines()
        if number:
            yield ""
        if lines and lines[0].strip() == "\b":
            title, *rest = lines[1:]
            yield from (title, "", "```bash", *inspect.cleandoc("\n".join(["", *rest])).splitlines(), "```")
        else:
            yield from lines


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
    print(f"wrote {TARGET}", file=sys.stderr)
