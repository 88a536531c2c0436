"""What the doctor says of transcripts: texts that cannot be aligned or read as they stand, are said twice, or leak."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np

from resonet.data.findings import Finding
from resonet.data.measures import Measured
from resonet.data.split import sentence_key
from resonet.data.utterance import Utterance, speaker_known
from resonet.text.normalise import normalise

# Characters a second: read English has a median near 15; 25 is a fast speaker.
SLOWEST, FASTEST = 2.0, 30.0
# A modified z-score beyond 6 in the logarithm of the rate, where there are enough utterances to know what is usual.
OUTLIER, OUTLIER_NEEDS = 6.0, 50
# Read aloud, but dropped from the text.
SPOKEN_SYMBOLS = frozenset("%&$€£¥@#+=°§²³½¼")


def findings(
    usable: Sequence[Measured],
    splits: Mapping[str, Sequence[Utterance]],
    dense: Mapping[str, str],
    frame_shift: float,
    allowed_symbols: Collection[str] | None,
) -> Iterator[Finding]:
    """Everything about transcripts; `dense`: what `too_dense` found, other arguments as of `doctor.examine`."""
    yield _dense(dense, frame_shift)
    yield from _texts([u for items in splits.values() for u in items], allowed_symbols)
    yield from _rates(usable)
    yield from _said_twice(usable)
    yield from _leaks(splits)


def too_dense(usable: Sequence[Measured], frame_shift: float, units: Callable[[str], Sequence[int]]) -> dict[str, str]:
    """The utterances with too few frames, by id: CTC needs one for each label, and a blank between two equal ones
    (Graves 2006)."""
    found = {}
    for m in usable:
        labels = list(units(m.utterance.text))
        needed = len(labels) + sum(first == second for first, second in itertools.pairwise(labels))
        # Rounded first, since 0.3 / 0.1 is just below 3.
        frames = math.floor(round(m.seconds / frame_shift, 6))
        if needed > frames:
            found[m.utterance.id] = f"{needed} frames needed, {frames} there"
    return found


def _dense(found: Mapping[str, str], frame_shift: float) -> Finding:
    return Finding(
        "too many labels",
        "error",
        f"transcripts too long for their recording at {frame_shift * 1000:.0f} ms a frame (CTC has no path)",
        tuple(f"{name}: {figure}" for name, figure in found.items()),
        "is it the right transcript? else use a smaller subsampling or larger units; training leaves them out",
    )


def _texts(everything: Sequence[Utterance], allowed: Collection[str] | None) -> Iterator[Finding]:
    yield Finding(
        "empty text",
        "warning",
        "utterances without a transcript",
        tuple(u.id for u in everything if not normalise(u.text, u.language or "en")),
        "transcribe them, or remove them; noise without speech may stay, so that a network learns to be quiet",
    )
    outside: dict[str, int] = defaultdict(int)
    names = []
    dropped = []
    for u in everything:
        text = normalise(u.text, u.language or "en")
        unknown = sorted({letter for letter in text if not _known(letter, allowed)})
        for letter in unknown:
            outside[letter] += 1
        if unknown:
            names.append(f"{u.id}: {' '.join(unknown)}")
        if symbols := sorted(SPOKEN_SYMBOLS & set(u.text)):
            dropped.append(f"{u.id}: {' '.join(symbols)}")
    most = ", ".join(f"{letter} {outside[letter]}x" for letter in sorted(outside, key=lambda c: (-outside[c], c))[:12])
    yield Finding(
        "outside the vocabulary",
        "warning",
        f"transcripts with characters outside the vocabulary ({most})",
        tuple(names),
        "write digits and abbreviations as the words that were said, and correct stray letters",
    )
    yield Finding(
        "spoken symbols",
        "warning",
        "transcripts with symbols that are read aloud but dropped",
        tuple(dropped),
        "write them as words (per cent, and, dollars)",
    )


def _known(letter: str, allowed: Collection[str] | None) -> bool:
    if letter == " ":
        return True
    return letter in allowed if allowed is not None else (letter.isalpha() or letter == "'" or not letter.isascii())


def _rates(usable: Sequence[Measured]) -> Iterator[Finding]:
    rates = [(m, rate(m)) for m in usable if m.seconds > 0 and m.utterance.text]
    impossible = [(m, rate) for m, rate in rates if not SLOWEST <= rate <= FASTEST]
    yield Finding(
        "speaking rate",
        "warning",
        f"speaking rates outside {SLOWEST:.0f} to {FASTEST:.0f} characters a second",
        tuple(f"{m.utterance.id}: {rate:.1f}" for m, rate in impossible),
        "listen: most often the transcript belongs to another recording, or is only a part of what is said",
    )
    rest = [(m, rate) for m, rate in rates if SLOWEST <= rate <= FASTEST]
    if len(rest) < OUTLIER_NEEDS:
        return
    logs = np.log([rate for _, rate in rest])
    centre = np.median(logs)
    # 1.4826: the median deviation of a normal distribution in standard deviations.
    spread = 1.4826 * np.median(np.abs(logs - centre)) or np.inf
    scores = np.abs(logs - centre) / spread
    yield Finding(
        "unusual rate",
        "note",
        f"speaking rates far from the usual {np.exp(centre):.1f} characters a second",
        tuple(
            f"{m.utterance.id}: {rate:.1f}" for (m, rate), score in zip(rest, scores, strict=True) if score > OUTLIER
        ),
        "listen to a few of them: is the transcript whole, is there a long pause?",
    )


def rate(m: Measured) -> float:
    return len(m.utterance.text) / m.seconds


def _said_twice(usable: Sequence[Measured]) -> Iterator[Finding]:
    by_text: dict[tuple[str, str], list[Utterance]] = defaultdict(list)
    for u in (m.utterance for m in usable):
        if speaker_known(u.speaker) and (key := sentence_key(u.text)):
            by_text[u.speaker, key].append(u)
    yield Finding(
        "same sentence by the same speaker",
        "note",
        "sentences that one speaker says more than once",
        tuple(" = ".join(u.id for u in group) for group in by_text.values() if len(group) > 1),
        "no fault where they were read twice; else keep one of each",
    )


def _leaks(splits: Mapping[str, Sequence[Utterance]]) -> Iterator[Finding]:
    where: dict[str, set[str]] = defaultdict(set)
    voices: dict[str, set[str]] = defaultdict(set)
    for name, items in splits.items():
        for u in items:
            if speaker_known(u.speaker):
                where[u.speaker].add(name)
                voices[_corpus(u.speaker)].add(u.speaker)
    leaking = {speaker: names for speaker, names in where.items() if len(names) > 1}
    lone = {speaker for speaker in leaking if len(voices[_corpus(speaker)]) == 1}
    yield Finding(
        "speaker in two splits",
        "warning",
        "speakers that are in more than one split",
        tuple(f"{speaker}: {', '.join(sorted(leaking[speaker]))}" for speaker in leaking if speaker not in lone),
        "split by speaker (`resonet prepare` does): new voices are recognized worse than these figures will say",
    )
    yield Finding(
        "one voice in all splits",
        "note",
        "corpora of one voice that are in more than one split",
        tuple(f"{speaker}: {', '.join(sorted(leaking[speaker]))}" for speaker in leaking if speaker in lone),
        "no fault, but the error rate on this part is that of a known voice; where it is to speak: --task synthesize",
    )
    yield in_two_splits(splits)


def in_two_splits(splits: Mapping[str, Sequence[Utterance]]) -> Finding:
    train = {sentence_key(u.text) for u in splits.get("train", ())} - {""}
    heard = [u for name, items in splits.items() if name != "train" for u in items if sentence_key(u.text) in train]
    return Finding(
        "sentence in two splits",
        "note",
        "utterances of dev and test whose sentence is also in train",
        tuple(f"{u.id}: {u.text}" for u in heard),
        "report the error rate with and without them",
    )


def _corpus(speaker: str) -> str:
    return speaker.rsplit("/", 1)[0] if "/" in speaker else ""
