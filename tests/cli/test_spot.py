"""`resonet spot`: words as they are heard, from files, pipes and the microphone."""

from __future__ import annotations

import io
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from resonet import audio
from resonet.cli import _live


@pytest.fixture
def sound(small) -> np.ndarray:
    """`low` ends at 2.5 s, `high` at 5 s."""
    return np.concatenate(
        [small.hiss(2.0), small.tone(500, 0.5), small.hiss(2.0), small.tone(1500, 0.5), small.hiss(1.0)]
    )


def s16(samples: np.ndarray) -> bytes:
    return np.rint(samples * 32767).astype("<i2").tobytes()


def rows(out: str) -> list[tuple[float, str]]:
    return [(float(line.split("\t")[0]), line.split("\t")[1]) for line in out.splitlines()]


def check(out: str) -> None:
    (low, first), (high, second) = rows(out)
    assert (first, second) == ("low", "high") and 2.1 < low < 2.75 and 4.6 < high < 5.25


def test_a_line_an_event(spotting, clip, sound) -> None:
    ran = spotting("spot", clip("x.flac", sound))
    assert (ran.code, ran.err) == (0, "")
    check(ran.out)
    time, _, score = ran.out.splitlines()[0].split("\t")
    assert len(time.partition(".")[2]) == 3 and len(score) == 4 and 0.5 <= float(score) <= 1


def test_json(spotting, clip, sound) -> None:
    path = clip("x.wav", sound)
    first, second = (json.loads(line) for line in spotting("spot", path, "--json").out.splitlines())
    assert set(first) == {"file", "time", "word", "score"} and first["file"] == str(path)
    assert (first["word"], second["word"]) == ("low", "high") and 0.5 <= first["score"] <= 1


def test_thresholds_and_only(spotting, clip, sound) -> None:
    path = clip("x.wav", sound)
    assert [word for _, word in rows(spotting("spot", path, "--only", "high").out)] == ["high"]
    assert rows(spotting("spot", path, "--threshold", "0.9").out)[0] > rows(spotting("spot", path).out)[0]
    ran = spotting("spot", path, "--only", "medium")
    assert ran.code == 2 and "'medium' is no word of tones" in ran.err and "low, high" in ran.err


def test_pipes_of_raw_pcm_and_of_wav(spotting, clip, sound, stdin, tmp_path) -> None:
    stdin(s16(sound))
    check(spotting("spot", "-", "--rate", 16000).out)
    for name in ("x.wav", "x.flac"):
        stdin(clip(name, sound).read_bytes())
        ran = spotting("spot", "-")
        assert ran.code == 0, ran.err
        check(ran.out)
    two = np.stack([sound, np.zeros_like(sound)], 1)
    audio.write(tmp_path / "two.wav", two, 16000)
    stdin((tmp_path / "two.wav").read_bytes())
    check(spotting("spot", "-").out)


def test_bad_pipes(spotting, clip, sound, stdin) -> None:
    stdin(b"this is no sound")
    ran = spotting("spot", "-")
    assert ran.code == 1 and "standard input is not a recording" in ran.err and len(ran.err.splitlines()) == 2
    stdin(b"")
    assert spotting("spot", "-").code == 1
    stdin(clip("x.wav", sound).read_bytes()[:-5000])
    ran = spotting("spot", "-")
    assert ran.code == 1 and "standard input is cut off: 5,000 bytes" in ran.err
    check(ran.out)  # what was there was heard
    stdin(b"", terminal=True)
    assert spotting("spot", "-").code == 2


def test_headers_of_pipes() -> None:
    def form(code: int, bits: int, size: int, extra: bytes = b"") -> tuple[int, int, int | None] | None:
        fmt = struct.pack("<HHIIHH", code, 1, 16000, 32000, 2, bits) + extra
        chunks = b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"fmt " + struct.pack("<I", len(fmt)) + fmt
        chunks += b"data" + struct.pack("<I", size)
        return _live._wav_header(io.BytesIO(chunks), b"RIFFxxxxWAVE")[1]

    assert form(1, 16, 100) == (1, 16000, 100)
    for size in (0, 0xFFFFFFFF, 0x7FFFF000):  # not known when the header was written
        assert form(1, 16, size) == (1, 16000, None)
    assert form(0xFFFE, 16, 8, struct.pack("<HHIH", 22, 16, 1, 1)) == (1, 16000, 8)
    for code, bits in ((3, 32), (1, 24), (7, 8)):
        assert form(code, bits, 8) is None
    assert _live._wav_header(io.BytesIO(b"data"), b"RIFFxxxxWAVE") == (b"RIFFxxxxWAVEdata", None)


def test_sound_is_heard_as_it_comes() -> None:
    class Trickle:
        """A pipe that hands out odd numbers of bytes."""

        def __init__(self, data: bytes) -> None:
            self.data = data

        def read1(self, size: int) -> bytes:
            taken, self.data = self.data[: min(size, 7)], self.data[min(size, 7) :]
            return taken

    frames = np.arange(-50, 50, dtype="<i2").reshape(-1, 2)
    live = _live.AsItComes(Trickle(frames.tobytes() + b"x"), channels=2)  # type: ignore[arg-type]
    pieces = list(iter(lambda: live.read(100), b""))
    assert len(pieces) > 5
    np.testing.assert_array_equal(np.frombuffer(b"".join(pieces), "<i2"), np.rint(frames.mean(1)).astype("<i2"))
    live = _live.AsItComes(Trickle(bytes(100)), most=30)  # type: ignore[arg-type]
    assert sum(map(len, iter(lambda: live.read(100), b""))) == 30


def test_files_that_cannot_be_read(spotting, tmp_path) -> None:
    (tmp_path / "text.wav").write_text("this is no sound")
    for name, said in (("text.wav", "not a recording"), ("missing.wav", "does not exist"), ("", "is a folder")):
        ran = spotting("spot", tmp_path / name)
        assert (ran.code, ran.out) == (1, "") and said in ran.err


def test_usage(spotting, clip, sound, tmp_path) -> None:
    path = clip("x.wav", sound)
    for arguments in ([], [path, "--microphone"], [path, "--rate", 16000], [path, "--threshold", 0]):
        assert spotting("spot", *arguments).code == 2, arguments
    ran = spotting("spot", path, "--words", tmp_path / "missing.json")
    assert ran.code == 1 and "missing.json cannot be read" in ran.err


def test_a_long_file_takes_bounded_memory(spotting, clip, small, monkeypatch) -> None:
    from resonet.runtime import SpotStream

    lengths: list[int] = []
    push = SpotStream.push

    def noted(self, samples):
        lengths.append(len(samples))
        return push(self, samples)

    monkeypatch.setattr(SpotStream, "push", noted)
    assert spotting("spot", clip("long.wav", small.hiss(61.0))).code == 0
    assert max(lengths) <= 5 * 16000 and sum(lengths) == 61 * 16000


def test_enrolled_words_are_heard_with_the_others(spotting, clip, sound, small) -> None:
    up = small.melody([0, 2, 4, 6, 7])
    assert spotting("enroll", "up", clip("up.wav", small.hiss(0.4), up, small.hiss(0.4))).code == 0
    assert spotting("enroll", "--text", "see keys").code == 0
    said = small.said("S", "IY", "K", "IY", "S")
    path = clip("x.wav", sound, up, small.hiss(1.0), said, small.hiss(1.0))
    assert [word for _, word in rows(spotting("spot", path).out)] == ["low", "high", "up", "see keys"]


def test_words_of_another_bundle_are_a_warning(spotting, clip, sound, small, tones) -> None:
    word = clip("up.wav", small.hiss(0.4), small.melody([0, 2, 4, 6, 7]), small.hiss(0.4))
    assert spotting("enroll", "up", word).code == 0
    ran = spotting("spot", clip("x.wav", sound), "--bundle", tones.bare)
    check(ran.out)
    assert ran.code == 0 and len(ran.err.splitlines()) == 1
    assert ran.err.startswith("resonet: 'up' cannot be heard: enrolled with another embedder than that of bare")


def test_the_microphone_until_ctrl_c(spotting, sound, monkeypatch) -> None:
    from resonet.audio import microphone

    def blocks(sample_rate: int, seconds: float) -> Iterator[np.ndarray]:
        assert (sample_rate, seconds) == (16000, 0.08)
        yield from np.array_split(sound, 70)
        raise KeyboardInterrupt

    monkeypatch.setattr(microphone, "blocks", blocks)
    ran = spotting("spot", "--microphone", "--json")
    assert ran.code == 130 and ran.err.strip() == ""  # click ends the line that shows ^C
    assert [json.loads(line)["file"] for line in ran.out.splitlines()] == ["microphone"] * 2


def test_a_live_pipe_prints_at_once_and_ends_cleanly(tones, sound, tmp_path) -> None:
    """Another process hears a pipe that stays open: the words are there before it ends, and Ctrl-C is no traceback."""
    environment = {**os.environ, "RESONET_HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-m", "resonet", "spot", "-", "--rate", "16000", "--bundle", str(tones.bundle)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:  # fmt: skip
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdin.write(s16(sound[: int(4.2 * 16000)]))
        process.stdin.flush()
        assert process.stdout.readline().split(b"\t")[1] == b"low"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read().strip() == b"" and process.stdout.read() == b""
        watchdog.cancel()


def test_a_reader_that_goes_away_is_no_traceback(tones, sound, tmp_path) -> None:
    path = Path(tmp_path / "x.wav")
    audio.write(path, np.concatenate([sound] * 3), 16000)
    command = [sys.executable, "-m", "resonet", "spot", str(path), "--bundle", str(tones.bundle)]
    environment = {**os.environ, "RESONET_HOME": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == b""


def test_microphone_blocks(monkeypatch) -> None:
    """A stand-in for sounddevice at another rate: blocks come resampled, and a device that goes away is an error."""
    from resonet.audio import microphone
    from resonet.errors import AudioError

    class InputStream:
        active = True

        def __init__(self, samplerate: int, channels: int, dtype: str, callback, blocksize: int) -> None:
            assert (samplerate, blocksize) == (48000, 3840)
            self.callback = callback

        def __enter__(self):
            for _ in range(5):
                self.callback(np.full((3840, 1), 0.25, np.float32), 3840, None, None)
            self.active = False
            return self

        def __exit__(self, *_: object) -> None:
            pass

    class PortAudioError(Exception):
        pass

    def check(samplerate: int, **_: object) -> None:
        if samplerate != 48000:
            raise PortAudioError

    device = SimpleNamespace(
        PortAudioError=PortAudioError, InputStream=InputStream, check_input_settings=check,
        query_devices=lambda kind: {"default_samplerate": 48000.0},
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    blocks = microphone.blocks(16000)
    got = np.concatenate([next(blocks) for _ in range(5)])
    assert 5500 < len(got) <= 6400 and abs(got[1000:5000].mean() - 0.25) < 1e-3
    began = time.monotonic()
    with pytest.raises(AudioError, match="gone away"):
        next(blocks)
    assert time.monotonic() - began < 5
