"""Scores a classifier of spoken words over labelled clips: what each was taken for, as one dataclass.

For example:

    found = score(Spotter.load("commands-en"), references.read("data/test"))
    print(found.words.accuracy)                    # of all clips but `silence`

Clips of `silence` are judged apart: they are noise, cut from a few recordings that mostly lie in train too.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.decoding.labels import SILENCE, UNKNOWN
from resonet.errors import DataError, ResonetError, UsageError
from resonet.evaluate.answers import files_of
from resonet.evaluate.metrics import bootstrap, classification
from resonet.evaluate.metrics.bootstrap import Difference, Interval
from resonet.evaluate.metrics.classification import Point, Row
from resonet.evaluate.metrics.speed import Speed, Stopwatch
from resonet.evaluate.references import Reference

MOST_GROUPS = 12  # a column with more values is reported only when asked for
FEWEST = 4  # clips: the interval of fewer would say nothing

Progress = Callable[[Iterable[Any], int], Iterable[Any]]


class Label(Protocol):
    """An answer: a label and how sure it is, 0..1."""

    @property
    def label(self) -> str: ...
    @property
    def score(self) -> float: ...


class Classifies(Protocol):
    """What is asked of a classifier; resonet.runtime.Spotter is one, program.Program another.

    `labels` are all that it may answer, empty where nobody knows. `classify_many` gives the path and the label of each
    file, in order; of one that cannot be read, its error.
    """

    @property
    def labels(self) -> Sequence[str]: ...

    def classify_many(self, paths: Iterable[Path], /) -> Iterable[tuple[Path, Any]]: ...


@dataclass(frozen=True)
class Clip:
    """One scored clip: where it lies, its label and the answer.

    label: as the data has it. said: what it is judged as, `unknown` for a word that the bundle has not.
    """

    file: str
    start: float
    seconds: float
    speaker: str
    label: str
    said: str
    heard: str
    score: float
    columns: Mapping[str, str]

    @property
    def right(self) -> bool:
        return self.said == self.heard

    @property
    def silence(self) -> bool:
        return self.label.casefold() == SILENCE

    def as_dict(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "start": round(self.start, 3),
            "seconds": round(self.seconds, 3),
            "speaker": self.speaker,
            "label": self.label,
            "said": self.columns.get("word", self.label),
            "heard": self.heard,
            "score": round(self.score, 4),
        }


@dataclass(frozen=True)
class Accuracy:
    """Of some clips. interval: 95 %, of the accuracy; None with too few clips."""

    clips: int
    right: int
    interval: Interval | None

    @property
    def accuracy(self) -> float | None:
        """0..1; None without clips."""
        return self.right / self.clips if self.clips else None

    def as_dict(self) -> dict[str, Any]:
        """In JSON form; rates in percent."""
        bounds = self.interval
        return {
            "clips": self.clips,
            "accuracy_percent": percent(self.accuracy),
            "accuracy_interval_percent": bounds and [percent(bounds.low), percent(bounds.high)],
        }


@dataclass(frozen=True)
class Result:
    """Everything an evaluation found. name: of the bundle; data: of the clips; created: UTC, ISO 8601.

    labels: the order of the matrix. unknown: words of the data that the bundle has not, with their clips.
    failures: (file, why) of clips that could not be read; they count nowhere else. groups: by column -> value.
    """

    name: str
    data: str
    created: str
    labels: tuple[str, ...]
    clips: tuple[Clip, ...] = field(repr=False)
    speed: Speed
    unknown: tuple[tuple[str, int], ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    groups: Mapping[str, Mapping[str, Accuracy]] = field(default_factory=dict)

    @cached_property
    def words(self) -> Accuracy:
        """All clips but those of `silence`: the figure to quote."""
        return accuracy([c for c in self.clips if not c.silence])

    @cached_property
    def silence(self) -> Accuracy:
        return accuracy([c for c in self.clips if c.silence])

    @cached_property
    def everything(self) -> Accuracy:
        return accuracy(self.clips)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Clips by label (rows) and answer (columns), int64 [labels, labels], in the order of `labels`."""
        return classification.confusion([c.said for c in self.clips], [c.heard for c in self.clips], self.labels)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Each label that was said or heard."""
        found = classification.rows(self.confusion, self.labels)
        return tuple(row for row in found if row.clips or row.heard)

    @cached_property
    def det(self) -> tuple[Point, ...]:
        """Missed words against alarms at `unknown` and `silence`; empty where the data has none of them."""
        return classification.det(
            [c.said for c in self.clips],
            [c.heard for c in self.clips],
            [c.score for c in self.clips],
            {UNKNOWN, SILENCE},
        )

    def as_dict(self, clips: bool = False) -> dict[str, Any]:
        """The JSON object of `resonet evaluate --task classify --json`, with every clip if asked for."""
        told: dict[str, Any] = {"bundle": self.name, "data": self.data, "created": self.created}
        told |= self.words.as_dict()
        told["interval_drawn"] = self.words.interval and self.words.interval.drawn
        told["silence"] = self.silence.as_dict()
        told["with_silence"] = self.everything.as_dict()
        told["labels"] = [
            {
                "label": row.label,
                "clips": row.clips,
                "heard": row.heard,
                "recall_percent": percent(row.recall),
                "precision_percent": percent(row.precision),
                "f1_percent": percent(row.f1),
            }
            for row in self.rows
        ]
        told["confusion"] = {"labels": list(self.labels), "counts": self.confusion.tolist()}
        told["equal_error_percent"] = percent(classification.equal_error(self.det))
        told["det"] = [
            {
                "threshold": min(1.0, round(p.threshold, 4)),
                "miss_percent": percent(p.miss),
                "alarm_percent": percent(p.alarm),
            }
            for p in self.det
        ]
        told["counted_as_unknown"] = dict(self.unknown)
        told["real_time_factor"] = round(self.speed.real_time_factor, 5)
        told["cpu_seconds_per_audio_second"] = round(self.speed.cpu_per_audio_second, 5)
        told["peak_mb"] = round(self.speed.peak_mb, 1)
        told["by"] = {by: {value: a.as_dict() for value, a in values.items()} for by, values in self.groups.items()}
        told["failures"] = [{"file": file, "reason": reason} for file, reason in self.failures]
        if clips:
            told["clips_scored"] = [c.as_dict() for c in self.clips]
        return told


def score(
    classifier: Classifies,
    references: Sequence[Reference],
    name: str = "",
    data: str = "",
    by: Collection[str] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Classifies every clip and scores the answers.

    Args:
        references: the clips, whose text is their label, as `references.read` gives them.
        name, data: what the result calls the bundle and the data.
        by: columns of the data to report by, `speaker` too; by default those with 2 to 12 values.
        progress: wraps the answers as they come (given their number), for a progress bar.

    A label that the classifier does not have counts as `unknown` where it has that.

    Raises:
        DataError: nothing to score, or every clip failed. UsageError: `by` names no column of the data.
    """
    labelled = [r for r in references if r.text.strip()]
    if not labelled:
        raise DataError("None of the clips has a label", "evaluation needs one a clip")
    columns = _columns(labelled, by)
    watch = Stopwatch()
    with tempfile.TemporaryDirectory(prefix="resonet-") as folder:
        files = files_of(labelled, Path(folder))
        found: Iterable[Any] = _answers(classifier, files, watch)
        if progress is not None:
            found = progress(found, len(files))
        answers = list(zip(labelled, files, found, strict=True))
        failures = [(str(r.path), str(a)) for r, _, a in answers if isinstance(a, ResonetError)]
        known = {label.casefold(): label for label in classifier.labels}
        clips = [_clip(r, file, a, known) for r, file, a in answers if not isinstance(a, ResonetError)]
    lost = Counter(c.label for c in clips if c.said == UNKNOWN and c.label.casefold() != UNKNOWN)
    if not clips:
        raise DataError(f"None of {len(labelled)} clips could be judged; the first: {failures[0][1]}")
    return Result(
        name=name,
        data=data,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        labels=_order({label for c in clips for label in (c.said, c.heard)} | set(classifier.labels)),
        clips=tuple(clips),
        speed=watch.speed(sum(c.seconds for c in clips)),
        unknown=tuple(sorted(lost.items(), key=lambda item: (-item[1], item[0]))),
        failures=tuple(failures),
        groups={column: _by(clips, column) for column in columns},
    )


def accuracy(clips: Sequence[Clip]) -> Accuracy:
    """The accuracy over some clips; the interval comes from speakers drawn anew where enough are known."""
    bounds = None
    if len(clips) >= FEWEST:
        wrong = bootstrap.interval([not c.right for c in clips], [1] * len(clips), [c.speaker for c in clips])
        bounds = Interval(1 - wrong.rate, 1 - wrong.high, 1 - wrong.low, wrong.drawn.replace("utterances", "clips"))
    return Accuracy(len(clips), sum(c.right for c in clips), bounds)


def against(first: Result, second: Result) -> Difference | None:
    """Accuracy of the second minus that of the first over the clips that both have, `silence` left out, by a paired
    bootstrap; `better`: in how many draws the second was. None where they share no clip."""
    known = {(c.file, c.start): c for c in first.clips if not c.silence}
    shared = [(known[c.file, c.start], c) for c in second.clips if (c.file, c.start) in known]
    if not shared:
        return None
    wrong = bootstrap.difference(
        [not a.right for a, _ in shared],
        [not b.right for _, b in shared],
        [1] * len(shared),
        [a.speaker for a, _ in shared],
    )
    return Difference(-wrong.difference, -wrong.high, -wrong.low, wrong.better)


def percent(rate: float | None) -> float | None:
    """In percent with two decimals."""
    return None if rate is None else round(100 * rate, 2)


def _answers(classifier: Classifies, files: Sequence[Path], watch: Stopwatch) -> Iterator[Any]:
    """An answer a file; `watch` runs only while the classifier works."""
    stream = iter(classifier.classify_many(files))
    for done in range(len(files)):
        try:
            with watch:
                _, answer = next(stream)
        except StopIteration:
            raise DataError(f"The classifier gave {done} labels for {len(files)} clips") from None
        yield answer


def _clip(reference: Reference, file: Path, answer: Label, known: Mapping[str, str]) -> Clip:
    label = reference.text.strip()
    seconds = reference.seconds
    # `prepare` calls the people nobody knows source/unknown: they are not one person.
    speaker = "" if reference.speaker.endswith("/unknown") or reference.speaker == "-" else reference.speaker
    return Clip(
        file=str(reference.path),
        start=reference.start,
        seconds=audio.info(file).duration if seconds is None else seconds,
        speaker=speaker,
        label=label,
        said=known.get(label.casefold(), UNKNOWN if UNKNOWN in known else label),
        heard=answer.label,
        score=answer.score,
        columns=reference.columns,
    )


def _order(labels: Collection[str]) -> tuple[str, ...]:
    """Words by the alphabet, then `unknown` and `silence`."""
    return (*sorted(set(labels) - {UNKNOWN, SILENCE}), *(x for x in (UNKNOWN, SILENCE) if x in labels))


def _columns(references: Sequence[Reference], by: Collection[str] | None) -> list[str]:
    values: dict[str, set[str]] = {}
    for reference in references:
        for key, value in reference.columns.items():
            values.setdefault(key, set()).add(value)
    if by is None:
        return [
            key for key, found in values.items() if 2 <= len(found) <= MOST_GROUPS and key not in ("word", "source")
        ]
    unknown = [key for key in by if key not in values and key != "speaker"]
    if unknown:
        there = ", ".join(["speaker", *values])
        raise UsageError(f"The data has no column {unknown[0]!r}", f"it can be reported by: {there}")
    return list(by)


def _by(clips: Sequence[Clip], column: str) -> dict[str, Accuracy]:
    parts: dict[str, list[Clip]] = {}
    for clip in clips:
        value = clip.speaker if column == "speaker" else clip.columns.get(column, "")
        parts.setdefault(value or "unknown", []).append(clip)
    return {value: accuracy(parts[value]) for value in sorted(parts)}
