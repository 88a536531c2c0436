"""The sizes and numbers that `resonet lm` takes."""

from __future__ import annotations

import click
import pytest

from resonet.cli.lm import CutOffs, Size


@pytest.mark.parametrize(
    ("text", "size"), [("15MB", 15_000_000), ("800k", 800_000), ("1.5 GiB", 3 << 29), (".5M", 500_000), ("12", 12)]
)
def test_sizes(text: str, size: int) -> None:
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "MB", "-5", "1.2.3", "1e6", "15 parsecs"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no size"):
        Size().convert(text, None, None)


def test_cut_offs() -> None:
    assert CutOffs().convert("0, 0,1", None, None) == (0, 0, 1)
    with pytest.raises(click.BadParameter, match="no numbers"):
        CutOffs().convert("0,one", None, None)
