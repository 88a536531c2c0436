"""One wide convolution over time and bands, and gated recurrent units above it.

Ancestor: the small-footprint CRNN (Arik et al. 2017, arXiv 1703.05390): 32 filters of 20 frames by 5 bands at every 8th
frame and 2nd band, two layers of GRU (Cho et al. 2014), one hidden layer before the output.

Changed: the recurrence runs forwards only and goes on from chunk to chunk, so that it streams (the paper's runs both
ways over a window, again at each hop); with nothing from behind, it is at least twice as wide. The hidden layer reads
the mean of the states over the last `window` seconds in place of all of them side by side. Batch norm follows the
convolution.

With 12 labels, features counted:

    preset    parameters    multiply-adds a second
    small     156 k         13.9 M
    base      382 k         16.8 M
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from resonet.models.layers import LogMel, Tape, log_probs
from resonet.models.streaming import StreamingClassifier

# Frames and bands of a filter, and bands from one to the next.
TAPS, BANDS, BAND_STRIDE = 20, 5, 2


class Config(BaseModel):
    """Sizes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mels: int = Field(40, ge=BANDS)
    mean_window: int = Field(100, ge=0, description="frames of the moving mean that is taken off; 0: none")
    window: PositiveFloat = Field(1.0, description="seconds of sound that are judged")
    subsampling: Literal[4, 8] = Field(8, description="frames from one filter to the next")
    filters: PositiveInt = 32
    width: PositiveInt = Field(128, description="of the recurrent layers")
    layers: PositiveInt = 2
    hidden: PositiveInt = Field(64, description="units of the layer before the output")
    dropout: float = Field(0.2, ge=0, lt=1, description="between layers, one mask for all frames")

    presets: ClassVar[dict[str, dict]] = {"small": {"width": 64}, "base": {}}


class Network(StreamingClassifier):
    """See StreamingClassifier."""

    def __init__(self, config: Config, labels: int) -> None:
        super().__init__()
        self.config = config
        self.features = LogMel(config.mels, config.mean_window)
        stride = (config.subsampling, BAND_STRIDE)
        self.conv = nn.Conv2d(1, config.filters, (TAPS, BANDS), stride, bias=False)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
        self.norm = nn.BatchNorm1d(config.filters)
        inputs = config.filters * ((config.mels - BANDS) // BAND_STRIDE + 1)
        widths = (inputs, *[config.width] * config.layers)
        self.cells = nn.ModuleList(nn.GRU(widths[i], widths[i + 1], batch_first=True) for i in range(config.layers))
        self.hidden = nn.Linear(config.width, config.hidden)
        self.output = nn.Linear(config.hidden, labels)

    @property
    def receptive_field(self) -> None:
        """All that was heard before."""
        return None

    def network(self, features: Tensor, tape: Tape) -> Tensor:
        """As in Streaming."""
        x = self.conv(tape.extend(features, TAPS - self.config.subsampling).unsqueeze(1)).permute(0, 2, 3, 1)
        x = torch.relu(self.norm(x.flatten(0, 2)).view_as(x)).flatten(2)
        for cell in self.cells:
            # States go over the tape as [batch, 1, width] and into the cell as [1, batch, width].
            state = tape.take(x, (1, self.config.width)).transpose(0, 1).contiguous()
            x, state = cell(self._dropped(x), state)
            tape.put(state.transpose(0, 1))
        x = torch.relu(self.hidden(self._dropped(self.over_window(x, tape))))
        return log_probs(self.output(self._dropped(x)))

    def _dropped(self, x: Tensor) -> Tensor:
        if not self.training or not self.config.dropout:
            return x
        keep = torch.rand(x.shape[0], 1, x.shape[2], device=x.device) >= self.config.dropout
        return x * keep.to(x.dtype) / (1 - self.config.dropout)
