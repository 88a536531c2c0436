"""Losses over log-probabilities [batch, frames, units]; each is summed over the batch and divided by its units."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def ctc(scores: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Connectionist temporal classification (Graves et al. 2006), nats a target unit.

    targets: all rows end to end (int64 [sum of target_lengths]). Summed, not averaged a row: a short utterance would
    weigh as much as a long one.
    """
    loss = F.ctc_loss(
        scores.transpose(0, 1), targets, lengths, target_lengths, blank=0, reduction="sum", zero_infinity=True
    )
    return loss / max(1, int(target_lengths.sum()))


def consistency(first: Tensor, second: Tensor, lengths: Tensor, target_lengths: Tensor) -> Tensor:
    """CR-CTC (Yao et al. 2024, arXiv 2410.05101): each view predicts the other's distribution; nats a target unit."""
    valid = torch.arange(first.shape[1], device=first.device) < lengths.to(first.device).unsqueeze(1)
    loss = first.new_zeros(())
    for guess, truth in ((first, second.detach()), (second, first.detach())):
        divergence = F.kl_div(guess, truth, reduction="none", log_target=True).sum(-1)
        loss = loss + divergence.masked_fill(~valid, 0).sum()
    return loss / max(1, int(target_lengths.sum()))


def cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """Framewise cross entropy against labels [batch, frames] (-1: no frame), nats a frame.

    For recognition the labels are the best path of the transcript through the present scores (Viterbi training).
    """
    return F.nll_loss(scores.flatten(0, 1), labels.flatten(), ignore_index=-1)
