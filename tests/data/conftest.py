"""Tiny corpora in every layout, made of half-second recordings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from small_corpora import RATE, tone


@pytest.fixture(autouse=True)
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of small files, each synced, would make these tests as slow as the disk is busy."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def write() -> Callable[..., Path]:
    """write(path, seconds=0.5, ...) makes a recording whose sound depends on its name, and its folders."""

    def make(path: Path, seconds: float = 0.5, level: float = 0.1, rate: int = RATE, samples=None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        if samples is None:
            samples = tone(seconds, level, sum(os.fsencode(path)), rate)
        with path.open("wb") as file:  # soundfile itself opens no name that is not Unicode
            soundfile.write(file, samples, rate, format=path.suffix[1:].upper())
        return path

    return make


@pytest.fixture
def table_corpus(tmp_path: Path, write) -> Callable[..., Path]:
    """table_corpus({"a": 3, "b": 2}) makes a folder with transcripts.tsv: so many utterances of each speaker."""

    def make(speakers: dict[str, int], name: str = "corpus", text: str = "so {speaker} says number {index}") -> Path:
        folder = tmp_path / name
        rows = ["path\tspeaker\tseconds\ttext"]
        for speaker, count in speakers.items():
            for index in range(count):
                write(folder / speaker / f"{index}.wav")
                rows.append(f"{speaker}/{index}.wav\t{speaker}\t0.5\t{text.format(speaker=speaker, index=index)}")
        (folder / "transcripts.tsv").write_text("\n".join(rows) + "\n")
        return folder

    return make
