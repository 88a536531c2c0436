"""Layers that families share: the tape of stream caches, log-mel features, convolutions over time.

Layout is [batch, time, channels] throughout. A convolution over time is then one large matrix product (the form that a
CPU runs near its peak), and slices of time are slices of the second dimension.

Streaming: every layer that looks back asks the tape for the frames before its input. For a whole recording these are
zeros; in a stream they are what the layer saw last. So a recording, a batch and a stream are the same computation, and
nothing leaks from padding: no layer here looks ahead, a block that needs the future delays its skip instead.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Tape:
    """The caches of a network, read from and written to one flat tensor in the order of the calls.

    Args:
        state: [batch, size] from the call before, or None for zeros (the start of every recording).
        keep: collect the caches for the next call (`state()`); training does not need them.
    """

    def __init__(self, state: Tensor | None = None, keep: bool = False) -> None:
        self._old, self._keep = state, keep
        self._new: list[Tensor] = []
        self._at = 0

    def take(self, like: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The next cache as [batch, *shape]."""
        size = math.prod(shape)
        if self._old is None:
            return like.new_zeros(like.shape[0], *shape)
        part = self._old[:, self._at : self._at + size]
        self._at += size
        return part.reshape(-1, *shape)

    def put(self, cache: Tensor) -> None:
        """Hands the next call its cache."""
        if self._keep:
            self._new.append(cache.flatten(1))

    def extend(self, x: Tensor, frames: int) -> Tensor:
        """x [batch, time, ...] with the `frames` frames before it in front."""
        if frames == 0:
            return x
        x = torch.cat([self.take(x, (frames, *x.shape[2:])), x], 1)
        self.put(x[:, -frames:])
        return x

    def state(self) -> Tensor:
        """[batch, size]: everything that was put."""
        return torch.cat(self._new, 1)


class TimeConv(nn.Module):
    """Causal convolution over time as one matrix product; [batch, time, inputs] -> [batch, time, outputs].

    A widening convolution stacks the shifted inputs first, a narrowing one multiplies first and adds the shifted
    products: either way the copies are of the narrow side.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        self.inputs, self.outputs, self.kernel, self.dilation = inputs, outputs, kernel, dilation
        self.widen = inputs <= outputs
        shape = (kernel * inputs, outputs) if self.widen else (inputs, kernel * outputs)
        self.weight = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.normal_(self.weight, std=math.sqrt(2.0 / (kernel * inputs)))

    @property
    def context(self) -> int:
        """Frames of input before the present one."""
        return (self.kernel - 1) * self.dilation

    def silence(self) -> None:
        """Makes all outputs 0, so that a residual block begins as its skip."""
        nn.init.zeros_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """x must hold `context` frames more than the output will."""
        last = x.shape[1] - self.context
        if self.widen:
            shifted = [x[:, i * self.dilation : last + i * self.dilation] for i in range(self.kernel)]
            return torch.addmm(self.bias, torch.cat(shifted, 2).flatten(0, 1), self.weight).view(
                x.shape[0], -1, self.outputs
            )
        products = x @ self.weight
        y = products[:, :last, : self.outputs] + self.bias
        for i in range(1, self.kernel):
            y = y + products[:, i * self.dilation : last + i * self.dilation, i * self.outputs : (i + 1) * self.outputs]
        return y


class DepthwiseConv(nn.Module):
    """Causal depthwise convolution over time followed by a linear layer; shapes as in TimeConv."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        self.kernel, self.dilation = kernel, dilation
        self.depthwise = nn.Conv1d(inputs, inputs, kernel, dilation=dilation, groups=inputs, bias=False)
        self.pointwise = nn.Linear(inputs, outputs)

    @property
    def context(self) -> int:
        """Frames of input before the present one."""
        return (self.kernel - 1) * self.dilation

    def silence(self) -> None:
        """Makes all outputs 0, so that a residual block begins as its skip."""
        nn.init.zeros_(self.pointwise.weight)
        nn.init.zeros_(self.pointwise.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x.transpose(1, 2)).transpose(1, 2))


class CausalConv2d(nn.Conv2d):
    """3x3 convolution over time and bands, causal in time; [batch, channels, time, bands], stride 1 or 2 both ways.

    With stride 2 the time must be even; [batch, channels, time / 2, (bands + 1) // 2] comes out.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride=stride, padding=(0, 1))

    def forward(self, x: Tensor, tape: Tape) -> Tensor:  # type: ignore[override]
        return super().forward(tape.extend(x.transpose(1, 2), 3 - self.stride[0]).transpose(1, 2))


class CausalSqueeze(nn.Module):
    """Squeeze-and-excitation (Hu et al. 2018) whose mean runs over the last `window` frames, so that it streams."""

    def __init__(self, channels: int, window: int, reduction: int = 8) -> None:
        super().__init__()
        self.window = window
        self.down = nn.Linear(channels, channels // reduction)
        self.up = nn.Linear(channels // reduction, channels)

    def forward(self, x: Tensor, tape: Tape) -> Tensor:
        mean = running_mean(tape.extend(x, self.window - 1), self.window)
        return x * torch.sigmoid(self.up(torch.relu(self.down(mean))))


class DelayedBlock(nn.Module):
    """delayed(x) + conv(relu(conv(norm(x)))); [batch, time, width] -> the same.

    Args:
        inner: width between the two convolutions, which are of the kind `conv`.
        ahead: frames that the block looks ahead, by which its skip is delayed.
        squeeze: frames of squeeze-and-excitation; 0: none.
        dropout: share of channels left out, one mask for all frames of a recording.
        drop_block: share of recordings for which the block is left out while training.
    """

    def __init__(
        self,
        width: int,
        inner: int,
        kernel: int,
        dilation: int,
        ahead: int,
        *,
        conv: type[TimeConv] | type[DepthwiseConv] = TimeConv,
        squeeze: int = 0,
        dropout: float = 0.0,
        drop_block: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.down = conv(width, inner, kernel, dilation)
        self.up = conv(inner, width, kernel, dilation)
        self.up.silence()
        self.squeeze = CausalSqueeze(width, squeeze) if squeeze else None
        self.ahead, self.dropout, self.drop_block = ahead, dropout, drop_block

    @property
    def context(self) -> int:
        """Frames of input before the present one."""
        return self.down.context + self.up.context

    def forward(self, x: Tensor, tape: Tape) -> Tensor:
        before = max(self.down.context, self.ahead)
        long = tape.extend(x, before)
        skip = long[:, before - self.ahead : long.shape[1] - self.ahead]
        y = torch.relu(self.down(self.norm(long[:, before - self.down.context :])))
        y = self.up(tape.extend(y, self.up.context))
        if self.squeeze is not None:
            y = self.squeeze(y, tape)
        if self.training and (self.dropout or self.drop_block):
            y = y * self._mask(y)
        return skip + y

    def _mask(self, y: Tensor) -> Tensor:
        """[batch, 1, width]: dropout shared over time, and rows of zeros where the block is skipped."""
        keep = torch.rand(y.shape[0], 1, y.shape[2], device=y.device) >= self.dropout
        stay = torch.rand(y.shape[0], 1, 1, device=y.device) >= self.drop_block
        return (keep & stay).to(y.dtype) / ((1 - self.dropout) * (1 - self.drop_block))


def running_mean(x: Tensor, window: int) -> Tensor:
    """Mean over the last `window` frames; x [batch, time + window - 1, channels] -> [batch, time, channels].

    Differences of a running sum: an average pooling of this width costs more than the whole network.
    """
    total = torch.cumsum(x, 1)
    first = total[:, window - 1 : window]
    rest = total[:, window:] - total[:, :-window]
    return torch.cat([first, rest], 1) / window


def mel_filters(
    mels: int, bins: int, sample_rate: int, low: float = 20.0, high: float = 7600.0, warp: float = 1.0
) -> Tensor:
    """Triangular filters [bins, mels] on the HTK mel scale over the power spectrum of a `2 * (bins - 1)` point FFT.

    `warp` scales the frequency axis (vocal tract length perturbation, Jaitly and Hinton 2013): 1.1 moves every centre
    10 % up, bending back to `high` above 80 % of the band.
    """
    mel = torch.linspace(2595 * math.log10(1 + low / 700), 2595 * math.log10(1 + high / 700), mels + 2)
    hertz = 700 * (10 ** (mel / 2595) - 1)
    knee = 0.8 * high / max(warp, 1.0)
    above = knee * warp + (hertz - knee) * (high - knee * warp) / (high - knee)
    hertz = torch.where(hertz <= knee, hertz * warp, above)
    frequency = torch.linspace(0, sample_rate / 2, bins).unsqueeze(1)
    rise = (frequency - hertz[:-2]) / (hertz[1:-1] - hertz[:-2])
    fall = (hertz[2:] - frequency) / (hertz[2:] - hertz[1:-1])
    return torch.minimum(rise, fall).clamp(min=0)


def log_probs(scores: Tensor) -> Tensor:
    """Log-softmax over the last dimension, in float32 also where the scores were computed in less."""
    return torch.log_softmax(scores, -1, torch.promote_types(scores.dtype, torch.float32))


class LogMel(nn.Module):
    """Log-mel features in the graph: PCM float32 [batch, samples] at 16 kHz -> [batch, samples / 160, mels].

    A frame is 25 ms, ending with its 10 ms shift; its spectrum is a product with a windowed Fourier matrix, so that
    every runtime has it. Counted from the frame's middle, cosines are even and sines odd: two halves do for the whole.
    Normalisation is a fixed mean and deviation a bin (`calibrate`), then most of the mean of the last `mean_window`
    frames is taken off: a moving form of cepstral mean normalisation, which Kaldi's mini_librispeech recipe found no
    worse than a whole utterance's. Nothing here learns, so no gradient passes.
    """

    SAMPLE_RATE, SHIFT, LENGTH, FFT = 16000, 160, 400, 512
    # Power below this is silence: about -80 dBFS of white noise, under every real recording's floor.
    FLOOR = 1e-6
    WARPS = tuple(round(0.86 + 0.02 * i, 2) for i in range(15))

    # Share of the moving mean that is taken off; the rest tells loud from quiet.
    TAKEN = 0.9

    cosines: Tensor
    sines: Tensor
    filters: Tensor
    warped: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(self, mels: int = 80, mean_window: int = 300) -> None:
        super().__init__()
        self.mels, self.mean_window = mels, mean_window
        bins = self.FFT // 2 + 1
        half = self.LENGTH // 2
        from_middle = torch.arange(half, dtype=torch.float64).unsqueeze(1) - (self.LENGTH - 1) / 2
        angle = 2 * math.pi / self.FFT * from_middle * torch.arange(bins)
        window = torch.hann_window(self.LENGTH, periodic=False, dtype=torch.float64)[:half].unsqueeze(1)
        self.register_buffer("cosines", (angle.cos() * window).float(), persistent=False)
        self.register_buffer("sines", (angle.sin() * window).float(), persistent=False)
        self.register_buffer("filters", mel_filters(mels, bins, self.SAMPLE_RATE), persistent=False)
        warped = torch.stack([mel_filters(mels, bins, self.SAMPLE_RATE, warp=w) for w in self.WARPS])
        self.register_buffer("warped", warped, persistent=False)
        self.register_buffer("mean", torch.full((mels,), -5.0))
        self.register_buffer("scale", torch.full((mels,), 0.3))

    def power(self, pcm: Tensor, tape: Tape) -> Tensor:
        """Power spectrum [batch, frames, bins]."""
        blocks = tape.extend(pcm.reshape(pcm.shape[0], -1, self.SHIFT), 2)
        before = 3 * self.SHIFT - self.LENGTH
        frames = torch.cat([blocks[:, :-2, before:], blocks[:, 1:-1], blocks[:, 2:]], 2)
        first, last = frames[..., : self.LENGTH // 2], frames[..., self.LENGTH // 2 :].flip(-1)
        return ((first + last) @ self.cosines).square() + ((first - last) @ self.sines).square()

    def calibrate(self, pcm: Tensor) -> tuple[Tensor, Tensor]:
        """Sum and sum of squares a bin of the log-mels of [batch, samples], for `set_statistics`."""
        log = torch.log(self.power(pcm, Tape()) @ self.filters + self.FLOOR)
        return log.sum((0, 1)), log.square().sum((0, 1))

    def set_statistics(self, mean: Tensor, deviation: Tensor) -> None:
        """Fixes the normalisation; mean and deviation are [mels]."""
        self.mean.copy_(mean)
        self.scale.copy_(1 / deviation.clamp(min=1e-2))

    @torch.no_grad()
    def forward(self, pcm: Tensor, tape: Tape, warp: Tensor | None = None) -> Tensor:
        """`warp` [batch]: indices into WARPS (training only)."""
        power = self.power(pcm, tape)
        mel = power @ (self.filters if warp is None else self.warped[warp])
        x = (torch.log(mel + self.FLOOR) - self.mean) * self.scale
        if self.mean_window:
            x = x - self.TAKEN * running_mean(tape.extend(x, self.mean_window - 1), self.mean_window)
        return x
