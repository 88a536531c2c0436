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

# Where the search begins, and what holds while training; weights that did well for English phones.
START = BeamOptions(lm_weight=0.9, prior_weight=0.4)
# Steps of the search, coarse to fine: it walks along one setting at a time while errors fall.
_STEPS = (
    {"prior_weight": 0.2, "lm_weight": 0.4, "word_bonus": 1.0},
    {"prior_weight": 0.1, "lm_weight": 0.2, "word_bonus": 0.5},
)
_BOUNDS = {"prior_weight": (0.0, 1.0), "lm_weight": (0.0, 6.0), "word_bonus": (-4.0, 6.0)}


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
    """Weights of the units' priors and of the language model, and the word bonus: coordinate descent on the word error
    rate of `texts`.

    `listener` is told of every setting that is tried, with its error rate.
    """
    tried: dict[tuple[float, ...], float] = {}

    def rate(options: BeamOptions) -> float:
        key = tuple(round(getattr(options, name), 3) for name in _BOUNDS)
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
