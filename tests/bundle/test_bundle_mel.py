"""mel.json: what it must say, its filters, and that two that differ are refused with both values."""

from __future__ import annotations

import json

import numpy as np
import pytest

from resonet.bundle.mel import MelConfig, check_same, read_mel
from resonet.errors import BundleError


def test_round_trip_and_errors() -> None:
    config = MelConfig()
    assert read_mel(config.to_bytes(), "x") == config
    assert json.loads(config.to_bytes()) == {
        "sample_rate": 24000, "hop": 256, "fft": 1024, "window": 1024, "mels": 80, "low": 0.0, "high": 12000.0,
        "floor": 1e-5, "norm": "slaney",
    }  # fmt: skip
    for content in (b"", b"[]", b'{"hop": "256"}', b'{"hop": 0}', b'{"colour": 1}', b'{"norm": "htk"}'):
        with pytest.raises(BundleError, match=r"x: mel.json does not fit"):
            read_mel(content, "x")


def test_a_mismatch_names_both_values() -> None:
    check_same(MelConfig(), "one", MelConfig(), "other")
    with pytest.raises(
        BundleError, match=r"one and other are not the same: hop 256 and 300, high 12000\.0 and 8000\.0"
    ):
        check_same(MelConfig(), "one", MelConfig(hop=300, high=8000.0), "other")


def test_filters_are_slaneys() -> None:
    """Areas of 1 in Hz, no gap in the band, centres on Slaney's scale: linear to 1 kHz, a factor of 6.4 in 27 steps."""
    config = MelConfig()
    filters = config.filters()
    assert filters.shape == (513, 80) and (filters >= 0).all()
    wide = filters[:, 40:]
    np.testing.assert_allclose(wide.sum(0) * 24000 / 1024, 1, rtol=0.02)
    # 1 kHz is mel 15, 12 kHz is 15 + ln(12) / (ln(6.4) / 27); 80 filters lie evenly between mel 0 and that.
    top = 15 + np.log(12) * 27 / np.log(6.4)
    at = 15 + np.log(4) * 27 / np.log(6.4)
    peak = filters[:, round(at / top * 81) - 1].argmax() * 24000 / 1024
    assert peak == pytest.approx(4000, rel=0.03)


@pytest.mark.parametrize("samples", [0, 255, 256, 1000, 24000])
def test_a_frame_is_a_hop(samples: int) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    mel = MelConfig().spectrogram(noise)
    assert mel.shape == (samples // 256, 80) and mel.dtype == np.float32
    assert (mel >= np.log(1e-5) - 1e-6).all()


def test_a_frame_lies_around_the_middle_of_its_hop() -> None:
    click = np.zeros(20 * 256, np.float32)
    click[7 * 256 + 128] = 1
    assert MelConfig().spectrogram(click).mean(1).argmax() == 7


def test_torch_gives_the_same_numbers() -> None:
    torch = pytest.importorskip("torch")
    from resonet.models.mel import VoiceMel

    rng = np.random.default_rng(0)
    noise = (rng.normal(0, 0.1, (2, 5000)) * np.linspace(0, 1, 5000)).astype(np.float32)
    noise[1, 2000:3000] = 0
    pcm = torch.from_numpy(noise).requires_grad_()
    found = VoiceMel()(pcm)
    for row, sound in zip(found.detach().numpy(), noise, strict=True):
        np.testing.assert_allclose(row, MelConfig().spectrogram(sound), atol=2e-3)
    found.sum().backward()
    assert torch.isfinite(pcm.grad).all()
