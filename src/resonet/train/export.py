"""From trained networks to ONNX graphs, checked against PyTorch before anyone relies on them."""

from __future__ import annotations

import copy
import io
import warnings
from typing import Any

import numpy as np
import torch
from torch import nn

from resonet.errors import TrainError

OPSET = 17
# Largest difference of log-probabilities between PyTorch and ONNX Runtime that is rounding.
TOLERANCE = 1e-3


def recognizer(network: Any) -> bytes:
    """The streaming graph: pcm [batch, samples], state [batch, size] -> log_probs [batch, frames, units], next_state.

    Raises TrainError if ONNX Runtime does not compute what PyTorch does.
    """
    return _stream(network, "log_probs")


def classifier(network: Any) -> bytes:
    """The graph of a classifier, as a recognizer's: log_probs [batch, frames, labels].

    One that does not stream: pcm [batch, samples] -> log_probs [batch, labels] of the window with which each clip ends.
    """
    return _stream(network, "log_probs") if network.streams else _clips(network)


def embedder(network: Any) -> bytes:
    """The graph of an embedder, as a recognizer's: frames [batch, n, dims + 1] in place of log_probs."""
    return _stream(network, "frames")


def identity(network: Any) -> bytes:
    """The graph that knows voices and languages: pcm [batch, samples] -> voice [batch, size], languages [batch, n]."""
    network = copy.deepcopy(network).eval().cpu()
    graph = _export(
        network, (torch.randn(2, 32000) * 0.1,), ["pcm"], ["voice", "languages"],
        {"pcm": {0: "batch", 1: "samples"}, "voice": {0: "batch"}, "languages": {0: "batch"}},
    )  # fmt: skip
    session = _session(graph)
    with torch.no_grad():
        for samples in (160, 8000, 16001, 40000, 99999):
            pcm = torch.randn(3, samples) * 0.1
            _compare(session, {"pcm": pcm}, network(pcm))
    return graph


def _stream(network: Any, output: str) -> bytes:
    network = copy.deepcopy(network).eval().cpu()
    pcm = torch.randn(2, 8 * network.stride) * 0.1
    state = torch.zeros(2, network.state_size)
    graph = _export(
        network,
        (pcm, state),
        ["pcm", "state"],
        [output, "next_state"],
        {"pcm": {0: "batch", 1: "samples"}, "state": {0: "batch"}, output: {0: "batch", 1: "frames"},
         "next_state": {0: "batch"}},
    )  # fmt: skip
    session = _session(graph)
    with torch.no_grad():
        for chunks in (1, 2, 5, 13, 40):
            pcm = torch.randn(3, chunks * network.stride) * 0.1
            state = torch.randn(3, network.state_size) * 0.1
            _compare(session, {"pcm": pcm, "state": state}, network(pcm, state))
    return graph


def _clips(network: Any) -> bytes:
    network = copy.deepcopy(network).eval().cpu()
    graph = _export(
        network, (torch.randn(2, 16000) * 0.1,), ["pcm"], ["log_probs"],
        {"pcm": {0: "batch", 1: "samples"}, "log_probs": {0: "batch"}},
    )  # fmt: skip
    session = _session(graph)
    with torch.no_grad():
        for samples in (400, 5000, 16000, 16001, 40000):
            pcm = torch.randn(3, samples) * 0.1
            _compare(session, {"pcm": pcm}, (network(pcm),))
    return graph


def g2p(network: Any, alphabet: str, units: tuple[str, ...]) -> bytes:
    """The grapheme-to-phone graph with its alphabet and units in the metadata."""
    import onnx

    network = copy.deepcopy(network).eval().cpu()
    letters = torch.tensor([[1, 2, 3, 0], [2, 2, 2, 2]])
    graph = _export(
        network, (letters,), ["letters"], ["log_probs"],
        {"letters": {0: "batch", 1: "length"}, "log_probs": {0: "batch", 1: "slots"}},
    )  # fmt: skip
    session = _session(graph)
    with torch.no_grad():
        for length in (1, 2, 5, 9, 20):
            letters = torch.randint(1, len(alphabet) + 1, (3, length))
            _compare(session, {"letters": letters}, (network(letters),))
    model = onnx.load_from_string(graph)
    onnx.helper.set_model_props(
        model, {"alphabet": alphabet, "units": " ".join(units), "slots": str(network.config.slots)}
    )
    return model.SerializeToString()


def acoustic(network: Any) -> bytes:
    """The graph of an acoustic model, one sentence a run; see models.synthesizers.resnet_mel.Network.forward."""
    network = copy.deepcopy(network).eval().cpu()
    names = ["units", "speaker", "language", "speed", "pitch", "energy"]

    def sentence(length: int) -> dict[str, torch.Tensor]:
        return {
            "units": torch.randint(1, network.units.num_embeddings, (1, length)),
            "speaker": torch.randint(network.speakers.num_embeddings, (1,)),
            "language": torch.randint(network.languages.num_embeddings, (1,)),
            "speed": torch.rand(1, length) + 0.5,
            "pitch": torch.randn(1, length),
            "energy": torch.randn(1, length),
        }

    axes = {name: {1: "length"} for name in ("units", "speed", "pitch", "energy", "durations")}
    graph = _export(
        network, tuple(sentence(9).values()), names, ["mel", "durations"], {**axes, "mel": {1: "frames"}}
    )  # fmt: skip
    session = _session(graph)
    with torch.no_grad():
        for length in (1, 2, 9, 40, 133):
            inputs = sentence(length)
            wanted = network(*inputs.values())
            # Half of a frame may be rounded either way, which is no fault.
            found = session.run(None, {k: v.numpy() for k, v in inputs.items()})
            if found[1].tolist() == wanted[1].tolist():
                _compare(session, inputs, wanted)
            elif abs(found[1] - wanted[1].numpy()).max() > 1:
                raise TrainError("the exported graph gives other durations than the network", "please report this")
    return graph


def vocoder(network: Any) -> bytes:
    """The graph of a vocoder: mel [1, frames, mels] -> pcm [1, frames * hop]."""
    network = copy.deepcopy(network).eval().cpu()
    mels = network.mel.mels
    graph = _export(
        network, (torch.randn(1, 40, mels) - 5,), ["mel"], ["pcm"], {"mel": {1: "frames"}, "pcm": {1: "samples"}}
    )  # fmt: skip
    session = _session(graph)
    with torch.no_grad():
        for frames in (1, 2, 7, 40, 211):
            mel = torch.randn(1, frames, mels) * 2 - 5
            _compare(session, {"mel": mel}, (network(mel),))
    return graph


def _export(network: nn.Module, inputs: tuple, names: list[str], outputs: list[str], axes: dict) -> bytes:
    buffer: Any = io.BytesIO()  # the tracing exporter takes one, its types do not say so
    with warnings.catch_warnings():
        # The tracing exporter is deprecated, yet needs no onnxscript (125 MB) and takes a tenth of the time.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, inputs, buffer, input_names=names, output_names=outputs, dynamic_axes=axes,
            opset_version=OPSET, dynamo=False,
            # Folded, weights lose their names, by which another training finds them (start.py); ONNX Runtime folds too.
            do_constant_folding=False,
        )  # fmt: skip
    return buffer.getvalue()


def _session(graph: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _compare(session: Any, inputs: dict[str, torch.Tensor], wanted: tuple[torch.Tensor, ...]) -> None:
    for got, want in zip(session.run(None, {k: v.numpy() for k, v in inputs.items()}), wanted, strict=True):
        off = float(np.abs(got - want.numpy()).max(initial=0.0))
        if not off < TOLERANCE:
            raise TrainError(f"the exported graph differs from the network by {off:g}", "please report this")
