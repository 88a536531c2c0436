"""`resonet enroll`: new words from a few recordings, or from their spelling, without training."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from resonet.cli._results import json_line
from resonet.errors import UsageError

if TYPE_CHECKING:
    from resonet.runtime.enrolled import Enrolled, WordList


@click.command()
@click.argument("word", required=False)
@click.argument("clips", nargs=-1, metavar="[CLIP|FOLDER]...")
@click.option("--text", metavar="WORDS", help="A word or phrase by its spelling, with the installed recognizer.")
@click.option("--list", "listed", is_flag=True, help="Show what is enrolled.")
@click.option("--remove", metavar="WORD", help="Take a word out.")
@click.option("--replace", is_flag=True, help="Take the place of a word that is enrolled already.")
@click.option("--bundle", metavar="BUNDLE", help="Classifier (recognizer with --text): an installed one, or a path.")
@click.option("--words", metavar="FILE", help="Keep the words there.  [default: in the user's data folder]")
@click.option("--json", "as_json", is_flag=True, help="With --list: an object a line.")
def command(
    word: str | None,
    clips: tuple[str, ...],
    text: str | None,
    listed: bool,
    remove: str | None,
    replace: bool,
    bundle: str | None,
    words: str | None,
    as_json: bool,
) -> None:
    """Add a word that `resonet spot` shall hear, from 1 to 5 recordings of it or from its spelling.

    Each CLIP holds the word once, with a little quiet around it; several voices and distances make it surer. The words
    are kept in a file of the user's data folder. How sure `spot` has to be of a word: `resonet tune-threshold`.

    \b
    Examples:
      resonet enroll "lights on" one.wav two.wav three.wav
      resonet enroll --text "lights on"
      resonet enroll --list
      resonet enroll --remove "lights on"
    """
    asked = [
        name for name, given in (("WORD", word), ("--text", text), ("--list", listed), ("--remove", remove)) if given
    ]
    if len(asked) != 1:
        what = f"{' and '.join(asked)} do not go together" if asked else "no word given"
        raise UsageError(what, "resonet enroll --help")
    if word is not None and not clips:
        raise UsageError(f"no recording of {word!r} given", "name 1 to 5 clips, or enroll it by its spelling: --text")
    if as_json and not listed:
        raise UsageError("--json goes with --list")

    from resonet.runtime.enrolled import WordList

    known = WordList.load(words)
    if listed:
        _show(known, as_json)
    elif remove is not None:
        known.remove(remove).save()
        click.echo(f"removed {remove!r}")
    else:
        _refuse_double(known, word or text or "", replace)
        added = _by_examples(word, clips, bundle) if word else _by_text(text or "", bundle)
        known.add(added, replace).save()
        click.echo(told(added))


def _refuse_double(known: WordList, word: str, replace: bool) -> None:
    """Before anything is heard: a word that is there cannot be added."""
    entry = known.find(word)
    if entry is not None and not replace:
        known.add(entry)  # raises


def _by_examples(word: str, clips: tuple[str, ...], bundle: str | None) -> Enrolled:
    from resonet import audio
    from resonet.bundle import Bundle
    from resonet.runtime.enrolment import by_examples

    with Bundle.open(bundle, kind="classifier") as opened:
        return by_examples(opened, word, audio.find(clips))


def _by_text(text: str, bundle: str | None) -> Enrolled:
    from resonet.bundle import Bundle
    from resonet.runtime.enrolment import by_text

    with Bundle.open(bundle, kind="recognizer") as opened:
        return by_text(opened, text)


def told(entry: Enrolled) -> str:
    """An entry as a person reads it."""
    if entry.kind == "text":
        how = f"by spelling with {entry.bundle}: {' or '.join(' '.join(way) for way in entry.phones)}"
    else:
        count = len(entry.embeddings)
        how = f"by {count} example{'s' * (count != 1)} of {entry.seconds:.2f} s with {entry.bundle}"
    return f"{entry.word}\t{how}" + ("" if entry.threshold is None else f", threshold {entry.threshold:g}")


def _show(known: WordList, as_json: bool) -> None:
    for entry in known.words:
        if as_json:
            sys.stdout.write(json_line(entry.model_dump(mode="json", exclude={"embeddings"})))
        else:
            click.echo(told(entry))
    if not known.words and not as_json:
        click.echo(f"no word is enrolled in {known.path}", err=True)
