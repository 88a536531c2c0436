"""int8 weights: how near they are, and that a graph with them computes nearly the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from resonet.bundle import Bundle
from resonet.compress.int8 import quantize, quantized, smaller

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "bundles" / "en-small" / "resonet_bundle_en_small" / "en-small.resonet"


@given(arrays(np.float32, (7, 5), elements=st.floats(-100, 100, width=32)), st.sampled_from([0, 1]))
def test_rounding_is_half_a_step_of_each_channel(values: np.ndarray, axis: int) -> None:
    whole, scale = quantized(values, axis)
    assert whole.dtype == np.int8 and scale.shape == (values.shape[axis],)
    back = whole * scale.reshape(-1, 1) if axis == 0 else whole * scale
    step = scale.reshape(-1, 1) if axis == 0 else scale
    assert (np.abs(back - values) <= 0.5001 * step + 1e-6).all()


def test_a_bundle_gets_a_third_of_its_graph_and_nearly_its_answers(tmp_path: Path) -> None:
    with Bundle.open(TINY) as bundle:
        graph = bundle.read("model.onnx")
        quantize(bundle, tmp_path / "small.resonet", "small")
    less = smaller(graph)
    assert len(less) < 0.3 * len(graph)
    with Bundle.open(tmp_path / "small.resonet") as small:
        assert small.name == "small" and small.manifest.runtime["weights"] == "int8"
        assert small.read("model.onnx") == less
        state = int(small.manifest.runtime["state"])  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    inputs = {
        "pcm": (rng.normal(size=(1, 64000)) * 0.05).astype(np.float32),
        "state": np.zeros((1, state), np.float32),
    }
    scores = [
        onnxruntime.InferenceSession(g, providers=["CPUExecutionProvider"]).run(["log_probs"], inputs)[0]
        for g in (graph, less)
    ]
    one, other = (np.exp(s) for s in scores)
    assert 0 < np.abs(one - other).max() < 0.2
    assert np.abs(one - other).mean() < 0.002


def test_the_features_are_the_same_without_their_matrices() -> None:
    import onnx
    from onnx import TensorProto, helper

    layers = pytest.importorskip("resonet.models.layers")
    from resonet.compress.fourier import computed

    features = layers.LogMel(40)
    for name, values in (("features.cosines", features.cosines), ("features.sines", features.sines)):
        found = computed(values.numpy(), name)
        assert found is not None
        constants, nodes = found
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, list(values.shape))
        graph = helper.make_graph(nodes, "matrix", [], [output], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        np.testing.assert_allclose(session.run([name], {})[0], values.numpy(), atol=2e-7)
        assert sum(len(c.raw_data) for c in constants) < values.numel() * 4 / 20
    assert computed(np.ones((200, 257), np.float32), "w") is None and computed(np.ones(4, np.float32), "w") is None
