"""Alignment of a new speaker for a trained voice, which says the same texts itself and so knows their units' times.

A few minutes are little for an aligner that learns from nothing. So the voice says every text first, its spectrogram is
warped onto the recording (dynamic time warping, Sakoe and Chiba 1978), and the aligner learns under a prior that
expects each unit where the warped one lies. On 5 minutes of an English reader, with a voice of another one that had
learnt for 5 minutes, 15 s of training then gave borders 18 ms from those of an aligner that had an hour of the reader;
the warping alone 26 ms, and 60 s of training at an even pace 21 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resonet.train.recipe import Recipe
from resonet.train.tasks.align_voice import AlignVoice
from resonet.train.voice_corpus import VoiceBatch, VoiceCorpus

# Cosine coefficients of a log-mel frame that are compared: they tell vowels, and of the pitch hardly anything.
_COEFFICIENTS = 14
# Cost, in deviations, of a frame at which the two do not advance alike.
_STEP = 0.3
# Frames by which a unit may well lie beside where it is expected, and nats that an unlikely place costs at most.
_WIDTH, _MOST = 6.0, 20.0


class AlignNewcomer(AlignVoice):
    """The task of alignment under expectations; see `AlignVoice`.

    Args:
        ends: of train and dev, the frame at which each unit of each utterance is expected to end; see `expected`.
    """

    def __init__(
        self,
        recipe: Recipe,
        train: VoiceCorpus,
        dev: VoiceCorpus,
        units: int,
        folder: Path,
        ends: tuple[Sequence[NDArray[np.float32]], Sequence[NDArray[np.float32]]],
    ) -> None:
        super().__init__(recipe, train, dev, units, folder)
        self._ends = {
            u.id: torch.from_numpy(found)
            for corpus, part in zip((train, dev), ends, strict=True)
            for u, found in zip(corpus.utterances, part, strict=True)
        }

    def prior(self, b: VoiceBatch, halved: bool = False) -> Tensor:
        """Log prior [batch, frames, n]: flat within a unit's expected time, and falling like a bell curve beside it."""
        step = 2 if halved else 1
        prior = torch.zeros(len(b.names), b.mel.shape[1] // step, b.units.shape[1])
        for row, name, frames in zip(prior, b.names, (b.frames // step).tolist(), strict=True):
            ends = self._ends[name]
            time = (torch.arange(frames) + 0.5).unsqueeze(1) * step
            starts = torch.cat([ends.new_zeros(1), ends[:-1]])
            beside = torch.maximum(starts - time, time - ends).clamp(min=0)
            found = (-0.5 * (beside / _WIDTH).square()).clamp(min=-_MOST)
            row[:frames, : len(ends)] = torch.log_softmax(found, 1)
        return prior.to(b.mel.device)


@torch.no_grad()
def expected(network: Any, corpus: VoiceCorpus, speaker: int) -> list[NDArray[np.float32]]:
    """Where each unit of each utterance ends, in frames, from how `speaker` of a voice says it; float32 [units]."""
    said = []
    for i in range(len(corpus)):
        units = torch.tensor([corpus.units[i]])
        plain = torch.ones(units.shape)
        who, language = torch.tensor([speaker]), torch.tensor([corpus.language[i]])
        mel, durations = network(units, who, language, plain, plain * 0, plain * 0)
        said.append((mel[0].numpy(), durations[0].numpy()))
    ours = _normalised([cepstra(corpus.mel(i)) for i in range(len(corpus))])
    theirs = _normalised([cepstra(mel) for mel, _ in said])
    found = []
    for recorded, spoken, (_, durations) in zip(ours, theirs, said, strict=True):
        place = warped(recorded, spoken)
        # Frame t of the recording is like frame place[t] of what was spoken, which is of a unit that ends later.
        found.append(np.searchsorted(place, np.cumsum(durations) - 0.5).astype(np.float32))
    return found


def cepstra(mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first cosine coefficients of log-mels [frames, mels], with that of the level; float32 [frames, n]."""
    bands = mel.shape[1]
    basis = np.cos(np.pi / bands * (np.arange(bands)[:, None] + 0.5) * np.arange(_COEFFICIENTS))
    return (mel @ basis / bands).astype(np.float32)


def _normalised(parts: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """All with mean 0 and deviation 1 in each column, over all frames; so a voice's own sound and level drop out."""
    whole = np.concatenate(parts)
    mean, deviation = whole.mean(0), np.maximum(whole.std(0), 1e-3)
    return [(part - mean) / deviation for part in parts]


def warped(recorded: NDArray[np.float32], spoken: NDArray[np.float32]) -> NDArray[np.float64]:
    """The frame of `spoken` that each frame of `recorded` is most like, in order; both [frames, n]; rising numbers.

    What was spoken is first stretched to the same length; then each frame goes on by none to three of its frames.
    """
    time = len(recorded)
    places = (np.arange(time) + 0.5) * len(spoken) / time - 0.5
    before = np.clip(np.floor(places).astype(int), 0, len(spoken) - 1)
    after = np.minimum(before + 1, len(spoken) - 1)
    part = np.clip(places - before, 0, 1)[:, None]
    stretched = spoken[before] * (1 - part) + spoken[after] * part
    square = (recorded**2).sum(1)[:, None] + (stretched**2).sum(1) - 2 * recorded @ stretched.T
    cost = np.sqrt(np.maximum(square, 0) / recorded.shape[1])
    steps = np.array([_STEP, 0.0, _STEP, 2 * _STEP])
    total = np.full(time, np.inf)
    total[:1] = cost[0, :1]
    back = np.zeros((time, time), np.int8)
    for t in range(1, time):
        ways = np.full((4, time), np.inf)
        for step in range(4):
            ways[step, step:] = total[: time - step] + steps[step]
        back[t] = ways.argmin(0)
        total = ways.min(0) + cost[t]
    at, path = time - 1, np.zeros(time)
    for t in range(time - 1, -1, -1):
        path[t] = at
        at -= int(back[t, at])
    return places[path.astype(int)]
