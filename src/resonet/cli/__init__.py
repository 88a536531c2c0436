"""The `resonet` command. Each verb is one file here: `transcribe.py` exposes `command` and is `resonet transcribe`.

A verb is imported when it is called or listed, and imports slow libraries inside its functions, so that
`resonet --help` answers in under 0.3 s. Files that begin with an underscore are no verbs. Exit codes: docs/formats.md.
"""

from __future__ import annotations

import os
import pkgutil
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

import click

from resonet.errors import MissingExtra, ResonetError

# What a plain install lacks, and the extra that brings it (pyproject.toml).
EXTRAS = {
    "torch": "train",
    "lhotse": "train",
    "onnx": "train",
    "yaml": "train",
    "rich": "train",
    "sentencepiece": "train",
    "jinja2": "evaluate",
    "jiwer": "evaluate",
    "sklearn": "train",
    "num2words": "speak",
    "pypinyin": "speak",
    "sounddevice": "microphone",
    "av": "av",
}


@dataclass
class Invocation:
    """What holds for one call of `resonet`, whatever the verb."""

    debug: bool = False


def verbs() -> dict[str, str]:
    """The verbs that are installed: name on the command line -> module."""
    found = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return {name.replace("_", "-"): f"{__name__}.{name}" for name in found}


class Verbs(click.Group):
    """A group that imports a verb's module when the verb is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(verbs())

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        module = verbs().get(name)
        return import_module(module).command if module else None

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in verbs() and not name.startswith("-"):
            # difflib costs 10 ms of start-up, so only a wrong name pays for it.
            from difflib import get_close_matches

            near = get_close_matches(name, verbs(), n=1)
            context.fail(f"there is no verb {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(context, args)


def _print_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        import resonet

        click.echo(f"resonet {resonet.__version__}")
        context.exit()


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
@click.pass_obj
def resonet(invocation: Invocation | None, debug: bool) -> None:
    """Turn a folder of recordings into a small residual network that recognizes speech, and run it, offline.

    \b
    Example:
      resonet transcribe talk.opus
      resonet VERB --help
    """
    if invocation is not None:
        invocation.debug = debug


def main(args: Sequence[str] | None = None) -> int:
    """Runs the command line; gives the exit code. Every error is shown here, once, on stderr."""
    invocation = Invocation()
    for stream in (sys.stdout, sys.stderr):
        # A file name that is no valid UTF-8 is printed as the bytes it has.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape")
    try:
        with _terminated_as_interrupted():
            code = resonet.main(args=args, prog_name="resonet", standalone_mode=False, obj=invocation)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        # The reader (head, less) has gone. Python flushes stdout at exit: let it meet no second broken pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, click.Abort):
        return 130
    except click.ClickException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # click 8.1 has no such class: it prints the help itself
            error.show()
            return error.exit_code
        context = getattr(error, "ctx", None)
        _say(error.format_message(), f"{context.command_path} --help" if context else "")
        return error.exit_code
    except Exception as error:
        if invocation.debug:
            traceback.print_exc()
            return getattr(error, "exit_code", 1)
        known = as_resonet_error(error)
        _say(known.message, known.hint)
        return known.exit_code


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM (a supervisor, a time limit) ends a verb as Ctrl-C does, so that it too leaves nothing half done."""
    own = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if own:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        if own:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def as_resonet_error(error: Exception) -> ResonetError:
    """The sentence that a user gets: resonet's own, or for a missing package, a full disk and its like one made here.

    Everything else is a fault of the program; the hint says how to get what a report of it needs.
    """
    if isinstance(error, ResonetError):
        return error
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        if package in EXTRAS:
            return MissingExtra(f"this command ({package} is not installed)", EXTRAS[package])
    if isinstance(error, OSError) and error.strerror:
        if error.filename:
            return ResonetError(f"{error.filename}: {error.strerror}")
        return ResonetError(error.strerror, "on standard output or a temporary file")
    return ResonetError(
        f"unexpected {type(error).__name__}: {error}", "a fault of resonet; `resonet --debug VERB ...` shows where"
    )


def _say(message: str, hint: str) -> None:
    click.echo(f"resonet: {message}", err=True)
    if hint:
        click.echo(f"  {hint}", err=True)
