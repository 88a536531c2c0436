"""Adding words without training: from a few recordings of one, or from its spelling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.bundle import Bundle
from resonet.errors import DataError, UsageError
from resonet.runtime.embedder import Embedder
from resonet.runtime.enrolled import Enrolled, now, plain
from resonet.runtime.keyword import pronunciations

MOST_EXAMPLES = 5
# Seconds that a word or phrase lasts; a longer stretch of speech is no example.
_SHORTEST, _LONGEST = 0.12, 3.0
_LONGEST_CLIP = 30.0
# Seconds: words of a phrase lie nearer to each other than that.
_PAUSE = 0.3
# A clip that speech fills leaves no noise floor to rise above: one that is not longer counts as speech throughout.
_FULL = 2.0
_QUIET_DB = -55.0  # dBFS of the loudest 50 ms: below it nobody spoke into the microphone
# Where a word begins and ends: so far below its loudest moment, or that share of the way up from the noise, which is
# the level of that percentile. Chosen so that examples of a word of a development set lie near each other.
_DOWN_DB, _SHARE, _FLOOR = 35.0, 0.4, 20
_DIGITAL_DB = -90.0  # what files are filled up with: below it nothing was recorded
_MARGIN = 0.03  # seconds that are kept on either side
# Examples of a word whose cosine (with what all speech has in common taken off) is lower do not resemble each other: of
# two recordings of one word, one pair in forty lies below it, of two words two pairs in three.
_ALIKE = 0.2
_DIGITS = 4  # of the numbers of an embedding in the file


def by_examples(bundle: Bundle, word: str, clips: Sequence[str | Path]) -> Enrolled:
    """A word from 1 to 5 recordings in which it, and nothing else, is said; `bundle` is a classifier with an embedder.

    Raises:
        AudioError: a recording that cannot be read; DataError: no word stands out in one, or too much, they do not
        resemble each other, or the bundle has that word; BundleError: the bundle has no embedder.
    """
    word = _named(word)
    if not 1 <= len(clips) <= MOST_EXAMPLES:
        raise UsageError(f"{word!r} has {len(clips)} examples", f"give 1 to {MOST_EXAMPLES} recordings of it")
    if word.casefold() in (label.casefold() for label in bundle.manifest.labels):
        raise DataError(f"{word!r} is a word of {bundle.name} already", "it needs no enrolment")
    embedder = Embedder.of(bundle)
    rate = bundle.manifest.sample_rate
    embeddings, lengths = [], []
    for clip in clips:
        samples = audio.read(clip, rate)
        start, end = spoken(samples, rate, str(clip))
        embeddings.append(embedder.embed(samples, start, end))
        lengths.append(end - start)
    found = np.stack(embeddings)
    _check_alike(embedder.centred(found), lengths, [str(clip) for clip in clips])
    return Enrolled(
        word=word,
        kind="examples",
        bundle=bundle.name,
        embedder=embedder.sha256,
        embeddings=tuple(tuple(round(float(x), _DIGITS) for x in row) for row in found),
        seconds=round(float(np.mean(lengths)), 3),
        examples=tuple(Path(clip).name for clip in clips),
        created=now(),
    )


def by_text(bundle: Bundle, text: str) -> Enrolled:
    """A word or phrase from its spelling; `bundle` is a recognizer.

    Raises:
        DataError: how it is said cannot be told.
    """
    text = _named(text)
    ways = pronunciations(bundle, text)
    return Enrolled(word=text, kind="text", bundle=bundle.name, phones=tuple(ways), created=now())


def spoken(samples: NDArray[np.float32], rate: int, name: str) -> tuple[float, float]:
    """Where the word lies in a recording of it: start and end in seconds.

    Raises:
        DataError: silence, no word that stands out, or more than one word or phrase; the sentence has `name`.
    """
    seconds = len(samples) / rate
    if seconds > _LONGEST_CLIP:
        raise DataError(f"{name} lasts {seconds:.0f} s", "an example is one word or phrase: cut it out")
    levels = _levels(samples, rate)
    if not len(levels) or levels.max() < _QUIET_DB:
        raise DataError(f"{name} holds no word: it is silent", "record the word again, nearer to the microphone")
    regions = audio.speech_regions(samples, rate)
    if not regions and seconds > _FULL:
        raise DataError(f"no word stands out from the noise in {name}", "record it again where it is quieter")
    start, end = _loudest(levels, regions or [(0.0, seconds)])
    start, end = max(0.0, start - _MARGIN), min(seconds, end + _MARGIN)
    if end - start > _LONGEST:
        raise DataError(f"{name} holds {end - start:.1f} s of speech", "an example is one word or phrase: cut it out")
    if end - start < _SHORTEST:
        raise DataError(f"{name} holds no word: only {end - start:.2f} s of sound", "record the word again")
    return start, end


def _named(word: str) -> str:
    word = plain(word)
    if not word or len(word) > 200 or not any(c.isalnum() for c in word):
        raise DataError(f"{word!r} is no name for a word", "give letters")
    return word


_HOP = 0.01


def _levels(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Level in dBFS over 50 ms, every 10 ms."""
    hop = round(_HOP * rate)
    power = np.square(samples[: len(samples) // hop * hop]).reshape(-1, hop).mean(1)
    if not len(power):
        return power
    smooth = np.convolve(np.pad(power, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    return (10 * np.log10(smooth + 1e-12)).astype(np.float32)


def _loudest(levels: NDArray[np.float32], regions: list[tuple[float, float]]) -> tuple[float, float]:
    """The stretch with the most energy, without the quiet that voice activity leaves around speech."""
    inside = np.zeros(len(levels), bool)
    for start, end in regions:
        inside[round(start / _HOP) : round(end / _HOP)] = True
    top = float(levels[inside].max(initial=_QUIET_DB))
    bottom = float(np.percentile(levels[levels > _DIGITAL_DB], _FLOOR))
    loud = np.flatnonzero(inside & (levels > max(top - _DOWN_DB, bottom + _SHARE * (top - bottom))))
    if not len(loud):
        return regions[0]
    parts = np.split(loud, np.flatnonzero(np.diff(loud) > _PAUSE / _HOP) + 1)
    best = max(parts, key=lambda part: float(np.sum(10 ** (levels[part] / 10))))
    return float(best[0] * _HOP), float((best[-1] + 1) * _HOP)


def _check_alike(centred: NDArray[np.float32], lengths: list[float], names: list[str]) -> None:
    """Raises DataError where an example is unlike the others; embeddings [examples, size]."""
    if len(names) < 2:
        return
    cosines = centred @ centred.T
    np.fill_diagonal(cosines, -1)
    nearest = cosines.max(1)
    if nearest.min() >= _ALIKE:
        return
    if len(names) == 2 or nearest.max() < _ALIKE:
        raise DataError(f"{' and '.join(names)} do not sound alike", "is it the same word in all? record them again")
    raise DataError(
        f"{names[int(nearest.argmin())]} does not sound like the other examples", "is it the same word? leave it out"
    )
