"""Phones of words that no lexicon holds, from a small network (bundle member `g2p.onnx`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from resonet.errors import BundleError

_BATCH = 512
# Beginnings of a word's phones that the search for its readings keeps, and units that it tries in a slot.
_BEAM, _TRIED = 40, 4


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

    def readings(self, word: str, most: int, least: float) -> list[tuple[str, ...]]:
        """The likeliest phones of a lower-case word, best first: by prefix search over all paths of each.

        Args:
            most: readings at most. least: how likely each is, as a share of the best one's probability.
        """
        ids = [self._letters[c] for c in word if c in self._letters]
        if not ids:
            return []
        log_probs = self._session.run(["log_probs"], {"letters": np.array([ids], np.int64)})[0][0]
        begun: dict[tuple[tuple[int, ...], int], float] = {((), 0): 0.0}  # phones and the unit that was last
        for slot in log_probs[: len(ids) * self._slots]:
            longer: dict[tuple[tuple[int, ...], int], float] = {}
            for (phones, last), score in begun.items():
                for unit in np.argsort(-slot)[:_TRIED].tolist():
                    key = (phones if unit in (0, last) else (*phones, unit), unit)
                    longer[key] = float(np.logaddexp(longer.get(key, -np.inf), score + slot[unit]))
            begun = dict(sorted(longer.items(), key=lambda item: -item[1])[:_BEAM])
        total: dict[tuple[int, ...], float] = {}
        for (phones, _), score in begun.items():
            if phones:
                total[phones] = float(np.logaddexp(total.get(phones, -np.inf), score))
        best = sorted(total.items(), key=lambda item: -item[1])[:most]
        return [
            tuple(self._units[unit] for unit in phones) for phones, score in best if score >= best[0][1] + np.log(least)
        ]

    def _merge(self, path: np.ndarray) -> tuple[str, ...]:
        """Repeats merged, blanks (unit 0) dropped."""
        keep = (path != 0) & (path != np.concatenate([[-1], path[:-1]]))
        return tuple(self._units[u] for u in path[keep])
