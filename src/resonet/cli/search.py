"""`resonet search`: where in the recordings of an index something is said (docs/formats.md)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from resonet.cli import _options
from resonet.cli._results import Failures, as_field, is_folder, json_line
from resonet.errors import AudioError, UsageError

if TYPE_CHECKING:
    from resonet.search.finder import Hit

FORMATS = ("text", "json")
WIDTH = 100  # characters of a text line's words
_NAME = 200  # bytes of a recording's name in that of a clip


@click.command()
@click.argument("query", required=False, metavar="[QUERY]")
@click.option("--index", required=True, metavar="DIR", help="Folder of the index (resonet index).")
@click.option("--audio", metavar="FILE", help="Look for what is said in this recording, in any language.")
@click.option("--speaker", metavar="FILE", help="Look for who speaks in this recording.")
@click.option("--meaning", metavar="TEXT", help="Look for what means the same as this.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Form of the hits.  [default: text]")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json: an object a line.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Hits to show.")
@click.option("--offset", type=click.IntRange(0), help="Hits to leave out before them.")
@click.option("--page", type=click.IntRange(1), help="The same, counted in pages of --limit hits.")
@click.option("--exact", is_flag=True, help="Only what was recognized, not what it may have been.")
@click.option("--clip", metavar="FILE|FOLDER", help="Write the sound of the first hit to a file, of all to a folder.")
@click.option("--play", is_flag=True, help="Play the hits.")
@click.option(
    "--bundle", metavar="BUNDLE", help="Recognizer that the index was made with.  [default: the one of its name]"
)
@click.option("--embedder", metavar="BUNDLE", help="The same of the embedder, for --audio and --speaker.")
@click.option("--qdrant", metavar="URL|FOLDER", help="For --audio: look the vectors up there (resonet index --qdrant).")
@_options.threads
def command(
    query: str | None,
    index: str,
    audio: str | None,
    speaker: str | None,
    meaning: str | None,
    format_: str | None,
    as_json: bool,
    limit: int,
    offset: int | None,
    page: int | None,
    exact: bool,
    clip: str | None,
    play: bool,
    bundle: str | None,
    embedder: str | None,
    qdrant: str | None,
    threads: int | None,
) -> None:
    """Find where words are said, also where the recognizer missed them; or what sounds like a recording.

    A line a hit, best first: file, start and end in seconds, score from 0 to 1, speaker, the words around it.
    A query is words, "a phrase", prefix*, like~ (other letters), AND, OR, NOT or -, parentheses, NEAR/5, and filters:
    file: speaker: date:2026-01..2026-02 language: confidence:0.5.

    \b
    Examples:
      resonet search '"last case" -trial date:2026-01' --index meetings
      resonet search lighthouse --index meetings --json --clip found/
      resonet search --audio word.wav --index meetings
    """
    if as_json and format_ not in (None, "json"):
        raise UsageError(f"--json and --format {format_} contradict each other")
    if offset is not None and page is not None:
        raise UsageError("--offset and --page say the same in two ways", "give one of them")
    _check({"a query": query, "--audio": audio, "--speaker": speaker, "--meaning": meaning}, exact, qdrant)
    skipped = offset if offset is not None else ((page or 1) - 1) * limit

    from resonet.search.finder import Finder

    with Finder.open(index, threads, bundle, embedder, qdrant) as finder:
        if audio is not None:
            hits = finder.by_voice(audio, limit=limit, offset=skipped)
        elif speaker is not None:
            hits = finder.by_speaker(speaker, limit=limit, offset=skipped)
        elif meaning is not None:
            hits = finder.by_meaning(meaning, limit=limit, offset=skipped)
        else:
            hits = finder.search(query or "", limit=limit, offset=skipped, exact=exact)
        for sentence in finder.notes:
            click.echo(f"resonet: {sentence}", err=True)
        if clip is not None and hits:
            clips = clip_names(clip, hits, skipped, [*finder.store.recordings(), *filter(None, (audio, speaker))])
    failures = Failures()
    lit = sys.stdout.isatty()
    for hit in hits:
        sys.stdout.write(json_line(hit.as_dict()) if as_json or format_ == "json" else render(hit, lit))
        sys.stdout.flush()
        if play:
            _tried(failures, _play, hit)
    if clip is not None and hits:
        for path, hit in clips:
            _tried(failures, _write, hit, path)
    if sys.stderr.isatty() and len(hits) == limit and skipped % limit == 0:
        click.echo(f"More: --page {skipped // limit + 2}", err=True)
    failures.leave()


def _check(given: Mapping[str, str | None], exact: bool, qdrant: str | None) -> None:
    """Raises UsageError unless one thing is searched for, with options that go with it."""
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise UsageError(
            f"{' and '.join(named)} cannot be searched for together" if named else "nothing to search for was given",
            "give a query, --audio, --speaker or --meaning; `resonet search --help` shows examples",
        )
    if exact and named != ["a query"]:
        raise UsageError("--exact goes with a query of words")
    if qdrant is not None and named != ["--audio"]:
        raise UsageError("--qdrant goes with --audio")


def render(hit: Hit, lit: bool = False) -> str:
    """The line of a hit; its words stand in brackets, on a terminal (`lit`) bold."""
    from resonet.search.said import shortened

    text, matches = shortened(hit.text, hit.matches, WIDTH)
    parts, at = [], 0
    for start, end in matches:
        parts += [text[at:start], click.style(text[start:end], bold=True) if lit else f"[{text[start:end]}]"]
        at = end
    words = "".join([*parts, text[at:]])
    fields = (
        as_field(hit.file),
        f"{hit.start:.3f}",
        f"{hit.end:.3f}",
        f"{hit.score:.2f}",
        as_field(hit.speaker),
        words,
    )
    return "\t".join(fields) + "\n"


def clip_names(
    clip: str, hits: Sequence[Hit], skipped: int = 0, recordings: Iterable[str] = ()
) -> list[tuple[Path, Hit]]:
    """Where the sound of hits goes: of the first to a file, of all to a folder, numbered from the first hit of all.

    Raises UsageError where that file is one of the recordings, which are there already.
    """
    if is_folder(clip):
        width = max(3, len(str(skipped + len(hits))))
        return [
            (Path(clip) / f"{number:0{width}d}-{_short(Path(hit.file).stem)}-{hit.start:.2f}.wav", hit)
            for number, hit in enumerate(hits, skipped + 1)
        ]
    if Path(clip).exists():
        for file in recordings:
            if Path(file).exists() and Path(clip).samefile(file):
                raise UsageError(f"--clip {clip} is a recording that is searched, or searched by")
    return [(Path(clip), hits[0])]


def _short(name: str) -> str:
    """As much of a name as leaves room for more in the 255 bytes that a file's may have."""
    return os.fsencode(name)[:_NAME].decode(errors="ignore")


def _tried(failures: Failures, do: Callable[..., None], hit: Hit, *arguments: Path) -> None:
    try:
        do(hit, *arguments)
    except AudioError as error:
        failures(error)


def _write(hit: Hit, path: Path) -> None:
    from resonet import audio
    from resonet.search.excerpt import excerpt

    samples, rate = excerpt(hit.file, hit.start, hit.end)
    path.parent.mkdir(parents=True, exist_ok=True)
    audio.write(path, samples, rate)


def _play(hit: Hit) -> None:
    from resonet.audio import loudspeaker
    from resonet.search.excerpt import excerpt

    samples, rate = excerpt(hit.file, hit.start, hit.end)
    with loudspeaker.opened(rate) as speaker:
        speaker.push(samples)
