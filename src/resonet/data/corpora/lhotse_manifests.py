"""Lhotse manifests as JSON lines: cuts, or recordings with supervisions; what `resonet prepare` wrote is one kind.

They are read without Lhotse, so that a raw source can be evaluated where PyTorch is not installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from resonet.data import tables
from resonet.data.utterance import Utterance, split_named
from resonet.errors import DataError

ORDER = 10
LOOKS_FOR = "Lhotse cuts (*cuts*.jsonl.gz), or recordings and supervisions"


def reads(source: Path) -> bool:
    return bool(_cuts(source) or _supervisions(source))


def utterances(source: Path) -> Iterator[Utterance]:
    cuts = _cuts(source)
    for file in cuts:
        for number, row in tables.rows(file):
            yield from _from_cut(row, f"{file}: line {number}", file)
    if cuts:
        return
    for file in _supervisions(source):
        recordings_file = file.with_name(file.name.replace("supervisions", "recordings"))
        if not recordings_file.is_file():
            raise DataError(f"{file} has no {recordings_file.name} beside it")
        recordings = {str(row.get("id")): row for _, row in tables.rows(recordings_file)}
        for number, row in tables.rows(file):
            where = f"{file}: line {number}"
            recording = recordings.get(str(row.get("recording_id")))
            if recording is None:
                raise DataError(f"{where}: the recording {row.get('recording_id')} is not in {recordings_file}")
            yield _utterance(row, recording, 0.0, where, file)


def _from_cut(cut: Mapping[str, Any], where: str, file: Path) -> Iterator[Utterance]:
    kind = cut.get("type", "MonoCut")
    if kind not in ("MonoCut", "MultiCut"):
        raise DataError(f"{where} is a {kind}, and only cuts of single recordings are read")
    recording = cut.get("recording")
    if not isinstance(recording, dict):
        raise DataError(f"{where} has no recording (only features?)")
    said = cut.get("supervisions") or []
    try:
        start, duration = float(cut["start"]), float(cut["duration"])
        for supervision in said:
            within = float(supervision["start"])
            whole = len(said) == 1 and abs(within) < 1e-3 and abs(float(supervision["duration"]) - duration) < 1e-3
            # A lone supervision is the cut and takes its name.
            row = {**supervision, "id": cut["id"]} if whole else supervision
            yield _utterance(row, recording, start, where, file)
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{where} is no Lhotse cut") from None


def _utterance(
    row: Mapping[str, Any], recording: Mapping[str, Any], offset: float, where: str, file: Path
) -> Utterance:
    try:
        source = recording["sources"][0]
        if source["type"] != "file" or recording.get("transforms"):
            what = "transforms" if recording.get("transforms") else f"a source of type {source['type']}"
            raise DataError(f"{where}: the recording {recording['id']} has {what}; only plain files are read")
        start = max(0.0, offset + float(row["start"]))
        path = Path(source["source"])
        return Utterance(
            id=str(row["id"]),
            audio=path if path.is_absolute() else _relative(path, file),
            text=str(row.get("text") or ""),
            speaker=str(row.get("speaker") or ""),
            start=start,
            end=offset + float(row["start"]) + float(row["duration"]),
            split=_split(file),
            language=str(row.get("language") or ""),
            where=where,
            columns={key: value for key, value in (row.get("custom") or {}).items() if isinstance(value, str)},
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise DataError(f"{where} is no Lhotse supervision of a recording in a file") from None


def _relative(path: Path, file: Path) -> Path:
    return path if path.is_file() else file.parent / path


def _split(file: Path) -> str | None:
    """The split in a file's name: train.cuts.jsonl.gz, librispeech_cuts_dev-clean.jsonl.gz."""
    stem = file.name.split(".")[0]
    return split_named(stem) or next((name for part in stem.split("_") if (name := split_named(part))), None)


def _files(source: Path, word: str) -> list[Path]:
    if source.is_file():
        files = [source]
    else:
        files = sorted(source.glob(f"*{word}*.jsonl*")) if source.is_dir() else []
    return [file for file in files if tables.is_table(file)]


def _cuts(source: Path) -> list[Path]:
    return [file for file in _files(source, "cuts") if {"supervisions", "duration"} <= set(tables.header(file))]


def _supervisions(source: Path) -> list[Path]:
    return [file for file in _files(source, "supervisions") if {"recording_id", "duration"} <= set(tables.header(file))]
