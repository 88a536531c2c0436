"""The curves of a training as one self-contained HTML page, made from its log: nothing is fetched, nothing scripted."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from resonet.bundle import replacing
from resonet.train import log

WIDTH, HEIGHT = 560, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 10, 40
# Points of a curve at most: steps beyond are averaged, which also takes the noise off.
_POINTS = 200
# Seconds after which a browser loads the page of a running training again.
_AGAIN = 20

_NAMES = {
    "loss": "loss, nats a unit",
    "rate": "learning rate",
    "speed": "audio seconds a second",
    "unit_error_rate": "unit errors on dev, %",
    "wer": "word errors on dev, %",
    "phone_error_rate": "phone errors on dev, %",
    "word_error_rate": "words read wrong on dev, %",
    "label_error_rate": "labels wrong on dev, %",
    "spelling_error_rate": "words not nearest to their spelling on dev, %",
    "equal_error_rate": "equal error rate of speakers on dev, %",
    "language_error_rate": "languages wrong on dev, %",
    "path_loss": "alignment on dev, nats a frame",
    "unit_ms": "median unit on dev, ms",
    "shortest_share": "units of one frame on dev, %",
    "mel_difference": "difference of log-mels on dev, nepers",
    "spectral_loss": "spectral loss on dev",
    "dissimilarity": "1 - similarity of spectrograms on dev",
    "duration_loss": "durations on dev, Huber",
    "pitch_loss": "pitch on dev, Huber",
    "energy_loss": "energy on dev, Huber",
    "others_moved": "other speakers moved, nepers on dev",
}
# Samples that a task wrote, in `samples` of its folder: pictures stand in the page, sounds beside it.
SAMPLES = "samples"

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --paper: #fff; --line: #d5dae3; --curve: #3b6fb6; --soft: #5b6577; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --paper: #14181f; --line: #343b48; --curve: #7aa7e6;
  --soft: #9aa5b8; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 74rem;
  margin: 2rem auto; padding: 0 1rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem 2.2rem; } .figures b { display: block; font-size: 1.7rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 0 2rem; }
svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 11px; text-anchor: middle; }
svg text.scale { text-anchor: end; } svg text.name { fill: var(--ink); font-size: 12px; }
.curve { fill: none; stroke: var(--curve); stroke-width: 1.8; stroke-linejoin: round; } .dot { fill: var(--curve); }
.grid { stroke: var(--line); } .soft, li { color: var(--soft); } ul { padding-left: 1.2rem; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line); } th { color: var(--soft); font-weight: 500; }
"""


@dataclass
class Run:
    """What the log of a training says: steps, validations, lines for people, and whether it is over."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    validations: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    finished: bool = False
    pictures: list[tuple[str, bytes]] = field(default_factory=list)
    sounds: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)

    def curve(self, key: str) -> list[tuple[float, float]]:
        rows = self.steps if key in ("loss", "rate", "speed") else self.validations
        return [(row["elapsed"] / 60, row[key]) for row in rows if _is_number(row.get(key))]


def read(folder: Path) -> Run:
    """What the log in `folder` says, and the samples beside it; pages of stages that have folders in it."""
    run = Run()
    for file in sorted((folder / SAMPLES).glob("*")):
        if file.suffix == ".png":
            run.pictures.append((file.stem, file.read_bytes()))
        elif file.suffix == ".wav":
            run.sounds.append(file.name)
    run.stages = sorted(page.parent.name for page in folder.glob("*/progress.html"))
    for event in log.events(folder):
        kind = event.get("kind")
        if kind == "step":
            run.steps.append(event)
        elif kind == "validation":
            elapsed = run.steps[-1]["elapsed"] if run.steps else 0.0
            if run.validations and run.validations[-1]["step"] == event["step"]:  # a clock's, then the last one
                run.validations.pop()
            run.validations.append({"elapsed": elapsed, **event})
        elif kind == "bad":
            run.lines.append(f"step {event['step']} was not finite and left out: {', '.join(event['names'][:3])}")
        elif "text" in event:
            run.lines.append(event["text"])
        run.finished = kind in ("bundle", "end") or (run.finished and kind != "step")
    return run


def write(folder: Path, title: str) -> Path:
    """Writes `folder/progress.html` from `folder/log.jsonl`; it appears whole."""
    path = folder / "progress.html"
    with replacing(path) as file:
        file.write(render(read(folder), title).encode())
    return path


def render(run: Run, title: str) -> str:
    """The page as HTML."""
    plots = "".join(
        plot(curve, name, dots=key not in ("loss", "rate", "speed"))
        for key, name in _NAMES.items()
        if len(curve := run.curve(key)) > 1
    )
    state = "finished" if run.finished else "running: the page loads itself again"
    again = "" if run.finished else f'<meta http-equiv="refresh" content="{_AGAIN}">'
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{again}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}: training</title><style>{_STYLE}</style></head>\n"
        f'<body><h1>{escape(title)} <span class="soft">{state}</span></h1>\n{_figures(run)}\n'
        f'<div class="plots">{plots}</div>\n{_samples(run)}{_shown(run)}\n{_lines(run)}</body></html>\n'
    )


def _figures(run: Run) -> str:
    figures: list[tuple[str, str]] = []
    if run.validations:
        last = run.validations[-1]
        figures += [_figure(last[key], _NAMES[key]) for key in _NAMES if _is_number(last.get(key))]
    if run.steps:
        last = run.steps[-1]
        recent = run.steps[-50:]
        if all(_is_number(step["loss"]) for step in recent):
            figures.append((f"{sum(step['loss'] for step in recent) / len(recent):.3f}", "loss"))
        figures.append((f"{last['step']:,}", f"steps, {last['share']:.0%} of the training"))
        figures.append((f"{last['elapsed'] / 60:.1f} min", "of training"))
        seconds = sum(step["seconds"] for step in run.steps)
        figures.append((f"{seconds / max(last['elapsed'], 1e-9):.0f}", "audio seconds a second"))
    shown = "".join(f"<div><b>{value}</b>{escape(name)}</div>" for value, name in figures)
    return f'<div class="figures">{shown}</div>'


def _figure(value: float, name: str) -> tuple[str, str]:
    """A figure with its unit, if that is percent, and its name."""
    return (f"{value:.1f} %", name.removesuffix(", %")) if name.endswith(", %") else (f"{value:.3g}", name)


def _shown(run: Run) -> str:
    """Pictures and sounds of dev, and the pages of stages."""
    parts = []
    if run.stages:
        links = ", ".join(f'<a href="{escape(name)}/progress.html">{escape(name)}</a>' for name in run.stages)
        parts.append(f"<p>Stages: {links}</p>")
    for name, content in run.pictures:
        data = base64.b64encode(content).decode()
        parts.append(
            f'<figure><img alt="{escape(name)}" src="data:image/png;base64,{data}" style="max-width:100%">'
            f"<figcaption>{escape(name)}</figcaption></figure>"
        )
    for name in run.sounds:
        parts.append(f'<p>{escape(name)}<br><audio controls preload="none" src="{SAMPLES}/{escape(name)}"></audio></p>')
    return "".join(parts)


def _samples(run: Run) -> str:
    if not run.validations or not run.validations[-1].get("samples"):
        return ""
    rows = []
    for sample in run.validations[-1].get("samples", []):
        said, _, heard = sample.partition(" -> ")
        rows.append(f"<tr><td>{escape(said)}</td><td>{escape(heard)}</td></tr>")
    return f"<h2>From dev</h2><table><tr><th>said</th><th>heard</th></tr>{''.join(rows)}</table>"


def _lines(run: Run) -> str:
    return f"<h2>What it said</h2><ul>{''.join(f'<li>{escape(line)}</li>' for line in run.lines)}</ul>"


def plot(curve: Sequence[tuple[float, float]], name: str, dots: bool = False) -> str:
    """A curve of (minutes, value) as SVG; many points are averaged."""
    if not dots:
        curve = _thinned(curve)
    end = max(x for x, _ in curve) or 1.0
    top = _round_up(max(y for _, y in curve))
    inner, tall = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    points = [
        (_LEFT + inner * x / end, _TOP + tall * (1 - max(0.0, y) / top), f"{x:.1f} min: {y:.4g}") for x, y in curve
    ]
    drawn = []
    for part in range(5):
        y = _TOP + tall * (1 - part / 4)
        drawn.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        drawn.append(f'<text class="scale" x="{_LEFT - 5}" y="{y + 4:.1f}">{top * part / 4:.3g}</text>')
        drawn.append(f'<text x="{_LEFT + inner * part / 4:.0f}" y="{HEIGHT - 24}">{end * part / 4:.3g}</text>')
    drawn.append(f'<path class="curve" d="M{" L".join(f"{x:.1f} {y:.1f}" for x, y, _ in points)}"/>')
    if dots:
        drawn += [
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{tip}</title></circle>'
            for x, y, tip in points
        ]
    middle = _LEFT + inner / 2
    drawn.append(f'<text class="name" x="{middle:.0f}" y="{HEIGHT - 6}">{escape(name)} (over minutes)</text>')
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(name)}">{"".join(drawn)}</svg>'


def _thinned(curve: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    size = math.ceil(len(curve) / _POINTS)
    parts = [curve[i : i + size] for i in range(0, len(curve), size)]
    return [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in parts]


def _round_up(value: float) -> float:
    """The next number of one digit (or 15, 25, 40, 60 ...) times a power of ten: a scale that reads well."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10, 12) if power * step >= value * (1 - 1e-9))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
