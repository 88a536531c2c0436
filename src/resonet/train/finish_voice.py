"""The end of a voice's training: two graphs and what reads texts for them become a bundle."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from resonet.bundle import write
from resonet.bundle.manifest import dump
from resonet.bundle.mel import MEL
from resonet.train import export
from resonet.train.finish import RUNS, commit, licences_of, portable, stats_of
from resonet.train.made import Learnt
from resonet.train.recipe import Recipe
from resonet.train.tasks.synthesize import Synthesize
from resonet.train.tasks.vocode import Vocode
from resonet.train.voice_data import VoiceData


def vocoder_graph(task: Vocode, learnt: Learnt) -> bytes:
    """`vocoder.onnx` of the averaged network."""
    with learnt.averaged():
        return export.vocoder(task.network)


def write_voice(
    task: Synthesize,
    learnt: Learnt,
    data: VoiceData,
    vocoder: bytes,
    context: int,
    recipe: Recipe,
    path: Path,
    name: str,
) -> Path:
    """Packs a voice; returns `path`. `context`: frames that the vocoder sees to either side."""
    with learnt.averaged():
        task.keep_pace()
        graph = export.acoustic(task.network)
        errors = task.validate()
    mel = data.train.mel_config
    licences = licences_of(recipe, data.record)
    counts = Counter(unit for code in data.train.units for unit in code)
    members: dict[str, bytes | Path] = {"acoustic.onnx": graph, "vocoder.onnx": vocoder, MEL: mel.to_bytes()}
    if data.units.lexicon is not None:
        members["lexicon.bin"] = data.units.lexicon.to_bytes()
    if data.units.g2p is not None:
        members["g2p.onnx"] = data.units.g2p
    members["stats.json"] = dump(
        stats_of(data.train.waves, {data.units.symbols[u]: n for u, n in sorted(counts.items())})
    )
    parameters = sum(p.numel() for p in task.network.parameters())
    speakers = speakers_of(task, data)
    hours = data.train.offsets[-1] * mel.shift / 3600
    members["card.md"] = _card(name, recipe, data, licences, parameters, hours).encode()
    manifest = {
        "kind": "voice",
        "name": name,
        "family": recipe.family,
        "sample_rate": mel.sample_rate,
        "frame_shift": mel.shift,
        "units": {"type": data.units.type, "list": list(data.units.symbols), "blank": 0},
        "languages": list(data.languages),
        "speakers": list(data.speakers.names),
        "licence": licences,
        "data": {"name": data.record["name"], "sha256": data.record["sha256"]},
        "commit": commit(),
        "metrics": metrics_of(errors),
        "runtime": {
            "resonet": RUNS,
            "context": context,
            "speakers": speakers,
            "longest": max(map(len, data.train.units)),
            "parameters": parameters,
            "recipe": portable(recipe),
        },
    }
    return write(path, manifest, members)


def metrics_of(errors: dict[str, float], command: str = "resonet train") -> list[dict[str, Any]]:
    """What a task found on dev, for the manifest."""
    return [{"name": k, "value": round(v, 4), "set": "dev", "command": command} for k, v in errors.items()]


def speakers_of(task: Synthesize, data: VoiceData) -> dict[str, Any]:
    """Language (that of most utterances), units a second and median pitch of each speaker with recordings."""
    found = {}
    for number, name in enumerate(data.speakers.names):
        rows = [i for i in range(len(data.train)) if data.train.speaker[i] == number]
        if not rows:
            continue
        language = Counter(data.train.language[i] for i in rows).most_common(1)[0][0]
        units = sum(len(data.train.units[i]) for i in rows)
        seconds = sum(data.train.frames(i) for i in rows) * data.train.mel_config.shift
        found[name] = {
            "language": data.languages[language],
            "rate": round(units / seconds, 2),
            "pitch": round(float(np.exp(data.speakers.ranges[number].mean)), 1),
        }
    return found


def _card(
    name: str, recipe: Recipe, data: VoiceData, licences: list[dict[str, str]], parameters: int, hours: float
) -> str:
    sets = "\n".join(f"- {x['set']}: {x['spdx']}{' ' + x['url'] if x['url'] else ''}" for x in licences)
    return (
        f"# {name}\n\n{recipe.about or 'A voice trained with resonet.'}\n\n"
        f"- speakers: {', '.join(data.speakers.names)}\n- languages: {', '.join(data.languages)}\n"
        f"- network: {recipe.family}, preset {recipe.preset}, {parameters / 1e6:.2f} million weights, and a vocoder\n"
        f"- units: {len(data.units.symbols) - 1} {data.units.type}\n"
        f"- training: {len(data.train)} utterances, {hours:.2f} h of {data.record['name']} "
        f"(SHA-256 {data.record['sha256'][:16]})\n\n"
        f"## Training data and licences\n\n{sets}\n\nThe recipe is in the manifest under `runtime`.\n"
    )
