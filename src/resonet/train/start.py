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

# Share of a network's weights that another one must have to be a beginning.
_LEAST = 0.3


def begin(network: Any, units: Sequence[str], recipe: Recipe) -> str:
    """Loads the weights of `recipe.start` into the network, which has these units; says what was done.

    From a bundle they are the constants of its graph, which are named like the network's own; from a folder the running
    means of the checkpoint. The normalisation of features comes with them. A recognizer must be the same network of
    the same units; a classifier or embedder takes what fits (an encoder, where the words are others).

    Raises:
        UsageError: nothing fits, or they are of other units, another family or other settings of it; the hint says of
            which.
        BundleError, TrainError: they cannot be read.
    """
    place = str(recipe.start)
    read = _training if (Path(place) / "checkpoint.pt").is_file() else _bundle
    weights, symbols, settings = read(place)
    if recipe.task != "recognize":
        return _partly(network, weights, place)
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
    return f"begins with the weights of {place}"


def _partly(network: Any, weights: Mapping[str, Tensor], place: str) -> str:
    """Loads the weights that the network has too, by name and shape."""
    own = network.state_dict()
    inner = {name.removeprefix("sound."): value for name, value in weights.items()}  # of a training of an embedder
    fit = {name: inner[name] for name in own if name in inner and inner[name].shape == own[name].shape}
    share = sum(v.numel() for v in fit.values()) / max(1, sum(v.numel() for v in own.values()))
    if share < _LEAST:
        raise UsageError(f"of the weights in {place} hardly any fit this network", "name one of its family and preset")
    network.load_state_dict({**own, **fit})
    return f"begins with the weights of {place}, {share:.0%} of the network"


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

    with Bundle.open(name_or_path) as bundle:
        if not bundle.has("model.onnx"):
            raise BundleError(f"{bundle.name} is a {bundle.manifest.kind} bundle, nothing can begin with it")
        manifest, graph = bundle.manifest, onnx.load_from_string(bundle.read("model.onnx")).graph
    weights = {c.name: torch.from_numpy(onnx.numpy_helper.to_array(c).copy()) for c in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear":  # int8 weights and their scales
            whole, scale = (weights[name] for name in node.input[:2])
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            shape = [-1 if i == axis % whole.dim() else 1 for i in range(whole.dim())]
            weights[node.output[0]] = whole.float() * scale.view(shape)
    settings = manifest.runtime.get("recipe")
    symbols = manifest.units.symbols if manifest.units else ()
    defaults = {"family": manifest.family, "preset": Recipe.model_fields["preset"].default}
    return weights, symbols, {**defaults, **(settings if isinstance(settings, dict) else {})}
