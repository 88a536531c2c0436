"""Fixes the normalisation of a network's features from its training data, before the first step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from resonet.data.waveforms import Waveforms
from resonet.models.layers import LogMel
from resonet.train.recipe import Recipe

_UTTERANCES = 300


@torch.no_grad()
def calibrate(network: Any, waves: Waveforms, recipe: Recipe) -> None:
    """Mean and deviation a mel band, of 300 random utterances; networks without LogMel features are left alone."""
    features = getattr(network, "features", None)
    if not isinstance(features, LogMel):
        return
    rng = np.random.default_rng(recipe.seed)
    total = square = torch.zeros(features.mels)
    frames = 0
    for i in rng.permutation(len(waves))[:_UTTERANCES]:
        pcm = torch.from_numpy(waves.sound(int(i)))
        pcm = pcm[: len(pcm) // LogMel.SHIFT * LogMel.SHIFT].unsqueeze(0).to(recipe.device)
        one, two = features.calibrate(pcm)
        total, square, frames = total + one.cpu(), square + two.cpu(), frames + pcm.shape[1] // LogMel.SHIFT
    mean = total / max(1, frames)
    features.set_statistics(mean, (square / max(1, frames) - mean.square()).clamp(min=0).sqrt())
