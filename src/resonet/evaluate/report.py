"""The evaluation as one HTML page: figures, plots, and every error in its place; nothing in it is fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resonet.bundle import replacing
from resonet.errors import MissingExtra
from resonet.evaluate import plots
from resonet.evaluate.compare import side_by_side
from resonet.evaluate.recognition import Rates, Result, Utterance

SHOWN = 300  # utterances with errors, worst first: about 1 MB of page
BARS = 150
TEMPLATE = "report.html"


@dataclass(frozen=True)
class Plot:
    """A heading and an SVG."""

    heading: str
    svg: str


def page(results: Sequence[Result]) -> str:
    """The page about one result, or about several beside each other.

    Raises:
        MissingExtra: Jinja is not installed.
    """
    return rendered(
        TEMPLATE,
        compared=side_by_side(results),
        plots=[_plots(result) for result in results],
        worst=[worst_first(result) for result in results],
        shown=SHOWN,
    )


def rendered(template: str, **values: Any) -> str:
    """A template of this folder with its values filled in. Raises MissingExtra: Jinja is not installed."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError:
        raise MissingExtra("Writing a report", "evaluate") from None
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["percent"] = _percent
    return environment.get_template(template).render(**values)


def write(path: str | Path, results: Sequence[Result]) -> Path:
    """Writes the page, as a whole or not at all.

    Raises:
        ResonetError: the file cannot be written. MissingExtra: as `page`.
    """
    return saved(path, page(results))


def saved(path: str | Path, text: str) -> Path:
    """Writes a page, as a whole or not at all. Raises ResonetError: the file cannot be written."""
    target = Path(path)
    with replacing(target) as file:
        file.write(text.encode("utf-8", "replace"))  # a file name need not be valid UTF-8
    return target


def worst_first(result: Result) -> list[Utterance]:
    """The utterances with errors: most errors a word first, and more errors first among equals."""
    wrong = [u for u in result.utterances if u.words.errors]
    return sorted(wrong, key=lambda u: (-u.words.rate, -u.words.errors, u.file))


def _percent(rate: float | None) -> str:
    return "–" if rate is None or rate == float("inf") else f"{100 * rate:.1f}"


def _plots(result: Result) -> list[Plot]:
    found = [Plot("Utterances by their word error rate", _histogram(result))]
    for by, groups in result.groups.items():
        if by == "speaker":
            found.append(Plot("By speaker, best to worst", _speakers(groups)))
        elif len(groups) > 1:
            found.append(Plot(f"By {by}", _grouped(groups)))
    if result.calibration:
        found.append(Plot("Is the confidence true?", plots.reliability(result.calibration.bins)))
    return found


def _histogram(result: Result) -> str:
    counts = [0] * 12
    for utterance in result.utterances:
        if utterance.words.units:
            rate = utterance.words.rate
            counts[0 if rate == 0 else min(11, 1 + int(rate * 10 - 1e-9))] += 1
    labels = ["0", *(f"≤{10 * i}" for i in range(1, 11)), ">100"]
    total = max(1, sum(counts))
    return plots.bars(labels, [100 * c / total for c in counts], title="utterances with such a WER", unit="%")


def _speakers(groups: Any) -> str:
    ordered = sorted(((name, r) for name, r in groups.items() if r.words.units), key=lambda item: item[1].words.rate)
    # Of thousands of speakers every n-th is drawn: the shape of the curve is what counts.
    ordered = ordered[:: max(1, -(-len(ordered) // BARS))]
    return plots.bars([name for name, _ in ordered], [100 * r.words.rate for _, r in ordered], title="WER of a speaker")


def _grouped(groups: Any) -> str:
    shown: list[tuple[str, Rates]] = [(name, r) for name, r in groups.items() if r.words.units][:BARS]
    bounds = [(100 * r.interval.low, 100 * r.interval.high) if r.interval else None for _, r in shown]
    return plots.bars([name for name, _ in shown], [100 * r.words.rate for _, r in shown], bounds, title="WER")
