"""The part of `resonet evaluate` that scores spoken words: `--task classify`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from resonet.evaluate.commands import Accuracy, Classifies, Result
    from resonet.evaluate.references import Reference

LISTED = 10  # confusions in the text; the page and the JSON have all


def evaluate(
    bundles: Sequence[str],
    programs: Sequence[str],
    references: Sequence[Reference],
    *,
    data: str,
    by: Sequence[str],
    page: str | None,
    as_json: bool,
    clips: bool,
    threads: int | None,
    progress: Callable[[Iterable[Any], int], Iterable[Any]] | None,
) -> bool:
    """Scores every bundle and program, tells it, and says whether all clips could be read."""
    from resonet.evaluate import commands, commands_report

    results = []
    for name, classifier in _classifiers(bundles, programs, threads):
        result = commands.score(classifier, references, name=name, data=data, by=by or None, progress=progress)
        results.append(result)
        for _, reason in result.failures:
            click.echo(f"resonet: {reason}", err=True)
    for result in results:
        gap = commands.against(results[0], result) if result is not results[0] else None
        if as_json:
            told = result.as_dict(clips)
            if gap:
                told["accuracy_difference_percent"] = commands.percent(gap.difference)
                told["accuracy_difference_interval_percent"] = [commands.percent(gap.low), commands.percent(gap.high)]
                told["verdict"] = commands_report.verdict(gap)
            click.echo(json.dumps(told, ensure_ascii=False))
            continue
        click.echo(told_in_text(result))
        if gap:
            click.echo(
                f"against {results[0].name}: {100 * gap.difference:+.2f} points "
                f"({100 * gap.low:+.2f} to {100 * gap.high:+.2f}), {commands_report.verdict(gap)}"
            )
    if page:
        commands_report.write(page, results)
    return not any(result.failures for result in results)


def told_in_text(result: Result) -> str:
    """The result as a person reads it in a terminal."""
    from resonet.evaluate.metrics.classification import equal_error

    words, speed = result.words, result.speed
    drawn = f", 95 % interval, {words.interval.drawn} drawn anew" if words.interval else ""
    lines = [
        f"{result.name} on {result.data}: {words.clips} clips of words, {result.silence.clips} of silence",
        f"  accuracy     {_accuracy(words)}{drawn}",
    ]
    if result.silence.clips:
        lines += [
            f"  silence      {_accuracy(result.silence)}, judged apart: it is noise that was mostly trained on too",
            f"  both         {_accuracy(result.everything)}",
        ]
    if (rate := equal_error(result.det)) is not None:
        lines.append(f"  equal error  {100 * rate:6.2f} % (words missed, and other clips taken for a word)")
    lines.append(
        f"  speed        real-time factor {speed.real_time_factor:.4f}, {speed.cpu_per_audio_second:.4f} CPU s an "
        f"audio s, peak {speed.peak_mb:.0f} MB"
    )
    if result.unknown:
        lines.append("  as unknown   " + ", ".join(f"{word} {clips}" for word, clips in result.unknown[:LISTED]))
    width = max(len(row.label) for row in result.rows)
    lines += ["  by label", f"    {'':<{width}}  clips  recall  precision"]
    for row in result.rows:
        lines.append(f"    {row.label:<{width}}  {row.clips:5}  {_rate(row.recall):>6}  {_rate(row.precision):>9}")
    for name, groups in result.groups.items():
        lines.append(f"  by {name}")
        lines += [f"    {value}  {_accuracy(found)}, {found.clips} clips" for value, found in groups.items()]
    pairs = [
        (int(count), said, heard)
        for said, row in zip(result.labels, result.confusion, strict=True)
        for heard, count in zip(result.labels, row, strict=True)
        if count and said != heard
    ]
    if pairs:
        most = sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))[:LISTED]
        lines.append("  confused     " + ", ".join(f"{said}>{heard} {count}" for count, said, heard in most))
    return "\n".join(lines)


def _classifiers(
    bundles: Sequence[str], programs: Sequence[str], threads: int | None
) -> Iterable[tuple[str, Classifies]]:
    from resonet.evaluate.program import Program

    if bundles or not programs:
        from resonet.bundle import choose, find
        from resonet.runtime import Spotter

        for found in [find(name, "classifier") for name in bundles] or [choose("classifier")]:
            yield found.name, Spotter.load(found.path, threads=threads)
    for command in programs:
        yield command, Program(command)


def _accuracy(found: Accuracy) -> str:
    if found.accuracy is None:
        return "-"
    bounds = f" ({100 * found.interval.low:.2f} to {100 * found.interval.high:.2f})" if found.interval else ""
    return f"{100 * found.accuracy:6.2f} %{bounds}"


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.1f}"
