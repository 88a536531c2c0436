"""The end of training for voices and languages: the network becomes `speaker.onnx` of a bundle of kind embedder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from resonet.bundle import Bundle, write
from resonet.bundle.manifest import dump
from resonet.data.waveforms import SAMPLE_RATE
from resonet.models.layers import LogMel
from resonet.train import export
from resonet.train.finish import RUNS, commit, hours_of, licences_of, portable, stats_of
from resonet.train.made import Learnt
from resonet.train.recipe import Recipe
from resonet.train.tasks.identify import Identify

MEMBER = "speaker.onnx"
# Seconds: under the first a voice is not judged, and longer sound than the second is cut into pieces.
SHORTEST, LONGEST = 0.5, 10.0


def write_identity(
    task: Identify, learnt: Learnt, recipe: Recipe, path: Path, *, name: str, record: dict[str, Any]
) -> Path:
    """Packs the network, beside the words of another bundle where the recipe names one; returns `path`."""
    network = task.network.voice
    with learnt.averaged():
        errors = task.validate()
        graph = export.identity(network)
    licences = licences_of(recipe, record)
    speaker = {
        "family": recipe.family,
        "size": task.config.size,
        "languages": list(task.languages),
        "shortest": SHORTEST,
        "longest": LONGEST,
        "speakers": task.speakers_of_languages(),
        "parameters": sum(p.numel() for p in network.parameters()),
        "data": {"name": record["name"], "sha256": record["sha256"]},
        "recipe": portable(recipe),
    }
    metrics = [{"name": k, "value": round(v, 2), "set": "dev", "command": "resonet train"} for k, v in errors.items()]
    card = _card(name, recipe, task, record, licences, speaker["parameters"])
    manifest: dict[str, Any] = {
        "kind": "embedder",
        "name": name,
        "family": recipe.family,
        "sample_rate": SAMPLE_RATE,
        "frame_shift": LogMel.SHIFT / SAMPLE_RATE,
        "subsampling": 1,
        "languages": list(task.languages),
        "licence": licences,
        "data": speaker["data"],
        "commit": commit(),
        "metrics": metrics,
        "runtime": {"resonet": RUNS, "speaker": speaker},
    }
    members: dict[str, bytes | Path] = {MEMBER: graph, "stats.json": dump(stats_of(task.waves, {}))}
    if recipe.identity.words:
        card = _with_words(recipe.identity.words, manifest, members) + card
    members["card.md"] = card.encode()
    return write(path, manifest, members)


def _with_words(name_or_path: str, manifest: dict[str, Any], members: dict[str, bytes | Path]) -> str:
    """Makes the manifest and members those of the bundle of words, with what is there added; returns its card."""
    with Bundle.open(name_or_path, "embedder") as bundle:
        words = bundle.manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
        members |= {
            member: bundle.read(member)
            for member in bundle.members
            if member not in (MEMBER, "card.md") and (member != "stats.json" or "model.onnx" in bundle.members)
        }
        card = bundle.read("card.md").decode() + "\n" if bundle.has("card.md") else ""
    if "model.onnx" not in members:
        return ""
    for key in ("family", "frame_shift", "subsampling", "sample_rate", "data", "languages"):
        if words.get(key):
            manifest[key] = words[key]
    manifest["licence"] = words["licence"] + [x for x in manifest["licence"] if x not in words["licence"]]
    manifest["metrics"] = words["metrics"] + manifest["metrics"]
    manifest["runtime"] = {**words["runtime"], **manifest["runtime"]}
    return card


def _card(
    name: str, recipe: Recipe, task: Identify, record: dict[str, Any], licences: list[dict[str, str]], parameters: int
) -> str:
    hours = hours_of(task.waves)
    sets = "\n".join(f"- {x['set']}: {x['spdx']}{' ' + x['url'] if x['url'] else ''}" for x in licences)
    said = ", ".join(f"{tag} by {count}" for tag, count in task.speakers_of_languages().items())
    return (
        f"# {name}: voices and languages\n\n{recipe.about}\n\n"
        f"- network: {recipe.family}, preset {recipe.preset}, {parameters / 1e6:.2f} million weights; a voice is "
        f"{task.config.size} numbers\n"
        f"- training: {len(task.waves)} utterances, {hours:.2f} h of {record['name']} (SHA-256 "
        f"{record['sha256'][:16]}), {len(task.people)} speakers\n"
        f"- languages and their speakers: {said}. "
        "Where they are few, voices of another kind may be taken for another language.\n\n"
        f"## Training data and licences of voices and languages\n\n{sets}\n\n"
        "The recipe is in the manifest under `runtime.speaker`.\n"
    )
