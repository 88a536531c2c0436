"""The part of `resonet evaluate` that scores a search: `--task search`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from resonet.evaluate.search_result import Measures, Result


def evaluate(
    file: str,
    indexes: Sequence[str],
    *,
    bundle: str | None,
    page: str | None,
    as_json: bool,
    queries: bool,
    threads: int | None,
    progress: Callable[[Iterable[Any], int], Iterable[Any]] | None,
) -> bool:
    """Asks every index all queries of a file, tells how well each did, and says whether all could be asked."""
    from resonet.evaluate import queries as reading
    from resonet.evaluate import search, search_report
    from resonet.search.finder import Finder

    asked = reading.read(file)
    results = []
    for index in indexes:
        with Finder.open(index, threads=threads, bundle=bundle) as finder:
            notes: list[str] = []
            ask, archive = search.by_finder(finder, notes), search.archive_of(finder.store, file)
            result = search.score(ask, asked, archive, name=Path(index).name or index, data=file, progress=progress)
        results.append(result)
        for note in notes:
            click.echo(f"{index}: {note}", err=True)
        for what, reason in result.failures:
            click.echo(f"resonet: {what}: {reason}", err=True)
        click.echo(json.dumps(result.as_dict(queries), ensure_ascii=False) if as_json else told_in_text(result))
    if page:
        search_report.write(page, results)
    return not any(result.failures for result in results)


def told_in_text(result: Result) -> str:
    """The result as a person reads it in a terminal."""
    whole = result.whole
    lines = [
        f"{result.name} on {result.data}: {whole.queries} queries, {result.recordings} recordings, "
        f"T = {result.seconds:.0f} s ({result.seconds / 3600:.2f} h)"
    ]
    if result.lost:
        lines.append(
            f"  {len(result.lost)} recordings of the queries are not in the index, such as {result.lost[0]}: what is "
            "said there counts as missed"
        )
    lines += _measures(whole)
    lines.append(
        f"  speed        {1000 * whole.latency[0]:.1f} ms a query, 95 % under {1000 * whole.latency[1]:.1f} ms, peak "
        f"{result.peak_mb:.0f} MB"
    )
    for name, found in result.groups.items():
        lines += [f"  {name}: {found.queries} queries", *(f"  {line}" for line in _measures(found))]
    return "\n".join(lines)


def _measures(found: Measures) -> list[str]:
    w, c = found.weighted, found.counts
    lines = []
    if w:
        bounds = f" ({found.interval.low:.3f} to {found.interval.high:.3f})" if found.interval else ""
        where = f"at {w.threshold:.3f}" if w.threshold < float("inf") else "accepting nothing"
        lines += [
            f"  ATWV         {w.atwv:.3f}{bounds}; {w.keywords} queries said {w.said} times, one false alarm costs "
            f"{w.alarm_cost:.3f} of a query",
            f"  MTWV         {w.mtwv:.3f} {where}, OTWV {w.otwv:.3f}, STWV {w.stwv:.3f}",
        ]
    lines.append(
        f"  accepted     {c.accepted}, right {c.right}: precision {_rate(c.precision)}, recall {_rate(c.recall)}, "
        f"F1 {_rate(c.f1)}"
    )
    if w:
        lines.append(
            f"  ranked       MAP {found.map:.3f}, MRR {found.mrr:.3f}, P@10 {found.precision_at_10:.3f}, recall of the "
            f"first 10 {found.recall_at_10:.3f}"
        )
    if found.cnxe is not None:
        lines.append(f"  Cnxe         {found.cnxe:.3f}, least {found.min_cnxe:.3f}")
    if found.absent:
        lines.append(f"  said nowhere {found.absent} queries, {found.absent_alarms} false alarms")
    return lines


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.3f}"
