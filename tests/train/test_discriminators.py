"""A vocoder's adversaries: what each of them sees, their losses by hand, and that they learn to tell sounds apart."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from resonet.train import discriminators
from resonet.train.discriminators import (
    PERIODS,
    SIZES,
    Discriminators,
    OfPeriod,
    OfSpectrum,
    Verdict,
    deceit_loss,
    feature_loss,
    verdict_loss,
)


@pytest.mark.parametrize("period", PERIODS)
def test_one_of_a_period_sees_samples_that_lie_a_period_apart(period: int) -> None:
    torch.manual_seed(0)
    network = OfPeriod(period)
    sound = torch.randn(1, 1 + period * 400)
    verdict, features = network(sound)
    assert verdict.shape[3] == period == features[0].shape[3]
    moved = sound.clone()
    moved[0, 1::period] += 1.0  # one column of all
    changed = (network(moved)[0] - verdict).abs().amax((0, 1, 2))
    assert changed[1 % period] > 1e-4 and (changed[torch.arange(period) != 1 % period] == 0).all()
    # What is repeated every period has nothing that changes along a column.
    again = network(torch.randn(1, period).repeat(1, 2000))[0][0, 0]
    torch.testing.assert_close(again[10], again[13])
    other = network(torch.randn(1, period + 2).repeat(1, 2000))[0][0, 0]
    assert (other[10] - other[13]).abs().max() > 1e-4


@pytest.mark.parametrize(("size", "hop"), SIZES)
def test_one_of_spectra_sees_where_in_time_and_pitch_a_tone_is(size: int, hop: int) -> None:
    torch.manual_seed(0)
    network = OfSpectrum(size, hop)
    silence = torch.zeros(1, 16384)
    at = torch.arange(16384)

    def change(hertz: float, start: int, end: int) -> Tensor:
        tone = torch.sin(2 * torch.pi * hertz * at / 24000) * ((at >= start) & (at < end))
        return (network(silence + 0.1 * tone)[1][0] - network(silence)[1][0]).abs().mean(1)[0]  # [frames, bins]

    low, high = change(500.0, 4096, 8192), change(9000.0, 4096, 8192)
    assert 3 * low.mean(0).argmax() < high.mean(0).argmax() < low.shape[1]
    times = low.mean(1)
    first, last = (4096 - size) // hop - 1, 8192 // hop + 1  # a layer sees a frame to either side
    assert (times[:first] == 0).all() and (times[last + 1 :] == 0).all() and times[(first + last) // 2] > 1e-3


def test_silence_has_a_finite_gradient() -> None:
    sound = torch.zeros(1, 4096, requires_grad=True)
    deceit_loss(Discriminators()(sound)).backward()
    assert sound.grad is not None and bool(sound.grad.isfinite().all())


def told(*verdicts: float, features: float = 1.0) -> list[tuple[float, Verdict]]:
    """Verdicts of weight 1, 0.1, ...; each with as many features as there are layers."""
    layers = [torch.full((1, 2), features) for _ in discriminators._WIDTHS]
    return [(10.0**-i, (torch.full((1, 1, 3, 2), v), layers)) for i, v in enumerate(verdicts)]


def test_verdicts_by_hand() -> None:
    assert float(verdict_loss(told(1.0, 2.0), told(-1.0, -3.0))) == 0  # told apart, and by more than is asked for
    assert float(verdict_loss(told(0.0, 1.0), told(-1.0, 0.5))) == pytest.approx(1.0 + 0.1 * 1.5)
    assert float(deceit_loss(told(1.0, 1.5))) == 0
    assert float(deceit_loss(told(-1.0, 0.0))) == pytest.approx(2.0 + 0.1)


def test_features_are_compared_in_parts_of_the_recordings_own() -> None:
    assert float(feature_loss(told(0.0, 0.0), told(0.0, 0.0))) == 0
    for size in (0.5, 100.0):
        assert float(feature_loss(told(0, 0, features=size), told(0, 0, features=3 * size))) == pytest.approx(2 * 1.1)
    real, made = (torch.ones(1, 2, requires_grad=True) for _ in range(2))
    verdict = torch.zeros(1)
    feature_loss([(1.0, (verdict, [real]))], [(1.0, (verdict, [2 * made]))]).backward()
    assert real.grad is None and made.grad is not None


def test_they_learn_to_tell_and_tell_where_to_go() -> None:
    """Tones against noise of the same level: after a few steps the verdicts lie apart, and the noise's gradient leads
    to what is taken for tones."""
    torch.manual_seed(0)
    network = Discriminators()
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, betas=(0.8, 0.99))
    at = torch.arange(4096) / 24000

    def pair() -> tuple[Tensor, Tensor]:
        hertz = torch.empty(4, 1).uniform_(100, 400)
        return 0.1 * torch.sin(2 * torch.pi * hertz * at), 0.07 * torch.randn(4, 4096)

    losses = []
    for _ in range(25):
        optimiser.zero_grad()
        real, made = pair()
        loss = verdict_loss(network(real), network(made))
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    weights = len(PERIODS) + 0.1 * len(SIZES)
    assert losses[0] == pytest.approx(2 * weights, rel=0.2) and losses[-1] < 0.5 * losses[0]
    noise = pair()[1].requires_grad_()
    before = deceit_loss(network(noise))
    before.backward()
    assert noise.grad is not None
    with torch.no_grad():
        after = deceit_loss(network(noise - 0.02 * noise.grad / noise.grad.abs().mean()))
    assert after < before
