"""What the doctor finds: each fault with its weight, its count, the names, and what to do; as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from resonet.bundle import Histogram

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

# The text shows so many names; the JSON and the page show all.
SHOWN = 10


@dataclass(frozen=True)
class Finding:
    """One kind of fault.

    kind: a short fixed name, for programs. message: what is wrong, without the count. names: the utterances (or
    speakers, sentences), each with its figure where there is one. advice: what to do.
    """

    kind: str
    severity: Severity
    message: str
    names: tuple[str, ...]
    advice: str

    @property
    def count(self) -> int:
        return len(self.names)

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "severity": self.severity,
            "count": self.count,
            "message": self.message,
            "names": list(self.names),
            "advice": self.advice,
        }


@dataclass(frozen=True)
class SplitSummary:
    """The size of one split: utterances, hours, speakers, running words and distinct words."""

    utterances: int
    hours: float
    speakers: int
    words: int
    distinct_words: int


@dataclass(frozen=True)
class LabelSummary:
    """One label: clips by split, speakers that are known, and the median length in seconds."""

    clips: Mapping[str, int]
    speakers: int
    seconds: float


@dataclass(frozen=True)
class Findings:
    """The result of an examination.

    findings: errors first. splits: by name. histograms, medians: by quantity (duration, rate, level, snr).
    unusable: ids of utterances that training must leave out (unreadable, or with fewer frames than CTC needs).
    labels: by name, where the texts are labels of clips.
    """

    findings: tuple[Finding, ...]
    splits: Mapping[str, SplitSummary]
    histograms: Mapping[str, Histogram] = field(repr=False)
    medians: Mapping[str, float]
    unusable: frozenset[str] = field(repr=False)
    labels: Mapping[str, LabelSummary] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of `resonet doctor DATA --json`."""
        told: dict[str, Any] = {
            "splits": {
                name: {
                    "utterances": split.utterances,
                    "hours": round(split.hours, 4),
                    "speakers": split.speakers,
                    "words": split.words,
                    "distinct_words": split.distinct_words,
                }
                for name, split in self.splits.items()
            },
            "findings": [finding.as_dict() for finding in self.findings],
            "histograms": {name: histogram.model_dump(mode="json") for name, histogram in self.histograms.items()},
            "medians": dict(self.medians),
        }
        if self.labels:
            told["labels"] = {
                name: {"clips": dict(label.clips), "speakers": label.speakers, "median_seconds": label.seconds}
                for name, label in self.labels.items()
            }
        return told

    def as_text(self) -> str:
        """A page for the terminal: the splits and labels, then each finding with its first names and what to do."""
        lines = [
            f"{name:5} {split.utterances:7} utterances {split.hours:8.2f} h {split.speakers:6} speakers"
            f" {split.words:8} words ({split.distinct_words} distinct)"
            for name, split in self.splits.items()
        ]
        lines += _label_lines(self.labels)
        for finding in self.findings:
            lines += ["", f"{finding.severity}: {finding.message}: {finding.count}"]
            lines += [f"    {name}" for name in finding.names[:SHOWN]]
            if finding.count > SHOWN:
                lines.append(f"    and {finding.count - SHOWN} more")
            lines.append(f"  -> {finding.advice}")
        if not self.findings:
            lines += ["", "Nothing to complain about."]
        return "\n".join(lines)


def _label_lines(labels: Mapping[str, LabelSummary]) -> list[str]:
    if not labels:
        return []
    width = max(map(len, labels))
    return [
        "",
        *(
            f"{name:{width}} {sum(label.clips.values()):7} clips {label.seconds:7.2f} s {label.speakers:6} speakers   "
            + ", ".join(f"{split} {count}" for split, count in label.clips.items())
            for name, label in labels.items()
        ),
    ]


def ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Errors, then warnings, then notes; those without names are no findings."""
    return tuple(sorted((f for f in findings if f.names), key=lambda f: SEVERITIES.index(f.severity)))
