"""The evaluation of a search as one HTML page: values, the curve over thresholds; what was missed, wrong and right, to
listen to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from resonet import audio
from resonet.errors import AudioError
from resonet.evaluate import plots, sounds
from resonet.evaluate.report import rendered, saved
from resonet.evaluate.search_result import Answer, Measures, Result, curve

TEMPLATE = "search.html"
PLAYED = 20  # players of each kind: a second of Opus is some 6 kB
SHOWN = 300  # queries in the table
RATE = 16000
AROUND = 0.5  # seconds before and after what is played
LONGEST = 8.0  # seconds of a player: a hit may be a whole segment

T = TypeVar("T")


@dataclass(frozen=True)
class Heard:
    """A stretch of a recording in the page.

    Fields:
        query, file, start, end: what it is, seconds. score: None where nothing was found.
        player: a data URI, "" where the recording cannot be read any more. asked: the same of a spoken query.
    """

    query: str
    file: str
    start: float
    end: float
    score: float | None
    text: str
    player: str
    asked: str


def page(results: Sequence[Result]) -> str:
    """The page about one result, or about several beside each other. The recordings are read where they lie.

    Raises:
        MissingExtra: Jinja is not installed.
    """
    curves = [(name, curve(found)) for name, found in _lines(results)]
    lines = [(name, [(p.alarm, p.miss) for p in points]) for name, points in curves if points]
    bounds = _bounds([alarm for _, points in lines for alarm, _ in points])
    return rendered(
        TEMPLATE,
        results=results,
        rows=[[("all", result.whole), *result.groups.items()] for result in results],
        curves=[name for name, _ in lines],
        det=plots.det(lines, "false alarms in a second", "said and not found", bounds) if lines else "",
        heard=[_played(result) for result in results],
        tables=[worst_first(result)[:SHOWN] for result in results],
        shown=SHOWN,
        played=PLAYED,
    )


def write(path: str | Path, results: Sequence[Result]) -> Path:
    """Writes the page, as a whole or not at all.

    Raises:
        ResonetError: the file cannot be written. MissingExtra: as `page`.
    """
    return saved(path, page(results))


def worst_first(result: Result) -> list[tuple[Answer, float | None]]:
    """The queries with what each is worth at the search's own decisions, the least first; None where it is said
    nowhere."""
    values = iter(result.whole.weighted.values.tolist() if result.whole.weighted else ())
    worth = [(answer, next(values) if answer.query.hits else None) for answer in result.answers]
    return sorted(worth, key=lambda item: (2.0 if item[1] is None else item[1], item[0].query.id))


def _lines(results: Sequence[Result]) -> list[tuple[str, Measures]]:
    """What gets a line of its own in the plot: one result by its groups, several as wholes."""
    if len(results) == 1:
        return [("all", results[0].whole), *results[0].groups.items()]
    return [(result.name, result.whole) for result in results]


def _bounds(alarms: Sequence[float]) -> tuple[float, float]:
    """Where the axis of false alarms begins and ends: powers of ten around what there is."""
    some = [alarm for alarm in alarms if alarm > 0]
    low = 10.0 ** np.floor(np.log10(min(some, default=1e-5)))
    high = 10.0 ** np.ceil(np.log10(max(some, default=1e-3)))
    return min(1e-4, max(1e-7, low)), min(0.95, max(1e-3, high))


def _played(result: Result) -> list[tuple[str, list[Heard]]]:
    """What can be listened to: headings with stretches of sound."""
    missed = [(a, place, file) for a in result.answers for file, place in a.missed if file]
    alarms = sorted(((a, hit) for a in result.answers for hit in a.false_alarms), key=lambda pair: -pair[1].score)
    right = [
        (answer, hit)
        for answer in result.answers
        for hit, good in zip(answer.found, answer.right, strict=True)
        if good and hit.accepted
    ]
    player = _Players()
    groups = [
        (
            f"Missed ({len(missed)})",
            [player.of(answer, file, place.start, place.end) for answer, place, file in spread(missed)],
        ),
        (
            f"False alarms, the surest first ({len(alarms)})",
            [player.of(answer, hit.file, hit.start, hit.end, hit.score, hit.text) for answer, hit in alarms[:PLAYED]],
        ),
        (
            f"Found ({len(right)})",
            [player.of(answer, hit.file, hit.start, hit.end, hit.score, hit.text) for answer, hit in spread(right)],
        ),
    ]
    sound = player.sounds()
    return [(heading, [make(sound) for make in made]) for heading, made in groups if made]


def spread(items: Sequence[T], most: int = PLAYED) -> list[T]:
    """At most so many, evenly from all over."""
    return [items[i] for i in np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int)]


Stretch = tuple[str, float, float]


class _Players:
    """Gathers stretches of recordings, and then cuts all of a recording in one pass over it."""

    def __init__(self) -> None:
        self._wanted: dict[str, set[tuple[float, float]]] = defaultdict(set)

    def of(
        self, answer: Answer, file: str, start: float, end: float, score: float | None = None, text: str = ""
    ) -> Callable[[dict[Stretch, str]], Heard]:
        stretch = self._want(file, start - AROUND, min(end, start + LONGEST) + AROUND)
        spoken = answer.query.audio
        asked = self._want(str(spoken), 0.0, LONGEST) if spoken else None
        query = answer.query.shown
        return lambda sound: Heard(
            query, file, start, end, score, text, sound.get(stretch, ""), sound.get(asked, "") if asked else ""
        )

    def _want(self, file: str, start: float, end: float) -> Stretch:
        self._wanted[file].add((max(0.0, start), end))
        return file, max(0.0, start), end

    def sounds(self) -> dict[Stretch, str]:
        """Data URIs of all that was asked for; what cannot be read is left out."""
        found = {}
        for file, stretches in self._wanted.items():
            for (start, end), samples in cut(file, sorted(stretches)):
                found[file, start, end] = sounds.player(samples, RATE)
        return found


def cut(file: str, stretches: Iterable[tuple[float, float]]) -> list[tuple[tuple[float, float], sounds.Samples]]:
    """Stretches (seconds) of a recording, float32 [time] at 16 kHz; of one that cannot be read, what came before."""
    waiting = {stretch: [] for stretch in stretches}  # type: dict[tuple[float, float], list[sounds.Samples]]
    until = max((end for _, end in waiting), default=0.0)
    done = 0
    try:
        for block in audio.blocks(file, RATE):
            for (start, end), pieces in waiting.items():
                pieces.append(block[max(0, round(start * RATE) - done) : max(0, round(end * RATE) - done)])
            done += len(block)
            if done >= until * RATE:
                break
    except AudioError:
        pass  # the page says that it cannot be played
    joined = {stretch: np.concatenate([np.empty(0, np.float32), *pieces]) for stretch, pieces in waiting.items()}
    return [(stretch, samples) for stretch, samples in joined.items() if len(samples)]
