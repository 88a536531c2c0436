"""Begins a training with the weights that another one ended with: those of a bundle, or of a training's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

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
# The graph of a bundle whose weights a task goes on from, where it is no model.onnx; and the folder of that training.
_GRAPHS = {"synthesize": "acoustic.onnx", "vocode": "vocoder.onnx"}
_FOLDERS = {"synthesize": "acoustic", "vocode": "vocoder"}
# Of a voice: tables with a row a speaker or language, and what is counted in a speaker's own measure.
_TABLES = ("speakers.weight", "languages.weight", "scale_shift.weight")
MEASURES = ("pitch_deviation", "energy_deviation", "pace")


class Begun(NamedTuple):
    """What was done, for people; whether all of a recognizer's weights are another training's, the last layer too."""

    text: str
    whole: bool = False


def begin(network: Any, units: Sequence[str], recipe: Recipe) -> Begun:
    """Loads the weights of `recipe.start` into the network, which has these units.

    From a bundle they are the constants of its graph, which are named like the network's own; from a folder the running
    means of the checkpoint. The normalisation of features comes with them. A recognizer must be the same network; of
    one with other units it takes all but the last layer. A classifier, embedder or vocoder takes what fits (an encoder,
    where the words are others). A voice takes the units that both have; its speakers begin as the mean of the others,
    where these are more or fewer.

    Raises:
        UsageError: nothing fits, or they are of another family or other settings of it; the hint says of which.
        BundleError, TrainError: they cannot be read.
    """
    place = str(recipe.start)
    folder = Path(place)
    if (inner := folder / _FOLDERS.get(recipe.task, "")) != folder and (inner / "checkpoint.pt").is_file():
        folder = inner
    if (folder / "checkpoint.pt").is_file():
        weights, symbols, settings = _training(str(folder))
    else:
        weights, symbols, settings = _bundle(place, _GRAPHS.get(recipe.task, "model.onnx"))
    if recipe.task == "synthesize":
        weights = _of_voice(network.state_dict(), units, weights, symbols)
    if recipe.task != "recognize":
        return Begun(_partly(network, weights, place))
    config = registry.configure(registry.family(settings["family"]), settings["preset"], settings.get("network"))
    if _computed(config) != _computed(network.config):
        raise UsageError(f"{place} is another network than that of this training", _hint(settings))
    if list(symbols) != list(units):  # another language: what the last layer tells apart has to be learnt anew
        others = f"its units are others, {len(symbols) - 1} and not {len(units) - 1}"
        return Begun(f"{_partly(network, weights, place)}: {others}")
    names = network.state_dict().keys()
    if names - weights.keys():
        raise BundleError(f"the weights in {place} have no names", "begin with the folder of its training")
    network.load_state_dict({name: weights[name] for name in names})
    return Begun(f"begins with the weights of {place}", whole=True)


def _partly(network: Any, weights: Mapping[str, Tensor], place: str) -> str:
    """Loads the weights that the network has too, by name and shape."""
    own = network.state_dict()
    there = {_of_sound(name): value for name, value in weights.items()}
    fit = {
        name: there[_of_sound(name)]
        for name, value in own.items()
        if _of_sound(name) in there and there[_of_sound(name)].shape == value.shape
    }
    # Beside what hears sound, an embedder learns what reads spelling, of which no bundle knows anything.
    heard = {name: value for name, value in own.items() if name != _of_sound(name)} or own
    share = sum(own[name].numel() for name in fit.keys() & heard.keys()) / sum(v.numel() for v in heard.values())
    if share < _LEAST:
        raise UsageError(f"of the weights in {place} hardly any fit this network", "name one of its family and preset")
    network.load_state_dict({**own, **fit})
    return f"begins with the weights of {place}, {share:.0%} of the network"


def _of_sound(name: str) -> str:
    """The name of a weight without what says that it is of sound, and not of spelling, in a training of an embedder."""
    return name.removeprefix("sound.")


def _of_voice(
    own: Mapping[str, Tensor], units: Sequence[str], weights: Mapping[str, Tensor], symbols: Sequence[str]
) -> Mapping[str, Tensor]:
    """The weights of a voice with the units, and as many speakers and languages, as the network with the weights `own`
    has."""
    fitted = {name: value for name, value in weights.items() if name not in MEASURES}
    for name, value in own.items():
        there = fitted.get(name)
        if name.endswith(_TABLES) and there is not None and there.shape[1:] == value.shape[1:]:
            fitted[name] = there if len(there) == len(value) else there.mean(0, keepdim=True).expand_as(value)
    table, there = own["units.weight"].clone(), fitted.get("units.weight")
    if there is not None and there.shape[1:] == table.shape[1:] and len(there) == len(symbols):
        places = {symbol: i for i, symbol in enumerate(symbols)}
        for i, symbol in enumerate(units):
            if symbol in places:
                table[i] = there[places[symbol]]
        fitted["units.weight"] = table
    return fitted


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


def _bundle(name_or_path: str, member: str) -> Weights:
    with Bundle.open(name_or_path) as bundle:
        if not bundle.has(member):
            raise BundleError(f"{bundle.name} is a {bundle.manifest.kind} bundle, this training cannot begin with it")
        manifest, weights = bundle.manifest, weights_of(bundle.read(member))
    settings = manifest.runtime.get("recipe")
    symbols = manifest.units.symbols if manifest.units else ()
    defaults = {"family": manifest.family, "preset": Recipe.model_fields["preset"].default}
    return weights, symbols, {**defaults, **(settings if isinstance(settings, dict) else {})}


def weights_of(graph: bytes) -> dict[str, Tensor]:
    """The constants of an ONNX graph by their names, eight-bit ones as the numbers that they stand for."""
    import onnx

    made = onnx.load_from_string(graph).graph
    weights = {c.name: torch.from_numpy(onnx.numpy_helper.to_array(c).copy()) for c in made.initializer}
    for node in made.node:
        if node.op_type == "DequantizeLinear":  # int8 weights and their scales
            whole, scale = (weights[name] for name in node.input[:2])
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            shape = [-1 if i == axis % whole.dim() else 1 for i in range(whole.dim())]
            weights[node.output[0]] = whole.float() * scale.view(shape)
        elif node.op_type == "Identity" and node.input[0] in weights:  # of two that were equal, the exporter keeps one
            weights[node.output[0]] = weights[node.input[0]]
    return weights
