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
    network = copy.deepcopy(network).eval().cpu()
    pcm = torch.randn(2, 8 * network.stride) * 0.1
    state = torch.zeros(2, network.state_size)
    graph = _export(
        network,
        (pcm, state),
        ["pcm", "state"],
        ["log_probs", "next_state"],
        {"pcm": {0: "batch", 1: "samples"}, "state": {0: "batch"}, "log_probs": {0: "batch", 1: "frames"},
         "next_state": {0: "batch"}},
    )  # fmt: skip
    with torch.no_grad():
        for chunks in (1, 2, 5, 13, 40):
            pcm = torch.randn(3, chunks * network.stride) * 0.1
            state = torch.randn(3, network.state_size) * 0.1
            _compare(graph, {"pcm": pcm, "state": state}, network(pcm, state))
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
    with torch.no_grad():
        for length in (1, 2, 5, 9, 20):
            letters = torch.randint(1, len(alphabet) + 1, (3, length))
            _compare(graph, {"letters": letters}, (network(letters),))
    model = onnx.load_from_string(graph)
    onnx.helper.set_model_props(
        model, {"alphabet": alphabet, "units": " ".join(units), "slots": str(network.config.slots)}
    )
    return model.SerializeToString()


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


def _compare(graph: bytes, inputs: dict[str, torch.Tensor], wanted: tuple[torch.Tensor, ...]) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    for got, want in zip(session.run(None, {k: v.numpy() for k, v in inputs.items()}), wanted, strict=True):
        off = float(np.abs(got - want.numpy()).max())
        if not off < TOLERANCE:
            raise TrainError(f"the exported graph differs from the network by {off:g}", "please report this")
