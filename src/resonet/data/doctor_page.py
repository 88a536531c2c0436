"""The doctor's findings as one self-contained HTML page: sizes, labels, histograms as SVG, every finding with all its
names."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from resonet.bundle import Histogram
from resonet.data.findings import Finding, Findings, LabelSummary
from resonet.data.utterance import SPLITS

_TITLES = {
    "duration": "Duration",
    "rate": "Speaking rate",
    "level": "Level",
    "snr": "Signal to noise (estimated)",
}

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --paper: #fff; --line: #d5dae3; --bar: #3b6fb6; --soft: #5b6577;
  --error: #b3261e; --warning: #9a6700; --note: #3b6fb6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --paper: #14181f; --line: #343b48; --bar: #7aa7e6;
  --soft: #9aa5b8; --error: #ff8a80; --warning: #e3b341; --note: #7aa7e6; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 64rem;
  margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } th, td { text-align: right; padding: .25rem .9rem; }
th { color: var(--soft); font-weight: 500; } th:first-child, td:first-child { text-align: left; padding-left: 0; }
tr + tr td { border-top: 1px solid var(--line); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1.5rem; }
svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 11px; } rect { fill: var(--bar); }
figure { margin: 0; } figcaption { font-weight: 600; } figcaption span { color: var(--soft); font-weight: 400; }
article { border-left: 4px solid var(--line); padding: .1rem 1rem; margin: 1rem 0; } article p { margin: .3rem 0; }
.error { border-color: var(--error); } .warning { border-color: var(--warning); } .note { border-color: var(--note); }
b.error { color: var(--error); } b.warning { color: var(--warning); } b.note { color: var(--note); }
ul { max-height: 20rem; overflow: auto; font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--soft); }
"""


def page(findings: Findings, title: str) -> str:
    """The whole page; nothing is loaded from elsewhere and nothing is scripted."""
    counts = ", ".join(
        f"{number} {word}{'' if number == 1 else 's'}"
        for word in ("error", "warning", "note")
        if (number := sum(finding.severity == word for finding in findings.findings))
    )
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{split.utterances:,}</td><td>{split.hours:.2f}</td><td>{split.speakers:,}</td>"
        f"<td>{split.words:,}</td><td>{split.distinct_words:,}</td></tr>"
        for name, split in findings.splits.items()
    )
    plots = "".join(
        _figure(_TITLES[name], histogram, findings.medians[name]) for name, histogram in findings.histograms.items()
    )
    articles = "".join(_article(finding) for finding in findings.findings)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}: doctor</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{escape(title)}</h1>"
        f"<p>{counts or 'Nothing to complain about.'}</p>\n"
        "<table><tr><th>split</th><th>utterances</th><th>hours</th><th>speakers</th><th>words</th><th>distinct</th></tr>"
        f"{rows}</table>\n{_labels(findings.labels)}"
        f"<h2>What the recordings are like</h2><div class=plots>{plots}</div>\n"
        f"<h2>Findings</h2>{articles or '<p>None.</p>'}</body></html>\n"
    )


def _labels(labels: Mapping[str, LabelSummary]) -> str:
    """The labels of clips with their clips in each split; nothing where the texts are sentences."""
    if not labels:
        return ""
    splits = [name for name in SPLITS if any(name in label.clips for label in labels.values())]
    head = "".join(f"<th>{name}</th>" for name in splits)
    rows = "".join(
        f"<tr><td>{escape(name)}</td>{''.join(f'<td>{label.clips.get(split, 0):,}</td>' for split in splits)}"
        f"<td>{label.speakers:,}</td><td>{label.seconds:.2f}</td></tr>"
        for name, label in labels.items()
    )
    return f"<h2>Labels</h2><table><tr><th>label</th>{head}<th>speakers</th><th>median s</th></tr>{rows}</table>\n"


def _article(finding: Finding) -> str:
    names = "".join(f"<li>{escape(name)}</li>" for name in finding.names)
    opened = " open" if finding.count <= 10 else ""
    return (
        f"<article class={finding.severity}><p><b class={finding.severity}>{finding.severity}</b> "
        f"{escape(finding.message)}: <b>{finding.count:,}</b></p><p>{escape(finding.advice)}</p>"
        f"<details{opened}><summary>names</summary><ul>{names}</ul></details></article>\n"
    )


def _figure(title: str, histogram: Histogram, median: float) -> str:
    # Empty bins at both ends tell nothing.
    filled = [index for index, count in enumerate(histogram.counts) if count]
    first, last = filled[0], filled[-1] + 1
    counts, edges = histogram.counts[first:last], histogram.edges[first : last + 1]
    width, height, foot = 400.0, 140.0, 20.0
    step = width / len(counts)
    bars = []
    for index, count in enumerate(counts):
        tall = (height - 5) * count / max(counts)
        bars.append(
            f'<rect x="{index * step:.1f}" y="{height - tall:.1f}" width="{step - 1:.1f}" height="{tall:.1f}">'
            f"<title>{edges[index]:g} to {edges[index + 1]:g} {escape(histogram.unit)}: {count:,}</title></rect>"
        )
    ticks = []
    for part, anchor in ((0.0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"), (1.0, "end")):
        value = edges[0] + part * (edges[-1] - edges[0])
        ticks.append(f'<text x="{part * width:.0f}" y="{height + 15:.0f}" text-anchor="{anchor}">{value:.3g}</text>')
    return (
        f"<figure><figcaption>{escape(title)} <span>{escape(histogram.unit)}, median {median:.3g}</span>"
        f'</figcaption><svg viewBox="0 0 {width:.0f} {height + foot:.0f}" role="img" aria-label="{escape(title)}">'
        f"{''.join(bars)}{''.join(ticks)}</svg></figure>\n"
    )
