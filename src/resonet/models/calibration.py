"""From the answers of machines that know no probabilities to probabilities."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def calibrated(answers: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Slope [1] and offset [labels] with which softmax(answers * slope + offset) makes the labels most likely.

    What Platt (1999) did for one machine, for many: `answers` [n, labels] should be to clips that the machines did not
    learn from, `labels` [n]. A ridge as of one clip on the offsets and on the slope's logarithm keeps them finite where
    a label never occurs or no answer is wrong.
    """
    answers = answers.double()
    spread = answers.std().clamp(min=1e-9)
    answers = answers / spread
    steep = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    offset = torch.zeros(answers.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([steep, offset], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> float:
        optimiser.zero_grad()
        nats = nn.functional.cross_entropy(answers * steep.exp() + offset, labels, reduction="sum")
        total = nats + 0.5 * (offset.square().sum() + steep.square().sum())
        total.backward()
        return float(total.detach())

    with torch.enable_grad():
        optimiser.step(loss)
    return steep.detach().exp() / spread, offset.detach()
