"""The end of training for classifiers and embedders of words: the averaged network becomes a bundle."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from resonet.bundle import Bundle, write
from resonet.bundle.manifest import dump
from resonet.data.negatives import Negatives
from resonet.data.waveforms import SAMPLE_RATE
from resonet.decoding.labels import SILENCE
from resonet.errors import UsageError
from resonet.models.layers import LogMel
from resonet.runtime.embedder import Embedder, background
from resonet.runtime.second_look import MEMBER
from resonet.runtime.spotter import Spotter
from resonet.runtime.thresholds import Tuner
from resonet.train import export, second_look
from resonet.train.finish import RUNS, commit, hours_of, licences_of, portable, stats_of
from resonet.train.made import Learnt
from resonet.train.recipe import Recipe
from resonet.train.tasks.classify import Classify
from resonet.train.tasks.embed import Embed

# Pieces of other speech against which enrolled words are told: their number, and seconds each.
_BACKGROUND, _PIECE = 1000, (0.35, 1.2)


def write_classifier(
    task: Classify,
    learnt: Learnt,
    recipe: Recipe,
    path: Path,
    *,
    name: str,
    record: dict[str, Any],
    unheard: Negatives | None = None,
) -> Path:
    """Packs a classifier, with an embedder where the recipe names one; returns `path`.

    Args:
        unheard: other speech that was not trained on; with it and an embedder, the bundle gets a second look.
    """
    network = task.network
    with learnt.averaged():
        shift = task.balance()
        graph = export.classifier(network)
        errors = task.validate()
    runtime: dict[str, Any] = {
        "resonet": RUNS,
        "streams": network.streams,
        "window": network.config.window,
        "parameters": sum(p.numel() for p in network.parameters()),
        "multiply_adds": multiply_adds(network),
        "shift_of_unknown": shift,
        "recipe": portable(recipe),
    }
    if network.streams:
        runtime |= {"context": recipe.clips.context, "delay": network.delay, "state": network.state_size}
    if synthetic := record.get("synthetic"):
        runtime["synthetic"] = synthetic
    members: dict[str, bytes | Path] = {"model.onnx": graph}
    licences = licences_of(recipe, record)
    licences += [x for x in record.get("synthetic_licences", []) if x not in licences]
    if recipe.clips.embedder:
        members |= _enrolment(recipe.clips.embedder, task, runtime, licences)
    hours = hours_of(task.waves)
    members["stats.json"] = dump(stats_of(task.waves, {task.labels[t]: n for t, n in sorted(task.counts.items())}))
    members["card.md"] = _card(
        name,
        recipe.about or "A classifier of spoken words trained with resonet.",
        recipe,
        [
            f"words: {', '.join(label for label in task.labels if label not in ('unknown', SILENCE))}",
            f"training: {len(task.train)} clips ({hours * 60:.0f} minutes) of {record['name']}"
            + (f", {synthetic['clips']} of them synthetic" if synthetic else ""),
            *_voices(synthetic),
        ],
        licences,
        runtime["parameters"],
    ).encode()
    manifest: dict[str, Any] = {
        "kind": "classifier",
        "name": name,
        "family": recipe.family,
        "sample_rate": SAMPLE_RATE,
        "frame_shift": LogMel.SHIFT / SAMPLE_RATE,
        "subsampling": network.stride // LogMel.SHIFT if network.streams else 1,
        "labels": list(task.labels),
        "languages": [recipe.language],
        "licence": licences,
        "data": {"name": record["name"], "sha256": record["sha256"]},
        "commit": commit(),
        "metrics": _metrics(errors),
        "runtime": runtime,
    }
    write(path, manifest, members)
    if network.streams:
        _tune(path, manifest, members, task, recipe, unheard)
    return path


def _tune(
    path: Path,
    manifest: dict[str, Any],
    members: dict[str, bytes | Path],
    task: Classify,
    recipe: Recipe,
    unheard: Negatives | None,
) -> None:
    """Gives a classifier that was just written a second look, and with it thresholds, as far as there is speech for it.

    Each is fitted on what the bundle does as it is then: it is written once more after either.
    """
    runtime = manifest["runtime"]
    look = second_look.fit(path, task, unheard) if unheard and recipe.clips.embedder else None
    if look is not None:
        members[MEMBER], runtime["second_look"] = look
        write(path, manifest, members)
    if task.negatives is not None:
        runtime["thresholds"] = _thresholds(path, task.negatives, recipe.clips.false_alarms)
        write(path, manifest, members)


def write_embedder(
    task: Embed, learnt: Learnt, recipe: Recipe, path: Path, *, name: str, record: dict[str, Any]
) -> Path:
    """Packs an embedder; returns `path`."""
    with learnt.averaged():
        errors = task.validate()
        graph = export.embedder(task.network.sound)
    network, config = task.network.sound, task.config
    licences = licences_of(recipe, record)
    parameters = sum(p.numel() for p in network.parameters())
    hours = hours_of(task.waves)
    members: dict[str, bytes | Path] = {
        "model.onnx": graph,
        "stats.json": dump(stats_of(task.waves, {})),
        "card.md": _card(
            name,
            recipe.about or "An embedder of spoken words trained with resonet.",
            recipe,
            [f"training: {len(task.waves)} utterances, {hours:.2f} h of {record['name']}"],
            licences,
            parameters,
        ).encode(),
    }
    manifest = {
        "kind": "embedder",
        "name": name,
        "family": recipe.family,
        "sample_rate": SAMPLE_RATE,
        "frame_shift": LogMel.SHIFT / SAMPLE_RATE,
        "subsampling": network.stride // LogMel.SHIFT,
        "languages": [recipe.language],
        "licence": licences,
        "data": {"name": record["name"], "sha256": record["sha256"]},
        "commit": commit(),
        "metrics": _metrics(errors),
        "runtime": {
            "resonet": RUNS,
            "delay": network.delay,
            "state": network.state_size,
            "dims": config.dims,
            "parts": config.parts,
            "parameters": parameters,
            "recipe": portable(recipe),
        },
    }
    return write(path, manifest, members)


@torch.no_grad()
def multiply_adds(network: Any) -> int:
    """Of matrix products and convolutions for a second of sound, features counted."""
    stride = network.stride if network.streams else 1
    pcm = torch.zeros(1, (8 if network.streams else 1) * SAMPLE_RATE // stride * stride)
    with warnings.catch_warnings(), FlopCounterMode(display=False) as counted:
        warnings.simplefilter("ignore")  # about other processors, as oneDNN, which hides recurrent layers, is set aside
        with torch.backends.mkldnn.flags(enabled=False):
            network.eval()(*((pcm, torch.zeros(1, network.state_size)) if network.streams else (pcm,)))
    return round(counted.get_total_flops() / 2 * SAMPLE_RATE / pcm.shape[1])


def _enrolment(
    name_or_path: str, task: Classify, runtime: dict[str, Any], licences: list[dict[str, str]]
) -> dict[str, bytes | Path]:
    """The members that new words are enrolled with; notes in `runtime` what running them takes."""
    if task.negatives is None:
        raise UsageError("an embedder needs other speech to tell words from", "--set clips.negatives=DATA")
    with Bundle.open(name_or_path, "embedder") as bundle:
        manifest, graph = bundle.manifest, bundle.read("model.onnx")
        runtime["embed"] = {
            "delay": manifest.runtime["delay"],
            "state": manifest.runtime["state"],
            "dims": manifest.runtime["dims"],
            "parts": manifest.runtime["parts"],
            "subsampling": manifest.subsampling,
        }
        licences += [own for x in manifest.licence if (own := x.model_dump()) not in licences]
    rng = np.random.default_rng(task.recipe.seed)
    pieces = [task.negatives.window(int(rng.uniform(*_PIECE) * SAMPLE_RATE), rng) for _ in range(_BACKGROUND)]
    return {"embed.onnx": graph, "background.npy": background(Embedder(graph, runtime["embed"]), pieces)}


def _thresholds(path: Path, speech: Negatives, allowed: float) -> dict[str, float]:
    """From which probability on the words of a bundle count, so that all together give so many false alarms an hour.

    The speech was trained on, but a network of this size cannot learn ten hours by heart: it has as many false alarms
    in speech that it never heard.
    """
    with Bundle.open(path, kind="classifier") as bundle:
        tuner = Tuner(Spotter(bundle, 1))
        looked = bundle.has(MEMBER)
    for i in range(len(speech)):
        tuner.speech([speech.sound(i)], whole=False)
    if looked:
        return dict.fromkeys(tuner.words, tuner.together(allowed))
    return {found.word: found.threshold for found in tuner.tuned(allowed / len(tuner.words))}


def _voices(synthetic: Any) -> list[str]:
    """A line of the card on the voices that spoke clips, if any did."""
    told = [f"{voice['name']} ({', '.join(voice['speakers'])})" for voice in (synthetic or {}).get("voices", [])]
    return [f"synthetic clips are spoken by {'; '.join(told)}: no person said them"] if told else []


def _metrics(errors: dict[str, float]) -> list[dict[str, Any]]:
    return [{"name": k, "value": round(v, 2), "set": "dev", "command": "resonet train"} for k, v in errors.items()]


def _card(
    name: str, about: str, recipe: Recipe, lines: list[str], licences: list[dict[str, str]], parameters: int
) -> str:
    sets = "\n".join(f"- {x['set']}: {x['spdx']}{' ' + x['url'] if x['url'] else ''}" for x in licences)
    listed = "\n".join(f"- {line}" for line in lines)
    return (
        f"# {name}\n\n{about}\n\n- network: {recipe.family}, preset {recipe.preset}, {parameters:,} weights\n{listed}\n"
        f"- language: {recipe.language}\n\n## Training data and licences\n\n{sets}\n\n"
        "The recipe is in the manifest under `runtime`.\n"
    )
