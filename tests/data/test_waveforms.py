"""Decoded recordings on disk: the samples are right, made once, made whole or not at all, and not kept for ever."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from resonet.data import waveforms
from resonet.data.utterance import Utterance
from resonet.data.waveforms import Waveforms, make_room
from resonet.errors import DataError

RATE = 16000


def record(folder: Path, name: str, seconds: float = 0.5) -> Path:
    """A recording whose samples count up, so that each place in it is known."""
    path = folder / f"{name}.wav"
    soundfile.write(path, np.arange(round(seconds * RATE), dtype=np.int16), RATE, "PCM_16")
    return path


@pytest.fixture
def said(tmp_path: Path) -> list[Utterance]:
    """Two parts of one recording, and a whole one."""
    long, short = record(tmp_path, "long"), record(tmp_path, "short", 0.1)
    return [
        Utterance("a", long, "", start=0.1, end=0.2),
        Utterance("b", long, "", start=0.25),
        Utterance("c", short, ""),
    ]


def test_samples_are_those_of_the_utterance(said: list[Utterance], tmp_path: Path) -> None:
    waves = Waveforms(said, tmp_path / "cache", (0.9, 1.0))
    assert [waves.length(i) for i in range(len(waves))] == [1600, 4000, 1600]
    np.testing.assert_allclose(waves.samples(0), np.arange(1600, 3200), atol=1)
    np.testing.assert_allclose(waves.samples(1), np.arange(4000, 8000), atol=1)
    np.testing.assert_allclose(waves.sound(2), np.arange(1600) / 32768, atol=1e-4)
    assert waves.length(0, 0.9) == pytest.approx(1600 / 0.9, abs=2)
    assert len(Waveforms([], tmp_path / "cache")) == 0


def test_a_recording_is_decoded_once(said: list[Utterance], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    real = waveforms.read
    monkeypatch.setattr(waveforms, "read", lambda path, rate: (read.append(path), real(path, rate))[1])
    seen: list[int] = []
    Waveforms(said, tmp_path / "cache", progress=lambda items, total: (seen.append(total), items)[1])
    assert sorted(path.stem for path in read) == ["long", "short"] and seen == [3]
    Waveforms(said, tmp_path / "cache")
    assert len(read) == 2
    Waveforms(said, tmp_path / "cache", (1.0, 1.1))  # only what is missing
    assert len(read) == 4 and len(list((tmp_path / "cache").iterdir())) == 1
    os.utime(said[2].audio, (1, 1))  # another file, for all one knows
    Waveforms(said, tmp_path / "cache")
    assert len(read) == 6


@pytest.mark.parametrize("harm", ["shortened", "gone", "offsets"])
def test_what_is_damaged_is_decoded_again(said: list[Utterance], tmp_path: Path, harm: str) -> None:
    Waveforms(said, tmp_path / "cache")
    (folder,) = (tmp_path / "cache").iterdir()
    pcm = folder / "speed-1.pcm"
    if harm == "shortened":
        pcm.write_bytes(pcm.read_bytes()[:-100])
    elif harm == "gone":
        pcm.unlink()
    else:
        (folder / "speed-1.json").write_text("[0, 16")
    np.testing.assert_allclose(Waveforms(said, tmp_path / "cache").samples(2), np.arange(1600), atol=1)


def test_errors_are_one_sentence_and_leave_nothing(
    said: list[Utterance], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    cache = tmp_path / "cache"
    with pytest.raises(DataError, match=r"bad\.wav"):
        Waveforms([*said, Utterance("bad", tmp_path / "bad.wav", "")], cache)
    assert [file for folder in cache.iterdir() for file in folder.iterdir()] == []
    with pytest.raises(DataError, match=r"none\.wav cannot be read"):
        Waveforms([Utterance("none", tmp_path / "none.wav", "")], cache)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written to"):
        Waveforms(said, tmp_path / "file")


def test_two_trainings_may_decode_at_once(said: list[Utterance], tmp_path: Path) -> None:
    """The first is held in the midst while another process (by its id) makes the same files."""
    inside, go = threading.Event(), threading.Event()

    def slow(items, total):
        inside.set()
        assert go.wait(10)
        return items

    found: list[Waveforms] = []
    first = threading.Thread(target=lambda: found.append(Waveforms(said, tmp_path / "cache", progress=slow)))
    first.start()
    assert inside.wait(10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 1)
        second = Waveforms(said, tmp_path / "cache")
    go.set()
    first.join(10)
    for waves in (second, *found):
        np.testing.assert_array_equal(waves.samples(1), second.samples(1))
    assert len(found) == 1 and sorted(p.suffix for p in (tmp_path / "cache").glob("*/*")) == [".json", ".pcm"]


def test_what_was_opened_least_recently_makes_room(tmp_path: Path) -> None:
    cache, day = tmp_path / "cache", 24 * 3600
    ages = {"0" * 16: 9, "1" * 16: 3, "2" * 16: 5, "3" * 16: 0, "somebody-else": 20}
    for name, days in ages.items():
        (cache / name).mkdir(parents=True)
        (cache / name / "speed-1.pcm").write_bytes(bytes(1000))
        (cache / name / "speed-1.json").write_text(json.dumps([0, 500]))
        os.utime(cache / name, (0, time.time() - days * day))
    (cache / ("4" * 16)).touch()
    make_room(tmp_path / "nowhere", 0)
    make_room(cache, 10_000)
    assert len(list(cache.iterdir())) == 6
    make_room(cache, 3500)
    assert not (cache / ("0" * 16)).exists() and len(list(cache.iterdir())) == 5
    (cache / ("2" * 16) / "notes").touch()
    os.utime(cache / ("2" * 16), (0, time.time() - 5 * day))
    make_room(cache, 0)
    assert sorted(p.name[:2] for p in cache.iterdir()) == ["22", "33", "44", "so"]  # today's, and what is not its own
    assert [p.name for p in (cache / ("2" * 16)).iterdir()] == ["notes"]


def test_opening_counts_as_use(said: list[Utterance], tmp_path: Path) -> None:
    Waveforms(said, tmp_path / "cache")
    (folder,) = (tmp_path / "cache").iterdir()
    os.utime(folder, (0, 0))
    Waveforms(said, tmp_path / "cache")
    assert time.time() - folder.stat().st_mtime < 60
