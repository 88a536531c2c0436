"""A small network that finds which frames of a recording are which unit of its text, and Viterbi over its scores.

"One TTS alignment to rule them all" (Badlani et al. 2022, arXiv 2108.10447): units and frames become vectors, near
where they belong together, under a prior that reads the text at an even pace; learnt by the sum over all monotonic
paths.

Changed: vectors know a unit's or frame's nearest neighbours only, so that borders stay sharp; scores are taken in
float32, a row's padding is left out exactly, and the best path is found for a whole batch at once.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from resonet.models.blocks import SpreadConv

# Squared distances of vectors of this many values are of the order of 10 at first, which is far enough from both a flat
# and a hard softmax.
_WIDTH = 80
_TEMPERATURE = 0.05
# Log of nothing: padding. A true minus infinity would have no gradient but NaN.
NEVER = -1e4


class Network(nn.Module):
    """Units [batch, n] and log-mel [batch, frames, mels] -> log-probabilities of units [batch, frames, n]."""

    fit = "gradient"

    mean: Tensor
    deviation: Tensor

    def __init__(self, units: int, speakers: int = 1, mels: int = 80, width: int = 128) -> None:
        super().__init__()
        self.units = nn.Embedding(units, width)
        self.key_enter, self.key_leave = SpreadConv(width, 2 * width, 3), nn.Linear(2 * width, _WIDTH)
        self.query_enter, self.query_inner = SpreadConv(mels, 2 * _WIDTH, 3), SpreadConv(2 * _WIDTH, _WIDTH, 1)
        self.query_leave = nn.Linear(_WIDTH, _WIDTH)
        self.speakers = nn.Embedding(speakers, mels)
        nn.init.normal_(self.units.weight, std=0.3)
        nn.init.zeros_(self.speakers.weight)
        self.register_buffer("mean", torch.full((mels,), -5.0))
        self.register_buffer("deviation", torch.full((mels,), 2.2))

    def set_statistics(self, mean: Tensor, deviation: Tensor) -> None:
        """Fixes the normalisation of the log-mels; [mels] each."""
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.clamp(min=1e-2))

    def forward(
        self,
        units: Tensor,
        lengths: Tensor,
        mel: Tensor,
        speaker: Tensor,
        prior: Tensor | None = None,
        halved: bool = False,
    ) -> Tensor:
        """lengths: units of each row; speaker: int64 [batch]; prior: log-probabilities, shaped as what comes out.

        `halved`: frames by two, [batch, frames // 2, n], which does for learning in half the time.
        """
        there = torch.arange(units.shape[1], device=units.device) < lengths.unsqueeze(1)
        keys = self.units(units) * there.unsqueeze(2)
        keys = self.key_leave(torch.relu(self.key_enter(keys)))
        x = (mel - self.mean) / self.deviation + self.speakers(speaker).unsqueeze(1)
        queries = self.query_leave(torch.relu(self.query_inner(torch.relu(self.query_enter(x)))))
        if halved:
            pairs = queries[:, : queries.shape[1] // 2 * 2]
            queries = (pairs[:, ::2] + pairs[:, 1::2]) / 2
        with torch.autocast(mel.device.type, enabled=False):
            queries, keys = queries.float(), keys.float()
            # |q - k|^2 without |q|^2, which is the same for all units.
            distance = keys.square().sum(2).unsqueeze(1) - 2 * queries @ keys.transpose(1, 2)
            scores = (-_TEMPERATURE * distance).masked_fill(~there.unsqueeze(1), NEVER)
            scores = torch.log_softmax(scores, 2)
            return scores if prior is None else scores + prior


@lru_cache(maxsize=4096)
def even_pace(units: int, frames: int) -> Tensor:
    """Log of the beta-binomial prior, float32 [frames, units]: a unit is likely where it stands in an even reading.

    Beta-binomial of (units - 1) draws with alpha = frame + 1 and beta = frames - frame; all arguments of the gamma
    functions are whole numbers, so that a table does for them.
    """
    table = _log_factorials(units + frames + 2)
    k, t = np.arange(units)[None], np.arange(frames)[:, None]
    n, alpha, beta = units - 1, t + 1, frames - t

    def gamma(x: NDArray[np.int64]) -> NDArray[np.float64]:
        return table[x - 1]

    log = (
        table[n] - table[k] - table[n - k]
        + gamma(k + alpha) + gamma(n - k + beta) - gamma(np.asarray(n) + alpha + beta)
        + gamma(alpha + beta) - gamma(alpha) - gamma(beta)
    )  # fmt: skip
    return torch.from_numpy(np.maximum(log, -50).astype(np.float32))


@lru_cache(maxsize=1)
def _log_factorials_up_to(size: int) -> NDArray[np.float64]:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, size)))])


def _log_factorials(size: int) -> NDArray[np.float64]:
    """Of 0, 1, 2 ... size - 1, and beyond."""
    return _log_factorials_up_to(1 << max(12, size.bit_length()))


def forward_sum(scores: Tensor, units: Tensor, frames: Tensor) -> Tensor:
    """Minus log of the summed probability of all monotonic paths, nats a frame; scores [batch, frames, n] with prior.

    units, frames: [batch]. A row that no path fits counts nothing.
    """
    return _ForwardSum.apply(scores, units, frames) / frames.sum()


class _ForwardSum(torch.autograd.Function):
    """Forward and backward variables of a left-to-right chain, whose posteriors are the gradient.

    PyTorch's CTC does the same with a blank between all units in five times the time. Probabilities are scaled anew in
    each frame (Rabiner 1989), in float64.
    """

    @staticmethod
    def forward(ctx, scores: Tensor, units: Tensor, frames: Tensor) -> Tensor:  # type: ignore[override]
        loss, posteriors = _chain(
            scores.detach().cpu().numpy().astype(np.float64), units.cpu().numpy(), frames.cpu().numpy()
        )
        ctx.save_for_backward(torch.from_numpy(posteriors).to(scores))
        return scores.new_tensor(loss)

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        return -gradients[0] * ctx.saved_tensors[0], None, None


def _chain(
    scores: NDArray[np.float64], units: NDArray[np.int64], frames: NDArray[np.int64]
) -> tuple[float, NDArray[np.float32]]:
    """Minus log probability of all rows together, and the posteriors [batch, frames, n]."""
    batch, time, count = scores.shape
    peak = scores.max(2)
    emitted = np.ascontiguousarray(np.exp(scores - peak[:, :, None]).transpose(1, 0, 2))
    rows, last = np.arange(batch), np.minimum(units, count) - 1
    alpha = np.zeros((time, batch, count))
    scale = np.ones((time, batch))
    now = np.zeros((batch, count))
    now[:, 0] = emitted[0, :, 0]
    for t in range(time):
        if t:
            now = alpha[t - 1] * emitted[t]
            now[:, 1:] += alpha[t - 1, :, :-1] * emitted[t, :, 1:]
        scale[t] = np.maximum(now.sum(1), 1e-300)
        np.divide(now, scale[t][:, None], out=alpha[t])
    ended = alpha[frames - 1, rows, last]
    inside = np.arange(time)[:, None] < frames
    fits = ended > 1e-250
    total = (np.log(scale) * inside).sum(0) + (peak.T * inside).sum(0) + np.log(np.maximum(ended, 1e-300))
    beta = np.zeros((batch, count))
    posteriors = np.zeros((time, batch, count), np.float32)
    for t in range(time - 1, -1, -1):
        if t + 1 < time:
            ahead = beta * emitted[t + 1] / scale[t + 1][:, None]
            beta = ahead.copy()
            beta[:, :-1] += ahead[:, 1:]
        ends = frames - 1 == t
        if ends.any():
            beta[ends] = 0
            beta[rows[ends], last[ends]] = 1
        joint = alpha[t] * beta
        mass = joint.sum(1, keepdims=True)
        posteriors[t] = np.divide(joint, mass, out=np.zeros_like(joint), where=mass > 0)
        # Far from the present place backward variables grow without end; only their ratios are asked for.
        beta = np.divide(beta, mass, out=np.zeros_like(beta), where=mass > 1e-200)
    posteriors[:, ~fits] = 0
    posteriors[~inside] = 0
    return float(-total[fits].sum()), posteriors.transpose(1, 0, 2)


def monotonic(scores: NDArray[np.float32], units: NDArray[np.int64], frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """Frames of each unit on the best path, int64 [batch, n]: every unit of a row has at least one, in order.

    Args:
        scores: log-probabilities [batch, frames, n], with the prior.
        units, frames: [batch], how many of each a row has; no more units than frames.
    """
    batch, time, count = scores.shape
    if (units > frames).any():
        raise ValueError("a row has more units than frames")
    stay = np.empty((time, batch, count), bool)
    best = np.full((batch, count), -np.inf, np.float64)
    best[:, 0] = scores[:, 0, 0]
    before = np.full((batch, count), -np.inf, np.float64)
    for t in range(1, time):
        before[:, 1:] = best[:, :-1]
        np.greater_equal(best, before, out=stay[t])
        best = np.maximum(best, before) + scores[:, t]
    durations = np.zeros((batch, count), np.int64)
    rows, at = np.arange(batch), units - 1
    for t in range(time - 1, -1, -1):
        live = t < frames
        durations[rows[live], at[live]] += 1
        if t:
            # With as many frames left as units before, every one of them gets its one.
            step = live & (at > 0) & (~stay[t, rows, at] | (at >= t))
            at = at - step
    return durations
