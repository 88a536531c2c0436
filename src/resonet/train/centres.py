"""A centre on the sphere for every speaker of the training data, which voices are drawn to; it is left behind there.

Additive angular margin softmax (Deng et al. 2019, arXiv 1801.07698): the angle to the own centre is made larger before
the softmax, so that voices of one speaker gather in less than the room that telling them apart would need.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Centres(nn.Module):
    """Unit vectors [speakers, size]."""

    def __init__(self, speakers: int, size: int) -> None:
        super().__init__()
        # Of length 1: an optimiser steps all weights alike, and longer ones would turn too slowly.
        self.weight = nn.Parameter(torch.randn(speakers, size) * size**-0.5)

    def forward(self, voices: Tensor) -> Tensor:
        """Cosines [batch, speakers] of voices [batch, size] of length 1 with every centre."""
        return voices @ F.normalize(self.weight, dim=1).T


def angular_margin(cosines: Tensor, speakers: Tensor, margin: float, scale: float) -> Tensor:
    """Cross entropy of `speakers` int64 [batch], nats a row, `margin` radians added to the angle of each with its own.

    Cosines are multiplied with `scale`, for those of one and minus one alone would make no sharp softmax. Where the
    angle and the margin are more than half a turn, the cosine falls on along a line: it must not rise again.
    """
    own = cosines.gather(1, speakers.unsqueeze(1)).clamp(-1 + 1e-6, 1 - 1e-6)
    moved = own * math.cos(margin) - (1 - own.square()).sqrt() * math.sin(margin)
    moved = torch.where(own > -math.cos(margin), moved, own - margin * math.sin(margin))
    return F.cross_entropy(scale * cosines.scatter(1, speakers.unsqueeze(1), moved), speakers)
