"""CTM: lines of words."""

from __future__ import annotations

import pytest

from resonet.errors import DataError
from resonet.text.ctm import Line, parse, render


def test_round_trip() -> None:
    lines = [
        Line("talk.wav", 0.5, 0.25, "café", 0.875),
        Line("talk.wav", 0.75, 1.0, "$5 million"),
        Line("b", 0, 0, "a;;"),
    ]
    text = render(lines)
    assert text == "talk.wav 1 0.500 0.250 café 0.875\ntalk.wav 1 0.750 1.000 $5_million\nb 1 0.000 0.000 a;;\n"
    assert parse(text) == [lines[0], Line("talk.wav", 0.75, 1.0, "$5_million"), lines[2]]


def test_what_others_write() -> None:
    text = "\ufeff;; made by hand 1 2 3\n\n  7654 A  11.34 0.2  YES -6.763\n7654 A 12 .34 YOU lex 0.3 speaker\n"
    with pytest.raises(DataError, match=r"line 4 of a\.ctm"):
        parse(text, "a.ctm")
    assert parse(text.replace("lex 0.3 speaker", "0.3 lex speaker")) == [
        Line("7654", 11.34, 0.2, "YES", -6.763, "A"),
        Line("7654", 12.0, 0.34, "YOU", 0.3, "A"),
    ]


@pytest.mark.parametrize(
    "line", ["a 1 0.5 0.2", "a 1 x 0.2 word", "a 1 -1 0.2 word", "a 1 nan 0.2 word", "a 1 0 1 b 1 2 3 4"]
)
def test_no_ctm(line: str) -> None:
    with pytest.raises(DataError, match="line 1 of the CTM file is none of CTM"):
        parse(line)
