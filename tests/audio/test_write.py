"""Writing: round trips, and nothing half written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resonet import audio
from resonet.errors import AudioError

TONE = (0.3 * np.sin(np.arange(200_000) / 7)).astype(np.float32)


@pytest.mark.parametrize(
    ("suffix", "tolerance"), [(".wav", 1e-4), (".flac", 1e-4), (".ogg", 0.05), (".opus", 0.05), (".mp3", 0.05)]
)
def test_round_trip(suffix: str, tolerance: float, tmp_path: Path) -> None:
    path = tmp_path / f"größe{suffix}"
    audio.write(path, TONE, 16000)
    got = audio.read(path)
    assert abs(len(got) - len(TONE)) <= 1
    np.testing.assert_allclose(got[2000:-2000], TONE[2000:-2000], atol=tolerance)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_two_channels_and_clipping(tmp_path: Path) -> None:
    audio.write(tmp_path / "a.wav", np.stack([np.full(99, 3.0), np.full(99, -3.0)], axis=1).astype(np.float32), 8000)
    assert audio.info(tmp_path / "a.wav").channels == 2
    np.testing.assert_allclose(audio.read(tmp_path / "a.wav", 8000), 0, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "samples", "rate"),
    [
        ("a.xyz", TONE, 16000),
        ("a.wav", np.array([np.nan], np.float32), 16000),
        ("a.wav", np.zeros((2, 2, 2), np.float32), 16000),
        ("a.opus", TONE, 44100),
        ("no/such/folder/a.wav", TONE, 16000),
    ],
)
def test_what_cannot_be_written_leaves_nothing(name: str, samples: np.ndarray, rate: int, tmp_path: Path) -> None:
    with pytest.raises(AudioError) as caught:
        audio.write(tmp_path / name, samples, rate)
    assert name in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_survives_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.opus"
    audio.write(path, TONE, 16000)
    before = path.read_bytes()
    with pytest.raises(AudioError):
        audio.write(path, TONE, 44100)
    assert path.read_bytes() == before
