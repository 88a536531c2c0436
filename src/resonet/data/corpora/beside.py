"""A folder with a .txt (or .lab) beside each recording; the first sub-folder, where there is one, is the speaker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from resonet.audio import AUDIO_SUFFIXES
from resonet.data.tables import read_text
from resonet.data.utterance import Utterance

ORDER = 90
LOOKS_FOR = "a .txt or .lab beside each recording (a sub-folder a speaker)"

# LibriTTS: the normalised text is what a network learns from.
_TRANSCRIPTS = (".normalized.txt", ".txt", ".lab")


def reads(source: Path) -> bool:
    return source.is_dir() and any(_transcript(audio) is not None for audio in _recordings(source))


def utterances(source: Path) -> Iterator[Utterance]:
    for audio in _recordings(source):
        relative = audio.relative_to(source)
        transcript = _transcript(audio)
        yield Utterance(
            id=relative.with_suffix("").as_posix(),
            audio=audio,
            text=" ".join(read_text(transcript).split()) if transcript else "",
            speaker=relative.parts[0] if len(relative.parts) > 1 else "",
            where=str(transcript or audio),
            fault="" if transcript else "has no .txt or .lab beside it",
        )


def _recordings(source: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(source):
        folders.sort()
        for name in sorted(files):
            if os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES:
                yield Path(folder, name)


def _transcript(audio: Path) -> Path | None:
    return next((file for suffix in _TRANSCRIPTS if (file := audio.with_suffix(suffix)).is_file()), None)
