"""Weights as whole numbers of eight bits, each output channel with a scale of its own: less than a quarter of the size.

The arithmetic stays that of float32: ONNX Runtime multiplies the weights out when it loads the graph. So nothing is
lost but the rounding of weights, on every machine alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle, write
from resonet.compress.fourier import computed

# Smaller constants are biases, norms and scales: little to win, much to lose.
_LEAST = 1024


def smaller(graph: bytes) -> bytes:
    """An ONNX graph with its large weights as int8 and a scale a column (matrices: the outputs; convolutions: the first
    axis), and with its Fourier matrices computed."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_from_string(graph)
    kept: list[Any] = []
    nodes: list[Any] = []
    convolved = {name for node in model.graph.node if node.op_type.startswith("Conv") for name in node.input[1:2]}
    convolved |= {name for node in model.graph.node if node.op_type in ("LSTM", "GRU", "RNN") for name in node.input}
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.ndim < 2 or values.size < _LEAST:
            kept.append(weight)
            continue
        axis = 0 if weight.name in convolved else values.ndim - 1
        whole, scale = quantized(values, axis)
        parts: dict[str, NDArray[Any]] = {"int8": whole, "scale": scale, "zero": np.zeros(scale.shape, np.int8)}
        kept += [numpy_helper.from_array(value, f"{weight.name}.{part}") for part, value in parts.items()]
        names = [f"{weight.name}.{part}" for part in parts]
        nodes.append(helper.make_node("DequantizeLinear", names, [weight.name], axis=axis))
    old = []
    for node in model.graph.node:
        # Of the features' constants the mel filters stay: half of their bits would be noise in every spectrum.
        found = computed(numpy_helper.to_array(node.attribute[0].t), node.output[0]) if _is_constant(node) else None
        if found is None:
            old.append(node)
        else:
            kept, nodes = kept + found[0], nodes + found[1]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend([*nodes, *old])
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _is_constant(node: Any) -> bool:
    return node.op_type == "Constant" and node.attribute[0].name == "value"


def quantized(values: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """int8 values and float32 scales along `axis`, so that values * scale is near what was given."""
    others = tuple(i for i in range(values.ndim) if i != axis)
    scale = np.maximum(np.abs(values).max(others), 1e-8).astype(np.float32) / np.float32(127)
    shape = [-1 if i == axis else 1 for i in range(values.ndim)]
    return np.round(values / scale.reshape(shape)).astype(np.int8), scale


def quantize(bundle: Bundle, path: Path, name: str | None = None) -> Path:
    """Writes a bundle like this one with int8 weights in all its graphs; returns `path`."""
    members: dict[str, bytes | Path] = {
        member: smaller(bundle.read(member)) if member.endswith(".onnx") else bundle.read(member)
        for member in bundle.members
    }
    fields = bundle.manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
    for key in ("format", "members", "created"):
        fields.pop(key)
    fields["name"] = name or bundle.name
    fields["runtime"]["weights"] = "int8"
    return write(path, fields, members)
