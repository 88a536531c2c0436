"""What the doctor says of clips that are to be told apart by their label: too few, cut, quiet, twice, or one-sided."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from resonet.data.findings import Finding, LabelSummary
from resonet.data.measures import Measured
from resonet.data.utterance import SPLITS, Utterance, speaker_known
from resonet.decoding.labels import SILENCE, UNKNOWN

# Clips of these may be silent, long, or whatever there is.
MADE = frozenset({SILENCE, UNKNOWN})
# With fewer clips a word, held-out words are mostly wrong.
FEW = 20
# Times the median length, and seconds more than it: a clip holds more than its word.
LONGER, LONGER_BY = 3.0, 1.0
# dBFS of the loudest 20 ms: of 4,600 words of Speech Commands and wake words one is below it, and inaudible.
QUIET = -45.0
# dB: a word that is this loud at the first or last 60 ms has most likely lost a sound there.
CUT = 10.0


def findings(measured: Sequence[Measured], splits: Mapping[str, Sequence[Utterance]]) -> Iterator[Finding]:
    """Everything about labels; recordings as such are judged elsewhere."""
    usable = [m for m in measured if not m.fault]
    yield from _counts(measured, usable)
    yield from _absent(usable)
    yield from _words([m for m in usable if m.utterance.text not in MADE])
    yield from _under_two_labels(usable)
    yield from _speakers(splits)


def summaries(measured: Sequence[Measured]) -> dict[str, LabelSummary]:
    """Each label with its usable clips by split, speakers and length."""
    by_label: dict[str, list[Measured]] = defaultdict(list)
    for m in measured:
        by_label[m.utterance.text].append(m)
    found = {}
    for label in sorted(by_label):
        usable = [m for m in by_label[label] if not m.fault]
        counts = Counter(m.utterance.split or "train" for m in usable)
        found[label] = LabelSummary(
            clips={name: counts[name] for name in SPLITS if counts[name]},
            speakers=len({m.utterance.speaker for m in usable if speaker_known(m.utterance.speaker)}),
            seconds=round(float(np.median([m.seconds for m in usable])), 3) if usable else 0.0,
        )
    return found


def _counts(measured: Sequence[Measured], usable: Sequence[Measured]) -> Iterator[Finding]:
    counts = Counter(m.utterance.text for m in usable)
    there = {m.utterance.text for m in measured}
    yield Finding(
        "label without a clip",
        "error",
        "labels none of whose clips can be used",
        tuple(label or "(empty)" for label in sorted(there - counts.keys())),
        "replace their recordings, or remove the label",
    )
    yield Finding(
        "one label",
        "error",
        "there is a single label, and nothing to tell it from",
        tuple(counts) if len(counts) == 1 else (),
        "add a second word, or recordings of other speech and of noise as `unknown` and `silence`",
    )
    yield Finding(
        "one clip",
        "error",
        "labels with a single clip, which cannot be learnt and checked",
        tuple(label for label in sorted(counts) if counts[label] == 1),
        f"record {FEW} or more, by several people; 1 to 5 are enough for `resonet enroll`",
    )
    yield Finding(
        "few clips",
        "warning",
        f"labels with fewer than {FEW} clips",
        tuple(f"{label}: {counts[label]}" for label in sorted(counts) if 1 < counts[label] < FEW and label not in MADE),
        "record more, by more people; or enroll these words from examples (`resonet enroll`)",
    )
    yield Finding(
        "empty label",
        "error",
        "clips without a label",
        tuple(m.utterance.id for m in usable if not m.utterance.text.strip()),
        "name what is said, or remove them",
    )


def _absent(usable: Sequence[Measured]) -> Iterator[Finding]:
    where: dict[str, set[str]] = defaultdict(set)
    counts = Counter(m.utterance.text for m in usable)
    for m in usable:
        where[m.utterance.text].add(m.utterance.split or "train")
    there = set().union(*where.values())
    several = [label for label in sorted(where) if counts[label] > 1]
    yield Finding(
        "label missing in train",
        "error",
        "labels that are not in train, and will never be answered",
        tuple(label for label in several if "train" in there and "train" not in where[label]),
        "move some of their clips to train, or split anew",
    )
    yield Finding(
        "label missing in a split",
        "warning",
        "labels that are not in every split",
        tuple(
            f"{label}: not in {', '.join(missing)}"
            for label in several
            if (missing := [name for name in SPLITS[1:] if name in there and name not in where[label]])
        ),
        "nothing can be said about them there: record more, or split anew",
    )


def _words(usable: Sequence[Measured]) -> Iterator[Finding]:
    usual = float(np.median([m.seconds for m in usable])) if usable else 0.0
    yield Finding(
        "longer than the others",
        "warning",
        f"clips much longer than the usual {usual:.2f} s",
        tuple(
            f"{m.utterance.id}: {m.seconds:.2f} s" for m in usable if m.seconds > max(LONGER * usual, usual + LONGER_BY)
        ),
        "cut them to the word: what else is in them is learnt as the word",
    )
    yield Finding(
        "quiet word",
        "warning",
        f"clips that are hardly to be heard (loudest below {QUIET:.0f} dBFS)",
        tuple(f"{m.utterance.id}: {m.loudest:.0f} dBFS" for m in usable if m.loudest < QUIET),
        "listen, and record again nearer to the microphone",
    )
    cut = [m for m in usable if m.edge < CUT]
    names = tuple(f"{m.utterance.id}: {m.edge:.0f} dB below the loudest" for m in cut)
    if 2 * len(cut) > len(usable):
        yield Finding(
            "trimmed close",
            "note",
            "clips that begin or end within their word, as most here do",
            names,
            "no fault where they were trimmed alike; else keep 0.2 s before and after the word",
        )
    else:
        yield Finding(
            "word cut",
            "warning",
            f"clips whose first or last 60 ms are within {CUT:.0f} dB of the loudest: the word may be cut",
            names,
            "listen to some, and record those again of which a sound is missing, with 0.2 s before and after",
        )


def _under_two_labels(usable: Sequence[Measured]) -> Iterator[Finding]:
    by_sound: dict[str, list[Utterance]] = defaultdict(list)
    for m in usable:
        if m.sound:
            by_sound[m.sound].append(m.utterance)
    yield Finding(
        "same recording under two labels",
        "error",
        "recordings that are there under several labels",
        tuple(
            " = ".join(f"{u.id} ({u.text})" for u in group)
            for group in by_sound.values()
            if len({u.text for u in group}) > 1
        ),
        "listen which is right, and remove the others",
    )


def _speakers(splits: Mapping[str, Sequence[Utterance]]) -> Iterator[Finding]:
    where: dict[str, set[str]] = defaultdict(set)
    unknown: Counter[str] = Counter()
    for name, items in splits.items():
        for u in items:
            if speaker_known(u.speaker):
                where[u.speaker].add(name)
            elif u.text not in MADE:
                unknown[name] += 1
    leaking = {speaker: names for speaker, names in where.items() if len(names) > 1}
    yield Finding(
        "speaker in two splits",
        "warning",
        "speakers that are in more than one split",
        tuple(f"{speaker}: {', '.join(n for n in SPLITS if n in names)}" for speaker, names in sorted(leaking.items())),
        "what dev and test say holds for these voices; record others for them to know about new ones",
    )
    yield Finding(
        "unknown speakers",
        "note",
        "splits with clips whose speaker is not known, who may be in the others too",
        tuple(f"{name}: {count} clips" for name, count in unknown.items()) if len(splits) > 1 else (),
        "name the speakers (a column speaker, or files SPEAKER_nohash_1.wav), and new voices can be judged",
    )
