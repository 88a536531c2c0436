"""Models of sentences: a table, a network, and the table that a package carries. Needs the extra [meaning]."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import small_index

from resonet import Finder
from resonet.errors import UsageError
from resonet.search.sentences import load

pytestmark = pytest.mark.extras
tokenizers = pytest.importorskip("tokenizers")

TABLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a tokenizer of the words a, b, c."""
    model = tokenizers.models.WordLevel({"[UNK]": 0, "a": 1, "b": 2, "c": 3}, unk_token="[UNK]")
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def table(path: Path, **tables: np.ndarray) -> None:
    """Writes a file in the safetensors format."""
    header, content = {}, b""
    for name, values in tables.items():
        kind = {"float16": "F16", "float32": "F32", "int64": "I64"}[str(values.dtype)]
        begin = len(content)
        content += values.tobytes()
        header[name] = {"dtype": kind, "shape": values.shape, "data_offsets": [begin, len(content)]}
    told = json.dumps(header).encode()
    path.write_bytes(len(told).to_bytes(8, "little") + told + content)


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_a_table_gives_the_mean_of_words(folder: Path, kind: type) -> None:
    table(folder / "model.safetensors", embeddings=TABLE.astype(kind))
    model = load(folder)
    assert model.size == 3
    found = model.vectors(["a", "", "a b", "unheard", "c c"])
    half = np.sqrt(0.5)
    assert np.allclose(found, [[1, 0, 0], [0, 0, 0], [half, half, 0], [0, 0, 0], [0, 0, 1]], atol=1e-3)
    assert model.vectors([]).shape == (0, 3)


def test_two_models_have_two_names(folder: Path) -> None:
    table(folder / "model.safetensors", embeddings=TABLE)
    first = load(folder).name
    assert load(folder).name == first
    table(folder / "model.safetensors", embeddings=2 * TABLE)
    assert load(folder).name != first


@pytest.mark.parametrize(
    "tables",
    [{}, {"a": TABLE, "b": TABLE}, {"a": np.zeros((3, 3), np.int64)}, {"a": np.zeros(3, np.float32)}],
)
def test_a_file_that_is_no_table_is_told(folder: Path, tables: dict[str, np.ndarray]) -> None:
    table(folder / "model.safetensors", **tables)
    with pytest.raises(UsageError, match="no model of sentences that can be used"):
        load(folder)


@pytest.mark.parametrize("content", [b"", b"\x00" * 20, b"nonsense"])
def test_nonsense_is_told(folder: Path, content: bytes) -> None:
    for name in ("model.safetensors", "model.onnx"):
        (folder / name).write_bytes(content)
        with pytest.raises(UsageError, match="no model of sentences"):
            load(folder)
    (folder / "tokenizer.json").write_bytes(content)
    with pytest.raises(UsageError, match="no tokenizer"):
        load(folder)


@pytest.mark.parametrize("pooled", [True, False])
def test_a_network_gives_the_same_alone_and_beside_longer_ones(folder: Path, pooled: bool) -> None:
    onnx = pytest.importorskip("onnx")
    network(onnx, folder / "model.onnx", pooled)
    model = load(folder, threads=1)
    texts = ["a", "a b c c", "c", "b a"] * 20
    found = model.vectors(texts)
    assert found.shape == (80, 3)
    assert np.allclose(found[:4], np.concatenate([model.vectors([text]) for text in texts[:4]]), atol=1e-6)
    assert np.allclose(found[0], [1, 0, 0]) and np.allclose(found[3], [np.sqrt(0.5), np.sqrt(0.5), 0])


def network(onnx: object, path: Path, pooled: bool) -> None:
    """A network that looks up a vector a token, and gives these or their sum under the mask."""
    from onnx import TensorProto, helper, numpy_helper

    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", "t"])
    mask = helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["n", "t"])
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])]
    outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["n", "t", 3])]
    initial = [numpy_helper.from_array(TABLE, "table")]
    if pooled:
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["weight"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["weight", "two"], ["weights"]),
            helper.make_node("Mul", ["last_hidden_state", "weights"], ["masked"]),
            helper.make_node("ReduceSum", ["masked", "one"], ["sentence_embedding"], keepdims=0),
        ]
        initial += [numpy_helper.from_array(np.array([k]), name) for k, name in ((2, "two"), (1, "one"))]
        outputs.append(helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["n", 3]))
    graph = helper.make_graph(nodes, "sentences", [ids, mask], outputs, initial)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(made.SerializeToString())


def test_the_table_in_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wordllama")
    monkeypatch.delenv("RESONET_MEANING_MODEL", raising=False)
    model = load()
    king, queen, butter = model.vectors(["the king", "a queen was crowned", "bread and butter"])
    assert king @ queen > king @ butter
    said = {
        "/sea": ["the vessel sailed across the ocean", "they had dinner at eight"],
        "/town": ["his debts were never paid", "it rained for days on end"],
    }
    with Finder.open(small_index.build(tmp_path / "index", said)) as finder:
        assert finder.by_meaning("a boat on the water")[0].text == "the vessel sailed across the ocean"
        assert finder.by_meaning("owing somebody money")[0].text == "his debts were never paid"
        assert finder.by_meaning("wet weather", limit=1)[0].text == "it rained for days on end"
