"""Reading: any rate, channel count and format, whole and in blocks; every bad input in one sentence."""

from __future__ import annotations

import io
import os
import re
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet import audio
from resonet.errors import AudioError, MissingExtra, UsageError

SAMPLES = Path(__file__).parents[2] / "samples"


def tone(rate: int, seconds: float = 1.5, channels: int = 1, hz: float = 440.0) -> np.ndarray:
    """A tone as float32 [time, channels], the channels at different levels."""
    time = np.arange(round(rate * seconds)) / rate
    return (0.4 * np.sin(2 * np.pi * hz * time)[:, None] / np.arange(1, channels + 1)).astype(np.float32)


def encoded(samples: np.ndarray, rate: int, kind: str = "WAV", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def noise(rate: int, frames: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).normal(size=frames)).astype(np.float32)


@pytest.mark.parametrize(
    ("kind", "subtype", "rate", "channels", "tolerance"),
    [
        ("WAV", "PCM_16", 16000, 1, 1e-3),
        ("WAV", "PCM_U8", 8000, 1, 0.02),
        ("WAV", "PCM_24", 44100, 2, 1e-3),
        ("WAV", "FLOAT", 192000, 8, 1e-3),
        ("WAV", "ULAW", 8000, 1, 0.03),
        ("AIFF", "PCM_16", 22050, 2, 1e-3),
        ("AU", "PCM_16", 11025, 1, 1e-3),
        ("RF64", "PCM_16", 48000, 3, 1e-3),
        ("FLAC", "PCM_16", 96000, 4, 1e-3),
        ("OGG", "VORBIS", 44100, 2, 0.03),
        ("OGG", "OPUS", 48000, 2, 0.03),
        ("MP3", None, 32000, 2, 0.03),
    ],
)
def test_every_format_gives_the_mean_of_its_channels(
    kind: str, subtype: str | None, rate: int, channels: int, tolerance: float
) -> None:
    samples = tone(rate, channels=channels)
    got = audio.read(encoded(samples, rate, kind, subtype))
    wanted = audio.resample(samples.mean(axis=1), rate, 16000)
    assert got.dtype == np.float32
    assert got.ndim == 1
    assert abs(len(got) - len(wanted)) <= 1
    inner = slice(800, len(wanted) - 800)  # lossy codecs smear the ends
    assert np.abs(got[inner] - wanted[inner]).max() < tolerance


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 192000])
@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("seconds", [0.05, 0.7, 30.0])
def test_blocks_joined_are_the_whole(rate: int, channels: int, seconds: float) -> None:
    data = encoded(tone(rate, 2.0, channels), rate)
    whole = audio.read(data)
    blocks = list(audio.blocks(data, seconds=seconds))
    assert all(len(block) == round(seconds * 16000) for block in blocks[:-1])
    assert 0 < len(blocks[-1]) <= round(seconds * 16000)
    np.testing.assert_allclose(np.concatenate(blocks), whole, atol=1e-4)


@pytest.mark.parametrize(("kind", "subtype"), [("MP3", None), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", None)])
def test_pieces_of_a_long_file_equal_one_decoding(kind: str, subtype: str | None) -> None:
    """Longer than one piece of the decoder: nothing may differ where pieces meet."""
    data = encoded(noise(16000, 2**19 + 1000), 16000, kind, subtype)
    np.testing.assert_allclose(audio.read(data), soundfile.SoundFile(io.BytesIO(data)).read(dtype="float32"), atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    frames=st.integers(0, 30000),
    rate=st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000, 96000]),
    seconds=st.floats(0.01, 2.0),
)
def test_any_length_reads_and_cuts(frames: int, rate: int, seconds: float) -> None:
    data = encoded(noise(rate, frames), rate)
    whole = audio.read(data)
    assert abs(len(whole) - frames * 16000 / rate) <= 1
    pieces = list(audio.blocks(data, seconds=seconds))
    assert sum(map(len, pieces)) == len(whole)
    if pieces:
        np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-4)


def test_sources_path_text_bytes_stream_and_pipe(tmp_path: Path) -> None:
    data = encoded(tone(16000), 16000)
    path = tmp_path / "ein Ton, 'größer' 音.wav"
    path.write_bytes(data)
    wanted = audio.read(path)
    np.testing.assert_array_equal(audio.read(str(path)), wanted)
    np.testing.assert_array_equal(audio.read(data), wanted)
    stream = io.BytesIO(data)
    stream.seek(17)
    np.testing.assert_array_equal(audio.read(stream), wanted)
    assert not stream.closed
    receive, send = os.pipe()

    def feed() -> None:
        with os.fdopen(send, "wb") as file:
            file.write(data)

    writer = threading.Thread(target=feed)
    writer.start()
    with os.fdopen(receive, "rb") as pipe:
        np.testing.assert_array_equal(audio.read(pipe), wanted)
    writer.join()


def test_short_and_empty_recordings() -> None:
    assert len(audio.read(encoded(np.zeros(800, np.float32), 16000))) == 800
    nothing = encoded(np.zeros(0, np.float32), 16000)
    assert len(audio.read(nothing)) == 0
    assert list(audio.blocks(nothing)) == []
    # An empty data chunk before another chunk is empty, not a stream.
    assert len(audio.read(nothing + b"LIST\x04\x00\x00\x00abcd")) == 0


def test_info(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, tone(44100, 2.0, 2), 44100)
    assert audio.info(path) == audio.AudioInfo(2.0, 44100, 2, "flac/pcm_16")
    sample = audio.info(SAMPLES / "english-1.opus")
    assert sample.format == "ogg/opus"
    assert sample.duration == pytest.approx(10.55, abs=0.02)


def test_the_committed_samples_read() -> None:
    rows = [line.split("\t") for line in (SAMPLES / "transcripts.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    assert len(rows) == 4
    for path, _, seconds, text in rows:
        assert len(audio.read(SAMPLES / path)) / 16000 == pytest.approx(float(seconds), abs=0.02)
        assert text == text.lower()
    for clip in audio.find(SAMPLES / "tiny"):
        assert clip.with_suffix(".txt").read_text(encoding="utf-8").strip()
    flac, opus = (audio.read(SAMPLES / f"english-1.{suffix}") for suffix in ("flac", "opus"))
    np.testing.assert_allclose(flac, opus, atol=1e-4)


# What fails, and with which words.


def with_field(data: bytes, at: int, value: int, order: str = "<") -> bytes:
    return data[:at] + struct.pack(f"{order}I", value) + data[at + 4 :]


WAV = encoded(np.zeros(16000, np.float32), 16000)
FLAC = encoded(noise(16000, 80000), 16000, "FLAC")
MP3 = encoded(noise(16000, 80000), 16000, "MP3")
OPUS = encoded(noise(16000, 80000), 16000, "OGG", "OPUS")
AIFF = encoded(noise(16000, 8000), 16000, "AIFF")
AU = encoded(noise(16000, 8000), 16000, "AU")
RF64 = encoded(noise(16000, 8000), 16000, "RF64")

BAD = {
    "empty": (b"", "is empty"),
    "text": (b"this is not audio", "not a recording"),
    "only RIFF": (b"RIFF", "not a recording"),
    "head of FLAC": (b'fLaC\0\0\0"', "not a recording"),
    "zeros": (bytes(5000), "not a recording"),
    "WAV that lies": (with_field(WAV, 40, 0x7FFFFFF0), "claims 2,147,483,632 bytes of sound and the file holds 32,000"),
    "WAV cut off": (WAV[:-1], "claims"),
    "WAV of 1 Hz": (with_field(WAV, 24, 1), "sample rate of 1 Hz"),
    "WAV of 4 GHz": (with_field(WAV, 24, 0xFFFFFFFF), "cannot be read"),
    "AIFF cut off": (AIFF[:-1000], "claims"),
    "AU cut off": (AU[:-1000], "claims"),
    "RF64 cut off": (RF64[:-1000], "claims"),
    "FLAC cut off": (FLAC[: len(FLAC) // 2], "cut off after"),
    "FLAC that lies": (with_field(FLAC, 22, 160000, ">"), "claims 10.000 s and it ends after 5.000 s"),
    "MP3 cut off": (MP3[: len(MP3) // 2], "cut off"),
    "Opus cut off": (OPUS[: len(OPUS) // 2], "cut off"),
    "NaN": (encoded(np.full(16000, np.nan, np.float32), 16000, subtype="FLOAT"), "NaN"),
    "infinity in one channel": (
        encoded(np.array([[0, np.inf]] * 99, np.float32), 16000, subtype="FLOAT"),
        "NaN, infinite or absurdly large",
    ),
    "both infinities": (encoded(np.array([[-np.inf, np.inf]] * 9, np.float32), 16000, subtype="FLOAT"), "NaN"),
    "absurdly large": (encoded(np.full(99, 1e30, np.float32), 16000, subtype="FLOAT"), "large"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("reader", [audio.read, lambda source: list(audio.blocks(source, seconds=0.1))])
def test_bad_inputs(case: str, reader: Callable[[Path], object], tmp_path: Path) -> None:
    data, words = BAD[case]
    path = tmp_path / "a name with spaces, ümlaut and 'quote'.wav"
    path.write_bytes(data)
    with pytest.raises(AudioError) as caught:
        reader(path)
    message = caught.value.message
    assert words in message
    assert message.startswith(str(path))
    assert "\n" not in message
    with pytest.raises(AudioError, match="in memory"):
        audio.read(data)


@settings(max_examples=60, deadline=None)
@given(
    data=st.sampled_from([WAV, FLAC, OPUS, AIFF, AU, RF64]),
    changes=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.integers(0, 2000),
)
def test_damaged_headers_fail_cleanly_or_read(data: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    damaged = bytearray(data[: len(data) - cut])
    for at, byte in changes:
        damaged[at] = byte
    try:
        got = audio.read(bytes(damaged))
    except AudioError:
        return
    assert np.isfinite(got).all()


def test_a_cut_off_flac_says_where() -> None:
    with pytest.raises(AudioError) as caught:
        audio.read(FLAC[: len(FLAC) // 2])
    seconds = float(caught.value.message.split("after ")[1].split(" s")[0])
    assert 1.5 < seconds <= 2.5  # of five


def test_streamed_wavs_are_read_to_their_end() -> None:
    """Pipes leave 0 or an impossible size: FFmpeg old and new, SoX."""
    wav = encoded(noise(16000, 16000), 16000)
    wanted = audio.read(wav)
    for size in (0, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFF000):
        streamed = with_field(wav, 40, size)
        np.testing.assert_array_equal(audio.read(streamed), wanted)
        np.testing.assert_array_equal(audio.read(with_field(streamed, 4, size)), wanted)


def test_streamed_flac_without_a_length() -> None:
    data = bytearray(FLAC)
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    np.testing.assert_array_equal(audio.read(bytes(data)), audio.read(FLAC))
    assert audio.info(bytes(data)).duration == pytest.approx(5.0)


def test_missing_and_folder(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="does not exist"):
        audio.read(tmp_path / "missing.wav")
    with pytest.raises(AudioError, match="is a folder"):
        audio.info(tmp_path)
    with pytest.raises(AudioError, match="cannot be opened"):
        audio.read("a\0b.wav")
    with pytest.raises(AudioError, match="cannot be opened"):
        audio.read("x" * 5000)
    with pytest.raises(UsageError):
        audio.read(WAV, sample_rate=3)
    with pytest.raises(UsageError):
        list(audio.blocks(WAV, seconds=0))


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.m4a", b"\0\0\0\x20ftypM4A " + bytes(100)),
        ("a.webm", b"\x1a\x45\xdf\xa3" + bytes(100)),
        ("a.aac", b"\xff\xf1\x50\x80" + bytes(100)),
        ("a.wma", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(100)),
        ("a.mp4", b"no magic here at all"),
    ],
)
def test_containers_of_ffmpeg_name_the_extra(
    name: str, head: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / name).write_bytes(head)
    said = rf"{re.escape(name)}: reading \{Path(name).suffix} needs the extra \[av\]"
    with pytest.raises(MissingExtra, match=said):
        audio.read(tmp_path / name)
    if name == "a.m4a":  # known by its bytes, whatever its name
        with pytest.raises(MissingExtra):
            audio.read(head)


def test_a_wav_named_m4a_reads(tmp_path: Path) -> None:
    (tmp_path / "a.m4a").write_bytes(WAV)
    assert len(audio.read(tmp_path / "a.m4a")) == 16000


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_raw(rate: int) -> None:
    samples = tone(rate)[:, 0]
    data = np.round(samples * 32767).astype("<i2").tobytes()
    wanted = audio.resample(samples, rate, 16000)
    got = audio.read_raw(io.BytesIO(data + b"\x01"), rate)
    np.testing.assert_allclose(got, wanted, atol=1e-3)

    class Dribble(io.BytesIO):
        """A pipe that hands out odd numbers of bytes."""

        def read(self, count: int | None = -1) -> bytes:
            return super().read(min(count or 0, 4097))

    blocks = list(audio.blocks_raw(Dribble(data), rate, seconds=0.25))
    assert all(len(block) == 4000 for block in blocks[:-1])
    np.testing.assert_allclose(np.concatenate(blocks), got, atol=1e-6)
    assert len(audio.read_raw(io.BytesIO(b""), rate)) == 0
