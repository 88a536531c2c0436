"""Pictures of matrices as PNG, for the page of a training; zlib is all it takes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import replacing

# Dark blue over red to light yellow, as RGB at even steps.
_COLOURS = np.array(
    [[13, 8, 45], [64, 15, 103], [133, 32, 107], [199, 62, 76], [243, 121, 25], [249, 201, 50], [252, 255, 190]], float
)
_GAP = 6


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of RGB pixels [height, width, 3]."""
    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], 1)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def coloured(matrix: NDArray) -> NDArray[np.uint8]:
    """Pixels [height, width, 3] of a matrix [height, width], lowest dark, highest light."""
    values = np.asarray(matrix, float)
    low, high = float(values.min()), float(values.max())
    values = (values - low) / max(high - low, 1e-9) * (len(_COLOURS) - 1)
    lower = np.minimum(values.astype(int), len(_COLOURS) - 2)
    share = (values - lower)[..., None]
    return np.round(_COLOURS[lower] * (1 - share) + _COLOURS[lower + 1] * share).astype(np.uint8)


def stacked(matrices: Sequence[NDArray]) -> NDArray[np.uint8]:
    """Matrices above each other, low ones drawn taller, narrower ones filled up with white."""
    width = max(m.shape[1] for m in matrices)
    parts = []
    for matrix in matrices:
        pixels = coloured(matrix).repeat(max(1, 120 // max(1, matrix.shape[0])), 0)
        white = np.full((pixels.shape[0], width - pixels.shape[1], 3), 255, np.uint8)
        parts += [np.concatenate([pixels, white], 1), np.full((_GAP, width, 3), 255, np.uint8)]
    return np.concatenate(parts[:-1])


def save(path: Path, matrices: Sequence[NDArray]) -> None:
    """Writes them as a PNG file; it appears whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(png(stacked(matrices)))
