"""Pictures of matrices: a PNG as the standard has it, read back here pixel by pixel."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from resonet.train import pictures


def pixels(content: bytes) -> NDArray[np.uint8]:
    """[height, width, 3] of an RGB PNG without filters; every checksum is looked at."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, []
    while at < len(content):
        (size,) = struct.unpack_from(">I", content, at)
        kind, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", content, at + 8 + size) == (zlib.crc32(kind + body),)
        chunks.append((kind, body))
        at += 12 + size
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colours, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (depth, colours, rest) == (8, 2, [0, 0, 0])
    rows = np.frombuffer(zlib.decompress(chunks[1][1]), np.uint8).reshape(height, 1 + 3 * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 3)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_png_is_read_back(height: int, width: int, seed: int) -> None:
    made = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    np.testing.assert_array_equal(pixels(pictures.png(made)), made)


def test_colours_rise_with_the_values() -> None:
    found = pictures.coloured(np.linspace(-5, 3, 50)[None])[0].astype(float)
    light = found @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) > 0).all()
    assert found[0].tolist() == [13, 8, 45] and found[-1].tolist() == [252, 255, 190]
    assert (pictures.coloured(np.full((2, 3), 7.0)) == [13, 8, 45]).all()  # one value has no range to be divided by


def test_pictures_lie_above_each_other(tmp_path: Path) -> None:
    path = tmp_path / "samples" / "p.png"
    pictures.save(path, [np.arange(12.0).reshape(3, 4), np.zeros((200, 2))])
    found = pixels(path.read_bytes())
    assert found.shape == (3 * 40 + 6 + 200, 4, 3)
    np.testing.assert_array_equal(found[:120], pictures.coloured(np.arange(12.0).reshape(3, 4)).repeat(40, 0))
    assert (found[120:126] == 255).all() and (found[126:, 2:] == 255).all()
    assert (found[126:, :2] == [13, 8, 45]).all()
    assert list(path.parent.iterdir()) == [path]
