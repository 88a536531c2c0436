"""Support vector machines on statistics of cepstra: what was there before networks, and learns in a minute.

Mel cepstra with first and second differences (Davis and Mermelstein 1980, doi 10.1109/TASSP.1980.1163420; Furui 1986,
doi 10.1109/TASSP.1986.1164788), their means and deviations over each half of the window, one machine a label against
all others (Cortes and Vapnik 1995, doi 10.1007/BF00994018) with a Gaussian kernel or none. scikit-learn finds the
machines; what is run, and exported, are matrix products. Halves, because a mean over the whole window cannot tell "no"
from "on". Probabilities are fitted to answers to clips that the machines were not shown (models/calibration.py).

It streams: means and deviations run along, and each frame of output has its own statistics.

With 12 labels, features counted, `rbf` with as many support vectors as there may be:

    preset    parameters    multiply-adds a second
    linear    1.90 k        11.4 M
    rbf       504 k         21.4 M
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from resonet.models.calibration import calibrated
from resonet.models.layers import LogMel, Tape, log_probs, running_mean
from resonet.models.streaming import StreamingClassifier

# Parts of the examples, each of which is judged by machines that learnt from the others, for the probabilities.
FOLDS = 3
# Least deviation over a stretch of window, of values whose deviation over all sound is 1. With less, the rounding of
# running sums is heard.
FLOOR = 0.1


class Config(BaseModel):
    """Sizes, and how the machines are found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mels: int = 40
    mean_window: int = Field(100, ge=0, description="frames of the moving mean that is taken off; 0: none")
    window: PositiveFloat = Field(1.0, description="seconds of sound that are judged")
    subsampling: PositiveInt = Field(5, description="frames of 10 ms a frame of output")
    cepstra: PositiveInt = 13
    parts: PositiveInt = Field(2, description="stretches of the window, each with statistics of its own")
    kernel: Literal["rbf", "linear"] = "rbf"
    examples: PositiveInt = Field(3000, description="clips that are learnt from at most; the kernel needs their square")
    penalty: PositiveFloat = Field(10.0, description="C of the machines")
    width: PositiveFloat = Field(0.5, description="gamma of the kernel, times the number of statistics")

    presets: ClassVar[dict[str, dict]] = {
        "linear": {"kernel": "linear", "penalty": 0.01, "examples": 100_000},
        "rbf": {},
    }

    @property
    def statistics(self) -> int:
        """Values that a window is judged by."""
        return 2 * 3 * self.cepstra * self.parts


class Network(StreamingClassifier):
    """See StreamingClassifier; `learn` takes the place of training."""

    fit = "closed_form"

    cosines: Tensor
    frame_mean: Tensor
    frame_scale: Tensor
    mean: Tensor
    scale: Tensor
    support: Tensor
    weight: Tensor
    bias: Tensor
    slope: Tensor
    offset: Tensor

    def __init__(self, config: Config, labels: int) -> None:
        super().__init__()
        self.config, self.labels = config, labels
        self.features = LogMel(config.mels, config.mean_window)
        bands, order = torch.arange(config.mels, dtype=torch.float64), torch.arange(config.cepstra)
        cosines = torch.cos(math.pi / config.mels * (bands.unsqueeze(1) + 0.5) * order) * math.sqrt(2 / config.mels)
        self.register_buffer("cosines", cosines.float(), persistent=False)
        for name, size in (("frame_", 3 * config.cepstra), ("", config.statistics)):
            self.register_buffer(f"{name}mean", torch.zeros(size))
            self.register_buffer(f"{name}scale", torch.ones(size))
        rbf = config.kernel == "rbf"
        if rbf:
            self.support = fixed(torch.zeros(config.examples, config.statistics))
        self.weight = fixed(torch.zeros(config.examples if rbf else config.statistics, labels))
        self.bias, self.slope, self.offset = (fixed(torch.zeros(size)) for size in (labels, 1, labels))

    @property
    def receptive_field(self) -> int:
        """Output frames (rounded up) that can bear on one frame of output, window and moving mean included."""
        frames = 3 + 4 + 4 + max(0, self.config.mean_window - 1)  # of 10 ms: LogMel, differences, mean
        return -(-frames // self.config.subsampling) + self._part * self.config.parts

    @property
    def _part(self) -> int:
        """Output frames of a stretch of the window, rounded up."""
        return -(-self.window // self.config.parts)

    def network(self, features: Tensor, tape: Tape) -> Tensor:
        """As in Streaming."""
        return log_probs(self.machines(self.statistics(features, tape)) * self.slope + self.offset)

    def statistics(self, features: Tensor, tape: Tape) -> Tensor:
        """Log-mels [batch, time, mels] -> [batch, time / subsampling, statistics] of the window that ends there."""
        x = (self._cepstra(features, tape) - self.frame_mean) * self.frame_scale
        x = torch.cat([x, x.square()], 2).unflatten(1, (-1, self.config.subsampling)).mean(2)
        part, back = self._part, self._part * (self.config.parts - 1)
        mean, square = running_mean(tape.extend(x, part - 1), part).chunk(2, 2)
        deviation = torch.sqrt((square - mean.square()).clamp(min=0) + FLOOR**2)
        x = tape.extend(torch.cat([mean, deviation], 2), back)
        x = torch.cat([x[:, i * part : x.shape[1] - back + i * part] for i in range(self.config.parts)], 2)
        return (x - self.mean) * self.scale

    def machines(self, x: Tensor) -> Tensor:
        """Statistics [..., statistics] -> the machines' answers [..., labels], positive for yes."""
        if self.config.kernel == "linear":
            return x @ self.weight + self.bias
        return _kernel(x, self.support, self.config.width) @ self.weight + self.bias

    @torch.no_grad()
    def learn(self, pcm: Tensor, targets: Tensor, groups: Tensor | None = None) -> None:
        """Finds the machines from clips [n, samples] and their labels [n]; the features must have their statistics.

        What lies before the last `window` seconds of a clip counts as context alone. Of more clips than
        `config.examples` so many are drawn, with a fixed seed. `groups` [n]: clips with one number are of one origin;
        none of them is judged by machines that learnt from another.
        """
        draw = torch.randperm(len(pcm), generator=torch.Generator().manual_seed(0))[: self.config.examples]
        labels = targets[draw].numpy()
        folds = (torch.arange(len(draw)) if groups is None else groups[draw]).numpy() % FOLDS
        features = [self.heard(pcm[rows]) for rows in draw.split(100)]
        frames = torch.cat([self._cepstra(part, Tape()).flatten(0, 1) for part in features])
        self.frame_mean.copy_(frames.mean(0))
        self.frame_scale.copy_(1 / frames.std(0).clamp(min=1e-3))
        self.mean.zero_()
        self.scale.fill_(1.0)
        x = torch.cat([self.statistics(part, Tape())[:, -1] for part in features])
        self.mean.copy_(x.mean(0))
        self.scale.copy_(1 / x.std(0).clamp(min=0.02))
        x = ((x - self.mean) * self.scale).double()

        gram = x if self.config.kernel == "linear" else _kernel(x, x, self.config.width)
        weight, bias = self._machines(gram.numpy(), labels)
        held_out = torch.zeros(len(x), self.labels, dtype=torch.float64)
        for fold in range(FOLDS):
            out, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
            known = gram[rest] if self.config.kernel == "linear" else gram[rest][:, rest]
            w, b = self._machines(known.numpy(), labels[rest])
            asked = gram[out] if self.config.kernel == "linear" else gram[out][:, rest]
            held_out[out] = asked @ torch.from_numpy(w) + torch.from_numpy(b)
        slope, offset = calibrated(held_out, torch.from_numpy(labels))

        if self.config.kernel == "rbf":
            used = np.flatnonzero(np.abs(weight).sum(1))
            self.support, weight = fixed(x[used]), weight[used]
        self.weight, self.bias = fixed(torch.from_numpy(weight)), fixed(torch.from_numpy(bias))
        self.slope, self.offset = fixed(slope), fixed(offset)

    def _machines(self, x: NDArray[np.float64], labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Weights [n or statistics, labels] and biases [labels] of one machine a label; x a kernel's matrix or data."""
        from sklearn.svm import SVC, LinearSVC

        weight, bias = np.zeros((x.shape[1], self.labels)), np.full(self.labels, -1.0)
        for label in range(self.labels):
            yes = labels == label
            if not yes.any() or yes.all():  # nothing to find: always no, or always yes
                bias[label] = 1.0 if yes.all() else -1.0
            elif self.config.kernel == "linear":
                linear = LinearSVC(C=self.config.penalty, random_state=0, max_iter=10_000).fit(x, yes)
                weight[:, label], bias[label] = linear.coef_[0], linear.intercept_[0]
            else:
                machine = SVC(C=self.config.penalty, kernel="precomputed").fit(x, yes)
                weight[machine.support_, label], bias[label] = machine.dual_coef_[0], machine.intercept_[0]
        return weight, bias

    def _cepstra(self, features: Tensor, tape: Tape) -> Tensor:
        """[batch, time, mels] -> [batch, time, 3 * cepstra] with their first and second differences."""
        x = features @ self.cosines
        first = _differences(tape.extend(x, 4))
        return torch.cat([x, first, _differences(tape.extend(first, 4))], 2)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any, **kwargs: Any) -> None:
        """There are as many support vectors as were found."""
        for name in ("support", "weight"):
            found, own = state_dict.get(prefix + name), getattr(self, name, None)
            if found is not None and own is not None and found.shape[1:] == own.shape[1:]:
                setattr(self, name, fixed(torch.zeros_like(found)))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def fixed(x: Tensor) -> nn.Parameter:
    """A weight that no gradient reaches."""
    return nn.Parameter(x.float(), requires_grad=False)


def _differences(x: Tensor) -> Tensor:
    """Slopes of the line through five frames; [batch, time + 4, channels] -> [batch, time, channels]."""
    return ((x[:, 3:-1] - x[:, 1:-3]) + 2 * (x[:, 4:] - x[:, :-4])) / 10


def _kernel(x: Tensor, support: Tensor, width: float) -> Tensor:
    """exp(-gamma |x - support|^2), [..., statistics] -> [..., support]."""
    far = x.square().sum(-1, keepdim=True) + support.square().sum(1) - 2 * (x @ support.T)
    return torch.exp(-width / x.shape[-1] * far.clamp(min=0))
