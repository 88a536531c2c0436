"""Plots as inline SVG text: nothing to install, nothing to fetch, and they follow the page's colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from statistics import NormalDist

from resonet.evaluate.metrics.confidence import Bin

WIDTH, HEIGHT = 560, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 10, 40
_NORMAL = NormalDist()
_RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)


def bars(
    labels: Sequence[str],
    values: Sequence[float],
    bounds: Sequence[tuple[float, float] | None] | None = None,
    title: str = "",
    unit: str = "%",
) -> str:
    """Vertical bars from 0 with optional intervals; each tells its label and value when pointed at.

    Args:
        labels, values: [bars]. bounds: [bars], low and high of each interval.
    """
    highest = max([*values, *(b[1] for b in bounds or [] if b)], default=0.0)
    top = _round_up(highest)
    inner = WIDTH - _LEFT - _RIGHT
    step = inner / max(1, len(values))
    drawn = [_frame(title, top, unit)]
    for i, (label, value) in enumerate(zip(labels, values, strict=True)):
        middle, width = _LEFT + (i + 0.5) * step, max(1.0, min(60.0, step * 0.7))
        y = _y(value, top)
        tip = f"{label}: {value:.1f} {unit}".strip()
        drawn.append(
            f'<rect class="bar" x="{middle - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{max(0.0, _y(0, top) - y):.1f}"><title>{escape(tip)}</title></rect>'
        )
        interval = bounds[i] if bounds else None
        if interval and step >= 8:
            low, high = (_y(b, top) for b in interval)
            drawn.append(f'<path class="whisker" d="M{middle:.1f} {low:.1f}V{high:.1f}"/>')
        if step >= 40:
            drawn.append(f'<text class="tick" x="{middle:.1f}" y="{HEIGHT - 22}">{escape(_short(label, step))}</text>')
    return _svg(drawn, title)


def det(
    lines: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    across: str,
    up: str,
    bounds: tuple[float, float] = (0.0005, 0.95),
) -> str:
    """Detection error tradeoff: falling lines over two rates (0..1), on scales on which normal scores give straight
    lines (Martin et al., Eurospeech 1997).

    Args:
        lines: each with its name and its points (rate across, rate up). A rate of 0 or 1 lies at the edge.
        bounds: the rates at the left and at the right edge; up, it is always 0.05 to 95 %.
    """
    drawn = []
    for rate in (1e-6, 1e-5, 1e-4, *_RATES):
        if bounds[0] < rate < bounds[1]:
            x = _x(_deviate(rate, *bounds))
            drawn.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{HEIGHT - _BOTTOM}"/>')
            drawn.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 22}">{_percent(rate)}</text>')
    for rate in _RATES:
        y = _y(100 * _deviate(rate), 100)
        drawn.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        drawn.append(f'<text class="scale" x="{_LEFT - 5}" y="{y + 4:.1f}">{_percent(rate)}</text>')
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    drawn.append(f'<text class="name" x="{middle:.0f}" y="{HEIGHT - 5}">{escape(f"{across} (%), up: {up} (%)")}</text>')
    for number, (name, points) in enumerate(lines):
        places = [f"{_x(_deviate(a, *bounds)):.1f} {_y(100 * _deviate(b), 100):.1f}" for a, b in points]
        if places:
            line = "L".join(places)
            drawn.append(
                f'<path class="line line-{number % 6}" fill="none" d="M{line}"><title>{escape(name)}</title></path>'
            )
    return _svg(drawn, f"{up} over {across}")


def reliability(bins: Sequence[Bin]) -> str:
    """Share of right words over their confidence, a dot a bin (area by words), with the ideal diagonal."""
    most = max((b.words for b in bins), default=1)
    x0, x1 = _x(0), _x(1)
    drawn = [_frame("right words over confidence", 100.0, "%")]
    drawn.append(f'<path class="ideal" d="M{x0:.1f} {_y(0, 100):.1f}L{x1:.1f} {_y(100, 100):.1f}"/>')
    drawn += [f'<text class="tick" x="{_x(c / 10):.1f}" y="{HEIGHT - 22}">{c / 10:g}</text>' for c in range(0, 11, 2)]
    for b in bins:
        tip = f"confidence {b.confidence:.2f}: {100 * b.accuracy:.0f} % of {b.words} words right"
        radius = 3 + 9 * (b.words / most) ** 0.5
        drawn.append(
            f'<circle class="dot" cx="{_x(b.confidence):.1f}" cy="{_y(100 * b.accuracy, 100):.1f}" r="{radius:.1f}">'
            f"<title>{escape(tip)}</title></circle>"
        )
    return _svg(drawn, "right words over confidence")


def _svg(drawn: Sequence[str], title: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(drawn)}</svg>'


def _frame(title: str, top: float, unit: str) -> str:
    lines = []
    for part in range(5):
        value = top * part / 4
        y = _y(value, top)
        lines.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        lines.append(f'<text class="scale" x="{_LEFT - 5}" y="{y + 4:.1f}">{value:g}</text>')
    below = f"{title} ({unit})" if unit else title
    lines.append(f'<text class="name" x="{(_LEFT + WIDTH - _RIGHT) / 2:.0f}" y="{HEIGHT - 5}">{escape(below)}</text>')
    return "".join(lines)


def _x(share: float) -> float:
    return _LEFT + share * (WIDTH - _LEFT - _RIGHT)


def _y(value: float, top: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * min(value, top) / top


def _deviate(rate: float, least: float = 0.0005, most: float = 0.95) -> float:
    """Where a rate lies between two others (0 and 1) on the scale of normal deviates."""
    low, high = _NORMAL.inv_cdf(least), _NORMAL.inv_cdf(most)
    return (_NORMAL.inv_cdf(min(most, max(least, rate))) - low) / (high - low)


def _percent(rate: float) -> str:
    return f"{100 * rate:.4f}".rstrip("0").rstrip(".")


def _round_up(value: float) -> float:
    """The next number that four grid lines divide well."""
    for size in (1, 4, 10, 20, 40, 60, 80, 100, 120, 160, 200, 400, 800, 1000, 2000, 4000, 10000):
        if value <= size:
            return float(size)
    return value


def _short(label: str, step: float) -> str:
    most = max(4, int(step / 6.5))
    return label if len(label) <= most else label[: most - 1] + "…"
