"""The end of training: the averaged network becomes a bundle, with its decoder tuned on development data."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from resonet.audio import measure
from resonet.bundle import Histogram, Stats, write
from resonet.bundle.manifest import dump
from resonet.bundle.stats import CONFIDENCE_EDGES, DURATION_EDGES, LOUDNESS_EDGES, SNR_EDGES
from resonet.data.waveforms import SAMPLE_RATE, Waveforms
from resonet.decoding import BeamOptions, Hypothesis, LexiconBeam, ngram
from resonet.decoding.confidence import Confidence
from resonet.models.layers import LogMel
from resonet.text.lexicon import Lexicon
from resonet.train import export
from resonet.train.made import Learnt
from resonet.train.recipe import Recipe
from resonet.train.tasks.pronounce import Pronounce
from resonet.train.tasks.recognize import Recognize, best_path, error_rate
from resonet.train.tune import START, confidence, tune, word_error_rate

# The oldest version that runs what is written here.
RUNS = "0.1.0"
# Utterances whose loudness goes into stats.json.
_MEASURED = 1000
# Percent of dev words wrong beyond which nothing is tuned on them: the best setting would be the one that says least,
# and the confidence that fits would call every word wrong, also of speakers that the network knows.
_HOPELESS = 80.0


def write_recognizer(
    task: Recognize,
    learnt: Learnt,
    recipe: Recipe,
    path: Path,
    *,
    name: str,
    data: Path,
    lexicon: Lexicon | None,
    lm: Path | None,
    g2p: bytes | None,
) -> Path:
    """Exports, tunes and packs a recognizer; returns `path`.

    Args:
        data: the prepared folder (its data.json is quoted).
        lexicon: the words that can be recognized, in the network's units; None: decoding is greedy.
        lm: a file in the compact form or ARPA; g2p: the graph that read the words the lexicon lacked.
    """
    with learnt.averaged():
        graph = export.recognizer(task.network)
        scores = task.scores(task.dev_waves)
    texts = task.texts()
    members: dict[str, bytes | Path] = {"model.onnx": graph}
    settings: dict[str, Any] = {}
    sure: list[float] = []
    metrics = [_metric("unit_error_rate", error_rate([best_path(s) for s in scores], task.dev.targets))]
    if lexicon is not None and len(lexicon):
        model = ngram.load(lm) if lm else None
        beam = LexiconBeam(task.units, lexicon, model, START, task.prior)
        options, found, fitted = decoder(beam, scores, texts)
        settings = {
            "lm_weight": options.lm_weight if model else 0.0,
            "word_bonus": options.word_bonus,
            "beam": options.beam,
            "threshold": options.threshold,
            "unit_threshold": options.unit_threshold,
            "prior_weight": options.prior_weight,
            "confidence": fitted.weights,
        }
        sure = [c for h in found for c in fitted.of(h)]
        metrics.append(_metric("wer", word_error_rate(found, texts)))
        members["lexicon.bin"] = lexicon.to_bytes()
        if model is not None:
            members["lm.bin"] = model.to_bytes()
    if g2p is not None:
        members["g2p.onnx"] = g2p
    record = json.loads((data / "data.json").read_text(encoding="utf-8"))
    licences = licences_of(recipe, record)
    members["stats.json"] = dump(
        stats_of(task.waves, {task.units.symbols[u]: n for u, n in sorted(task.counts.items())}, sure)
    )
    members["card.md"] = _card(name, recipe, record, licences, task).encode()
    manifest = {**_about(name, recipe, task), "licence": licences, "metrics": metrics}
    manifest["data"] = {"name": record["name"], "sha256": record["sha256"]}
    if settings:
        manifest["decoding"] = settings
    return write(path, manifest, members)


def write_g2p(task: Pronounce, learnt: Learnt, recipe: Recipe, path: Path, *, name: str) -> Path:
    """Packs a grapheme-to-phone network, with its errors on the words that were held out."""
    with learnt.averaged():
        errors = task.errors("test")
        graph = export.g2p(task.network, task.alphabet, task.units.symbols)
    manifest = {
        "kind": "g2p",
        "name": name,
        "family": recipe.family,
        "units": {"type": "phones", "list": list(task.units.symbols), "blank": 0},
        "languages": [recipe.language],
        "licence": [dict(x) for x in recipe.licences],
        "commit": commit(),
        "metrics": [
            {"name": k, "value": round(v, 2), "set": "held-out words of the lexicon", "command": "resonet train"}
            for k, v in errors.items()
        ],
        "runtime": {"resonet": RUNS},
    }
    return write(path, manifest, {"g2p.onnx": graph})


def _about(name: str, recipe: Recipe, task: Recognize) -> dict[str, Any]:
    """What the manifest says of network and code."""
    return {
        "kind": "recognizer",
        "name": name,
        "family": recipe.family,
        "sample_rate": SAMPLE_RATE,
        "frame_shift": LogMel.SHIFT / SAMPLE_RATE,
        "subsampling": task.network.stride // LogMel.SHIFT,
        "units": {"type": task.units.type, "list": list(task.units.symbols), "blank": 0},
        "languages": [recipe.language],
        "commit": commit(),
        "runtime": {
            "resonet": RUNS,
            "delay": task.network.delay,
            "state": task.network.state_size,
            "recipe": portable(recipe),
        },
    }


def portable(recipe: Recipe) -> dict[str, Any]:
    """The recipe without what belongs to this machine: of files and folders only the names are kept."""
    content = recipe.model_dump(mode="json", exclude={"cache", "threads", "about", "licences"}, exclude_defaults=True)
    return cast(dict[str, Any], _without_folders(content))


def _without_folders(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _without_folders(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_without_folders(value) for value in content]
    return Path(content).name if isinstance(content, str) else content


def decoder(
    beam: LexiconBeam, scores: Sequence[NDArray[np.float32]], texts: Sequence[Sequence[str]]
) -> tuple[BeamOptions, list[Hypothesis], Confidence]:
    """Tuned settings, the dev hypotheses they give, and the confidence fitted on these."""
    if not any(map(len, texts)):
        return beam.options, [], Confidence()
    found = beam.decode(scores)
    if word_error_rate(found, texts) > _HOPELESS:
        return beam.options, found, Confidence()
    options = tune(beam, scores, texts)
    found = beam.with_options(options).decode(scores)
    return options, found, confidence(found, texts)


def commit() -> str:
    """The commit of the source tree that trained, `+` if it had changes; empty for an installed package."""
    folder = Path(__file__).parent
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=folder, capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--", str(folder.parent)], cwd=folder, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head + ("+" if changed else "")


def _metric(name: str, value: float) -> dict[str, Any]:
    return {"name": name, "value": round(value, 2), "set": "dev", "command": "resonet train"}


def stats_of(waves: Waveforms, units: dict[str, int], sure: list[float] | None = None) -> Stats:
    """`stats.json` of training recordings: `units` counts each unit or label, `sure` are confidences of dev words."""
    rows = np.random.default_rng(0).permutation(len(waves))[:_MEASURED]
    levels = [measure(waves.sound(int(i)), waves.rate) for i in rows]
    seconds = [waves.length(i) / waves.rate for i in range(len(waves))]
    return Stats(
        utterances=len(waves),
        hours=round(sum(seconds) / 3600, 3),
        loudness=Histogram.of([x.rms_dbfs for x in levels], LOUDNESS_EDGES, "dBFS"),
        snr=Histogram.of([x.snr_db for x in levels], SNR_EDGES, "dB"),
        duration=Histogram.of(seconds, DURATION_EDGES, "s"),
        confidence=Histogram.of(sure, CONFIDENCE_EDGES, "") if sure else None,
        units=units,
    )


def licences_of(recipe: Recipe, record: dict[str, Any]) -> list[dict[str, str]]:
    """The licences of the training data: the recipe's, or else those that the data name."""
    return [dict(x) for x in recipe.licences] or [{k: x[k] for k in ("set", "spdx", "url")} for x in record["licences"]]


def hours_of(waves: Waveforms) -> float:
    """Hours of all recordings together."""
    return sum(waves.length(i) for i in range(len(waves))) / SAMPLE_RATE / 3600


def _card(name: str, recipe: Recipe, record: dict[str, Any], licences: list[dict[str, str]], task: Recognize) -> str:
    parameters = sum(p.numel() for p in task.network.parameters())
    hours = hours_of(task.waves)
    sets = "\n".join(f"- {x['set']}: {x['spdx']}{' ' + x['url'] if x['url'] else ''}" for x in licences)
    return (
        f"# {name}\n\n{recipe.about or 'A recognizer trained with resonet.'}\n\n"
        f"- network: {recipe.family}, preset {recipe.preset}, {parameters / 1e6:.2f} million weights\n"
        f"- units: {len(task.units) - 1} {task.units.type}\n"
        f"- training: {len(task.waves)} utterances, {hours:.2f} h of {record['name']} "
        f"(SHA-256 {record['sha256'][:16]})\n- language: {recipe.language}\n\n"
        f"## Training data and licences\n\n{sets}\n\nThe recipe is in the manifest under `runtime`.\n"
    )
