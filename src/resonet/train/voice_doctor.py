"""The doctor before a voice is trained: it hears every recording once, and says what the voice would suffer from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from resonet.bundle import replacing
from resonet.data import doctor, doctor_voice, load
from resonet.data.utterance import Utterance
from resonet.errors import MissingExtra, ResonetError
from resonet.train.assemble import record_of
from resonet.train.made import Progress, Teller, finding_text
from resonet.train.recipe import Recipe
from resonet.train.voice_units import VoiceUnits

# A note that is worth a line before hours of training.
_TOLD = ("less than an hour",)
# What is no fault of a speaker who is added to a trained voice.
_ALONE = ("few minutes", "less than an hour")


def examined(
    folder: Path,
    parts: Mapping[str, Sequence[Utterance]],
    units: VoiceUnits,
    recipe: Recipe,
    place: Path,
    tell: Teller,
    progress: Progress | None,
    added: bool = False,
) -> list[list[Utterance]]:
    """The parts without what the doctor finds unusable; its findings are told in a line each.

    Args:
        folder: the prepared data. parts: of it, by split.
        place: a folder that keeps the answer in `doctor.json`, for when the training is taken up again.
        added: it is a speaker more for a trained voice.

    Raises MissingExtra: numbers or Mandarin without the extra [speak].
    """
    record, file = record_of(folder)["sha256"], place / "doctor.json"
    unusable = _known(file, record)
    if unusable is None:
        found = doctor.examine(
            parts,
            skipped=load.skipped(folder),
            progress=progress,
            voice=lambda text, language: _read(units, text, language or recipe.language),
        )
        findings = [f for f in found.findings if not (added and f.kind in _ALONE)]
        for finding in findings:
            if finding.severity != "note" or finding.kind in _TOLD:
                tell("finding", text=finding_text(finding), finding=finding.as_dict())
        unusable = found.unusable
        content = {"data": record, "findings": [f.as_dict() for f in findings], "unusable": sorted(unusable)}
        place.mkdir(parents=True, exist_ok=True)
        with replacing(file) as stream:
            stream.write(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))
    return [[u for u in part if u.id not in unusable] for part in parts.values()]


def _known(file: Path, record: str) -> frozenset[str] | None:
    """The ids that an earlier examination of the same data found unusable."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return frozenset(content["unusable"]) if content["data"] == record else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _read(units: VoiceUnits, text: str, language: str) -> doctor_voice.Read:
    try:
        units.encode(text, language)
    except MissingExtra:
        raise
    except ResonetError as error:
        return doctor_voice.Read(fault=error.message)
    return doctor_voice.read(text, units.front_ends[language])
