"""The end of a personal voice: the base's bundle again, with a speaker more and the consent that it rests on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from resonet.bundle import write
from resonet.bundle.manifest import dump
from resonet.bundle.mel import MEL
from resonet.train import export
from resonet.train.base_voice import BaseVoice
from resonet.train.finish import RUNS, commit, licences_of, portable, stats_of
from resonet.train.finish_voice import metrics_of, speakers_of
from resonet.train.made import Learnt, duration_text
from resonet.train.recipe import Recipe
from resonet.train.tasks.new_speaker import NewSpeaker
from resonet.train.voice_data import VoiceData


def write_adapted(
    task: NewSpeaker,
    learnt: Learnt,
    data: VoiceData,
    began: str,
    vocoder: bytes,
    context: int,
    recipe: Recipe,
    path: Path,
    name: str,
) -> Path:
    """Packs the voice; returns `path`. `began`: whom the new speaker began as; `context`: frames that the vocoder sees
    to either side."""
    base, a = task.base, recipe.adapt
    old = base.manifest
    with learnt.averaged():
        task.keep_pace()
        network = task.whole()
        errors = task.validate()
    members: dict[str, bytes | Path] = {
        "acoustic.onnx": export.acoustic(network), "vocoder.onnx": vocoder, MEL: base.mel.to_bytes(), **base.members,
    }  # fmt: skip
    counts = Counter(unit for code in data.train.units for unit in code)
    members["stats.json"] = dump(
        stats_of(data.train.waves, {data.units.symbols[u]: n for u, n in sorted(counts.items())})
    )
    licences = _licences(recipe, data, base)
    members["card.md"] = _card(name, recipe, data, base, began, licences, errors).encode()
    runtime = old.runtime
    known = runtime["speakers"]
    assert isinstance(known, dict)
    consent = {"by": a.consent_by.strip(), "date": a.consent_date, "text": a.consent.strip()}
    own = {**speakers_of(task, data)[a.speaker], "consent": consent}
    speakers: dict[str, Any] = {a.speaker: own} if a.only else {**known, a.speaker: own}
    settings = portable(recipe)
    for key in [key for key in settings.get("adapt", {}) if key.startswith("consent")]:
        del settings["adapt"][key]
    manifest: dict[str, Any] = {
        "kind": "voice",
        "name": name,
        "family": old.family,
        "sample_rate": old.sample_rate,
        "frame_shift": old.frame_shift,
        "units": {"type": data.units.type, "list": list(data.units.symbols), "blank": 0},
        "languages": list(old.languages),
        "speakers": [a.speaker] if a.only else [*old.speakers, a.speaker],
        "licence": licences,
        "data": {"name": data.record["name"], "sha256": data.record["sha256"]},
        "commit": commit(),
        "metrics": metrics_of(errors, "resonet adapt"),
        "runtime": {
            "resonet": RUNS,
            "context": context,
            "speakers": speakers,
            **{key: runtime[key] for key in ("longest", "seconds_a_unit") if key in runtime},
            "parameters": sum(p.numel() for p in network.parameters()),
            "base": {"name": base.name, "acoustic": base.key, "began": began},
            "recipe": settings,
        },
    }
    return write(path, manifest, members)


def _licences(recipe: Recipe, data: VoiceData, base: BaseVoice) -> list[dict[str, str]]:
    """Those of what the base learnt from, and of the new recordings."""
    licence = recipe.adapt.licence
    own = [{"set": data.record["name"], "spdx": licence, "url": ""}] if licence else licences_of(recipe, data.record)
    old = [{"set": x.set, "spdx": x.spdx, "url": x.url} for x in base.manifest.licence]
    return old + [x for x in own if x not in old]


def _card(
    name: str,
    recipe: Recipe,
    data: VoiceData,
    base: BaseVoice,
    began: str,
    licences: list[dict[str, str]],
    errors: dict[str, float],
) -> str:
    a = recipe.adapt
    sets = "\n".join(f"- {x['set']}: {x['spdx']}{' ' + x['url'] if x['url'] else ''}" for x in licences)
    names = [a.speaker] if a.only else [*base.manifest.speakers, a.speaker]
    hours = data.train.offsets[-1] * data.train.mel_config.shift / 3600
    learnt = "what is the speaker's own" + (", and the last blocks of the decoder" if a.end else "")
    learnt += ", and the vocoder" if a.vocoder else ""
    others = f"; the speech of the others has moved by {errors['others_moved']:.3f}" if "others_moved" in errors else ""
    statement = "\n".join(f"> {line}".rstrip() for line in a.consent.strip().splitlines())
    about = recipe.about or f"{base.name} with the voice of {a.speaker}, learnt from {duration_text(hours)} of speech."
    return (
        f"# {name}\n\n{about}\n\n"
        f"- speakers: {', '.join(names)}\n- languages: {', '.join(base.manifest.languages)}\n"
        f"- units: {len(data.units.symbols) - 1} {data.units.type}\n\n"
        f"## {a.speaker}\n\n"
        f"- recordings: {len(data.train)} utterances, {duration_text(hours)} of {data.record['name']} "
        f"(SHA-256 {data.record['sha256'][:16]})\n"
        f"- began as {began}; learnt was {learnt}\n"
        f"- log-mel spectrograms of utterances that were not learnt differ by {errors['mel_difference']:.3f} nepers"
        f"{others}\n\n"
        f"### Consent\n\nAs stated by {a.consent_by.strip()} on {a.consent_date}; who made this voice answers for it:"
        f"\n\n{statement}\n\nUse the voice for nothing else than what this person agreed to.\n\n"
        f"## Training data and licences\n\n{sets}\n\nThe recipe is in the manifest under `runtime`.\n" + _card_of(base)
    )


def _card_of(base: BaseVoice) -> str:
    """The base's card, its headings two levels down."""
    if not base.card.strip():
        return ""
    lines = [f"##{line}" if line.startswith("#") else line for line in base.card.strip().splitlines()]
    return f"\n## The voice that this one began with: {base.name}\n\n" + "\n".join(lines) + "\n"
