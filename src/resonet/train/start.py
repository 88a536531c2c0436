"""Begins a training with the weights that another one ended with: those of a bundle, or of a training's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from resonet.bundle import Bundle
from resonet.errors import BundleError, TrainError, UsageError
from resonet.models import registry
from resonet.train import checkpoints
from resonet.train.recipe import Recipe


def begin(network: Any, units: Sequence[str], recipe: Recipe) -> None:
    """Loads the weights of `recipe.start` into the network, which has these units.

    From a bundle they are the constants of its graph, which are named like the network's own; from a folder the running
    means of the checkpoint. The normalisation of features comes with them.

    Raises:
        UsageError: they are of other units, or of another family or other settings of it; the hint says of which.
        BundleError, TrainError: they cannot be read.
    """
    place = str(recipe.start)
    read = _training if (Path(place) / "checkpoint.pt").is_file() else _bundle
    weights, symbols, settings = read(place)
    if list(symbols) != list(units):
        raise UsageError(
            f"{place} has other units than this training, {len(symbols) - 1} and not {len(units) - 1}", _hint(settings)
        )
    config = registry.configure(registry.family(settings["family"]), settings["preset"], settings.get("network"))
    if _computed(config) != _computed(network.config):
        raise UsageError(f"{place} is another network than that of this training", _hint(settings))
    names = network.state_dict().keys()
    if names - weights.keys():
        raise BundleError(f"the weights in {place} have no names", "begin with the folder of its training")
    network.load_state_dict({name: weights[name] for name in names})


def _computed(config: Any) -> tuple[type, dict[str, Any]]:
    """What decides the output of a trained network: all of its settings but those for training."""
    return type(config), config.model_dump(exclude={"dropout", "drop_block"})


def _hint(settings: Mapping[str, Any]) -> str:
    said = {key: settings[key] for key in ("family", "preset", "network", "units") if settings.get(key)}
    flags = [f"--set {k}={v}" if isinstance(v, str) else f"--set {k}='{json.dumps(v)}'" for k, v in said.items()]
    return f"it was trained with {' '.join(flags)}"


Weights = tuple[Mapping[str, Tensor], Sequence[str], Mapping[str, Any]]  # with units and recipe


def _training(place: str) -> Weights:
    folder = Path(place)
    content = checkpoints.load(folder / "checkpoint.pt")
    try:
        units = json.loads((folder / "run.json").read_text(encoding="utf-8"))["same"]["units"]
        settings = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))
        return {**content["network"], **content["average"]}, units, settings
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError) as error:
        raise TrainError(f"the training in {folder} cannot be begun with: {error}", "name its bundle") from error


def _bundle(name_or_path: str) -> Weights:
    import onnx

    with Bundle.open(name_or_path, "recognizer") as bundle:
        manifest, graph = bundle.manifest, onnx.load_from_string(bundle.read("model.onnx")).graph
    weights = {c.name: torch.from_numpy(onnx.numpy_helper.to_array(c).copy()) for c in graph.initializer}
    settings = manifest.runtime.get("recipe")
    symbols = manifest.units.symbols if manifest.units else ()
    defaults = {"family": manifest.family, "preset": Recipe.model_fields["preset"].default}
    return weights, symbols, {**defaults, **(settings if isinstance(settings, dict) else {})}
