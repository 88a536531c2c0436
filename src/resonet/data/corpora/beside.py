"""A folder with a .txt (or .lab) beside each recording; the first sub-folder, where there is one, is the speaker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from resonet import audio
from resonet.data.tables import read_text
from resonet.data.utterance import Utterance
from resonet.errors import AudioError

ORDER = 90
LOOKS_FOR = "a .txt or .lab beside each recording (a sub-folder a speaker)"

# LibriTTS: the normalised text is what a network learns from.
_TRANSCRIPTS = (".normalized.txt", ".txt", ".lab")


def reads(source: Path) -> bool:
    return source.is_dir() and any(_transcript(recording) is not None for recording in _recordings(source))


def utterances(source: Path) -> Iterator[Utterance]:
    for recording in _recordings(source):
        relative = recording.relative_to(source)
        transcript = _transcript(recording)
        yield Utterance(
            id=relative.with_suffix("").as_posix(),
            audio=recording,
            text=" ".join(read_text(transcript).split()) if transcript else "",
            speaker=relative.parts[0] if len(relative.parts) > 1 else "",
            where=str(transcript or recording),
            fault="" if transcript else "has no .txt or .lab beside it",
        )


def _recordings(source: Path) -> list[Path]:
    try:
        return audio.find(source)
    except AudioError:  # none, or a folder that cannot be listed
        return []


def _transcript(recording: Path) -> Path | None:
    return next((file for suffix in _TRANSCRIPTS if (file := recording.with_suffix(suffix)).is_file()), None)
