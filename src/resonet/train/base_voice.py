"""A trained voice to go on from: its networks with their weights, its units, and what its bundle says of it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from resonet.bundle import Bundle, Manifest
from resonet.bundle.mel import MEL, MelConfig, check_same, read_mel
from resonet.errors import BundleError, TrainError, UsageError
from resonet.models import registry
from resonet.models.blocks import SeparableBlock
from resonet.text.frontend import FrontEnd
from resonet.text.g2p import GraphemeToPhone
from resonet.text.lexicon import Lexicon
from resonet.train import checkpoints, start
from resonet.train.recipe import Recipe, Vocoding
from resonet.train.voice_units import VoiceUnits, base

# How far what PyTorch computes with the weights may lie from what the graph says, in mean nepers and in samples of full
# scale: rounding.
_NEAR, _NEAR_PCM = 1e-3, 1e-3
_NAMELESS = "its graph was changed by another tool; begin with the bundle that `resonet train` wrote"


@dataclass(frozen=True)
class BaseVoice:
    """A voice as its bundle has it.

    place: as it was named. weights: of the acoustic model, by name. aligner: weights of what aligned its recordings,
    where its training's folder is there. members: lexicon.bin and g2p.onnx, where there are. counts: how often it met
    each unit.
    """

    place: str
    name: str
    manifest: Manifest
    units: VoiceUnits
    mel: MelConfig
    module: ModuleType = field(repr=False)
    config: Any
    weights: dict[str, Tensor] = field(repr=False)
    vocoder: bytes = field(repr=False)
    members: dict[str, bytes] = field(repr=False)
    card: str = field(repr=False)
    counts: dict[str, int] = field(repr=False)
    aligner: dict[str, Tensor] | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """SHA-256 of the acoustic model's graph."""
        return self.manifest.members["acoustic.onnx"].sha256

    @property
    def settings(self) -> dict[str, Any]:
        """The recipe that it was trained with, as far as its bundle says it."""
        return _recipe(self.manifest)

    def nearest(self, log_pitch: float, language: str) -> list[int]:
        """Numbers of its speakers: those of like pitch first, of the language before others."""
        known, names = self.manifest.voice.speakers, self.manifest.speakers

        def distance(number: int) -> tuple[bool, float]:
            who = known[names[number]]
            return who.language != language, abs(math.log(who.pitch) - log_pitch) if who.pitch else math.inf

        return sorted(range(len(names)), key=distance)

    def network(self, speakers: int | None = None) -> nn.Module:
        """A new acoustic model of its kind, with other weights, for so many speakers; as many as it has by default."""
        m = self.manifest
        assert m.units is not None  # the manifest was checked: a voice has units
        return self.module.Network(
            self.config, len(m.units.symbols), speakers or len(m.speakers), len(m.languages), self.mel
        )


def read(place: str) -> BaseVoice:
    """The voice in a bundle (a name or path), or in the folder of its training.

    Raises:
        UsageError: the folder holds no voice; there is no such family; its speakers have nothing of their own.
        BundleError: the bundle cannot be read, or its graph has no names or other weights than it says.
        TrainError: the training has written no bundle yet.
    """
    folder = Path(place)
    with Bundle.open(_bundle_of(folder) if folder.is_dir() else place, "voice") as bundle:
        manifest = bundle.manifest
        members = {name: bundle.read(name) for name in ("lexicon.bin", "g2p.onnx") if bundle.has(name)}
        graph, vocoder = bundle.read("acoustic.onnx"), bundle.read("vocoder.onnx")
        mel = read_mel(bundle.read(MEL), str(bundle.path))
        card = bundle.read("card.md").decode("utf-8", "replace") if bundle.has("card.md") else ""
        stats = bundle.stats()
    check_same(mel, manifest.name, MelConfig(), "this version")
    module = registry.family(manifest.family, "synthesizers")
    settings = _recipe(manifest)
    try:
        config = registry.configure(module, settings["preset"], settings.get("network"))
    except UsageError as error:
        raise BundleError(f"{manifest.name} does not say of what size it is: {error.message}", _NAMELESS) from error
    found = BaseVoice(
        place, manifest.name, manifest, _units(manifest, members), mel, module, config, start.weights_of(graph),
        vocoder, members, card, dict(stats.units) if stats else {}, _aligner(folder, manifest),
    )  # fmt: skip
    network = load(found.network(), found.weights, manifest.name)
    _check(network, graph, manifest.name)
    if not hasattr(network, "speakers") or not any(isinstance(m, SeparableBlock) for m in network.modules()):
        raise UsageError(f"{manifest.family}, the family of {manifest.name}, has nothing that is a speaker's own")
    return found


def load(network: nn.Module, weights: dict[str, Tensor], name: str) -> nn.Module:
    """The network with weights from a graph; BundleError where they have no names, or are of another network."""
    own = network.state_dict()
    missing = [key for key in own if key not in weights]
    if missing:
        raise BundleError(
            f"the graph of {name} names {len(own) - len(missing)} of the {len(own)} tensors of its network: "
            f"{missing[0]} is not in it",
            _NAMELESS,
        )
    for key, value in own.items():
        if weights[key].shape != value.shape:
            raise BundleError(
                f"{key} of {name} is {list(weights[key].shape)}, and {list(value.shape)} in the network that its "
                "manifest names",
                _NAMELESS,
            )
    network.load_state_dict({key: weights[key] for key in own})
    return network.eval()


def vocoder_settings(voice: BaseVoice) -> tuple[Vocoding, dict[str, Tensor]]:
    """Preset and network of its vocoder, and the weights of that; BundleError where they cannot be told.

    The bundle of a voice that took its vocoder from another one does not say them, so the weights do, and what the
    graph computes.
    """
    weights = start.weights_of(voice.vocoder)
    module = registry.family("resnet_istft", "vocoders")
    named = vocoder_named(voice)
    tried = [named, *(Vocoding(preset=preset) for preset in module.Config.presets)]
    tried += [Vocoding(preset=preset, network=named.network) for preset in module.Config.presets if named.network]
    reason: BundleError | None = None
    for settings in tried:
        try:
            network = module.Network(registry.configure(module, settings.preset, settings.network), voice.mel)
            load(network, weights, f"{voice.name}'s vocoder")
        except (UsageError, BundleError) as error:
            reason = reason or (error if isinstance(error, BundleError) else None)
            continue
        mel = torch.randn(1, 50, voice.mel.mels, generator=torch.Generator().manual_seed(0)) - 5
        (pcm,) = run_graph(voice.vocoder, {"mel": mel.numpy()})
        with torch.no_grad():
            if np.abs(network(mel).numpy() - pcm).max() < _NEAR_PCM:
                return settings, weights
    raise reason or BundleError(f"the vocoder of {voice.name} is no resnet_istft of known size", "leave --vocoder out")


def vocoder_named(voice: BaseVoice) -> Vocoding:
    """Preset and network that the recipe of a voice names for its vocoder, whichever that took."""
    said = voice.settings.get("voice", {}).get("vocoding", {})
    return Vocoding(preset=said.get("preset", Vocoding().preset), network=said.get("network", {}))


def _bundle_of(folder: Path) -> Path:
    """The bundle in the folder of a voice's training."""
    try:
        name = str(json.loads((folder / "run.json").read_text(encoding="utf-8"))["name"])
    except (OSError, ValueError, LookupError, TypeError):
        raise UsageError(f"{folder} holds no training of a voice", "name one, or a voice bundle") from None
    if not (path := folder / f"{name}.resonet").is_file():
        raise TrainError(f"the training in {folder} has written no bundle yet", f"resonet train --resume {folder}")
    return path


def _recipe(manifest: Manifest) -> dict[str, Any]:
    settings = manifest.runtime.get("recipe")
    return {"preset": Recipe.model_fields["preset"].default, **(settings if isinstance(settings, dict) else {})}


def _units(manifest: Manifest, members: dict[str, bytes]) -> VoiceUnits:
    """Its units, and front ends that read as `resonet speak` does."""
    assert manifest.units is not None
    lexicon = Lexicon.from_bytes(members["lexicon.bin"]) if "lexicon.bin" in members else None
    g2p = GraphemeToPhone(members["g2p.onnx"]) if "g2p.onnx" in members else None
    symbols = manifest.units.symbols
    front_ends = {}
    for language in manifest.languages:
        looked_up = len(manifest.languages) == 1 or base(language) == "en"
        front_ends[language] = FrontEnd(
            language, symbols, lexicon=lexicon if looked_up else None, g2p=g2p if looked_up else None
        )
    return VoiceUnits(manifest.units.type, symbols, front_ends, lexicon, members.get("g2p.onnx"))


def _aligner(folder: Path, manifest: Manifest) -> dict[str, Tensor] | None:
    """Weights of the aligner in the folder of its training, where there is one of the same units."""
    place = folder / "aligner"
    if not (place / "checkpoint.pt").is_file():
        return None
    try:
        units = json.loads((place / "run.json").read_text(encoding="utf-8"))["same"]["units"]
        content = checkpoints.load(place / "checkpoint.pt")
        weights = {**content["network"], **content["average"]}
    except (OSError, ValueError, LookupError, TypeError, TrainError):
        return None  # one is trained as for a bundle, which has none
    return weights if manifest.units and list(manifest.units.symbols) == units else None


def _check(network: Any, graph: bytes, name: str) -> None:
    """Raises BundleError where the network does not say a sentence as the graph does: dilations are in no weight."""
    generator = torch.Generator().manual_seed(0)
    units = torch.randint(1, network.units.num_embeddings, (1, 30), generator=generator)
    one, plain = torch.zeros(1, dtype=torch.long), torch.ones(1, 30)
    inputs = {"units": units, "speaker": one, "language": one, "speed": plain, "pitch": plain * 0, "energy": plain * 0}
    found = run_graph(graph, {key: value.numpy() for key, value in inputs.items()})
    with torch.no_grad():
        mel, durations = network(*inputs.values())
    if np.abs(found[1] - durations.numpy()).max() > 1 or (
        found[0].shape == tuple(mel.shape) and np.abs(found[0] - mel.numpy()).mean() > _NEAR
    ):
        raise BundleError(f"the graph of {name} computes something else than the network that it names", _NAMELESS)


def run_graph(graph: bytes, inputs: dict[str, Any]) -> list[Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    found: list[Any] = session.run(None, inputs)
    return found
