"""Scores a recognizer over test data: every utterance aligned, and what follows from that, as one dataclass.

For example:

    found = score(Recognizer.load("en-small"), references.read("data/test"))
    print(found.whole.words.rate)                  # 0.36 is a WER of 36 %
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from resonet.errors import DataError, ResonetError, UsageError
from resonet.evaluate.answers import Recognizes, answers, files_of
from resonet.evaluate.metrics import bootstrap, confidence, word_errors
from resonet.evaluate.metrics.bootstrap import Interval
from resonet.evaluate.metrics.confidence import Calibration
from resonet.evaluate.metrics.speed import Speed, Stopwatch
from resonet.evaluate.metrics.word_errors import Counts, Step, plain
from resonet.evaluate.references import Reference
from resonet.text.normalise import normalise
from resonet.text.transcript import Transcript

LENGTHS = (2.0, 5.0, 10.0, 20.0)  # seconds: bounds of the length bins
MOST_GROUPS = 12  # a column with more values (chapter, sentence number) is reported only when asked for
FEWEST = 4  # utterances: the interval of fewer would say nothing
LISTED = 50  # confused, deleted, inserted and unknown words that are kept

Progress = Callable[[Iterable[Any], int], Iterable[Any]]


@dataclass(frozen=True)
class Utterance:
    """One scored utterance: where it lies, both texts in the scoring form, and their alignment.

    confidence: mean over the recognized words, None without any.
    """

    file: str
    start: float
    seconds: float
    speaker: str
    said: str
    heard: str
    words: Counts
    characters: Counts
    steps: tuple[Step, ...]
    confidence: float | None
    columns: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """The utterance in JSON form, without its alignment."""
        return {
            "file": self.file,
            "start": round(self.start, 3),
            "seconds": round(self.seconds, 3),
            "speaker": self.speaker,
            "reference": self.said,
            "hypothesis": self.heard,
            "errors": self.words.errors,
            "words": self.words.units,
            "confidence": None if self.confidence is None else round(self.confidence, 3),
        }


@dataclass(frozen=True)
class Rates:
    """Errors over some utterances. interval: 95 %, of the WER; median_wer: of the utterances'. None with too few."""

    utterances: int
    seconds: float
    words: Counts
    characters: Counts
    interval: Interval | None
    median_wer: float | None

    def as_dict(self) -> dict[str, Any]:
        """In JSON form; rates in percent."""
        return {
            "utterances": self.utterances,
            "seconds": round(self.seconds, 1),
            "words": self.words.units,
            "wer_percent": percent(self.words.rate),
            "wer_interval_percent": self.interval and [percent(self.interval.low), percent(self.interval.high)],
            "cer_percent": percent(self.characters.rate),
            "median_utterance_wer_percent": percent(self.median_wer),
            "substitutions": self.words.substitutions,
            "deletions": self.words.deletions,
            "insertions": self.words.insertions,
        }


@dataclass(frozen=True)
class Vocabulary:
    """How many of the reference words the bundle's lexicon lacks, the most frequent of them, and the share (0..1) of
    substitutions and deletions that fall on such words."""

    words: int
    unknown: int
    most: tuple[tuple[str, int], ...]
    share_of_errors: float

    @property
    def rate(self) -> float:
        """Out-of-vocabulary rate, 0..1."""
        return self.unknown / self.words if self.words else 0.0


@dataclass(frozen=True)
class Result:
    """Everything an evaluation found. name: of the bundle; data: of the test data; created: UTC, ISO 8601.

    groups: by what (`speaker`, `length`, columns of the data) -> value -> rates. confused: (said, heard, times).
    calibration and vocabulary are None where nothing could be measured. failures: (file, why) of recordings that could
    not be read; they count nowhere else.
    """

    name: str
    data: str
    created: str
    whole: Rates
    groups: Mapping[str, Mapping[str, Rates]]
    confused: tuple[tuple[str, str, int], ...]
    deleted: tuple[tuple[str, int], ...]
    inserted: tuple[tuple[str, int], ...]
    calibration: Calibration | None
    vocabulary: Vocabulary | None
    speed: Speed
    failures: tuple[tuple[str, str], ...] = ()
    utterances: tuple[Utterance, ...] = field(default=(), repr=False)

    def as_dict(self, utterances: bool = False) -> dict[str, Any]:
        """The JSON object of `resonet evaluate --json`, with every utterance if asked for."""
        told: dict[str, Any] = {"bundle": self.name, "data": self.data, "created": self.created, **self.whole.as_dict()}
        told["interval_drawn"] = self.whole.interval and self.whole.interval.drawn
        told["real_time_factor"] = round(self.speed.real_time_factor, 5)
        told["cpu_seconds_per_audio_second"] = round(self.speed.cpu_per_audio_second, 5)
        told["peak_mb"] = round(self.speed.peak_mb, 1)
        told["confidence"] = self.calibration and _calibration_dict(self.calibration)
        told["out_of_vocabulary"] = self.vocabulary and {
            "rate_percent": percent(self.vocabulary.rate),
            "share_of_errors_percent": percent(self.vocabulary.share_of_errors),
            "words": [list(pair) for pair in self.vocabulary.most],
        }
        told["by"] = {by: {value: r.as_dict() for value, r in values.items()} for by, values in self.groups.items()}
        told["confused"] = [list(entry) for entry in self.confused]
        told["deleted"] = [list(entry) for entry in self.deleted]
        told["inserted"] = [list(entry) for entry in self.inserted]
        told["failures"] = [{"file": file, "reason": reason} for file, reason in self.failures]
        if utterances:
            told["utterances_scored"] = [u.as_dict() for u in self.utterances]
        return told


def score(
    recognizer: Recognizes,
    references: Sequence[Reference],
    name: str = "",
    data: str = "",
    by: Collection[str] | None = None,
    vocabulary: Collection[str] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Recognizes every reference and scores the answers.

    Args:
        recognizer: gives a transcript a recording, in the order of the recordings.
        references: the test data, as `references.read` gives it.
        name, data: what the result calls the bundle and the data.
        by: columns of the data to report by; by default those with 2 to 12 values.
        vocabulary: the words that can be recognized (`vocabulary_of`), normalised; None where that is open or unknown.
        progress: wraps the results as they come (given their number), for a progress bar.

    Raises:
        DataError: nothing to score, or every recording failed. UsageError: `by` names no column of the data.
        MissingExtra: jiwer is not installed.
    """
    if not any(plain(r.text) for r in references):
        raise DataError("None of the references has any words", "evaluation needs transcripts")
    columns = _columns(references, by)
    word_errors.align([], [])  # a missing extra is told now, not after hours of recognition
    watch = Stopwatch()
    with tempfile.TemporaryDirectory(prefix="resonet-") as folder:
        files = files_of(references, Path(folder))
        found: Iterable[Transcript | ResonetError] = answers(recognizer, files, watch)
        if progress is not None:
            found = progress(found, len(files))
        heard = list(found)
    pairs = [(r, t) for r, t in zip(references, heard, strict=True) if isinstance(t, Transcript)]
    failures = [(str(r.path), str(e)) for r, e in zip(references, heard, strict=True) if isinstance(e, ResonetError)]
    if not pairs:
        raise DataError(f"None of {len(references)} recordings could be read; the first: {failures[0][1]}")
    utterances, calibration = _scored(pairs)
    steps = [step for u in utterances for step in u.steps]
    return Result(
        name=name,
        data=data,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        whole=rates(utterances),
        groups=_groups(utterances, columns),
        confused=tuple(
            (said, to, n) for (said, to), n in _most((s.said, s.heard) for s in steps if s.kind == "substitute")
        ),
        deleted=_most(s.said for s in steps if s.kind == "delete"),
        inserted=_most(s.heard for s in steps if s.kind == "insert"),
        calibration=calibration,
        vocabulary=None if vocabulary is None else _vocabulary(steps, vocabulary),
        speed=watch.speed(sum(t.duration for _, t in pairs)),
        failures=tuple(failures),
        utterances=tuple(utterances),
    )


def vocabulary_of(bundle: str | Path) -> Collection[str] | None:
    """The words of a bundle's lexicon; None where it has none, so that any word may be recognized.

    Raises:
        BundleError: the bundle is unknown or damaged.
    """
    from resonet.bundle import Bundle
    from resonet.text.lexicon import Lexicon

    with Bundle.open(bundle, kind="recognizer") as opened:
        return frozenset(Lexicon.from_bytes(opened.read("lexicon.bin"))) if opened.has("lexicon.bin") else None


def rates(utterances: Sequence[Utterance]) -> Rates:
    """The error rates over some utterances."""
    words = word_errors.total([u.words for u in utterances])
    each = [u.words.rate for u in utterances if u.words.units]
    bounds = None
    if words.units and len(utterances) >= FEWEST:
        bounds = bootstrap.interval(
            [u.words.errors for u in utterances],
            [u.words.units for u in utterances],
            [u.speaker for u in utterances],
        )
    return Rates(
        utterances=len(utterances),
        seconds=sum(u.seconds for u in utterances),
        words=words,
        characters=word_errors.total([u.characters for u in utterances]),
        interval=bounds,
        median_wer=median(each) if each else None,
    )


def length_bin(seconds: float) -> str:
    """The name of the length bin: `under 2 s`, `2 to 5 s`, ..., `20 s and more`."""
    if seconds < LENGTHS[0]:
        return f"under {LENGTHS[0]:g} s"
    for low, high in pairwise(LENGTHS):
        if seconds < high:
            return f"{low:g} to {high:g} s"
    return f"{LENGTHS[-1]:g} s and more"


def percent(rate: float | None) -> float | None:
    """In percent with two decimals; None for what is not known or has no end (words heard where none were said)."""
    return None if rate is None or rate == float("inf") else round(100 * rate, 2)


def _columns(references: Sequence[Reference], by: Collection[str] | None) -> list[str]:
    values: dict[str, set[str]] = {}
    for reference in references:
        for key, value in reference.columns.items():
            values.setdefault(key, set()).add(value)
    if by is None:
        return [key for key, found in values.items() if 2 <= len(found) <= MOST_GROUPS]
    unknown = [key for key in by if key not in values and key not in ("speaker", "length")]
    if unknown:
        there = ", ".join(["speaker", "length", *values])
        raise UsageError(f"The data has no column {unknown[0]!r}", f"it can be reported by: {there}")
    return [key for key in by if key in values]


def _scored(pairs: Sequence[tuple[Reference, Transcript]]) -> tuple[list[Utterance], Calibration | None]:
    aligned = word_errors.align([r.text for r, _ in pairs], [t.text for _, t in pairs])
    utterances = []
    confidences: list[float] = []
    right: list[bool] = []
    for (reference, transcript), found in zip(pairs, aligned, strict=True):
        heard = [step for step in found.steps if step.heard]
        own = _confidences(transcript, [step.heard for step in heard])
        confidences += own
        right += [step.kind == "equal" for step in heard][: len(own)]
        utterances.append(
            Utterance(
                file=str(reference.path),
                start=reference.start,
                seconds=transcript.duration,
                speaker=reference.speaker,
                said=plain(reference.text),
                heard=" ".join(step.heard for step in heard),
                words=found.words,
                characters=found.characters,
                steps=found.steps,
                confidence=sum(own) / len(own) if own else None,
                columns=reference.columns,
            )
        )
    return utterances, confidence.calibration(confidences, right) if confidences else None


def _confidences(transcript: Transcript, heard: Sequence[str]) -> list[float]:
    """The confidence of each heard word; none where the transcript's words are not those of its text."""
    # Punctuation may stand alone or inside a word, so a word of the transcript is none, one or several here.
    spread = [(part, word.confidence) for word in transcript.words for part in plain(word.word).split()]
    if [part for part, _ in spread] != list(heard):
        return []
    return [min(1.0, max(0.0, value)) for _, value in spread]


def _groups(utterances: Sequence[Utterance], columns: Sequence[str]) -> dict[str, dict[str, Rates]]:
    groups = {"length": _by(utterances, lambda u: length_bin(u.seconds))}
    order = {length_bin(s): s for s in (0.0, *LENGTHS)}
    groups["length"] = dict(sorted(groups["length"].items(), key=lambda item: order[item[0]]))
    if any(u.speaker for u in utterances):
        groups["speaker"] = _by(utterances, lambda u: u.speaker)
    for column in columns:
        groups[column] = _by(utterances, lambda u, column=column: u.columns.get(column, ""))  # type: ignore[misc]
    return groups


def _by(utterances: Sequence[Utterance], key: Callable[[Utterance], str]) -> dict[str, Rates]:
    parts: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        parts.setdefault(key(utterance) or "unknown", []).append(utterance)
    return {value: rates(parts[value]) for value in sorted(parts)}


def _vocabulary(steps: Sequence[Step], known: Collection[str]) -> Vocabulary:
    said = [step for step in steps if step.said]
    # A lone letter or number may be nothing after normalising: it is not counted as unknown.
    lacking = [all(word in known for word in normalise(step.said).split()) is False for step in said]
    unknown = [step for step, lacks in zip(said, lacking, strict=True) if lacks]
    wrong = sum(step.kind != "equal" for step in said)
    return Vocabulary(
        words=len(said),
        unknown=len(unknown),
        most=_most(step.said for step in unknown),
        share_of_errors=sum(step.kind != "equal" for step in unknown) / wrong if wrong else 0.0,
    )


def _most(words: Iterable[Any]) -> tuple[tuple[Any, int], ...]:
    """The most frequent, equal ones in alphabetical order, so that a report does not change without a reason."""
    return tuple(sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))[:LISTED])


def _calibration_dict(found: Calibration) -> dict[str, Any]:
    return {
        "words": found.words,
        "error_detection_auc": found.auc and round(found.auc, 4),
        "calibration_error": round(found.calibration_error, 4),
        "gap": found.gap and round(found.gap, 4),
        "bins": [
            {"low": b.low, "high": b.high, "words": b.words, "confidence": round(b.confidence, 4),
             "accuracy": round(b.accuracy, 4)}
            for b in found.bins
        ],
    }  # fmt: skip
