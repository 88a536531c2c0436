"""Convolution front end and recurrent layers with CTC: the smaller sibling of Deep Speech 2.

Ancestors: Deep Speech 2 (Amodei et al. 2016, arXiv 1512.02595), 2-D convolutions under forward-only recurrent layers;
CLDNN (Sainath et al. 2015, doi 10.1109/ICASSP.2015.7178838), convolution, LSTM and linear layers.

Changed: strided 3x3 convolutions in place of the wide ones; LayerNorm between layers in place of batch norm; no
lookahead convolution: the network answers `ahead` frames late, which lets a forward-only layer hear what follows.
`recurrent` picks LSTM (Hochreiter and Schmidhuber 1997), GRU (Cho et al. 2014), a plain tanh RNN (Elman 1990), or
`none`: a plain convolution network of the same depth, to compare with.

With 40 units, features and front end counted:

    preset    parameters    multiply-adds a second
    1m        1.04 M        39.8 M
    4m        4.00 M        114 M
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from resonet.models.layers import CausalConv2d, LogMel, Tape, TimeConv, log_probs
from resonet.models.streaming import StreamingRecognizer


class Config(BaseModel):
    """Sizes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mels: int = 80
    mean_window: int = Field(300, ge=0, description="frames of the moving mean that is taken off; 0: none")
    subsampling: Literal[4, 8] = 4
    recurrent: Literal["lstm", "gru", "rnn", "none"] = "lstm"
    front: int = Field(16, description="channels of the 2-D front end")
    width: int = 400
    layers: int = Field(3, ge=1)
    kernel: int = Field(5, ge=1, description="taps of a layer without recurrence")
    ahead: int = Field(8, ge=0, description="frames by which the network answers late")
    dropout: float = Field(0.1, ge=0, lt=1)

    presets: ClassVar[dict[str, dict]] = {"1m": {"width": 200, "dropout": 0.05}, "4m": {}}


class FrontEnd(nn.Module):
    """Log-mels [batch, time, mels] -> [batch, time / subsampling, width]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        strides = 2 if c.subsampling == 4 else 3
        self.convs = nn.ModuleList(CausalConv2d(1 if i == 0 else c.front, c.front, 2) for i in range(strides))
        self.project = nn.Linear(c.front * -(-c.mels // 2**strides), c.width)
        self.norm = nn.LayerNorm(c.width)

    def forward(self, x: Tensor, tape: Tape) -> Tensor:
        x = x.unsqueeze(1)
        for conv in self.convs:
            x = torch.relu(conv(x, tape))
        return self.norm(self.project(x.transpose(1, 2).flatten(2)))


class Layer(nn.Module):
    """norm(layer(x)), recurrent or convolutional; [batch, time, width] -> the same."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        kinds = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
        self.conv = TimeConv(c.width, c.width, c.kernel) if c.recurrent == "none" else None
        self.cell = None if c.recurrent == "none" else kinds[c.recurrent](c.width, c.width, batch_first=True)
        if isinstance(self.cell, nn.LSTM):  # cells remember at first (Jozefowicz et al. 2015)
            nn.init.ones_(self.cell.get_parameter("bias_ih_l0")[c.width : 2 * c.width])
        self.norm = nn.LayerNorm(c.width)
        self.dropout = c.dropout

    def forward(self, x: Tensor, tape: Tape) -> Tensor:
        if self.conv is not None:
            y = torch.relu(self.conv(tape.extend(x, self.conv.context)))
        else:
            y = self._recur(x, tape)
        y = self.norm(y)
        if self.training and self.dropout:  # one mask for all frames
            keep = torch.rand(y.shape[0], 1, y.shape[2], device=y.device) >= self.dropout
            y = y * keep.to(y.dtype) / (1 - self.dropout)
        return y

    def _recur(self, x: Tensor, tape: Tape) -> Tensor:
        """The states go over the tape as [batch, 1, width] and into the cell as [1, batch, width]."""
        assert self.cell is not None
        width = x.shape[2]
        if isinstance(self.cell, nn.LSTM):
            hidden, memory = (tape.take(x, (1, width)).transpose(0, 1).contiguous() for _ in range(2))
            y, (hidden, memory) = self.cell(x, (hidden, memory))
            tape.put(hidden.transpose(0, 1))
            tape.put(memory.transpose(0, 1))
        else:
            y, hidden = self.cell(x, tape.take(x, (1, width)).transpose(0, 1).contiguous())
            tape.put(hidden.transpose(0, 1))
        return y


class Network(StreamingRecognizer):
    """See StreamingRecognizer."""

    def __init__(self, config: Config, units: int) -> None:
        super().__init__()
        self.config = config
        self.features = LogMel(config.mels, config.mean_window)
        self.front = FrontEnd(config)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.output = nn.Linear(config.width, units)

    @property
    def delay(self) -> int:
        """Output frames by which results lag their sound."""
        return self.config.ahead

    @property
    def receptive_field(self) -> int | None:
        """Output frames (rounded up) that can bear on one frame of output; None with recurrence: all before it."""
        if self.config.recurrent != "none":
            return None
        strides = 2 if self.config.subsampling == 4 else 3
        mel = 3 + sum(2 * 2**i for i in range(strides)) + max(0, self.config.mean_window - 1)
        return 1 + -(-mel // self.config.subsampling) + self.config.layers * (self.config.kernel - 1)

    def network(self, features: Tensor, tape: Tape) -> Tensor:
        """As in StreamingRecognizer."""
        x = self.front(features, tape)
        for layer in self.layers:
            x = layer(x, tape)
        return log_probs(self.output(x))
