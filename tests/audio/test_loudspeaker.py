"""The loudspeaker, with a stand-in for sounddevice."""

from __future__ import annotations

import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from resonet.audio import loudspeaker
from resonet.errors import AudioError, MissingExtra


class PortAudioError(Exception):
    """As sounddevice names it."""


class Device:
    """Takes sound as fast as it is told to, and fails after so many blocks."""

    def __init__(self, own_rate: int, seconds: float = 0.0, fails_after: int | None = None) -> None:
        self.rate, self.seconds, self.fails_after = own_rate, seconds, fails_after
        self.heard: list[np.ndarray] = []
        self.done: list[str] = []
        self.module: Any = SimpleNamespace(
            PortAudioError=PortAudioError,
            OutputStream=self.open,
            check_output_settings=self.check,
            query_devices=lambda kind: {"default_samplerate": float(own_rate)},
        )

    def check(self, samplerate: int, channels: int, dtype: str) -> None:
        if samplerate != self.rate:
            raise PortAudioError("Invalid sample rate")

    def open(self, samplerate: int, channels: int, dtype: str) -> Any:
        if self.fails_after == 0:
            raise PortAudioError("Error querying device -1\nmore")
        assert (samplerate, channels, dtype) == (self.rate, 1, "float32")
        ways = {name: (lambda name=name: self.done.append(name)) for name in ("start", "stop", "abort", "close")}
        return SimpleNamespace(write=self.write, **ways)

    def write(self, samples: np.ndarray) -> None:
        assert samples.dtype == np.float32 and samples.shape[1:] == (1,) and samples.flags.c_contiguous
        if self.fails_after is not None and len(self.heard) >= self.fails_after:
            raise PortAudioError("unplugged")
        time.sleep(self.seconds)
        self.heard.append(samples[:, 0])


@pytest.mark.parametrize("own_rate", [24000, 48000])
def test_all_is_heard_in_order(own_rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(own_rate)
    monkeypatch.setitem(sys.modules, "sounddevice", device.module)
    sound = np.sin(np.arange(60_000) / 40).astype(np.float32)
    with loudspeaker.opened(24000) as speaker:
        for piece in np.split(sound, [100, 100, 30_000]):
            speaker.push(piece)
    heard = np.concatenate(device.heard)
    assert len(heard) == len(sound) * own_rate // 24000
    np.testing.assert_allclose(heard[:: own_rate // 24000][500:-500], sound[500:-500], atol=2e-3)
    assert device.done == ["start", "stop", "abort", "close"]


def test_making_goes_on_while_it_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(24000, seconds=0.2)
    monkeypatch.setitem(sys.modules, "sounddevice", device.module)
    with loudspeaker.opened(24000) as speaker:
        began = time.monotonic()
        for _ in range(4):
            speaker.push(np.zeros(1000, np.float32))
        assert time.monotonic() - began < 0.2
    assert len(device.heard) == 4


def test_it_falls_silent_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    device, before = Device(24000, seconds=0.02), threading.active_count()
    monkeypatch.setitem(sys.modules, "sounddevice", device.module)
    with pytest.raises(KeyboardInterrupt), loudspeaker.opened(24000) as speaker:
        speaker.push(np.zeros(24000 * 60, np.float32))
        raise KeyboardInterrupt
    assert device.done[-2:] == ["abort", "close"]
    assert len(device.heard) < 10 and threading.active_count() == before
    with pytest.raises(KeyboardInterrupt), loudspeaker.opened(24000):
        raise KeyboardInterrupt
    assert threading.active_count() == before


def test_a_device_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(24000, fails_after=2)
    monkeypatch.setitem(sys.modules, "sounddevice", device.module)
    with pytest.raises(AudioError, match="the loudspeaker failed: unplugged"), loudspeaker.opened(24000) as speaker:
        for _ in range(100):
            speaker.push(np.zeros(1000, np.float32))
    device = Device(24000, fails_after=0)
    monkeypatch.setitem(sys.modules, "sounddevice", device.module)
    with pytest.raises(AudioError, match=r"cannot be opened: Error querying device -1$"):
        loudspeaker.opened(24000).__enter__()


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtra, match=r"\[microphone\]"):
        loudspeaker.opened(24000).__enter__()
