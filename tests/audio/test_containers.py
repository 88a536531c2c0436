"""Containers of FFmpeg, where the extra [av] is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonet import audio
from resonet.errors import AudioError

av: Any = pytest.importorskip("av")

RATE = 44100
SECONDS = 20


def encoded(folder: Path, container: str, codec: str, channels: int = 2, rate: int = RATE) -> bytes:
    """A tone of 440 Hz, at half the level in each further channel."""
    time = np.arange(rate * SECONDS) / rate
    tone = (0.4 * np.sin(2 * np.pi * 440 * time) / np.arange(1, channels + 1)[:, None]).astype(np.float32)
    # On disk, since "faststart" (the index first, so that a cut-off file still opens) reads what was written.
    path = folder / "encoded"
    options = {"movflags": "faststart"} if container == "mp4" else {}
    with av.open(str(path), "w", format=container, options=options) as movie:
        layout = {1: "mono", 2: "stereo"}[channels]
        stream = movie.add_stream(codec, rate=rate, layout=layout, bit_rate=96000)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(tone), format="fltp", layout=layout)
        frame.sample_rate = rate
        for part in [*av.AudioResampler(stream.format, layout, rate, stream.frame_size or 1024).resample(frame), None]:
            movie.mux(stream.encode(part))
    return path.read_bytes()


CASES = [("mp4", "aac", 2, RATE), ("adts", "aac", 1, 22050), ("webm", "libopus", 2, 48000), ("asf", "wmav2", 2, RATE)]


@pytest.mark.parametrize(("container", "codec", "channels", "rate"), CASES)
def test_reads(container: str, codec: str, channels: int, rate: int, tmp_path: Path) -> None:
    data = encoded(tmp_path, container, codec, channels, rate)
    got = audio.read(data)
    assert len(got) / 16000 == pytest.approx(SECONDS, abs=0.1)
    inner = got[8000:-8000]
    level = 0.4 * np.mean(1 / np.arange(1, channels + 1)) / np.sqrt(2)
    assert np.sqrt(np.mean(inner**2)) == pytest.approx(level, rel=0.05)
    assert np.argmax(np.abs(np.fft.rfft(inner[:16000]))) == 440
    path = tmp_path / "ü.m4a"
    path.write_bytes(data)
    np.testing.assert_allclose(np.concatenate(list(audio.blocks(path, seconds=0.3))), got, atol=1e-6)
    info = audio.info(path)
    assert (info.sample_rate, info.channels) == (rate, channels)
    assert info.duration == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_cut_off(share: float, tmp_path: Path) -> None:
    data = encoded(tmp_path, "mp4", "aac")
    with pytest.raises(AudioError, match=r"in memory (is|cannot)"):
        audio.read(data[: int(len(data) * share)])


@pytest.mark.parametrize("data", [b"\0\0\0\x20ftypM4A " + bytes(1000), b"\x1a\x45\xdf\xa3" + bytes(1000)])
def test_damaged(data: bytes) -> None:
    with pytest.raises(AudioError, match="in memory is not a recording"):
        audio.read(data)


def test_text_named_m4a(tmp_path: Path) -> None:
    (tmp_path / "a.m4a").write_text("this is not audio")
    with pytest.raises(AudioError, match="not a recording"):
        audio.read(tmp_path / "a.m4a")
