"""Layers against what they stand for, computed another way."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from resonet.models.layers import (
    CausalConv2d,
    CausalSqueeze,
    DepthwiseConv,
    LogMel,
    Tape,
    TimeConv,
    mel_filters,
    running_mean,
)


def test_the_tape_gives_back_what_was_put() -> None:
    x = torch.randn(2, 5, 3)
    first = Tape(keep=True)
    long = first.extend(x, 2)
    assert torch.equal(long[:, :2], torch.zeros(2, 2, 3)) and torch.equal(long[:, 2:], x)
    first.put(torch.full((2, 1, 4), 7.0))
    state = first.state()
    assert state.shape == (2, 2 * 3 + 4)
    second = Tape(state, keep=True)
    y = torch.randn(2, 1, 3)  # shorter than the cache: some of it stays
    assert torch.equal(second.extend(y, 2), torch.cat([x[:, -2:], y], 1))
    assert torch.equal(second.take(x, (1, 4)), torch.full((2, 1, 4), 7.0))
    assert torch.equal(second.state()[:, :6], torch.cat([x[:, -1:], y], 1).flatten(1))
    assert Tape().extend(x, 0) is x


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 8), (8, 3), (5, 5)])
@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (3, 1), (3, 4), (5, 2)])
def test_time_conv_is_a_convolution(inputs: int, outputs: int, kernel: int, dilation: int) -> None:
    conv = TimeConv(inputs, outputs, kernel, dilation)
    nn.init.normal_(conv.bias)
    assert conv.widen == (inputs <= outputs) and conv.context == (kernel - 1) * dilation
    if conv.widen:
        weight = conv.weight.view(kernel, inputs, outputs).permute(2, 1, 0)
    else:
        weight = conv.weight.view(inputs, kernel, outputs).permute(2, 0, 1)
    x = torch.randn(2, conv.context + 7, inputs)
    expected = nn.functional.conv1d(x.transpose(1, 2), weight, conv.bias, dilation=dilation).transpose(1, 2)
    torch.testing.assert_close(conv(x), expected, atol=1e-5, rtol=1e-5)


def test_depthwise_conv_is_two_layers() -> None:
    conv = DepthwiseConv(4, 6, 5, dilation=2)
    x = torch.randn(2, conv.context + 3, 4)
    taps = torch.stack([x[:, i * 2 : i * 2 + 3] * conv.depthwise.weight[:, 0, i] for i in range(5)]).sum(0)
    torch.testing.assert_close(conv(x), conv.pointwise(taps), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_causal_conv_2d_sees_zeros_before_the_start(stride: int) -> None:
    conv = CausalConv2d(2, 3, stride)
    x = torch.randn(2, 2, 8, 7)
    padded = nn.functional.pad(x, (1, 1, 3 - stride, 0))
    expected = nn.functional.conv2d(padded, conv.weight, conv.bias, stride=stride)
    torch.testing.assert_close(conv(x, Tape()), expected)
    assert conv(x, Tape()).shape == (2, 3, 8 // stride, -(-7 // stride))


def test_running_mean_is_a_mean() -> None:
    x = torch.randn(2, 30, 3)
    expected = torch.stack([x[:, i : i + 6].mean(1) for i in range(25)], 1)
    torch.testing.assert_close(running_mean(x, 6), expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(running_mean(x, 1), x, atol=1e-5, rtol=1e-5)


def test_running_mean_holds_over_ten_minutes() -> None:
    """A running sum in float32 must not drift in one chunk, and none is that long; log-mels are of the order of 1."""
    x = torch.randn(1, 60_000, 1) - 2
    late = running_mean(x, 300)[0, -1, 0]
    assert float((late - x[0, -300:, 0].double().mean()).abs()) < 1e-3


def test_squeeze_weighs_by_the_mean_of_its_window() -> None:
    squeeze = CausalSqueeze(8, window=4, reduction=2)
    x = torch.randn(2, 9, 8)
    padded = nn.functional.pad(x, (0, 0, 3, 0))
    mean = torch.stack([padded[:, i : i + 4].mean(1) for i in range(9)], 1)
    expected = x * torch.sigmoid(squeeze.up(torch.relu(squeeze.down(mean))))
    torch.testing.assert_close(squeeze(x, Tape()), expected, atol=1e-5, rtol=1e-5)


def test_mel_filters_by_hand() -> None:
    """One filter from 0 to 1000 Hz: 1000 Hz are 1000 mel, so its centre is where 500 mel are."""
    centre = 700 * (10 ** (500 / 2595) - 1)
    top = 700 * (10 ** (2595 * math.log10(1 + 1000 / 700) / 2595) - 1)
    filters = mel_filters(1, 9, 2000, low=0.0, high=1000.0)
    assert centre == pytest.approx(390.8, abs=0.5) and top == pytest.approx(1000)
    middle = 700 * (10 ** (2595 * math.log10(1 + 1000 / 700) / 2 / 2595) - 1)
    expected = [min(f / middle, (1000 - f) / (1000 - middle)) for f in np.linspace(0, 1000, 9)]
    np.testing.assert_allclose(filters[:, 0], expected, atol=1e-5)


def test_mel_filters_share_out_the_spectrum() -> None:
    """Neighbours cross so that they add up to one between the first and the last centre, as HTK's and Kaldi's do."""
    filters = mel_filters(80, 257, 16000)
    assert filters.shape == (257, 80) and float(filters.min()) == 0 and float(filters.max()) <= 1
    assert bool((filters.sum(0) > 0).all()), "no filter is empty"
    edges = 700 * (
        10 ** (torch.linspace(2595 * math.log10(1 + 20 / 700), 2595 * math.log10(1 + 7600 / 700), 82) / 2595) - 1
    )
    frequency = torch.linspace(0, 8000, 257)
    inside = (frequency >= edges[1]) & (frequency <= edges[-2])
    torch.testing.assert_close(filters.sum(1)[inside], torch.ones(int(inside.sum())), atol=1e-4, rtol=0)
    assert not filters[frequency < edges[0]].any() and not filters[frequency > edges[-1]].any()
    peaks = filters.argmax(0)
    assert bool((peaks[1:] >= peaks[:-1]).all())


def test_warping_moves_the_centres() -> None:
    plain = mel_filters(40, 257, 16000)
    torch.testing.assert_close(mel_filters(40, 257, 16000, warp=1.0), plain)
    centre = (plain * torch.arange(257).unsqueeze(1)).sum(0) / plain.sum(0)
    for warp in LogMel.WARPS:
        moved = mel_filters(40, 257, 16000, warp=warp)
        assert bool((moved.sum(0) > 0).all()) and bool(moved.isfinite().all())
        there = (moved * torch.arange(257).unsqueeze(1)).sum(0) / moved.sum(0)
        assert float((there / centre)[5:30].sub(warp).abs().max()) < 0.02
        assert not moved[torch.linspace(0, 8000, 257) > 7610].any()


def test_log_mel_is_the_spectrum_of_25_ms() -> None:
    features = LogMel(mels=20, mean_window=0)
    pcm = torch.randn(1, 5 * 160) * 0.1
    padded = np.concatenate([np.zeros(240), pcm[0].numpy()])
    for frame in range(5):
        piece = padded[frame * 160 : frame * 160 + 400] * np.hanning(400)
        power = np.abs(np.fft.rfft(piece, 512)) ** 2
        expected = np.log(power @ features.filters.numpy() + LogMel.FLOOR)
        found = features(pcm, Tape())[0, frame] / features.scale + features.mean
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_log_mel_normalises_as_calibrated() -> None:
    features = LogMel(mels=20, mean_window=0)
    pcm = torch.randn(2, 160 * 200) * 0.1
    total, square = features.calibrate(pcm)
    mean = total / 400
    features.set_statistics(mean, (square / 400 - mean.square()).sqrt())
    x = features(pcm, Tape())
    torch.testing.assert_close(x.mean((0, 1)), torch.zeros(20), atol=1e-2, rtol=0)
    torch.testing.assert_close(x.std((0, 1)), torch.ones(20), atol=1e-2, rtol=0)
    assert not x.requires_grad


def test_log_mel_takes_off_the_moving_mean_and_warps_rows() -> None:
    features = LogMel(mels=20, mean_window=10)
    pcm = torch.randn(2, 160 * 40) * 0.1
    plain = LogMel(mels=20, mean_window=0)(pcm, Tape())
    before = nn.functional.pad(plain, (0, 0, 9, 0))
    mean = torch.stack([before[:, i : i + 10].mean(1) for i in range(40)], 1)
    torch.testing.assert_close(features(pcm, Tape()), plain - LogMel.TAKEN * mean, atol=1e-4, rtol=0)
    same = LogMel.WARPS.index(1.0)
    warped = features(pcm, Tape(), torch.tensor([same, 0]))
    torch.testing.assert_close(warped[0], features(pcm, Tape())[0], atol=1e-4, rtol=0)
    assert float((warped[1] - features(pcm, Tape())[1]).abs().max()) > 0.05
