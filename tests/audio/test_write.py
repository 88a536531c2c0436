"""Writing: round trips, and nothing half written."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet import audio
from resonet.audio.write import Writer
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
        ("a.flac", np.zeros(0, np.float32), 16000),
        ("a.opus", np.zeros((0, 2), np.float32), 16000),
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


@settings(max_examples=40, deadline=None)
@given(
    frames=st.integers(1, 3000),
    channels=st.integers(1, 3),
    suffix=st.sampled_from([".wav", ".flac"]),
    rate=st.sampled_from([8000, 16000, 44100]),
    seed=st.integers(0, 9),
)
def test_every_sample_comes_back(frames: int, channels: int, suffix: str, rate: int, seed: int) -> None:
    samples = np.random.default_rng(seed).uniform(-1.2, 1.2, (frames, channels)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        audio.write(Path(folder, f"a{suffix}"), samples, rate)
        assert audio.info(Path(folder, f"a{suffix}")).channels == channels
        got = audio.read(Path(folder, f"a{suffix}"), rate)
    np.testing.assert_allclose(got, np.clip(samples, -1, 1).mean(axis=1), atol=1e-4)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
def test_a_full_disk_is_one_sentence(name: str, tmp_path: Path) -> None:
    """The system itself refuses the 10,000th byte."""
    pytest.importorskip("resource")
    code = f"""
import resource
import numpy as np
from resonet import audio, errors
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    audio.write({str(tmp_path / name)!r}, np.random.default_rng(0).normal(0, 0.1, 50_000).astype(np.float32), 16000)
except errors.AudioError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert f"{name} cannot be written: File too large" in done.stdout
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_sixteen_bits_come_back_as_they_were(tmp_path: Path) -> None:
    every = np.arange(-32768, 32768).astype(np.float32) / 32768
    audio.write(tmp_path / "a.wav", every, 16000)
    np.testing.assert_array_equal(audio.read(tmp_path / "a.wav"), every)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".opus", ".mp3"])
def test_pieces_are_the_whole(suffix: str, tmp_path: Path) -> None:
    audio.write(tmp_path / f"whole{suffix}", TONE, 24000)
    with audio.writing(tmp_path / f"pieces{suffix}", 24000) as recording:
        for piece in np.split(TONE, [1, 5000, 5000, 70_000]):
            recording.push(piece)
        assert not (tmp_path / f"pieces{suffix}").exists()
    whole, pieces = (audio.read(tmp_path / f"{name}{suffix}", 24000) for name in ("whole", "pieces"))
    np.testing.assert_allclose(pieces, whole, atol=0.02)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_goes_wrong_while_a_recording_grows_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), audio.writing(tmp_path / "a.flac", 24000):
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match="mine"), audio.writing(tmp_path / "a.ogg", 24000) as recording:
        recording.push(TONE)
        raise ValueError("mine")
    with pytest.raises(AudioError, match="no sound"), audio.writing(tmp_path / "a.wav", 24000) as recording:
        recording.push(np.zeros((5, 2), np.float32))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("at", [1, 3])
def test_ctrl_c_is_not_lost_while_libsndfile_writes_or_reads(tmp_path: Path, monkeypatch, at: int) -> None:
    """Its callbacks cannot raise: whatever comes there is printed and forgotten."""
    path, calls = tmp_path / "sound.flac", []

    class Interrupting(io.BytesIO):
        def write(self, data: bytes) -> int:
            return self._counted() or super().write(data)

        def read(self, count: int = -1) -> bytes:
            self._counted()
            return super().read(count)

        def _counted(self) -> None:
            calls.append(1)
            if len(calls) == at:
                signal.raise_signal(signal.SIGINT)

    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 60_000).astype(np.float32)
    writer = Writer(path, Interrupting(), 16000, 1)
    with pytest.raises(KeyboardInterrupt):
        writer.push(noise)
        writer.close()
    writer.abandon()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    audio.write(path, noise, 16000)
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        audio.read(Interrupting(path.read_bytes()))
