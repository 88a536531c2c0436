"""Losses against sums over everything that could have been said."""

from __future__ import annotations

import itertools
import math

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
