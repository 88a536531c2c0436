"""A Kaldi data directory: `wav.scp` (plain paths), `text`, and where present `utt2spk`, `segments`, `utt2lang`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from resonet.data.tables import read_text
from resonet.data.utterance import Utterance
from resonet.errors import DataError

ORDER = 10
LOOKS_FOR = "a Kaldi data directory: wav.scp and text"


def reads(source: Path) -> bool:
    return (source / "wav.scp").is_file() and (source / "text").is_file()


def utterances(source: Path) -> Iterator[Utterance]:
    recordings = {key: _recording(source, where, value) for key, value, where in _pairs(source / "wav.scp")}
    speakers = {key: value for key, value, _ in _pairs(source / "utt2spk")}
    languages = {key: value for key, value, _ in _pairs(source / "utt2lang")}
    segments = {key: _segment(value, where) for key, value, where in _pairs(source / "segments")}
    segmented = (source / "segments").is_file()
    for key, text, where in _pairs(source / "text"):
        if segmented and key not in segments:
            raise DataError(f"{where}: {key} is not in {source / 'segments'}", "`utils/fix_data_dir.sh` drops it")
        recording, start, end = segments.get(key, (key, 0.0, None))
        if recording not in recordings:
            raise DataError(f"{where}: the recording {recording} is not in {source / 'wav.scp'}")
        yield Utterance(
            id=key,
            audio=recordings[recording],
            text=text,
            # In Kaldi a speaker equal to the utterance means that nobody knows who it is.
            speaker="" if speakers.get(key, key) == key else speakers[key],
            start=start,
            end=end,
            language=languages.get(key, ""),
            where=where,
        )


def _pairs(file: Path) -> Iterator[tuple[str, str, str]]:
    """The key, the rest and the place of each line; nothing for a file that is absent."""
    if not file.is_file():
        return
    for number, line in enumerate(read_text(file).split("\n"), 1):
        cells = line.split(maxsplit=1)
        if cells:
            yield cells[0], cells[1].strip() if len(cells) > 1 else "", f"{file}: line {number}"


def _recording(source: Path, where: str, value: str) -> Path:
    if not value:
        raise DataError(f"{where} names no recording")
    if value.endswith("|"):
        raise DataError(
            f"{where} is a command ({value}), and commands in data are not run",
            "run it once, keep its output as WAV or FLAC, and put that path into wav.scp",
        )
    path = Path(value)
    if path.is_absolute():
        return path
    # Kaldi's own paths are relative to where its recipe ran: the folder above `data/train`, most often.
    roots = [source, Path.cwd(), *source.resolve().parents[:3]]
    return next((root / path for root in roots if (root / path).is_file()), source / path)


def _segment(value: str, where: str) -> tuple[str, float, float | None]:
    cells = value.split()
    try:
        recording, start, end = cells[0], float(cells[1]), float(cells[2])
    except (IndexError, ValueError):
        raise DataError(f"{where} is not an utterance, a recording, a start and an end") from None
    if end == -1:
        return recording, start, None
    if not 0 <= start < end < 1e9:
        raise DataError(f"{where} ends at {end} s and starts at {start} s")
    return recording, start, end
