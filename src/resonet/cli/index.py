"""`resonet index`: recordings into an index that `resonet search` looks through."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from resonet.cli import _options
from resonet.cli._results import Failures, as_field, json_line
from resonet.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    from resonet.search.indexer import Indexed, Indexer

_BAR = "{percentage:3.0f} %|{bar}| {n:.0f} of {total:.0f} s, {rate_noinv_fmt}, {remaining} left"
_DONE = ("added", "changed", "moved", "removed", "same")


@click.command()
@click.argument("recordings", nargs=-1, metavar="RECORDING|FOLDER...")
@click.option("--index", "folder", required=True, metavar="DIR", help="The index; made where there is none.")
@click.option("--bundle", metavar="BUNDLE", help="Recognizer, by name or path.  [default: the index's]")
@click.option(
    "--embedder",
    metavar="BUNDLE|none",
    help="Embedder for search by voice; `none` for an index without.  [default: the index's, or the one installed]",
)
@click.option("--speaker", metavar="NAME", help="Who speaks in all these recordings.")
@click.option("--date", metavar="YYYY-MM-DD", help="When they were made.  [default: by their name, or last change]")
@click.option(
    "--remove",
    multiple=True,
    metavar="PATH",
    help="Take a recording, or all below a folder, out of the index, not off the disk; repeatable.",
)
@click.option("--list", "listed", is_flag=True, help="List the recordings of the index.")
@click.option("--json", "as_json", is_flag=True, help="The result, or each recording listed, as an object on stdout.")
@click.option(
    "--workers", type=click.IntRange(1), help="Recognize in so many processes, by Ray; --threads is then of each."
)
@click.option("--cluster", metavar="ADDRESS", help="Ray cluster on whose machines the workers run.  [default: here]")
@click.option(
    "--qdrant",
    metavar="URL|FOLDER",
    help="Then bring the vectors to Qdrant: http://HOST:6333 (key in QDRANT_API_KEY), or a folder.",
)
@_options.threads
@_options.quiet
def command(
    recordings: tuple[str, ...],
    folder: str,
    bundle: str | None,
    embedder: str | None,
    speaker: str | None,
    date: str | None,
    remove: tuple[str, ...],
    listed: bool,
    as_json: bool,
    workers: int | None,
    cluster: str | None,
    qdrant: str | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Recognize recordings once, so that what is said in them can be searched.

    Folders are searched. Run it again whenever recordings have come, changed, moved or gone: only new sound is
    recognized. It may be stopped at any moment, and goes on where it was. Silence and noise are left out.
    A table transcripts.tsv in a folder (columns path, speaker, date, language) says who speaks, and when.

    \b
    Examples:
      resonet index interviews/ --index interviews.index
      resonet index talk.opus --index talks --speaker "Ada Lovelace" --date 2026-01-31
      resonet index --list --index talks
    """
    if sum(map(bool, (recordings, remove, listed))) != 1:
        several = bool(recordings or remove or listed)
        raise UsageError(
            "recordings, --remove and --list go each alone" if several else "no recording given", "resonet index --help"
        )
    if cluster is not None and workers is None:
        raise UsageError("--cluster goes with --workers")
    if not recordings:
        asked = {"--speaker": speaker, "--date": date, "--bundle": bundle, "--embedder": embedder, "--workers": workers}
        _refuse({**asked, "--qdrant": qdrant if listed else None})
    if listed:
        _list(folder, as_json)
        return
    failures = Failures()
    if remove:
        from resonet.search.indexer import Indexed
        from resonet.search.indexer import remove as take_out

        done = Indexed(removed=take_out(folder, remove, failures))
    else:
        from resonet.search.indexer import Indexer

        if workers is None:
            indexer = Indexer(folder, bundle, embedder, threads)
        else:
            from resonet.search.parallel import ParallelIndexer

            indexer = ParallelIndexer(folder, bundle, embedder, threads, workers, cluster)
        done = _run(indexer, recordings, speaker, date, quiet, failures)
    _tell(folder, done, as_json)
    if qdrant is None:
        _copy(folder)
    else:
        _send(folder, qdrant)
    failures.leave()


def _refuse(asked: Mapping[str, object]) -> None:
    """Raises UsageError for options that say how recordings are indexed, where none are."""
    if unused := [name for name, value in asked.items() if value is not None]:
        raise UsageError(f"{' and '.join(unused)} go with recordings to index")


def _run(
    indexer: Indexer,
    recordings: tuple[str, ...],
    speaker: str | None,
    date: str | None,
    quiet: bool,
    failures: Failures,
) -> Indexed:
    from tqdm import tqdm

    shown = not quiet and sys.stderr.isatty()
    with tqdm(total=0, unit="s", bar_format=_BAR, disable=not shown, leave=False) as bar:

        def advance(seconds: float, total: float) -> None:
            bar.total = total
            bar.update(seconds - bar.n)

        try:
            return indexer.run(
                recordings, speaker=speaker, date=date, progress=advance if shown else None, failed=failures
            )
        except KeyboardInterrupt:
            bar.close()
            click.echo("resonet: stopped; the same command goes on from here", err=True)
            raise


def _list(folder: str, as_json: bool) -> None:
    from resonet.search.store import Store

    with Store.open(folder) as store:
        for recording in store.recordings().values():
            if as_json:
                fields = {
                    "file": recording.path,
                    "duration": round(recording.duration, 3),
                    "speaker": recording.speaker,
                    "date": recording.date,
                    "language": recording.language,
                }
                sys.stdout.write(json_line(fields))
            else:
                about = (recording.speaker, recording.date, recording.language)
                row = (f"{recording.duration:.3f}", *map(as_field, about), as_field(recording.path))
                sys.stdout.write("\t".join(row) + "\n")


def _tell(folder: str, done: Indexed, as_json: bool) -> None:
    """The last line, of what was done and how large the index is; the same as an object on stdout."""
    from resonet.search.store import NAME, Store

    if not (Path(folder) / NAME).exists():
        return  # nothing was found to make one of, which was said
    with Store.open(folder) as store:
        count, seconds, sizes = len(store.recordings()), store.seconds, store.sizes()
    if as_json:
        fields = {"index": folder, "recordings": count, "duration": round(seconds, 3)}
        fields |= {key: round(value, 3) for key, value in vars(done).items()}
        sys.stdout.write(json_line({**fields, "bytes": sizes}))
    click.echo(summary(done, count, seconds, sizes), err=True)


def _copy(folder: str) -> None:
    """Makes the copy of the vectors for FAISS anew, where they are many, and much of them is new."""
    from resonet.search import vectors
    from resonet.search.embedding import reader
    from resonet.search.store import NAME, Store

    if not (Path(folder) / NAME).exists():  # nothing could be read, so none was made
        return
    with Store.open(folder) as store:
        if store.meta.get("windows") and vectors.many(store, "windows"):
            try:
                vectors.refresh(store, "windows", reader(store, "windows"))
            except MissingExtra as error:
                click.echo(f"resonet: {error.message}; until then search by voice leaves out some", err=True)


def _send(folder: str, place: str) -> None:
    """Brings the vectors of the index to Qdrant, and tells how many came and left."""
    from resonet.search.qdrant import update
    from resonet.search.store import NAME, Store

    if not (Path(folder) / NAME).exists():
        return
    with Store.open(folder) as store:
        for column, done in update(store, place).items():
            click.echo(f"{place}: {column}: {done.added} vectors added, {done.removed} removed", err=True)


def summary(done: Indexed, count: int, seconds: float, sizes: Mapping[str, int]) -> str:
    """What an index holds, what this run did, its size in parts, and what was left out, in one line."""
    did = ", ".join(f"{getattr(done, key)} {key}" for key in _DONE if getattr(done, key)) or "nothing new"
    parts = ", ".join(f"{key} {_megabytes(sizes[key])}" for key in ("text", "posteriors", "vectors"))
    hourly = f", {sizes['file'] / 1e6 / (seconds / 3600):.2f} MB an hour" if seconds else ""
    left = [
        *([f"{_time(done.silence)} of silence"] if done.silence >= 1 else []),
        *([f"{_time(done.noise)} of noise"] if done.noise >= 1 else []),
        *([f"{done.wordless} recordings without a word"] if done.wordless else []),
        *([f"{done.failed} that could not be read"] if done.failed else []),
    ]
    return (
        f"{count} recordings, {_time(seconds)} ({did}); {_megabytes(sizes['file'])} ({parts}){hourly}; "
        f"left out: {', '.join(left) or 'nothing'}"
    )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.2f} MB"


def _time(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.2f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"
