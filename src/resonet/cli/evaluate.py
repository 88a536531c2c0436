"""`resonet evaluate`: how much a bundle gets wrong, what, and what it costs."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resonet.errors import DataError, UsageError

if TYPE_CHECKING:
    from resonet.bundle import Found
    from resonet.evaluate.recognition import Rates, Result
    from resonet.evaluate.references import Reference

LISTED = 10  # words and speakers in the text; the page and the JSON have more


@click.command()
@click.option(
    "--task",
    default="recognize",
    show_default=True,
    type=click.Choice(["recognize", "classify", "synthesize", "search"]),
    help="What it does.",
)
@click.option(
    "--bundle",
    "bundles",
    multiple=True,
    metavar="NAME|FILE",
    help="What to score; several are compared. With --task search: the recognizer of the index, if not installed.",
)
@click.option(
    "--command",
    "programs",
    multiple=True,
    metavar="COMMAND",
    help="With --task classify: a program to score, given files; prints what `resonet classify --json` does.",
)
@click.option(
    "--voice", "voices", multiple=True, metavar="NAME|FILE", help="With --task synthesize: what to score; may repeat."
)
@click.option("--speaker", metavar="NAME", help="With --task synthesize: who of the voice speaks.")
@click.option(
    "--judge",
    "judges",
    multiple=True,
    metavar="BUNDLE|COMMAND",
    help="With --task synthesize: a recognizer, or a program that is given files and prints what "
    "`resonet transcribe --json` does; may repeat.",
)
@click.option("--sounds", type=click.Path(file_okay=False), help="With --task synthesize: keep what was heard here.")
@click.option(
    "--queries",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="With --task search: queries and the places where they are said, JSON lines.",
)
@click.option(
    "--index",
    "indexes",
    multiple=True,
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="With --task search: what `resonet index` made; several are compared.",
)
@click.option(
    "--data",
    type=click.Path(exists=True),
    help="Test recordings with their texts or labels, or texts; for all but --task search.",
)
@click.option(
    "--split", default="test", show_default=True, type=click.Choice(["train", "dev", "test"]), help="Part of the data."
)
@click.option("--by", multiple=True, metavar="COLUMN", help="Report by this column of the data too (such as subset).")
@click.option("--page", "--report", "page", type=click.Path(dir_okay=False), help="Write an HTML report here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a bundle.")
@click.option("--utterances", is_flag=True, help="With --json: every utterance, clip, sentence or query too.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads; as many as there are cores by default.")
@click.pass_context
def command(
    context: click.Context,
    task: str,
    bundles: tuple[str, ...],
    programs: tuple[str, ...],
    voices: tuple[str, ...],
    speaker: str | None,
    judges: tuple[str, ...],
    sounds: str | None,
    queries: str | None,
    indexes: tuple[str, ...],
    data: str | None,
    split: str,
    by: tuple[str, ...],
    page: str | None,
    as_json: bool,
    utterances: bool,
    threads: int | None,
) -> None:
    """Measure word and character errors of a bundle on recordings whose text is known; with --task classify, the
    accuracy of one that tells words apart, on clips whose label is known; with --task synthesize, how well judges
    understand a voice, how near it comes to recordings of the same texts, and how long it takes; with --task search,
    how much an index finds of queries whose places are known, and what else it finds.

    DATA is what `resonet prepare` wrote, a folder with transcripts.tsv (path, speaker, seconds, text, other columns), a
    folder with a .txt beside each recording, a folder a word, or any other source that `resonet prepare` takes. A voice
    also takes a .txt file with a sentence a line (a tab, and what is said if that is written otherwise).

    The file of --queries has a line a query, with all places where it is said: {"query": "word", "group": "seen",
    "hits": [{"file": "a.wav", "start": 3.2, "end": 3.8}]}; a spoken query has "audio": "FILE" in the place of "query".

    \b
    Example:
      resonet evaluate --bundle en-small --data samples/tiny --page report.html
      resonet evaluate --bundle a.resonet --bundle b.resonet --data OUT
      resonet evaluate --task classify --bundle commands-en --data words/test.tsv --page report.html
      resonet evaluate --task synthesize --voice de-kerstin --judge de-judge --data kerstin/ --page report.html
      resonet evaluate --task synthesize --voice en-multi --judge "python judge.py --json" --data sentences.txt
      resonet evaluate --task search --queries queries.jsonl --index talks.index --page report.html
    """
    if page and not Path(page).absolute().parent.is_dir():
        raise UsageError(f"--page {page} is in a folder that does not exist", "make it first, or name another file")
    if task == "search":
        _only_search(context)
        from resonet.cli import _queries

        if not queries or not indexes:
            raise UsageError(f"--task search needs {'--index' if queries else '--queries'}")
        if not _queries.evaluate(
            queries,
            indexes,
            bundle=bundles[0] if bundles else None,
            page=page,
            as_json=as_json,
            queries=utterances,
            threads=threads,
            progress=_progress(),
        ):
            context.exit(1)
        return
    if queries or indexes:
        raise UsageError("--queries and --index are for --task search")
    if data is None:
        raise UsageError(f"--task {task} needs --data", "a folder of recordings with their texts or labels")
    if programs and task != "classify":
        raise UsageError("--command is for --task classify")
    if task != "synthesize" and (voices or judges or speaker or sounds):
        raise UsageError("--voice, --speaker, --judge and --sounds are for --task synthesize")
    if task == "synthesize" and (bundles or by):
        given = "--bundle" if bundles else "--by"
        raise UsageError(f"{given} is not for --task synthesize", "name the voice by --voice" if bundles else "")
    lines = task == "synthesize" and Path(data).is_file() and Path(data).suffix.lower() == ".txt"
    references, left_out = (_lines(data), False) if lines else _references(data, split)
    told: dict[str, Any] = {"data": data, "page": page, "as_json": as_json, "threads": threads, "progress": _progress()}
    if task == "synthesize":
        from resonet.cli import _voices

        whole = _voices.evaluate(
            voices, judges, references, speaker=speaker, sounds=sounds, sentences=utterances, **told
        )
    elif task == "classify":
        from resonet.cli import _clips

        whole = _clips.evaluate(bundles, programs, references, by=by, clips=utterances, **told)
    else:
        whole = _recognition(bundles, references, by=by, utterances=utterances, **told)
    if left_out or not whole:
        context.exit(1)


def _only_search(context: click.Context) -> None:
    """Refuses options that mean nothing to a search."""
    if len(context.params["bundles"]) > 1:
        raise UsageError("--task search takes one --bundle: the recognizer that the indexes were made with")
    for name in ("programs", "voices", "speaker", "judges", "sounds", "data", "by"):
        if context.params[name]:
            option = next(p.opts[0] for p in context.command.params if p.name == name)
            raise UsageError(f"{option} is not for --task search", "it takes --queries and --index")


def _recognition(
    bundles: tuple[str, ...],
    references: list[Reference],
    *,
    data: str,
    by: tuple[str, ...],
    page: str | None,
    as_json: bool,
    utterances: bool,
    threads: int | None,
    progress: Callable[[Iterable[Any], int], Iterable[Any]] | None,
) -> bool:
    """Scores recognizers and tells; whether every recording could be read."""
    from resonet.evaluate import compare, recognition, report
    from resonet.runtime import Recognizer

    results = []
    for found in _bundles(bundles):
        result = recognition.score(
            Recognizer.load(found.path, threads=threads),
            references,
            name=found.name,
            data=data,
            by=by or None,
            vocabulary=recognition.vocabulary_of(found.path),
            progress=progress,
        )
        results.append(result)
        for _, reason in result.failures:
            click.echo(f"resonet: {reason}", err=True)
    for compared in compare.side_by_side(results):
        if as_json:
            told = compared.result.as_dict(utterances) | compared.as_dict()
            click.echo(json.dumps(told, ensure_ascii=False))
        else:
            click.echo(told_in_text(compared.result, by))
            if compared.against_first:
                gap = compared.against_first
                click.echo(
                    f"against {results[0].name}: {100 * gap.difference:+.2f} points "
                    f"({100 * gap.low:+.2f} to {100 * gap.high:+.2f}), {compared.verdict}"
                )
    if page:
        report.write(page, results)
    return not any(result.failures for result in results)


def told_in_text(result: Result, by: Iterable[str] = ()) -> str:
    """The result as a person reads it in a terminal."""
    whole, speed = result.whole, result.speed
    drawn = f", 95 % interval, {whole.interval.drawn} drawn anew" if whole.interval else ""
    lines = [
        f"{result.name} on {result.data}: {whole.utterances} utterances, {whole.words.units} words, "
        f"{whole.seconds / 60:.1f} min",
        f"  WER          {100 * whole.words.rate:6.2f} %{_interval(whole)}{drawn}",
        f"  CER          {100 * whole.characters.rate:6.2f} %",
        f"  utterance    {100 * (whole.median_wer or 0):6.2f} % (median WER)",
        f"  errors       {whole.words.substitutions} substituted, {whole.words.deletions} deleted, "
        f"{whole.words.insertions} inserted",
        f"  speed        real-time factor {speed.real_time_factor:.4f}, {speed.cpu_per_audio_second:.4f} CPU s an "
        f"audio s, peak {speed.peak_mb:.0f} MB",
    ]
    if result.vocabulary:
        v = result.vocabulary
        lines.append(
            f"  vocabulary   {100 * v.rate:.2f} % of the words are outside the lexicon, with "
            f"{100 * v.share_of_errors:.1f} % of the substitutions and deletions"
        )
    if result.calibration:
        c = result.calibration
        detection = f"AUC of finding errors {c.auc:.3f}, gap {c.gap:.3f}, " if c.auc is not None else ""
        lines.append(f"  confidence   {detection}calibration error {c.calibration_error:.3f}")
    for name, groups in result.groups.items():
        lines += _grouped(name, groups, everything=name in by)
    pairs = [f"{said}>{heard} {n}" for said, heard, n in result.confused[:LISTED]]
    for heading, entries in (
        ("confused", pairs),
        ("deleted", [f"{word} {n}" for word, n in result.deleted[:LISTED]]),
        ("inserted", [f"{word} {n}" for word, n in result.inserted[:LISTED]]),
    ):
        if entries:
            lines.append(f"  {heading:<12} " + ", ".join(entries))
    return "\n".join(lines)


def _interval(rates: Rates) -> str:
    found = rates.interval
    return f" ({100 * found.low:.2f} to {100 * found.high:.2f})" if found else ""


def _grouped(name: str, groups: Any, everything: bool) -> list[str]:
    shown = list(groups.items())
    heading = f"  by {name}"
    if name == "speaker" and not everything and len(shown) > LISTED:
        shown = sorted(shown, key=lambda item: -item[1].words.rate)[:LISTED]
        heading += f" (the {LISTED} worst of {len(groups)})"
    width = max(len(value) for value, _ in shown)
    return [
        heading,
        *(
            f"    {value:<{width}}  {100 * r.words.rate:6.2f} %{_interval(r)}, {r.utterances} utterances"
            for value, r in shown
            if r.words.units
        ),
    ]


def _references(data: str, split: str) -> tuple[list[Reference], bool]:
    """The references, and whether utterances were left out (told on stderr) because they cannot be used."""
    from resonet.evaluate import references

    if references.readable(data, split):
        return references.read(data, split), False
    from resonet.data import load

    with tempfile.TemporaryDirectory(prefix="resonet-") as folder:
        # A source without a split of its own is test data as a whole: whoever evaluates it says so.
        out = load.resolve(data, cache=folder, unsplit=split)
        skipped = [item for item in load.skipped(out) if item.split in ("", split)]
        for item in skipped:
            click.echo(f"left out: {item.where}: {item.reason}", err=True)
        if split not in (there := load.splits(out)):
            raise DataError(f"{data} has no split {split}", f"--split takes what it has: {', '.join(there)}")
        return references.read(out, split), bool(skipped)


def _lines(file: str) -> list[Reference]:
    from resonet.evaluate import references

    return references.read_lines(file)


def _bundles(names: Sequence[str]) -> list[Found]:
    from resonet.bundle import choose, find

    return [find(name, "recognizer") for name in names] or [choose("recognizer")]


def _progress() -> Callable[[Iterable[Any], int], Iterable[Any]] | None:
    if not sys.stderr.isatty():
        return None
    from tqdm import tqdm

    return lambda items, total: tqdm(items, total=total, unit="file", file=sys.stderr, leave=False)
