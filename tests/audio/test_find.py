"""Finding recordings in folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resonet import audio
from resonet.errors import AudioError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_files_as_given_and_folders_expanded(tmp_path: Path) -> None:
    names = ["b/ü.WAV", "b/a.flac", "b/deep/er/音.opus", "b/a.txt", "b/.hidden.wav", "b/.git/x.wav", "z.mp3"]
    touch(*(tmp_path / name for name in names))
    found = audio.find([tmp_path / "z.mp3", str(tmp_path / "b"), "not-there.xyz"])
    assert found == [
        tmp_path / "z.mp3",
        tmp_path / "b/a.flac",
        tmp_path / "b/deep/er/音.opus",
        tmp_path / "b/ü.WAV",
        Path("not-there.xyz"),
    ]
    assert audio.find(tmp_path / "b") == audio.find([tmp_path / "b"])
    assert audio.find([]) == []


def test_a_folder_without_recordings(tmp_path: Path) -> None:
    touch(tmp_path / "inner/readme.txt")
    with pytest.raises(AudioError, match="holds no recording"):
        audio.find([tmp_path])


def test_links_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path / "data/a.wav")
    try:
        os.symlink(tmp_path / "data", tmp_path / "data/again")
        os.symlink(tmp_path / "data", tmp_path / "link")
    except OSError:
        pytest.skip("no symbolic links here")
    assert audio.find([tmp_path / "link"]) == [tmp_path / "link/a.wav"]


def test_suffixes() -> None:
    assert {".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".webm"} <= audio.AUDIO_SUFFIXES
    assert ".txt" not in audio.AUDIO_SUFFIXES
