"""What streaming families share: PCM in, frames out, one computation for recordings, batches and streams.

A recognizer derives from `StreamingRecognizer`, a classifier from `StreamingClassifier`, what is neither from
`Streaming`. A family sets `config` (with `subsampling`) and `features`, and gives `delay`, `receptive_field` and
`network(features, tape)`. Everything that feeds or cuts it is here, once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from resonet.models.layers import LogMel, Tape, running_mean


class Streaming(nn.Module, ABC):
    """PCM at 16 kHz to frames of output; see `forward` for the streaming form and `views` for the whole."""

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
        """Normalised log-mels [batch, time, mels] -> output [batch, time / subsampling, width]."""

    @property
    def stride(self) -> int:
        """PCM samples a frame of output."""
        return LogMel.SHIFT * self.config.subsampling

    @property
    def state_size(self) -> int:
        """Length of the flat stream state."""
        with torch.no_grad():
            pcm = torch.zeros(1, self.stride, device=self.features.mean.device)
            tape = Tape(keep=True)
            self.network(self.features(pcm, tape), tape)
            return tape.state().shape[1]

    def output_lengths(self, samples: Tensor) -> Tensor:
        """Frames of output for recordings of so many samples."""
        return (samples + self.stride - 1) // self.stride

    def forward(self, pcm: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One chunk of a stream: pcm [batch, n * stride], state [batch, state_size] -> n frames, next state.

        The state is zeros at the start. Results lag by `delay` frames: drop the first `delay`, and flush the end with
        `delay * stride` zero samples.
        """
        tape = Tape(state, keep=True)
        frames = self.network(self.features(pcm, tape), tape)
        return frames, tape.state()

    def padded(self, pcm: Tensor) -> Tensor:
        """[batch, samples] -> whole frames and the flush of `delay` frames."""
        samples = int(self.output_lengths(torch.tensor(pcm.shape[1]))) + self.delay
        return nn.functional.pad(pcm, (0, samples * self.stride - pcm.shape[1]))

    def heard(self, pcm: Tensor, warp: Tensor | None = None) -> Tensor:
        """Features [batch, time, mels] of whole recordings [batch, samples] with their flush; `warp` as in LogMel."""
        with torch.autocast(pcm.device.type, enabled=False):  # a power spectrum in bfloat16 is another one
            return self.features(self.padded(pcm), Tape(), warp)

    def views(self, pcm: Tensor, warp: Tensor | None = None, masks: tuple = ()) -> list[Tensor]:
        """Whole recordings [batch, samples] -> output [batch, frames, width], once a mask (once if there is none).

        `masks`: functions that hide parts of the features [batch, time, mels] (SpecAugment), each giving one view;
        `warp` as in LogMel.
        """
        features = self.heard(pcm, warp)
        views = [mask(features) for mask in masks] or [features]
        frames = self.network(torch.cat(views) if len(views) > 1 else views[0], Tape())
        return list(frames[:, self.delay :].chunk(len(views)))


class StreamingRecognizer(Streaming):
    """PCM at 16 kHz to log-probabilities of units, [batch, frames, units]."""

    def scores(self, pcm: Tensor, warp: Tensor | None = None, masks: tuple = ()) -> list[Tensor]:
        """Log-probs of whole recordings, once a mask; arguments and shapes as in `views`."""
        return self.views(pcm, warp, masks)


class StreamingClassifier(Streaming):
    """PCM at 16 kHz to log-probabilities of labels, [batch, frames, labels].

    Frame t judges the last `config.window` seconds of the sound that ends with it.
    """

    def clips(self, pcm: Tensor, warp: Tensor | None = None, mask: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Log-probs [batch, labels] of the windows with which the clips [batch, samples] end.

        Clips may be longer than the window, then the network has heard what came before, as it has in a stream.
        `warp` and `mask` as in `views`.
        """
        return self.views(pcm, warp, (mask,) if mask else ())[0][:, -1]

    @property
    def window(self) -> int:
        """Output frames of the window that is judged, rounded up."""
        return max(1, -(-round(self.config.window * LogMel.SAMPLE_RATE) // self.stride))

    def over_window(self, x: Tensor, tape: Tape) -> Tensor:
        """Mean over the frames of the window, without those before the start; [batch, frames, channels] -> the same.

        A channel of ones goes along: what its mean lacks is the share of the window that there was no sound for.
        """
        with torch.autocast(x.device.type, enabled=False):  # running sums need all their digits
            x = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
            x = torch.cat([x, torch.ones_like(x[..., :1])], 2)
            mean = running_mean(tape.extend(x, self.window - 1), self.window)
            return mean[..., :-1] / mean[..., -1:].clamp(min=1 / self.window)
