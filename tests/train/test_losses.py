"""Losses against sums over everything that could have been said."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch

from resonet.train import losses


def collapse(path: tuple[int, ...]) -> list[int]:
    return [unit for unit, _ in itertools.groupby(path) if unit]


def probability(scores: torch.Tensor, target: list[int]) -> float:
    """The sum over all paths [frames] that say the target; scores [frames, units] natural log."""
    paths = itertools.product(range(scores.shape[1]), repeat=scores.shape[0])
    return sum(math.exp(sum(float(scores[t, u]) for t, u in enumerate(p))) for p in paths if collapse(p) == target)


def test_ctc_is_the_sum_over_all_paths() -> None:
    torch.manual_seed(0)
    scores = torch.log_softmax(torch.randn(3, 5, 3), -1)
    targets, frames = [[1, 1], [2], []], [5, 3, 4]
    found = losses.ctc(scores, torch.tensor(frames), torch.tensor([1, 1, 2]), torch.tensor([2, 1, 0]))
    expected = -sum(math.log(probability(s[:n], t)) for s, n, t in zip(scores, frames, targets, strict=True))
    assert float(found) == pytest.approx(expected / 3, rel=1e-5)


def test_what_cannot_be_said_in_its_frames_teaches_nothing() -> None:
    scores = torch.log_softmax(torch.randn(1, 2, 3), -1).requires_grad_()
    loss = losses.ctc(scores, torch.tensor([2]), torch.tensor([1, 1]), torch.tensor([2]))
    loss.backward()
    assert float(loss.detach()) == 0 and not scores.grad.any()  # type: ignore[union-attr]


def test_consistency() -> None:
    torch.manual_seed(0)
    first = torch.log_softmax(torch.randn(2, 4, 3), -1)
    second = torch.log_softmax(torch.randn(2, 4, 3), -1)
    lengths, counts = torch.tensor([4, 2]), torch.tensor([2, 3])
    assert float(losses.consistency(first, first.clone(), lengths, counts)) == 0
    both = (first.exp() - second.exp()) * (first - second)  # KL one way and KL the other way
    expected = (both[0].sum() + both[1, :2].sum()) / 2 / 5
    found = losses.consistency(first, second, lengths, counts)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    one, two = first.clone().requires_grad_(), second.clone().requires_grad_()
    losses.consistency(one, two, lengths, counts).backward()
    for view in (one, two):
        assert view.grad[0].any() and not view.grad[1, 2:].any()  # type: ignore[index]


def test_cross_entropy_leaves_padding_out() -> None:
    scores = torch.log_softmax(torch.randn(2, 3, 4), -1)
    labels = torch.tensor([[1, 0, 3], [2, -1, -1]])
    expected = -(scores[0, 0, 1] + scores[0, 1, 0] + scores[0, 2, 3] + scores[1, 0, 2]) / 4
    torch.testing.assert_close(losses.cross_entropy(scores, labels), expected)


def test_uniform_labels_lie_on_the_loud_frames() -> None:
    """Two quiet frames, three loud ones, a quiet one: the units share the loud ones; a row without words is blank."""
    pcm = torch.zeros(2, 60)
    pcm[0, 20:50] = 0.5
    pcm[0, 50:] = 0.001
    found = losses.uniform_labels(pcm, torch.tensor([6, 3]), torch.tensor([7, 5]), torch.tensor([2, 0]), stride=10)
    assert found.tolist() == [[0, 0, 7, 7, 5, 0], [0, 0, 0, -1, -1, -1]]


def masked(lengths: list[int], longest: int) -> torch.Tensor:
    return torch.arange(longest) < torch.tensor(lengths).unsqueeze(1)


def test_structural_similarity() -> None:
    """None where two pictures are one; grows with noise; a flat picture has lost its contrast, which an L1 forgives."""
    torch.manual_seed(0)
    wanted = torch.sin(torch.arange(40.0)[:, None] / 2) * torch.cos(torch.arange(80.0) / 3)
    wanted = wanted.expand(2, 40, 80).contiguous()
    valid = masked([40, 20], 40)
    assert float(losses.structural_similarity(wanted, wanted, valid)) == pytest.approx(0, abs=1e-5)
    noise = torch.randn_like(wanted)
    slight, much = (float(losses.structural_similarity(wanted + x * noise, wanted, valid)) for x in (0.1, 1.0))
    assert 0.02 < slight < much < 1
    flat = wanted.mean() + torch.zeros_like(wanted)
    assert float(losses.structural_similarity(flat, wanted, valid)) > 0.8
    # By hand, within a window of constants: only the means differ.
    one, two = torch.full((1, 20, 20), 1.0), torch.full((1, 20, 20), 2.0)
    inner = torch.zeros(1, 20, dtype=torch.bool)
    inner[:, 8:12] = True
    found = losses.structural_similarity(one, two, masked([20], 20))
    middle = 1 - (2 * 2 + 0.0036) / (1 + 4 + 0.0036)
    assert float(found) > middle  # at the edges the picture is compared with what lies around it
    assert float(losses.structural_similarity(one.repeat(1, 9, 9), two.repeat(1, 9, 9), masked([180], 180))) == (
        pytest.approx(middle, abs=0.03)
    )


@pytest.mark.parametrize("loss", [losses.structural_similarity, losses.masked_l1])
def test_padding_does_not_count(loss: Callable[..., torch.Tensor]) -> None:
    torch.manual_seed(0)
    found, wanted = torch.randn(2, 30, 12), torch.randn(2, 30, 12)
    valid = masked([30, 17], 30)
    value = loss(found, wanted, valid)
    other = found.clone()
    other[1, 17:] = 99.0
    torch.testing.assert_close(loss(other, wanted, valid), value)
    moved = found.clone().requires_grad_()
    loss(moved, wanted, valid).backward()
    assert moved.grad is not None and moved.grad[1, :17].any() and not moved.grad[1, 17:].any()


def test_masked_means_are_those_of_what_is_there() -> None:
    found = torch.tensor([[[1.0, -1.0], [5.0, 5.0]], [[0.0, 3.0], [2.0, 2.0]]])
    wanted = torch.zeros(2, 2, 2)
    valid = torch.tensor([[True, False], [True, True]])
    assert float(losses.masked_l1(found, wanted, valid)) == pytest.approx((1 + 1 + 0 + 3 + 2 + 2) / 6)
    rows = torch.tensor([[0.5, 3.0, 9.0], [-4.0, 0.0, 0.0]])
    some = torch.tensor([[True, True, False], [True, False, False]])
    expected = (0.5 * 0.25 + (3 - 0.5) + (4 - 0.5)) / 3  # quadratic up to 1, then linear
    assert float(losses.masked_huber(rows, torch.zeros(2, 3), some)) == pytest.approx(expected)


def test_the_spectral_loss_by_hand() -> None:
    """Half the amplitude: 0.5 of convergence and ln 2 of magnitudes, at every resolution; no phase is heard."""
    torch.manual_seed(0)
    sound = torch.randn(2, 8192)
    assert float(losses.spectral(sound, sound)) == 0
    assert float(losses.spectral(sound / 2, sound)) == pytest.approx(0.5 + math.log(2), rel=1e-3)
    assert float(losses.spectral(-sound, sound)) == pytest.approx(0, abs=1e-6)
    tone, octave = (torch.sin(2 * torch.pi * f * torch.arange(8192) / 24000)[None] for f in (440.0, 880.0))
    assert float(losses.spectral(octave, tone)) > 1


def test_the_spectral_loss_of_silence_is_finite() -> None:
    silent = torch.zeros(1, 4096, requires_grad=True)
    loss = losses.spectral(silent, torch.zeros(1, 4096))
    loss.backward()
    assert float(loss.detach()) == 0 and silent.grad is not None and bool(silent.grad.isfinite().all())


def test_magnitudes_of_a_tone() -> None:
    """In the middle of bin 32 of 512: half the window's sum there, and nothing far away but the floor."""
    tone = torch.cos(2 * torch.pi * 32 / 512 * torch.arange(4096))[None]
    found = losses.magnitudes(tone, 512, 128, torch.hann_window(512))
    assert found.shape == (1, (4096 - 512) // 128 + 1, 257)
    torch.testing.assert_close(found[..., 32], torch.full_like(found[..., 32], 128.0), rtol=1e-4, atol=0)
    assert float(found[..., 100:].max()) == pytest.approx(1e-3, abs=2e-3) and float(found.min()) >= 1e-3 - 1e-9
