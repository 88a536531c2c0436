"""The group: verbs found by file, errors shown once, exit codes, and a start that loads nothing slow."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from resonet import cli, errors

HEAVY = ("numpy", "onnxruntime", "soundfile", "soxr", "pydantic", "torch", "lhotse", "yaml", "jinja2", "tqdm", "rich")


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every verb and every command below it, by the words that call it."""
    context = click.Context(cli.resonet, info_name="resonet")

    def below(words: str, group: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield words, group
        if isinstance(group, click.Group):
            for name in group.list_commands(context):
                inner = group.get_command(context, name)
                assert inner is not None
                yield from below(f"{words} {name}", inner)

    for name in cli.resonet.list_commands(context):
        verb = cli.resonet.get_command(context, name)
        assert verb is not None
        yield from below(f"resonet {name}", verb)


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "resonet", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        **options,  # type: ignore[call-overload]
    )


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["transcribe", "--help"]])
def test_start_loads_nothing_slow(arguments: list[str]) -> None:
    code = f"""
import sys, resonet.cli
resonet.cli.main({arguments!r})
print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout
    assert done.stderr.strip() == "[]"


def test_help_is_quick() -> None:
    best = float("inf")
    for _ in range(3):
        before = os.times()
        assert run("--help").returncode == 0
        after = os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        best = min(best, used)
    # CPU seconds, because other work beside the tests stretches the clock; 0.1 s where it was written.
    assert best < 0.3


def test_every_verb_has_help_and_an_example() -> None:
    for words, command in commands():
        text = command.help or ""
        assert len(text) > 20, words
        if not isinstance(command, click.Group):
            assert f"{words} " in f"{text} ", f"`{words} --help` shows no example"
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.help, f"{words} {parameter.opts[-1]} has no help"


def test_only_files_that_exist_are_verbs(resonet) -> None:
    assert "transcribe" in cli.verbs()
    assert all(not name.startswith("_") for name in cli.verbs())
    listed = resonet("--help").out
    assert all(name in listed for name in cli.verbs())


def test_version(resonet) -> None:
    import resonet as package

    assert resonet("--version").out == f"resonet {package.__version__}\n"


def test_unknown_verb_names_the_nearest(resonet) -> None:
    ran = resonet("transcrbe", "a.wav")
    assert ran.code == 2
    assert ran.out == ""
    assert "resonet: there is no verb 'transcrbe'; did you mean 'transcribe'?" in ran.err


def test_unknown_option_is_one_sentence(resonet) -> None:
    ran = resonet("transcribe", "--formt", "txt", "a.wav")
    assert ran.code == 2
    assert ran.err.startswith("resonet: No such option")
    assert "resonet transcribe --help" in ran.err


def test_no_arguments_shows_help(resonet) -> None:
    ran = resonet()
    assert ran.code == 2
    assert "transcribe" in ran.err


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (errors.DataError("row 3 has no text", "give it one"), 1, "resonet: row 3 has no text\n  give it one\n"),
        (errors.BundleError("b.resonet is damaged"), 3, "resonet: b.resonet is damaged\n"),
        (
            ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn"),
            4,
            "resonet: this command (torch is not installed) needs the extra [train]\n  pip install 'resonet[train]'\n",
        ),
        (
            ModuleNotFoundError("No module named 'jinja2'", name="jinja2"),
            4,
            "resonet: this command (jinja2 is not installed) needs the extra [evaluate]\n"
            "  pip install 'resonet[evaluate]'\n",
        ),
        (OSError(28, "No space left on device", "out.txt"), 1, "resonet: out.txt: No space left on device\n"),
        (KeyboardInterrupt(), 130, None),
    ],
)
def test_errors_are_shown_once(resonet, monkeypatch, raised: BaseException, code: int, said: str | None) -> None:
    fail(monkeypatch, raised)
    ran = resonet("transcribe", "a.wav")
    assert ran.code == code
    assert "Traceback" not in ran.err
    assert said is None or ran.err == said


def test_a_fault_of_the_program_is_one_sentence_and_debug_shows_where(resonet, monkeypatch) -> None:
    fail(monkeypatch, ZeroDivisionError("division by zero"))
    ran = resonet("transcribe", "a.wav")
    assert (ran.code, ran.err.splitlines()[0]) == (1, "resonet: unexpected ZeroDivisionError: division by zero")
    assert "Traceback" in resonet("--debug", "transcribe", "a.wav").err


def fail(monkeypatch: pytest.MonkeyPatch, raised: BaseException) -> None:
    def load(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(sys.modules["resonet.runtime"].Recognizer, "load", load)


def test_a_reader_that_leaves_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", "import sys, resonet.cli; sys.exit(resonet.cli.main(['--help']))"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(writer)
    assert done.stderr == ""
