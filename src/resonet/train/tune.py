"""Decoder settings that make the fewest word errors on development data, and the confidence that fits them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from resonet.decoding import BeamOptions, Hypothesis, LexiconBeam
from resonet.decoding.confidence import Confidence, matches
from resonet.errors import DataError
from resonet.train.tasks.recognize import error_rate

Scores = Sequence[NDArray[np.float32]]
Texts = Sequence[Sequence[str]]

# Steps of the search, coarse to fine: it walks along one setting at a time while errors fall.
_STEPS = ({"lm_weight": 0.4, "word_bonus": 1.0}, {"lm_weight": 0.2, "word_bonus": 0.5})
_BOUNDS = {"lm_weight": (0.0, 6.0), "word_bonus": (-4.0, 6.0)}


def word_error_rate(found: Sequence[Hypothesis], texts: Texts) -> float:
    """Percent of the words of `texts`."""
    return error_rate([[w.word for w in h.words] for h in found], texts)


def tune(
    beam: LexiconBeam,
    scores: Scores,
    texts: Texts,
    start: BeamOptions | None = None,
    listener: Callable[[BeamOptions, float], object] | None = None,
) -> BeamOptions:
    """Language-model weight and word bonus by coordinate descent on the word error rate of `texts`.

    `listener` is told of every setting that is tried, with its error rate.
    """
    tried: dict[tuple[float, float], float] = {}

    def rate(options: BeamOptions) -> float:
        key = (round(options.lm_weight, 3), round(options.word_bonus, 3))
        if key not in tried:
            tried[key] = word_error_rate(beam.with_options(options).decode(scores), texts)
            if listener:
                listener(options, tried[key])
        return tried[key]

    best = start or beam.options
    for steps in _STEPS:
        moved = True
        while moved:
            moved = False
            for name, step in steps.items():
                for sign in (1, -1):
                    while True:
                        value = round(getattr(best, name) + sign * step, 3)
                        other = replace(best, **{name: value})
                        if not _BOUNDS[name][0] <= value <= _BOUNDS[name][1] or rate(other) >= rate(best):
                            break
                        best, moved = other, True
    return best


def confidence(found: Sequence[Hypothesis], texts: Texts) -> Confidence:
    """Fitted on which words are right; the default where there are too few to tell."""
    try:
        return Confidence.fit(found, [matches([w.word for w in h.words], t) for h, t in zip(found, texts, strict=True)])
    except DataError:
        return Confidence()
