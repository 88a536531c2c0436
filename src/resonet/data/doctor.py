"""Examines data before a network is trained on it: every fault that is known to cost days, with names and what to do.

Each check is a small generator of findings over the measured utterances; `examine` runs them all.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from resonet.bundle import Histogram
from resonet.bundle.stats import DURATION_EDGES, LOUDNESS_EDGES, SNR_EDGES
from resonet.data import doctor_labels, doctor_texts, doctor_voice
from resonet.data.findings import Finding, Findings, SplitSummary, ordered
from resonet.data.measures import Measured, measure_all
from resonet.data.prepare import Skipped
from resonet.data.utterance import Utterance
from resonet.text.normalise import normalise

# Seconds. Longer ones fill the memory of a batch, shorter ones hold no word.
LONGEST, SHORTEST = 30.0, 0.3
# dBFS: the quietest clip of a thousand home recordings that people still understood was at -52.
SILENT = -60.0
# Of the samples at full scale. One in a thousand is heard.
CLIPPED = 0.001
LOWEST_RATE = 16000
# Edges and unit of each histogram; those of a bundle's stats.json, so that the two can be laid side by side.
BINS: dict[str, tuple[tuple[float, ...], str]] = {
    "duration": (DURATION_EDGES, "s"),
    "rate": (tuple(float(edge) for edge in range(41)), "characters a second"),
    "level": (LOUDNESS_EDGES, "dBFS"),
    "snr": (SNR_EDGES, "dB"),
}

Progress = Callable[[Iterable[Any], int], Iterable[Any]]


def examine(
    cuts_by_split: Mapping[str, Iterable[Any]],
    allowed_symbols: Collection[str] | None = None,
    frame_shift: float = 0.04,
    units_of: Callable[[str], Sequence[int]] | None = None,
    quick: bool = False,
    skipped: Sequence[Skipped] = (),
    progress: Progress | None = None,
    labelled: bool = False,
    voice: doctor_voice.Reader | None = None,
) -> Findings:
    """Examines the utterances of each split.

    Args:
        cuts_by_split: for each split its utterances (`resonet.data.load.utterances`) or Lhotse cuts.
        allowed_symbols: the characters that the vocabulary has; by default letters, apostrophe and space.
        frame_shift: seconds between the frames that CTC aligns (0.01 times the subsampling).
        units_of: the unit numbers of a text as given; by default its normalised characters.
        quick: read the headers alone, decode nothing.
        skipped: what `prepare` left out, to be reported too.
        progress: wraps the utterances while they are measured (given their number), for a progress bar.
        labelled: the texts are labels of clips: they are judged as such, and not as sentences.
        voice: reads texts as a front end does (`resonet.data.doctor_voice.reader`): the recordings are to become a
            voice, and are judged as such.
    """
    splits = {name: [_utterance(item, name) for item in items] for name, items in cuts_by_split.items()}
    everything = list(itertools.chain.from_iterable(splits.values()))
    measuring: Iterable[Measured] = measure_all(everything, quick)
    if progress is not None:
        measuring = progress(measuring, len(everything))
    measured = list(measuring)
    usable = [m for m in measured if not m.fault]
    units = units_of or (lambda text: [ord(letter) for letter in normalise(text)])
    findings = [
        *_left_out(skipped),
        *_unreadable(measured),
        *_recordings([m for m in usable if not (labelled and m.utterance.text in doctor_labels.MADE)]),
        *_doubles(usable, labelled),
    ]
    unusable = {m.utterance.id for m in measured if m.fault}
    if labelled:
        findings += doctor_labels.findings(measured, splits)
    elif voice:
        read = {u.id: voice(u.text, u.language) for u in everything}
        findings = [f for f in findings if f.kind not in doctor_voice.OWN]
        findings += [*doctor_voice.findings(measured, read), doctor_texts.in_two_splits(splits)]
        unusable |= doctor_voice.unusable(usable, read)
    else:
        dense = doctor_texts.too_dense(usable, frame_shift, units)
        findings += doctor_texts.findings(usable, splits, dense, frame_shift, allowed_symbols)
        unusable |= dense.keys()
    return _told(ordered(findings), splits, measured, frozenset(unusable), labelled)


def _told(
    findings: tuple[Finding, ...],
    splits: Mapping[str, Sequence[Utterance]],
    measured: Sequence[Measured],
    unusable: frozenset[str],
    labelled: bool,
) -> Findings:
    """The findings, with what was measured: sizes of the splits, histograms, medians."""
    seconds = {m.utterance.id: m.seconds for m in measured}
    quantities = _quantities([m for m in measured if not m.fault])
    if labelled:
        quantities.pop("rate", None)
    return Findings(
        findings=findings,
        splits={name: _summary(items, seconds) for name, items in splits.items() if items},
        histograms={name: Histogram.of(values, *BINS[name]) for name, values in quantities.items()},
        medians={name: round(float(np.median(values)), 3) for name, values in quantities.items()},
        unusable=unusable,
        labels=doctor_labels.summaries(measured) if labelled else {},
    )


def _utterance(item: Any, split: str) -> Utterance:
    if isinstance(item, Utterance):
        return item if item.split == split else dataclasses.replace(item, split=split)
    said = item.supervisions[0]
    return Utterance(
        id=item.id,
        audio=Path(item.recording.sources[0].source),
        text=said.text or "",
        speaker=said.speaker or "",
        start=item.start,
        end=item.start + item.duration,
        split=split,
        language=said.language or "",
    )


def _named(items: Iterable[Measured], figure: Callable[[Measured], str]) -> tuple[str, ...]:
    return tuple(f"{m.utterance.id}: {figure(m)}" for m in items)


def _left_out(skipped: Sequence[Skipped]) -> Iterator[Finding]:
    yield Finding(
        "left out",
        "error",
        "utterances that `prepare` left out",
        tuple(f"{item.where}: {item.reason}" for item in skipped),
        "repair or remove these rows and files, and prepare again",
    )


def _unreadable(measured: Sequence[Measured]) -> Iterator[Finding]:
    yield Finding(
        "unreadable",
        "error",
        "recordings that cannot be read",
        _named((m for m in measured if m.fault), lambda m: m.fault),
        "get the files again from their source, or remove them; training leaves them out",
    )


def _recordings(usable: Sequence[Measured]) -> Iterator[Finding]:
    silent = [m for m in usable if m.level < SILENT or m.peak == 0]
    yield Finding(
        "silent",
        "error",
        f"silent recordings (below {SILENT:.0f} dBFS)",
        _named(silent, lambda m: f"{m.level:.0f} dBFS"),
        "remove them: they teach a network to invent words",
    )
    yield Finding(
        "clipped",
        "warning",
        f"clipped recordings (more than {CLIPPED:.1%} of the samples at full scale)",
        _named((m for m in usable if m.clipped > CLIPPED), lambda m: f"{m.clipped:.2%}"),
        "record at a lower level; a few of them do no harm in training",
    )
    yield Finding(
        "too long",
        "warning",
        f"recordings longer than {LONGEST:.0f} s",
        _named((m for m in usable if m.seconds > LONGEST), lambda m: f"{m.seconds:.1f} s"),
        "cut them at pauses into segments with start and end, or they fill the memory alone",
    )
    yield Finding(
        "too short",
        "warning",
        f"recordings shorter than {SHORTEST} s",
        _named((m for m in usable if m.seconds < SHORTEST), lambda m: f"{m.seconds:.3f} s"),
        "are start and end right? remove those that hold no whole word",
    )
    yield Finding(
        "low sample rate",
        "warning",
        f"recordings with a sample rate below {LOWEST_RATE} Hz",
        _named((m for m in usable if m.sample_rate < LOWEST_RATE), lambda m: f"{m.sample_rate} Hz"),
        "they are resampled, but their upper band is empty: mix them in only where such calls are to be recognized",
    )
    yield Finding(
        "several channels",
        "note",
        "recordings with several channels",
        _named((m for m in usable if m.channels > 1), lambda m: f"{m.channels} channels"),
        "their mean is used; where each channel has its own speaker, write one file a channel",
    )


def _doubles(usable: Sequence[Measured], labelled: bool) -> Iterator[Finding]:
    by_sound: dict[str, list[Utterance]] = defaultdict(list)
    for m in usable:
        if m.sound:
            by_sound[m.sound].append(m.utterance)
    same = [group for group in by_sound.values() if len(group) > 1]
    across = [group for group in same if len({u.split for u in group}) > 1]
    within = [group for group in same if len({u.split for u in group}) == 1]
    if labelled:  # those under several labels are worse, and told as such
        within = [group for group in within if len({u.text for u in group}) == 1]
    yield Finding(
        "same recording in two splits",
        "error",
        "recordings that are in more than one split",
        tuple(" = ".join(f"{u.id} ({u.split})" for u in group) for group in across),
        "remove them from train: the error rate on dev and test is too good",
    )
    yield Finding(
        "same recording twice",
        "warning",
        "recordings that are there more than once",
        tuple(" = ".join(u.id for u in group) for group in within),
        "keep one of each; where the texts differ, find out which is right",
    )


def _summary(items: Sequence[Utterance], seconds: Mapping[str, float]) -> SplitSummary:
    words = [word for u in items for word in normalise(u.text, u.language or "en").split()]
    return SplitSummary(
        utterances=len(items),
        hours=sum(seconds[u.id] for u in items) / 3600,
        speakers=len({u.speaker for u in items}),
        words=len(words),
        distinct_words=len(set(words)),
    )


def _quantities(usable: Sequence[Measured]) -> dict[str, list[float]]:
    quantities = {
        "duration": [m.seconds for m in usable],
        "rate": [doctor_texts.rate(m) for m in usable if m.seconds > 0 and m.utterance.text],
        "level": [m.level for m in usable if not math.isnan(m.level)],
        "snr": [m.snr for m in usable if math.isfinite(m.snr)],
    }
    return {name: values for name, values in quantities.items() if values}
