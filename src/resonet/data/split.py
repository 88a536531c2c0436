"""Splits a source without splits into train, dev and test: by speaker, or by sentence where there is one voice.

Whole groups move, so no speaker (or no sentence) is in two splits. Groups are taken in the order of a hash of their
name and the seed: the order of the files does not matter, and a new speaker does not reshuffle the others.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from resonet.data.utterance import Utterance

# 5 % each: at ten hours half an hour of dev, at which a word error rate has a standard error near half a point.
HELD_OUT = 0.05


def by_speaker(utterances: Sequence[Utterance]) -> bool:
    """Whether there are two speakers or more to keep apart."""
    return len({utterance.speaker for utterance in utterances}) > 1


def sentence_key(text: str) -> str:
    """The sentence without case, punctuation and spaces: equal keys are the same sentence."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def assign(
    utterances: Sequence[Utterance], seconds: Sequence[float], seed: int = 0, parts: Sequence[str] = ("dev", "test")
) -> list[str]:
    """The split of each utterance: about 5 % of the time in each of `parts`, the rest in train.

    seconds: the duration of each utterance. Two groups give train and dev only, one group train only.
    """
    keyed = by_speaker(utterances)
    keys = [utterance.speaker if keyed else sentence_key(utterance.text) for utterance in utterances]
    time: dict[str, float] = defaultdict(float)
    for key, duration in zip(keys, seconds, strict=True):
        time[key] += duration
    chosen = _held_out(time, seed, parts)
    return [chosen.get(key, "train") for key in keys]


def _held_out(time: Mapping[str, float], seed: int, parts: Sequence[str]) -> dict[str, str]:
    target = HELD_OUT * sum(time.values())
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
    return hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=8).digest()
