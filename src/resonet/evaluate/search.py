"""Scores a search: queries whose places are known, against what was found, and whether it was accepted.

For example:

    with Finder.open("index") as finder:
        archive = archive_of(finder.store, "queries.jsonl")
        found = score(by_finder(finder), queries.read("queries.jsonl"), archive)
    print(found.whole.weighted.atwv)

A hit is right if its centre lies within half a second of the centre of a place where the query is said; every place is
found once, a further hit there is a false alarm. Measures: metrics/term_weighted.py, ranking.py, cross_entropy.py.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from resonet.errors import DataError, ResonetError
from resonet.evaluate.metrics import bootstrap, cross_entropy, ranking
from resonet.evaluate.metrics.bootstrap import Interval
from resonet.evaluate.metrics.ranking import Counts
from resonet.evaluate.metrics.speed import peak_mb
from resonet.evaluate.metrics.term_weighted import paired, weigh
from resonet.evaluate.queries import Archive, Queries, Query
from resonet.evaluate.search_result import Answer, Found, Measures, Result

if TYPE_CHECKING:
    from resonet.search.finder import Finder
    from resonet.search.store import Store

FEWEST = 4  # queries: the interval of fewer would say nothing
FIRST = 10  # hits that people look at
# Log odds of a recording in which nothing was found, as MediaEval's systems mostly gave it; nobody is surer than that
# of anything.
_NOTHING = -10.0

Progress = Callable[[Iterable[Any], int], Iterable[Any]]
Ask = Callable[[Query], Iterable[Found]]


def archive_of(store: Store, queries: str | Path) -> Archive:
    """All recordings of an index; queries: the file, at whose folder relative paths start."""
    return Archive({path: found.duration for path, found in store.recordings().items()}, Path(queries).parent)


def by_finder(finder: Finder, notes: list[str] | None = None) -> Ask:
    """Asks a Finder for all that it finds, to the last hit; `notes` gets what it had to leave out, each once."""

    def ask(query: Query) -> list[Found]:
        if query.audio is not None:
            hits = finder.by_voice(query.audio, limit=None)
        else:
            hits = finder.search(query.text, limit=None)
        if notes is not None:
            notes.extend(note for note in finder.notes if note not in notes)
        return [Found(hit.file, hit.start, hit.end, hit.score, hit.accepted, hit.text) for hit in hits]

    return ask


def score(
    ask: Ask, queries: Queries, archive: Archive, name: str = "", data: str = "", progress: Progress | None = None
) -> Result:
    """Asks every query and scores the answers.

    Args:
        archive: the recordings that are searched; of them those count that the queries were looked for in.
        name, data: what the result calls the index and the file of queries.
        progress: wraps the queries as they are asked (given their number), for a progress bar.

    Raises:
        DataError: none of the recordings is in the archive, or a file that may be several.
    """
    named = dict.fromkeys([*queries.recordings, *(place.file for query in queries.queries for place in query.hits)])
    where = {file: archive.find(file) for file in named}
    lost = tuple(file for file, path in where.items() if path is None)
    if named and len(lost) == len(named):
        raise DataError(
            f"{queries.file} names {len(named)} recordings, such as {lost[0]}, and the index has none of them",
            "index them first, or name the index that has them",
        )
    searched = archive.only(queries.recordings) if queries.recordings else archive
    for file, path in where.items():
        if path is not None and path not in searched.seconds:
            raise DataError(f"{queries.file}: a hit is in {file}, which is not among its `recordings`")
    asked: Iterable[Query] = queries.queries
    if progress is not None:
        asked = progress(asked, len(queries.queries))
    answers = tuple([_answer(ask, query, where, searched) for query in asked])
    seconds = sum(searched.seconds.values())
    groups: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        groups[answer.query.group].append(answer)
    return Result(
        name=name,
        data=data or str(queries.file),
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        seconds=seconds,
        recordings=len(searched.seconds),
        answers=answers,
        whole=measures(answers, searched),
        groups={group or "others": measures(own, searched) for group, own in groups.items()} if len(groups) > 1 else {},
        lost=lost,
        peak_mb=peak_mb(),
    )


def measures(answers: Sequence[Answer], archive: Archive) -> Measures:
    """The measures of some answers, over the recordings that were searched."""
    said = [answer for answer in answers if answer.query.hits]
    absent = [answer for answer in answers if not answer.query.hits]
    seconds = sum(archive.seconds.values())
    weighted = weigh([a.keyword for a in said], seconds) if said else None
    bounds = None
    if weighted and len(said) >= FEWEST:
        bounds = bootstrap.interval(weighted.values, [1] * len(said))
        bounds = Interval(bounds.rate, bounds.low, bounds.high, "queries")

    def mean(values: list[float]) -> float | None:
        return fmean(values) if values else None

    actual, least = _cross_entropy(answers, len(archive.seconds))
    times = [answer.seconds for answer in answers]
    return Measures(
        queries=len(answers),
        absent=len(absent),
        absent_alarms=sum(a.counts.accepted for a in absent),
        weighted=weighted,
        interval=bounds,
        counts=sum((a.counts for a in answers), Counts()),
        map=mean([ranking.average_precision(a.right, len(a.query.hits)) for a in said]),
        mrr=mean([ranking.reciprocal_rank(a.right) for a in said]),
        precision_at_10=mean([ranking.precision_at(a.right, FIRST) for a in said]),
        recall_at_10=mean([ranking.recall_at(a.right, len(a.query.hits), FIRST) for a in said]),
        cnxe=actual,
        min_cnxe=least,
        latency=(float(np.quantile(times, 0.5)), float(np.quantile(times, 0.95))) if times else (0.0, 0.0),
    )


def _answer(ask: Ask, query: Query, where: Mapping[str, str | None], archive: Archive) -> Answer:
    begin, failure = time.perf_counter(), ""
    try:
        found = [hit for hit in ask(query) if hit.file in archive.seconds]
    except ResonetError as error:
        found, failure = [], str(error)
    seconds = time.perf_counter() - begin
    found.sort(key=lambda hit: -hit.score)
    files = tuple(where[place.file] or "" for place in query.hits)
    said: dict[str, list[int]] = defaultdict(list)
    for i, file in enumerate(files):
        said[file].append(i)
    heard: dict[str, list[int]] = defaultdict(list)
    for i, hit in enumerate(found):
        heard[hit.file].append(i)
    places = [-1] * len(found)
    for file, own in heard.items():
        there = said.get(file, [])
        pairs = paired(
            [found[i].centre for i in own], [found[i].score for i in own], [query.hits[i].centre for i in there]
        )
        for i, place in zip(own, pairs.tolist(), strict=True):
            places[i] = there[place] if place >= 0 else -1
    return Answer(query, tuple(found), tuple(places), files, seconds, failure)


def _cross_entropy(answers: Sequence[Answer], recordings: int) -> tuple[float | None, float | None]:
    """Cnxe and minCnxe: a trial is a query and a recording, its score the best hit there.

    Scores are probabilities, so log likelihood ratios are their log odds less those of a target among these trials.
    """
    scores: list[float] = []
    targets: list[bool] = []
    silent = {True: 0, False: 0}  # trials without a hit, by whether the query is said there
    for answer in answers:
        best: dict[str, float] = {}
        for hit in answer.found:
            best.setdefault(hit.file, hit.score)
        holding = set(answer.files)
        scores += best.values()
        targets += [file in holding for file in best]
        silent[True] += len(holding - best.keys())
        silent[False] += recordings - len((best.keys() | holding) - {""})
    share = (sum(targets) + silent[True]) / max(1, len(targets) + sum(silent.values()))
    if not 0 < share < 1:
        return None, None
    odds = np.clip(_log_odds(np.array([*scores, 0.0, 0.0])), _NOTHING, -_NOTHING)
    odds -= _log_odds(np.array(share))
    trials = odds, [*targets, True, False], [*[1] * len(scores), silent[True], silent[False]]
    return cross_entropy.normalized(*trials), cross_entropy.lowest(*trials)[0]


def _log_odds(probabilities: Any) -> Any:
    p = np.clip(probabilities, 1e-9, 1 - 1e-9)
    return np.log(p / (1 - p))
