"""How a word would sound, from its phones: the other view of an embedder of spoken words (He et al. 2017, arXiv
1611.04496). It helps in training, and lets spoken words be looked for by their spelling."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Spelling(nn.Module):
    """Phones of words -> vectors like those that an embedder gives for their sound, one stretch of time after another.

    Each of `parts` stretches attends to the phones, mostly to those that lie where it does.
    """

    def __init__(self, units: int, dims: int, parts: int, width: int = 192, blocks: int = 3) -> None:
        super().__init__()
        self.embed = nn.Embedding(units, width, padding_idx=0)
        self.convs = nn.ModuleList(nn.Conv1d(width, width, 3, padding=1) for _ in range(blocks))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(blocks))
        self.queries = nn.Parameter(torch.randn(parts, width) * 0.02)
        self.keys = nn.Linear(width, width)
        self.values = nn.Linear(width, dims)
        self.place = nn.Parameter(torch.tensor(3.0))
        self.parts = parts

    def forward(self, phones: Tensor, lengths: Tensor) -> Tensor:
        """phones int64 [words, longest], 0 after the end of each -> [words, parts * dims], of length 1."""
        inside = (torch.arange(phones.shape[1], device=phones.device) < lengths.unsqueeze(1)).unsqueeze(2)
        x = self.embed(phones)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = x + conv((torch.relu(norm(x)) * inside).transpose(1, 2)).transpose(1, 2)
        own = (torch.arange(self.parts, device=x.device) + 0.5) / self.parts
        place = (torch.arange(x.shape[1], device=x.device) + 0.5) / lengths.unsqueeze(1)
        apart = (own.view(1, -1, 1) - place.unsqueeze(1)).square()  # [words, parts, longest]
        scores = self.queries @ self.keys(x).transpose(1, 2) / x.shape[2] ** 0.5
        scores = scores - self.place.exp() * apart
        weights = scores.masked_fill(~inside.transpose(1, 2), -torch.inf).softmax(2)
        return nn.functional.normalize((weights @ self.values(x)).flatten(1), dim=1)
