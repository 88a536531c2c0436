"""The aligner of voices: its prior, the sum over paths and the best path against brute force, and that it learns."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from resonet.models import aligner


def paths(units: int, frames: int) -> list[list[int]]:
    """All ways to go through the units in order with a frame each at least: the unit of each frame."""
    return [
        [sum(t >= cut for cut in cuts) for t in range(frames)]
        for cuts in itertools.combinations(range(1, frames), units - 1)
    ]


@pytest.mark.parametrize(("units", "frames"), [(1, 1), (1, 4), (3, 3), (2, 7), (4, 8)])
def test_sum_and_best_of_all_paths(units: int, frames: int) -> None:
    torch.manual_seed(units * frames)
    scores = (torch.randn(1, frames + 2, units + 1, dtype=torch.float64) * 3).requires_grad_()
    padded = torch.cat([scores[..., :units], torch.full_like(scores[..., :1], aligner.NEVER)], 2)
    each = torch.stack([sum(padded[0, t, u] for t, u in enumerate(path)) for path in paths(units, frames)])
    wanted = -torch.logsumexp(each, 0) / frames
    found = aligner.forward_sum(padded, torch.tensor([units]), torch.tensor([frames]))
    torch.testing.assert_close(found, wanted)
    (one,), (other,) = (torch.autograd.grad(x, scores, retain_graph=True) for x in (found, wanted))
    torch.testing.assert_close(one, other, atol=1e-6, rtol=0)
    best = paths(units, frames)[int(each.argmax())]
    durations = aligner.monotonic(padded.detach().float().numpy(), np.array([units]), np.array([frames]))[0]
    assert durations.tolist() == [best.count(u) for u in range(units)] + [0]


def test_rows_of_a_batch_are_alone() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(3, 12, 6)).astype(np.float32)
    units, frames = np.array([6, 2, 4]), np.array([12, 9, 4])
    together = aligner.monotonic(scores, units, frames)
    assert together.sum(1).tolist() == frames.tolist()
    for i in range(3):
        alone = aligner.monotonic(scores[i : i + 1, : frames[i], : units[i]], units[i : i + 1], frames[i : i + 1])
        assert together[i, : units[i]].tolist() == alone[0].tolist() and not together[i, units[i] :].any()
        assert (alone > 0).all()
    with pytest.raises(ValueError, match="more units than frames"):
        aligner.monotonic(scores, np.array([6, 2, 5]), frames)


def test_a_row_without_a_path_counts_nothing() -> None:
    scores = torch.randn(2, 4, 6, requires_grad=True)
    loss = aligner.forward_sum(scores, torch.tensor([6, 2]), torch.tensor([4, 4]))
    loss.backward()
    assert torch.isfinite(loss) and not scores.grad[0].any() and scores.grad[1].any()


def test_the_prior_is_the_beta_binomial() -> None:
    prior = aligner.even_pace(4, 6).double().exp()
    torch.testing.assert_close(prior.sum(1), torch.ones(6, dtype=torch.float64), atol=1e-5, rtol=0)

    def beta(a: float, b: float) -> float:
        return math.exp(math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b))

    for t, k in ((0, 0), (2, 1), (5, 3)):
        wanted = math.comb(3, k) * beta(k + t + 1, 3 - k + 6 - t) / beta(t + 1, 6 - t)
        assert float(prior[t, k]) == pytest.approx(wanted, rel=1e-4)
    assert aligner.even_pace(1, 3).abs().max() < 1e-6


def test_it_finds_the_borders_of_sounds_that_differ() -> None:
    """Units are bands of a spectrogram that light up one after the other, for different times."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = aligner.Network(units=7, mels=20, width=16)
    network.set_statistics(torch.zeros(20), torch.ones(20))
    codes, truth, mels = [], [], []
    for _ in range(12):
        code = rng.permutation(6)[:5] + 1
        lasts = rng.integers(3, 12, 5)
        mel = rng.normal(0, 0.1, (lasts.sum(), 20)).astype(np.float32)
        mel[np.arange(len(mel)), np.repeat(code, lasts) * 3] += 3
        codes.append(code)
        truth.append(lasts)
        mels.append(mel)
    frames = torch.tensor([len(m) for m in mels])
    units, lengths = torch.from_numpy(np.array(codes)), torch.full((12,), 5)
    mel = torch.zeros(12, int(frames.max()), 20)
    prior = torch.zeros(12, int(frames.max()), 5)
    for i, m in enumerate(mels):
        mel[i, : len(m)] = torch.from_numpy(m)
        prior[i, : len(m)] = aligner.even_pace(5, len(m))
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    speaker = torch.zeros(12, dtype=torch.long)
    for _ in range(60):
        optimiser.zero_grad()
        aligner.forward_sum(network(units, lengths, mel, speaker, prior), lengths, frames).backward()
        optimiser.step()
    with torch.no_grad():
        scores = network(units, lengths, mel, speaker, prior).numpy()
        half = network(units, lengths, mel, speaker, halved=True)
    found = aligner.monotonic(scores, lengths.numpy(), frames.numpy())
    assert np.abs(found.cumsum(1) - np.array(truth).cumsum(1)).max() <= 1
    assert half.shape == (12, int(frames.max()) // 2, 5)
