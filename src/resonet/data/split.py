"""Splits a source without splits into train, dev and test: by speaker, or by sentence where there is one voice.

Whole groups move, so no speaker (or no sentence) is in two splits. Groups are taken in the order of a hash of their
name and the seed: the order of the files does not matter, and a new speaker does not reshuffle the others.

Clips of a few labels are another matter: equal texts are the normal case there, and a split that lacks a label says
nothing about it. They too are split by speaker where three are known, such that every label is in every split if that
can be had; else a share of each label goes to dev and test.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from resonet.data.utterance import Utterance, speaker_known

# 5 % each: at ten hours half an hour of dev, at which a word error rate has a standard error near half a point.
HELD_OUT = 0.05
# Of clips 10 % each, as Speech Commands has it: of twenty clips a word two, and not one.
HELD_OUT_CLIPS = 0.1
# What counts as clips of labels: so many of them, each text said so often on average, none longer than that.
_FEWEST, _REPEATED, _LONGEST_LABEL = 10, 4, 4
# Orders of speakers that are tried, until one gives every split every label.
_TRIES = 30


def by_speaker(utterances: Sequence[Utterance]) -> bool:
    """Whether there are two speakers or more to keep apart."""
    return len({utterance.speaker for utterance in utterances}) > 1


def sentence_key(text: str) -> str:
    """The sentence without case, punctuation and spaces: equal keys are the same sentence."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def labelled(texts: Sequence[str]) -> bool:
    """Whether the texts are labels of clips: ten or more, each of at most four words, and every one said four times on
    average."""
    different = set(texts)
    return len(texts) >= max(_FEWEST, _REPEATED * len(different)) and all(
        0 < len(text.split()) <= _LONGEST_LABEL for text in different
    )


def kept_apart(utterances: Sequence[Utterance], labelled: bool = False) -> str:
    """What `assign` lets be in one split only: `speaker` or `sentence`; or `label`, of which every split gets some."""
    if labelled:
        return "speaker" if _voices(utterances) > 2 else "label"
    return "speaker" if by_speaker(utterances) else "sentence"


def assign(
    utterances: Sequence[Utterance],
    seconds: Sequence[float],
    seed: int = 0,
    parts: Sequence[str] = ("dev", "test"),
    labelled: bool = False,
) -> list[str]:
    """The split of each utterance: about 5 % of the time in each of `parts`, the rest in train.

    seconds: the duration of each utterance. Two groups give train and dev only, one group train only.
    labelled: they are clips whose text is a label (see above); about 10 % for each of `parts`.
    """
    if labelled:
        return _assign_clips(utterances, seconds, seed, parts)
    keyed = by_speaker(utterances)
    keys = [utterance.speaker if keyed else sentence_key(utterance.text) for utterance in utterances]
    chosen = _held_out(_times(keys, seconds), seed, parts, HELD_OUT)
    return [chosen.get(key, "train") for key in keys]


def _assign_clips(
    utterances: Sequence[Utterance], seconds: Sequence[float], seed: int, parts: Sequence[str]
) -> list[str]:
    names = ["train"] * len(utterances)
    apart = _voices(utterances) > len(parts)
    # A clip without a speaker (noise, say) says nothing about the others without one: it goes by its label.
    by_label = [i for i, u in enumerate(utterances) if not (apart and speaker_known(u.speaker))]
    if apart:
        known = [i for i, u in enumerate(utterances) if speaker_known(u.speaker)]
        clips = [(utterances[i].speaker, utterances[i].text) for i in known]
        chosen = _covering(clips, [seconds[i] for i in known], seed, parts)
        for i in known:
            names[i] = chosen.get(utterances[i].speaker, "train")
    clips_of: dict[str, list[int]] = defaultdict(list)
    for i in by_label:
        clips_of[utterances[i].text].append(i)
    for of_label in clips_of.values():
        left = sorted(of_label, key=lambda i: (_rank(utterances[i].id, seed), utterances[i].id))
        for part in parts:
            # The last one stays in train.
            held = min(max(1, round(HELD_OUT_CLIPS * len(of_label))), len(left) - 1)
            for i in left[:held]:
                names[i] = part
            left = left[held:]
    return names


def _covering(
    clips: Sequence[tuple[str, str]], seconds: Sequence[float], seed: int, parts: Sequence[str]
) -> dict[str, str]:
    """The speakers that are held out, and for which part; `clips` are (speaker, label)."""
    time = _times([speaker for speaker, _ in clips], seconds)
    said = sorted(set(clips))
    labels = {label for _, label in said}

    def lacking(chosen: Mapping[str, str]) -> tuple[int, int]:
        """Labels that train lacks, and those that the other parts lack."""
        there = {(chosen.get(speaker, "train"), label) for speaker, label in said}
        absent = [sum((part, label) not in there for label in labels) for part in ("train", *parts)]
        return absent[0], sum(absent[1:])

    best = None
    for attempt in range(_TRIES):
        chosen = _held_out(time, seed + 1000 * attempt, parts, HELD_OUT_CLIPS)
        if best is None or lacking(chosen) < lacking(best):
            best = chosen
        if lacking(best) == (0, 0):
            break
    return best or {}


def _voices(utterances: Sequence[Utterance]) -> int:
    return len({utterance.speaker for utterance in utterances if speaker_known(utterance.speaker)})


def _times(keys: Sequence[str], seconds: Sequence[float]) -> dict[str, float]:
    time: dict[str, float] = defaultdict(float)
    for key, duration in zip(keys, seconds, strict=True):
        time[key] += duration
    return time


def _held_out(time: Mapping[str, float], seed: int, parts: Sequence[str], share: float) -> dict[str, str]:
    target = share * sum(time.values())
    # The largest group stays in train whatever the order.
    largest = max(time, key=lambda key: (time[key], key), default="")
    left = sorted((key for key in time if key != largest), key=lambda key: _rank(key, seed))
    chosen: dict[str, str] = {}
    for part in parts:
        total = 0.0
        for key in left:
            if total >= 0.9 * target:
                break
            if total + time[key] <= 1.1 * target:
                chosen[key] = part
                total += time[key]
        if total == 0.0 and left:
            smallest = min(left, key=lambda key: time[key])
            chosen[smallest] = part
        left = [key for key in left if key not in chosen]
    return chosen


def _rank(key: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}\0{key}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
