"""How a classifier's second look is fitted: on dev clips in dev speech, from which neither network has learnt."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle
from resonet.data.negatives import Negatives
from resonet.data.waveforms import SAMPLE_RATE, Waveforms
from resonet.runtime.embedder import Embedder
from resonet.runtime.second_look import LOW, SecondLook, odds
from resonet.runtime.spotter import Spotter
from resonet.train.tasks.classify import Classify
from resonet.train.tasks.clip_rows import NOTHING, SYNTHETIC, Rows, spoken

# Streams that are made of each dev clip, on average, and the fewest of words that are looked at: weights of fewer
# would be anything.
_EACH, _FEWEST = 3, 30
_MOST_STREAMS = 2000
# Frames after those that must say a word in which it may still be surest.
_LATE = 4
# Seconds between two false alarms.
_APART = 1.0
# Strength of the data against a prior that the weights are small, each feature at deviation 1.
_STRENGTH = 0.1
_SEED = 31


def fit(path: Path, task: Classify, negatives: Negatives) -> tuple[bytes, dict[str, Any]] | None:
    """`prototypes.npy` and `runtime.second_look` of a bundle that has everything else; None where dev is too small.

    Args:
        negatives: other speech, not that of training.
    """
    from sklearn.linear_model import LogisticRegression

    with Bundle.open(path, kind="classifier") as bundle:
        spotter, embedder = Spotter(bundle, 1), Embedder.of(bundle)
    words = spotter.words
    prototypes, lengths = SecondLook.of_clips(embedder, {word: list(_clips(task, word)) for word in words})
    look = SecondLook(embedder, words, prototypes, lengths, (1.0, 0.0, 0.0, 0.0))
    probabilities, features, hits = [], [], []
    for pcm, labels in _streams(task, negatives):
        stream = embedder.network.stream()
        frames = np.concatenate([stream.push(pcm), stream.finish()])
        listener = spotter.listeners()[0]
        rows = np.concatenate([listener.push(pcm), listener.finish()])[: len(labels)]
        delay = getattr(listener, "delay", 0.0)
        places = [task.labels.index(word) for word in listener.words]
        for hit, found in ((True, _hits(rows, labels, places)), (False, _alarms(rows, labels, listener.shift))):
            for word, row in found:
                time = np.array([(row + 1) * listener.shift + delay])
                features.append(look.features(frames, time, word)[0])
                probabilities.append(rows[row, word])
                hits.append(hit)
    if min(sum(hits), len(hits) - sum(hits)) < _FEWEST:
        return None
    told = np.concatenate([odds(np.array(probabilities, np.float32))[:, None], np.array(features)], 1)
    mean, deviation = told.mean(0), np.maximum(told.std(0), 1e-6)
    learnt = LogisticRegression(C=_STRENGTH).fit((told - mean) / deviation, hits)
    weights = learnt.coef_[0] / deviation
    constant = float(learnt.intercept_[0] - (weights * mean).sum())
    content = io.BytesIO()
    np.save(content, prototypes.astype(np.float16), allow_pickle=False)
    return content.getvalue(), {
        "weights": [round(float(w), 4) for w in (*weights, constant)],
        "lengths": {word: [round(float(s), 3) for s in row] for word, row in zip(words, lengths, strict=True)},
    }


def _clips(task: Classify, word: str) -> Iterator[tuple[NDArray[np.float32], float, float]]:
    """The clips of a word: samples, and from when to when it is said. Those that people said, if there are any."""
    own = [i for i, target in enumerate(task.targets) if task.labels[target] == word]
    people = [i for i in own if not task.train[i].id.startswith(SYNTHETIC)]
    for i in people or own:
        sound = task.waves.sound(i)
        first, last = spoken(sound)
        yield sound, first / SAMPLE_RATE, last / SAMPLE_RATE


def _streams(task: Classify, negatives: Negatives) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Stretches of other speech with dev clips in them, and the labels of their frames."""
    recipe = task.recipe.model_copy(
        update={"augmentation": task.recipe.augmentation.model_copy(update={"speeds": (1.0,)})}
    )
    network = task.network
    waves: Waveforms = task.dev_waves
    rows = Rows(recipe, waves, task.dev_targets, task.labels, network.config.window, network.stride, negatives)
    rng = np.random.default_rng([recipe.seed, _SEED])
    for _ in range(min(_MOST_STREAMS, _EACH * len(waves))):
        yield rows.stream(rng)


def _hits(rows: NDArray[np.float32], labels: NDArray[np.int64], places: list[int]) -> Iterator[tuple[int, int]]:
    """Word and row at which each word that is said is surest."""
    for word, place in enumerate(places):
        said = np.flatnonzero(labels == place)
        for run in np.split(said, np.flatnonzero(np.diff(said) > 1) + 1):
            if len(run):
                row = int(run[0]) + int(rows[run[0] : run[-1] + 1 + _LATE, word].argmax())
                if rows[row, word] >= LOW:
                    yield word, row


def _alarms(rows: NDArray[np.float32], labels: NDArray[np.int64], shift: float) -> Iterator[tuple[int, int]]:
    """Word and row of what is taken for a word where none is said: the surest row, and others a second away."""
    for word in range(rows.shape[1]):
        there = np.flatnonzero((labels == NOTHING) & (rows[:, word] >= LOW))
        for run in np.split(there, np.flatnonzero(np.diff(there) > _APART / shift) + 1):
            if len(run):
                yield word, int(run[rows[run, word].argmax()])
