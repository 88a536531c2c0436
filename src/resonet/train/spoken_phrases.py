"""Clips that voices speak, in a training of words: made in the run's folder where phrases are asked for, known again
wherever they come from, and named in the bundle."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from resonet import audio
from resonet.data import load
from resonet.data.utterance import Utterance
from resonet.errors import DataError
from resonet.models import registry
from resonet.runtime import clip_record, clips
from resonet.runtime.clip_record import Record, Speaking
from resonet.runtime.surroundings import RATE
from resonet.train.assemble import record_of
from resonet.train.made import Progress, Teller
from resonet.train.recipe import FAMILIES, Recipe
from resonet.train.tasks.clip_rows import SYNTHETIC, spoken

# In the run's folder.
FOLDER = "phrases"
# Clips of each phrase whose length is looked at, the share of them that must fit, and steps of the window, in seconds.
_LOOKED_AT, _FITTING, _STEP = 16, 0.9, 0.25


def made(recipe: Recipe, out: Path, tell: Teller, progress: Progress | None) -> Path | None:
    """The folder of the clips of the recipe's phrases; what is missing is made. None where there are no phrases.

    Raises: as `runtime.clips.make`.
    """
    wanted = recipe.clips
    if not wanted.phrases:
        return None
    folder = out / FOLDER
    there = clips.finished(folder, wanted.phrases, wanted.count)
    if there is None:
        tell("note", text=f"{len(wanted.phrases)} phrases are spoken, {wanted.count} clips each, into {folder}")
        there = clips.make(
            folder,
            wanted.phrases,
            wanted.voices,
            count=wanted.count,
            language=recipe.language,
            noise=recipe.augmentation.noise,
            rooms=recipe.augmentation.rooms,
            seed=recipe.seed,
            threads=recipe.threads,
            warn=lambda sentence: tell("note", text=sentence),
            progress=progress,
        )
    checked = f"dev clips are spoken by {', '.join(there.held_out)} alone" if there.held_out else "dev is of the same"
    tell("note", text=f"{sum(there.clips.values())} clips by {len(there.speakers)} speakers; {checked}")
    return folder


def beside(sources: Sequence[Path], recipe: Recipe, tell: Teller) -> tuple[list[Utterance], list[str]]:
    """The clips of folders that are trained on beside the data, and the names of these; nothing in them is for dev."""
    found: list[Utterance] = []
    names = []
    for number, source in enumerate(sources, 1):
        place = load.resolve(source, unsplit="train", language=recipe.language)
        parts = [part for part in load.splits(place) if part == "train" or record_in(source) is not None]
        own = [u for part in parts for u in load.utterances(place, part)]
        prefix = SYNTHETIC if number == 1 else f"{SYNTHETIC}-{number}"
        found += [dataclasses.replace(u, id=f"{prefix}/{u.id}") for u in own]
        names.append(record_of(place)["name"])
        tell("note", text=f"{len(own)} synthetic clips of {source} are trained on")
    return found, names


def describe(record: dict[str, Any], train: Sequence[Utterance], others: Sequence[Utterance], names: list[str]) -> None:
    """Notes in the record of the data which of the clips are synthetic (`others` all are), by which voices, and the
    licences of these."""
    by_folder: dict[Path, list[Utterance]] = {}
    for u in train:
        by_folder.setdefault(u.audio.parent.parent, []).append(u)
    synthetic = {u.id for u in others} & {u.id for u in train}
    voices: dict[str, Speaking] = {}
    named = list(names)
    for folder, own in sorted(by_folder.items()):
        spoken_here = record_in(folder)
        if spoken_here is None:
            continue
        files = {clip.file for clip in spoken_here.clips}
        ids = {u.id for u in own if f"{u.audio.parent.name}/{u.audio.name}" in files}
        if ids - synthetic:  # they are the data themselves, which can name no licence of their own
            named.append(folder.name)
            record["licences"] = [
                x for x in record["licences"] if not (x["set"] == folder.name and x["spdx"] == "NOASSERTION")
            ]
        synthetic |= ids
        voices |= {voice.sha256: voice for voice in spoken_here.settings.voices if ids}
    if not synthetic:
        return
    record["synthetic"] = {
        "name": ", ".join(dict.fromkeys(named)),
        "clips": len(synthetic),
        "voices": [
            {"name": v.name, "sha256": v.sha256, "created": v.created, "speakers": list(v.speakers)}
            for v in voices.values()
        ],
    }
    record["synthetic_licences"] = [
        {"set": f"{x.set} (voice {v.name})", "spdx": x.spdx, "url": x.url} for v in voices.values() for x in v.licence
    ]


def wide_enough(recipe: Recipe, train: Sequence[Utterance], tell: Teller) -> Recipe:
    """The recipe with a window that holds a whole phrase, unless it names one itself."""
    module = registry.family(recipe.family, FAMILIES[recipe.task])
    window = getattr(registry.configure(module, recipe.preset, recipe.network), "window", None)
    if not recipe.clips.phrases or "window" in recipe.network or window is None:
        return recipe
    longest = 0.0
    for phrase in recipe.clips.phrases:
        own = [u for u in train if u.text == phrase][:_LOOKED_AT]
        lengths = [(last - first) / RATE for first, last in (spoken(audio.read(u.audio)) for u in own)]
        longest = max(longest, float(np.quantile(lengths, _FITTING)) if lengths else 0.0)
    wanted = math.ceil(longest / _STEP) * _STEP
    if wanted <= window:
        return recipe
    tell("note", text=f"phrases last up to {longest:.1f} s: {wanted:g} s are judged at a time (network.window)")
    return recipe.model_copy(update={"network": {**recipe.network, "window": wanted}})


def record_in(folder: Path) -> Record | None:
    """The record of a folder of spoken clips; None also where a file of that name is something else."""
    with suppress(DataError):
        return clip_record.read(folder)
    return None
