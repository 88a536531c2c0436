"""The microphone, with a stand-in for sounddevice."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from resonet.audio import microphone
from resonet.errors import AudioError, MissingExtra


class PortAudioError(Exception):
    """As sounddevice names it."""


def stand_in(own_rate: int, fails: bool = False) -> SimpleNamespace:
    """A sounddevice whose microphone knows one rate and hears a second of 0.25."""

    class InputStream:
        def __init__(self, samplerate: int, channels: int, dtype: str, callback: Any) -> None:
            if fails:
                raise PortAudioError("Error querying device -1\nmore")
            assert (samplerate, channels, dtype) == (own_rate, 1, "float32")
            self.callback = callback

        def __enter__(self) -> None:
            buffer = np.full((own_rate // 10, 1), 0.25, np.float32)
            for _ in range(10):
                self.callback(buffer, len(buffer), None, None)
            buffer[:] = 9

        def __exit__(self, *_: object) -> None:
            pass

    def check_input_settings(samplerate: int, channels: int, dtype: str) -> None:
        if samplerate != own_rate and not fails:
            raise PortAudioError("Invalid sample rate")

    return SimpleNamespace(
        PortAudioError=PortAudioError,
        InputStream=InputStream,
        check_input_settings=check_input_settings,
        query_devices=lambda kind: {"default_samplerate": float(own_rate)},
    )


@pytest.mark.parametrize("own_rate", [16000, 48000])
def test_records_until_enter(own_rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", stand_in(own_rate))
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    got = microphone.record()
    assert got.dtype == np.float32
    assert len(got) == 16000
    np.testing.assert_allclose(got[500:-500], 0.25, atol=1e-3)


def test_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", stand_in(16000, fails=True))
    with pytest.raises(AudioError, match="Error querying device -1"):
        microphone.record()


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtra, match=r"\[microphone\]"):
        microphone.record()
