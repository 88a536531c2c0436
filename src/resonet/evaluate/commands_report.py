"""The evaluation of spoken words as one HTML page: accuracy, who was taken for whom, words, curves of thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resonet.evaluate import plots
from resonet.evaluate.commands import Clip, Result, against
from resonet.evaluate.metrics.bootstrap import Difference
from resonet.evaluate.metrics.classification import equal_error
from resonet.evaluate.report import rendered, saved

SHOWN = 200  # clips that were misheard, surest first
TEMPLATE = "commands.html"


def page(results: Sequence[Result]) -> str:
    """The page about one result, or about several beside each other. Raises MissingExtra: Jinja is not installed."""
    curves = [(r.name, [(p.alarm, p.miss) for p in r.det]) for r in results if r.det]
    return rendered(
        TEMPLATE,
        results=results,
        gaps=[against(results[0], result) if i else None for i, result in enumerate(results)],
        verdicts=[verdict(against(results[0], result)) if i else "" for i, result in enumerate(results)],
        det=plots.det(curves, "other clips taken for a word", "words missed") if curves else "",
        curves=curves,
        equal=[equal_error(result.det) for result in results],
        recall=[_recall(result) for result in results],
        wrong=[surest_first(result) for result in results],
        shown=SHOWN,
    )


def write(path: str | Path, results: Sequence[Result]) -> Path:
    """Writes the page, as a whole or not at all.

    Raises:
        ResonetError: the file cannot be written. MissingExtra: as `page`.
    """
    return saved(path, page(results))


def surest_first(result: Result) -> list[Clip]:
    """The clips with a wrong answer, the surest first: there a label may be wrong, too."""
    return sorted((c for c in result.clips if not c.right), key=lambda c: (-c.score, c.file, c.start))


def verdict(gap: Difference | None) -> str:
    """A difference of accuracies in words."""
    if gap is None:
        return ""
    if gap.low > 0:
        return "better"
    return "worse" if gap.high < 0 else "no clear difference"


def _recall(result: Result) -> str:
    found = [(row.label, row.recall) for row in result.rows if row.recall is not None]
    return plots.bars([label for label, _ in found], [100 * recall for _, recall in found], title="recall of a label")
