"""What recognizers share: PCM in, log-probabilities out, one computation for recordings, batches and streams.

A family derives from `StreamingRecognizer`, sets `config` (with `subsampling`) and `features`, and gives `delay`,
`receptive_field` and `network(features, tape)`. Everything that feeds or cuts it is here, once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from resonet.models.layers import LogMel, Tape


class StreamingRecognizer(nn.Module, ABC):
    """PCM at 16 kHz to log-probabilities of units; see `forward` for the streaming form and `scores` for the whole."""

    fit = "gradient"
    streams = True

    config: Any
    features: LogMel

    @property
    def delay(self) -> int:
        """Output frames by which results lag their sound."""
        return 0

    @property
    @abstractmethod
    def receptive_field(self) -> int | None:
        """Output frames (rounded up) that can bear on one frame of output; None: all before it."""

    @abstractmethod
    def network(self, features: Tensor, tape: Tape) -> Tensor:
        """Normalised log-mels [batch, time, mels] -> log-probabilities [batch, time / subsampling, units]."""

    @property
    def stride(self) -> int:
        """PCM samples a frame of output."""
        return LogMel.SHIFT * self.config.subsampling

    @property
    def state_size(self) -> int:
        """Length of the flat stream state."""
        with torch.no_grad():
            pcm = torch.zeros(1, self.stride, device=next(self.parameters()).device)
            tape = Tape(keep=True)
            self.network(self.features(pcm, tape), tape)
            return tape.state().shape[1]

    def output_lengths(self, samples: Tensor) -> Tensor:
        """Frames of output for recordings of so many samples."""
        return (samples + self.stride - 1) // self.stride

    def forward(self, pcm: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One chunk of a stream: pcm [batch, n * stride], state [batch, state_size] -> log-probs, next state.

        The state is zeros at the start. Results lag by `delay` frames: drop the first `delay`, and flush the end with
        `delay * stride` zero samples.
        """
        tape = Tape(state, keep=True)
        scores = self.network(self.features(pcm, tape), tape)
        return scores, tape.state()

    def padded(self, pcm: Tensor) -> Tensor:
        """[batch, samples] -> whole frames and the flush of `delay` frames."""
        samples = int(self.output_lengths(torch.tensor(pcm.shape[1]))) + self.delay
        return nn.functional.pad(pcm, (0, samples * self.stride - pcm.shape[1]))

    def scores(self, pcm: Tensor, warp: Tensor | None = None, masks: tuple = ()) -> list[Tensor]:
        """Whole recordings [batch, samples] -> log-probs [batch, frames, units], once a mask (once if there is none).

        `masks`: functions that hide parts of the features [batch, time, mels] (SpecAugment), each giving one view;
        `warp` as in LogMel.
        """
        with torch.autocast(pcm.device.type, enabled=False):  # a power spectrum in bfloat16 is another one
            features = self.features(self.padded(pcm), Tape(), warp)
        views = [mask(features) for mask in masks] or [features]
        scores = self.network(torch.cat(views) if len(views) > 1 else views[0], Tape())
        return list(scores[:, self.delay :].chunk(len(views)))
