"""Phones of words that no lexicon holds, from a small network (bundle member `g2p.onnx`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from resonet.errors import BundleError

_BATCH = 512


class GraphemeToPhone:
    """Reads words aloud, as phones.

    Args:
        model: the ONNX graph: `letters` int64 [batch, letters] (0: padding) -> `log_probs` [batch, slots, units], with
            the alphabet, the units and the slots a letter in its metadata.

    Raises:
        BundleError: not such a graph. One object may be used by several threads.
    """

    def __init__(self, model: bytes | Path, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
            )
            metadata = self._session.get_modelmeta().custom_metadata_map
            self._letters = {c: i for i, c in enumerate(metadata["alphabet"], 1)}
            self._units = metadata["units"].split()
            self._slots = int(metadata["slots"])
        except Exception as error:
            raise BundleError(f"g2p.onnx cannot be used: {error}") from error

    def phones(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """The phones of each lower-case word; letters outside the alphabet are skipped, so a word may get none."""
        ids = [[self._letters[c] for c in word if c in self._letters] for word in words]
        found: list[tuple[str, ...]] = [()] * len(words)
        order = sorted((i for i in range(len(words)) if ids[i]), key=lambda i: len(ids[i]))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            letters = np.zeros((len(rows), len(ids[rows[-1]])), np.int64)
            for row, i in zip(letters, rows, strict=True):
                row[: len(ids[i])] = ids[i]
            best = self._session.run(["log_probs"], {"letters": letters})[0].argmax(2)
            for path, i in zip(best, rows, strict=True):
                found[i] = self._merge(path[: len(ids[i]) * self._slots])
        return found

    def _merge(self, path: np.ndarray) -> tuple[str, ...]:
        """Repeats merged, blanks (unit 0) dropped."""
        keep = (path != 0) & (path != np.concatenate([[-1], path[:-1]]))
        return tuple(self._units[u] for u in path[keep])
