"""A hidden Markov model a word: what spotted words for thirty years, and learns from a handful of clips.

Ancestors: word models from left to right with mixtures of Gaussians on cepstra (Rabiner 1989, doi 10.1109/5.18626;
mel cepstra and their differences as in svm.py), found by Viterbi training (Juang and Rabiner 1990,
doi 10.1109/29.60082): the best path gives each frame to a state, each state learns from its frames, again and again.
Silence before and after the word goes to the first and last states; silence and other words are labels with models like
any other's.

A clip's answer is the log-likelihood of the best path through each model, a frame; probabilities are a softmax of them
with a slope and offsets fitted to clips that the models had not learnt from (models/calibration.py).

It does not stream: where a word begins, the path begins, and each hop would walk the whole window again.

With 12 labels, features and 1 s of window counted:

    preset    parameters    multiply-adds a second
    small     7.69 k        11.7 M
    base      38.1 k        13.2 M
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from resonet.models.calibration import calibrated
from resonet.models.layers import LogMel, Tape, log_probs

# Parts of the clips, each of which is judged by models that learnt from the others, for the probabilities.
FOLDS = 3
# As many frames of the sound of all labels speak for a state's variances as for a state that has none of its own.
PRIOR = 10.0
VARIANCE_FLOOR = 0.05


class Config(BaseModel):
    """Sizes of each word's model, and how it is found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mels: int = 40
    window: PositiveFloat = Field(1.0, description="seconds of sound that are judged")
    subsampling: PositiveInt = Field(2, description="frames of 10 ms a frame of the models")
    cepstra: PositiveInt = 13
    states: PositiveInt = 10
    mixtures: PositiveInt = Field(4, description="Gaussians a state")
    passes: PositiveInt = Field(12, description="alignments of all clips in training")

    presets: ClassVar[dict[str, dict]] = {"small": {"states": 8, "mixtures": 1}, "base": {}}


class Network(nn.Module):
    """PCM at 16 kHz to log-probabilities of labels for the window with which clips end; `learn` trains it."""

    fit = "closed_form"
    streams = False
    delay = 0

    cosines: Tensor
    mean: Tensor
    scale: Tensor
    centres: Tensor
    variances: Tensor
    shares: Tensor
    stay: Tensor
    slope: Tensor
    offset: Tensor

    def __init__(self, config: Config, labels: int) -> None:
        super().__init__()
        self.config, self.labels = config, labels
        self.features = LogMel(config.mels, 0)
        bands, order = torch.arange(config.mels, dtype=torch.float64), torch.arange(config.cepstra)
        cosines = torch.cos(math.pi / config.mels * (bands.unsqueeze(1) + 0.5) * order) * math.sqrt(2 / config.mels)
        self.register_buffer("cosines", cosines.float(), persistent=False)
        self.register_buffer("mean", torch.zeros(3 * config.cepstra))
        self.register_buffer("scale", torch.ones(3 * config.cepstra))
        shape = (labels, config.states, config.mixtures)
        self.centres = fixed(torch.zeros(*shape, 3 * config.cepstra))
        self.variances = fixed(torch.ones(*shape, 3 * config.cepstra))
        self.shares = fixed(torch.full(shape, 1 / config.mixtures))
        self.stay = fixed(torch.full(shape[:2], 0.8))
        self.slope, self.offset = fixed(torch.zeros(1)), fixed(torch.zeros(labels))

    @property
    def stride(self) -> int:
        """PCM samples a frame of the models."""
        return LogMel.SHIFT * self.config.subsampling

    @property
    def window(self) -> int:
        """Frames of the window that is judged, rounded up."""
        return max(1, -(-round(self.config.window * LogMel.SAMPLE_RATE) // self.stride))

    @property
    def receptive_field(self) -> int:
        """Frames that can bear on an answer."""
        return self.window

    def forward(self, pcm: Tensor) -> Tensor:
        """Clips [batch, samples] -> log-probs [batch, labels] of the windows with which they end."""
        return log_probs(self.answers(self.observed(pcm)) * self.slope + self.offset)

    def clips(self, pcm: Tensor, warp: Tensor | None = None, mask: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """`forward` by the name that all classifiers have for it; `warp` and `mask` as in Streaming.views."""
        return log_probs(self.answers(self.observed(pcm, warp, mask)) * self.slope + self.offset)

    def observed(
        self, pcm: Tensor, warp: Tensor | None = None, mask: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:
        """Clips [batch, samples] -> normalised cepstra and differences [batch, window, 3 * cepstra].

        Most of the mean over the window is taken off, as LogMel does it in streams (of 741 dev clips of Speech Commands
        82 % were right with it, 77 % without). Before a shorter clip there is digital silence.
        """
        samples = self.window * self.stride
        features = self.features(nn.functional.pad(pcm, (samples, 0))[:, -samples:], Tape(), warp)
        x = (mask(features) if mask else features) @ self.cosines
        x = x - LogMel.TAKEN * x.mean(1, keepdim=True)
        first = _differences(x)
        x = torch.cat([x, first, _differences(first)], 2).unflatten(1, (self.window, -1)).mean(2)
        return (x - self.mean) * self.scale

    def answers(self, x: Tensor) -> Tensor:
        """[batch, window, 3 * cepstra] -> log-likelihood a frame of each label's best path [batch, labels]."""
        emitted = self._likelihoods(x, self.centres, self.variances, self.shares)
        stay, move = torch.log(self.stay), torch.log(1 - self.stay[:, :-1])
        best = nn.functional.pad(emitted[:, 0, :, :1], (0, self.config.states - 1), value=-1e4)
        for t in range(1, self.window):
            moved = nn.functional.pad(best[..., :-1] + move, (1, 0), value=-1e4)
            best = torch.maximum(best + stay, moved) + emitted[:, t]
        return best[..., -1] / self.window

    @torch.no_grad()
    def learn(self, pcm: Tensor, targets: Tensor, groups: Tensor | None = None) -> None:
        """Finds the models from clips [n, samples] and their labels [n]; the features must have their statistics.

        `groups` [n]: clips with one number are of one origin; none is judged by models that learnt from another.
        """
        self.mean.zero_()
        self.scale.fill_(1.0)
        x = torch.cat([self.observed(part) for part in pcm.split(100)])
        self.mean.copy_(x.mean((0, 1)))
        self.scale.copy_(1 / x.flatten(0, 1).std(0).clamp(min=1e-3))
        x = (x - self.mean) * self.scale
        held_out = torch.zeros(len(x), self.labels)
        folds = (torch.arange(len(x)) if groups is None else groups) % FOLDS
        for fold in range(FOLDS):
            out = folds == fold
            self._models(x[~out], targets[~out])
            held_out[out] = self.answers(x[out])
        slope, offset = calibrated(held_out, targets)
        self.slope.copy_(slope)
        self.offset.copy_(offset)
        self._models(x, targets)

    def _models(self, x: Tensor, targets: Tensor) -> None:
        """Viterbi training of each label's model from its frames [n, window, dims]; one without clips stays vague."""
        self.centres.zero_()
        self.variances.fill_(1.0)
        self.shares.fill_(1 / self.config.mixtures)
        self.stay.fill_(0.8)
        for label in range(self.labels):
            own = x[targets == label]
            if len(own):
                self._model(label, own)

    def _model(self, label: int, x: Tensor) -> None:
        c = self.config
        # At first a clip's frames go to the states in equal stretches, and to the Gaussians of a state by loudness.
        states = (torch.arange(self.window) * c.states // self.window).expand(len(x), -1)
        order = x[..., 0].argsort(0).argsort(0) * c.mixtures // len(x)
        weights = nn.functional.one_hot(order, c.mixtures).to(x.dtype)
        for _ in range(c.passes):
            for state in range(c.states):
                self._state(label, state, x[states == state], weights[states == state])
            leaves = torch.full((c.states,), float(len(x)))
            frames = torch.bincount(states.flatten(), minlength=c.states)
            self.stay[label] = (1 - leaves / frames.clamp(min=1)).clamp(0.1, 0.98)
            parameters = (self.centres[label], self.variances[label], self.shares[label])
            joint = self._joint(x, *(p.unsqueeze(0) for p in parameters))[:, :, 0]
            states = self._aligned(label, torch.logsumexp(joint, 3))
            picked = states[..., None, None].expand(-1, -1, 1, c.mixtures)
            weights = torch.softmax(joint.gather(2, picked)[:, :, 0], 2)

    def _state(self, label: int, state: int, x: Tensor, weights: Tensor) -> None:
        """Means, variances and shares of a state's Gaussians from its frames [n, dims] and weights [n, mixtures]."""
        count = weights.sum(0).unsqueeze(1)
        mean = (weights.T @ x) / count.clamp(min=1e-3)
        square = (weights.T @ x.square()) / count.clamp(min=1e-3) - mean.square()
        self.centres[label, state] = mean
        self.variances[label, state] = ((square * count + PRIOR) / (count + PRIOR)).clamp(min=VARIANCE_FLOOR)
        self.shares[label, state] = (count[:, 0] + 1) / (count + 1).sum()

    def _aligned(self, label: int, emitted: Tensor) -> Tensor:
        """The state of each frame on the best path; [n, window, states] log-likelihoods -> [n, window]."""
        stay, move = torch.log(self.stay[label]), torch.log(1 - self.stay[label, :-1])
        best = nn.functional.pad(emitted[:, 0, :1], (0, self.config.states - 1), value=-1e4)
        came = []
        for t in range(1, self.window):
            moved = nn.functional.pad(best[:, :-1] + move, (1, 0), value=-1e4)
            came.append(moved > best + stay)
            best = torch.maximum(best + stay, moved) + emitted[:, t]
        path = [torch.full((len(emitted),), self.config.states - 1)]
        for moves in reversed(came):
            path.append(path[-1] - moves.gather(1, path[-1].unsqueeze(1))[:, 0].long())
        return torch.stack(path[::-1], 1)

    def _likelihoods(self, x: Tensor, centres: Tensor, variances: Tensor, shares: Tensor) -> Tensor:
        """[batch, time, dims] -> log-likelihoods [batch, time, labels, states]."""
        return torch.logsumexp(self._joint(x, centres, variances, shares), 4)

    @staticmethod
    def _joint(x: Tensor, centres: Tensor, variances: Tensor, shares: Tensor) -> Tensor:
        """Log of share times density of each Gaussian, [batch, time, labels, states, mixtures]."""
        precise = 1 / variances.flatten(0, 2)
        centres = centres.flatten(0, 2)
        constant = torch.log(shares.flatten()) - 0.5 * (
            (centres.square() * precise).sum(1) + torch.log(2 * math.pi * variances.flatten(0, 2)).sum(1)
        )
        joint = x @ (centres * precise).T - 0.5 * (x.square() @ precise.T) + constant
        return joint.unflatten(2, shares.shape)


def fixed(x: Tensor) -> nn.Parameter:
    """A weight that no gradient reaches."""
    return nn.Parameter(x, requires_grad=False)


def _differences(x: Tensor) -> Tensor:
    """Slopes of the line through five frames, the first and last ones repeated; [batch, time, channels] -> the same."""
    x = torch.cat([x[:, :1]] * 2 + [x] + [x[:, -1:]] * 2, 1)
    return ((x[:, 3:-1] - x[:, 1:-3]) + 2 * (x[:, 4:] - x[:, :-4])) / 10
