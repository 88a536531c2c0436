"""Sentences as vectors, by a model that is on this machine: those that mean something alike lie near each other.

A model is a folder, one of

    model.onnx + tokenizer.json           a network, as sentence-transformers exports it to ONNX
    model.safetensors + tokenizer.json    a table of a vector a token, whose mean is the sentence's (as Model2Vec's)

or the table that the package `wordllama` carries in itself, which is what the extra [meaning] installs: 16 MB, English,
no download. Nothing here ever reaches for a network.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonet.errors import MissingExtra, UsageError

Vectors = NDArray[np.float32]

# Names the model's folder, where no argument does.
VARIABLE = "RESONET_MEANING_MODEL"
NETWORK, TABLE, TOKENIZER = "model.onnx", "model.safetensors", "tokenizer.json"
# Tokens of a sentence that are read: more than a segment of 20 seconds has.
_LONGEST = 256
# Sentences that a network sees at once, of about one length each: padding costs as much as words.
_TOGETHER = 32
# The table in the package, and the tokens that it is of.
_PACKAGE = "wordllama"
_CARRIED = "weights/l2_supercat_256.safetensors", "tokenizers/l2_supercat_tokenizer_config.json"


class Sentences:
    """A model of sentences; made by `load`.

    Attributes:
        name: of the model and its content: vectors of two models of one name may be compared.
        size: numbers of a vector.
    """

    def __init__(self, name: str, size: int, mean: Callable[[Sequence[str]], Vectors]) -> None:
        self.name, self.size, self._mean = name, size, mean

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """A vector a text, float32 [texts, size], of length 1; zeros where there is nothing in a text that it knows."""
        if not texts:
            return np.empty((0, self.size), np.float32)
        found = self._mean(texts)
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), np.float32(1e-9))


def load(model: str | Path | None = None, threads: int | None = None) -> Sentences:
    """A model of sentences.

    Args:
        model: its folder; None: the one that RESONET_MEANING_MODEL names, else the one in the package.
        threads: of the processor, for a network; all where it is not given.

    Raises:
        MissingExtra: there is no model, or nothing to read its tokens with.
        UsageError: the folder holds none, or one that cannot be used.
    """
    named = model if model is not None else os.environ.get(VARIABLE) or None
    if named is not None:
        folder = Path(named)
        files = [folder / TOKENIZER, *(path for path in (folder / NETWORK, folder / TABLE) if path.is_file())]
        if len(files) < 2 or not files[0].is_file():
            raise UsageError(
                f"{folder} holds no model of sentences",
                f"name a folder with {TOKENIZER} and {NETWORK} or {TABLE}",
            )
        tokens, weights = files[:2]
    else:
        tokens, weights = _carried()
    split = _tokenizer(tokens)
    try:
        size, mean = _network(weights, split, threads) if weights.suffix == ".onnx" else _table(weights, split)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{weights} is no model of sentences that can be used: {_line(error)}") from None
    digest = hashlib.sha256(tokens.read_bytes())
    digest.update(weights.read_bytes())
    return Sentences(f"{weights.parent.name}/{weights.name} {digest.hexdigest()}", size, mean)


def _carried() -> tuple[Path, Path]:
    """Tokens and table in the package. It is not imported: it would look for its files in places of its own."""
    found = importlib.util.find_spec(_PACKAGE)
    for place in (found.submodule_search_locations or ()) if found is not None else ():
        weights, tokens = (Path(place) / name for name in _CARRIED)
        if weights.is_file() and tokens.is_file():
            return tokens, weights
    raise MissingExtra(f"search by meaning, without a model's folder in {VARIABLE},", "meaning")


def _tokenizer(path: Path) -> Callable[[Sequence[str], bool], list[list[int]]]:
    """Texts to numbers of tokens; with the signs of begin and end that the model was trained with, or without."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtra("search by meaning", "meaning") from None
    try:
        made = Tokenizer.from_file(str(path))
    except Exception as error:  # the package has no class of its own for that
        raise UsageError(f"{path} is no tokenizer that can be used: {_line(error)}") from None
    made.no_padding()
    made.enable_truncation(_LONGEST)

    def split(texts: Sequence[str], signs: bool) -> list[list[int]]:
        return [found.ids for found in made.encode_batch(list(texts), add_special_tokens=signs)]

    return split


def _table(
    path: Path, split: Callable[[Sequence[str], bool], list[list[int]]]
) -> tuple[int, Callable[[Sequence[str]], Vectors]]:
    """The mean of the vectors of a text's tokens."""
    table = _matrix(path)

    def mean(texts: Sequence[str]) -> Vectors:
        ids = split(texts, False)
        lengths = np.array([len(found) for found in ids])
        flat = np.fromiter((token for found in ids for token in found), np.int64, int(lengths.sum()))
        found = np.zeros((len(texts), table.shape[1]), np.float32)
        filled = lengths > 0
        if len(flat):
            rows = table[np.minimum(flat, len(table) - 1)].astype(np.float32)
            firsts = np.concatenate([[0], np.cumsum(lengths)[:-1]])[filled]
            found[filled] = np.add.reduceat(rows, firsts, axis=0) / lengths[filled, None]
        return found

    return table.shape[1], mean


def _matrix(path: Path) -> NDArray[Any]:
    """The one table [tokens, size] of a file in the safetensors format: a length, a header in JSON, numbers."""
    content = path.read_bytes()
    begin = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:begin])
    tables = [field for name, field in header.items() if name != "__metadata__" and len(field["shape"]) == 2]
    if len(tables) != 1:
        raise ValueError(f"it holds {len(tables)} tables, not one")
    kind = {"F16": "<f2", "F32": "<f4"}[tables[0]["dtype"]]
    first, last = tables[0]["data_offsets"]
    return np.frombuffer(content[begin + first : begin + last], kind).reshape(tables[0]["shape"])


def _network(
    path: Path, split: Callable[[Sequence[str], bool], list[list[int]]], threads: int | None
) -> tuple[int, Callable[[Sequence[str]], Vectors]]:
    """What a network gives for a sentence; where it gives a vector a token, their mean."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises classes that it does not export
        raise ValueError(_line(error)) from None
    wanted = {entry.name for entry in session.get_inputs()}
    if not {"input_ids"} <= wanted <= {"input_ids", "attention_mask", "token_type_ids"}:
        raise ValueError(f"it asks for {', '.join(sorted(wanted))}")
    outputs = session.get_outputs()
    output = next((entry.name for entry in outputs if entry.name == "sentence_embedding"), outputs[0].name)

    def run(ids: list[list[int]]) -> Vectors:
        numbers = np.zeros((len(ids), max(1, max(map(len, ids)))), np.int64)
        mask = np.zeros_like(numbers)
        for row, found in enumerate(ids):
            numbers[row, : len(found)], mask[row, : len(found)] = found, 1
        inputs = {"input_ids": numbers, "attention_mask": mask, "token_type_ids": np.zeros_like(numbers)}
        (found,) = session.run([output], {name: inputs[name] for name in wanted})
        if found.ndim == 3:
            found = (found * mask[:, :, None]).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)[:, None]
        return np.asarray(found, np.float32)

    def mean(texts: Sequence[str]) -> Vectors:
        ids = split(texts, True)
        order = np.argsort([len(found) for found in ids], kind="stable")
        parts = [order[i : i + _TOGETHER] for i in range(0, len(order), _TOGETHER)]
        found = np.concatenate([run([ids[i] for i in part.tolist()]) for part in parts])
        back = np.empty_like(found)
        back[order] = found
        return back

    return run([[0]]).shape[1], mean


def _line(error: BaseException) -> str:
    """What an error of a library says, its first line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
