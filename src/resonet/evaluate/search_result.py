"""What an evaluation of a search found: hits, answers, measures, and all of it as one dataclass; search.py makes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from resonet.evaluate.metrics.bootstrap import Interval
from resonet.evaluate.metrics.ranking import Counts
from resonet.evaluate.metrics.term_weighted import Keyword, Point, TermWeighted
from resonet.evaluate.queries import Place, Query


@dataclass(frozen=True)
class Found:
    """A hit: the recording by its path in the index, seconds, the score (0..1), whether the search stands by it or only
    lists it, and the text that is shown."""

    file: str
    start: float
    end: float
    score: float
    accepted: bool = True
    text: str = ""

    @property
    def centre(self) -> float:
        return (self.start + self.end) / 2


@dataclass(frozen=True)
class Answer:
    """What was found for a query, best first.

    Fields:
        places: of each of `found`, the index of the place in `query.hits` that it has found, -1 for a false alarm.
        files: of each place in `query.hits`, the path of its recording in the index, "" where it has none.
        seconds: that the answer took. failure: why there was none.
    """

    query: Query
    found: tuple[Found, ...]
    places: tuple[int, ...]
    files: tuple[str, ...]
    seconds: float = 0.0
    failure: str = ""

    @property
    def right(self) -> list[bool]:
        return [place >= 0 for place in self.places]

    @property
    def counts(self) -> Counts:
        """Of what was accepted."""
        yes = [good for good, hit in zip(self.right, self.found, strict=True) if hit.accepted]
        return Counts(len(yes), sum(yes), len(self.query.hits))

    @property
    def missed(self) -> list[tuple[str, Place]]:
        """Places without an accepted hit, each with the path of its recording."""
        there = {place for place, hit in zip(self.places, self.found, strict=True) if hit.accepted}
        return [(self.files[i], place) for i, place in enumerate(self.query.hits) if i not in there]

    @property
    def false_alarms(self) -> list[Found]:
        """Accepted hits where nothing was said."""
        return [hit for hit, good in zip(self.found, self.right, strict=True) if hit.accepted and not good]

    @cached_property
    def keyword(self) -> Keyword:
        return Keyword(
            len(self.query.hits),
            np.array([hit.score for hit in self.found], np.float64),
            np.array(self.right, bool),
            np.array([hit.accepted for hit in self.found], bool),
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.query.id,
            "query": self.query.shown,
            "group": self.query.group,
            "said": len(self.query.hits),
            "accepted": self.counts.accepted,
            "right": self.counts.right,
            "milliseconds": round(1000 * self.seconds, 1),
            "hits": [
                {
                    "file": hit.file,
                    "start": round(hit.start, 3),
                    "end": round(hit.end, 3),
                    "score": round(hit.score, 4),
                    "accepted": hit.accepted,
                    "right": good,
                }
                for hit, good in zip(self.found, self.right, strict=True)
            ],
        }


@dataclass(frozen=True)
class Measures:
    """Of some queries.

    Fields:
        queries: how many, those said nowhere too; `absent` of them, with so many accepted hits (`absent_alarms`).
        weighted: term-weighted values; None where no query is said. interval: of ATWV, 95 %, queries drawn anew.
        counts: of the accepted hits of all queries.
        map, mrr, precision_at_10, recall_at_10: means over the queries that are said; None without any.
        cnxe, min_cnxe: over queries and recordings; None where all of them or none are alike.
        latency: seconds that half of the queries and 95 % of them stay under.
    """

    queries: int
    absent: int
    absent_alarms: int
    weighted: TermWeighted | None
    interval: Interval | None
    counts: Counts
    map: float | None
    mrr: float | None
    precision_at_10: float | None
    recall_at_10: float | None
    cnxe: float | None
    min_cnxe: float | None
    latency: tuple[float, float]

    def as_dict(self) -> dict[str, Any]:
        w = self.weighted
        told: dict[str, Any] = {
            "queries": self.queries,
            "keywords": w.keywords if w else 0,
            "true_hits": w.said if w else 0,
            "atwv": _rounded(w.atwv if w else None),
            "atwv_interval": self.interval and [_rounded(self.interval.low), _rounded(self.interval.high)],
            "mtwv": _rounded(w.mtwv if w else None),
            "mtwv_threshold": _rounded(w.threshold) if w and np.isfinite(w.threshold) else None,
            "otwv": _rounded(w.otwv if w else None),
            "stwv": _rounded(w.stwv if w else None),
            "cost_of_a_false_alarm": _rounded(w.alarm_cost if w else None),
            "accepted": self.counts.accepted,
            "right": self.counts.right,
            "precision": _rounded(self.counts.precision),
            "recall": _rounded(self.counts.recall),
            "f1": _rounded(self.counts.f1),
        }
        for key in ("map", "mrr", "precision_at_10", "recall_at_10", "cnxe", "min_cnxe"):
            told[key] = _rounded(getattr(self, key))
        told |= {"said_nowhere": self.absent, "false_alarms_of_those": self.absent_alarms}
        told["milliseconds"] = {"median": round(1000 * self.latency[0], 1), "p95": round(1000 * self.latency[1], 1)}
        return told


@dataclass(frozen=True)
class Result:
    """Everything an evaluation found. name: of what was searched; data: the file of queries; created: UTC, ISO 8601.

    seconds, recordings: of speech that was searched. lost: recordings that the queries name and the index has not:
    their places count as missed. groups: by name, where there are several.
    """

    name: str
    data: str
    created: str
    seconds: float
    recordings: int
    answers: tuple[Answer, ...] = field(repr=False)
    whole: Measures
    groups: dict[str, Measures] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    peak_mb: float = 0.0

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Query and reason, of those that could not be asked: all of their places count as missed."""
        return [(a.query.shown, a.failure) for a in self.answers if a.failure]

    def as_dict(self, queries: bool = False) -> dict[str, Any]:
        """The JSON object of `resonet evaluate --task search --json`, with every query and its hits if asked for."""
        told: dict[str, Any] = {
            "index": self.name,
            "data": self.data,
            "created": self.created,
            "recordings": self.recordings,
            "seconds_searched": round(self.seconds, 1),
            **self.whole.as_dict(),
            "by_group": {name: found.as_dict() for name, found in self.groups.items()},
            "det": [
                {"threshold": _rounded(p.threshold), "miss": _rounded(p.miss), "alarm": float(f"{p.alarm:.3g}")}
                for p in curve(self.whole)
                if np.isfinite(p.threshold)
            ],
            "peak_mb": round(self.peak_mb, 1),
            "not_in_the_index": list(self.lost),
            "failures": [{"query": query, "reason": reason} for query, reason in self.failures],
        }
        if queries:
            told["queries_scored"] = [answer.as_dict() for answer in self.answers]
        return told


def curve(found: Measures, most: int = 200) -> list[Point]:
    """The points of the curve over thresholds, spread over it where there are more than so many."""
    points = found.weighted.points if found.weighted else ()
    return [points[i] for i in np.unique(np.linspace(0, len(points) - 1, min(most, len(points))).round().astype(int))]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
