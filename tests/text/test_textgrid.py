"""TextGrids: what is written is read again, and so is what Praat writes, in its forms and encodings."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet.errors import DataError
from resonet.text.textgrid import Interval, TextGrid, Tier, is_textgrid, parse, read, render

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0 
xmax = 2.3 
tiers? <exists> 
size = 3 
item []: 
    item [1]:
        class = "IntervalTier" 
        name = "Mary" 
        xmin = 0 
        xmax = 2.3 
        intervals: size = 2 
        intervals [1]:
            xmin = 0 
            xmax = 1.5e0 
            text = "say ""ah"" = 3" 
        intervals [2]:
            xmin = 1.5 
            xmax = 2.3 
            text = "größer
und zwei" 
    item [2]:
        class = "TextTier" 
        name = "bell" 
        xmin = 0 
        xmax = 2.3 
        points: size = 1 
        points [1]:
            number = 0.98 
            mark = "!" 
    item [3]:
        class = "IntervalTier" 
        name = "" 
        xmin = 0 
        xmax = 2.3 
        intervals: size = 0 
"""
SHORT = """File type = "ooTextFile"
"TextGrid"

0
2.3
<exists>
3
"IntervalTier" "Mary" 0 2.3 2 ! a remark with 17 and "quotes"
0 1.5 "say ""ah"" = 3"
1.5
2.3
"größer
und zwei"
"TextTier"
"bell"
0
2.3
1
0.98
"!"
"IntervalTier" "" 0 2.3 0
"""
GRID = TextGrid(
    0.0,
    2.3,
    (
        Tier("Mary", (Interval(0.0, 1.5, 'say "ah" = 3'), Interval(1.5, 2.3, "größer\nund zwei"))),
        Tier("bell", (Interval(0.98, 0.98, "!"),), points=True),
        Tier("", ()),
    ),
)


@pytest.mark.parametrize("form", [LONG, SHORT])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_what_praat_writes(form: str, encoding: str, tmp_path: Path) -> None:
    content = form.encode(encoding)
    assert is_textgrid(content)
    assert parse(content) == GRID
    file = tmp_path / "a.TextGrid"
    file.write_bytes((b"\xfe\xff" if encoding == "utf-16-be" else b"") + content)
    assert read(file) == GRID
    assert parse(form.replace("\n", "\r\n").encode(encoding)).tiers[1] == GRID.tiers[1]


def test_intervals_are_filled_up() -> None:
    tier = Tier("words", (Interval(0.2, 0.5, "a"), Interval(0.5, 0.5004, "too short"), Interval(0.9, 1.0, "b")))
    found = parse(render(TextGrid(0, 1.25, (tier,))).encode()).tier("WORDS")
    assert [(i.start, i.end, i.text) for i in found.intervals] == [
        (0, 0.2, ""), (0.2, 0.5, "a"), (0.5, 0.9, ""), (0.9, 1.0, "b"), (1.0, 1.25, ""),
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    edges=st.lists(st.integers(0, 5000), unique=True, min_size=2, max_size=8),
    texts=st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r")), min_size=4, max_size=4),
    name=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r"), max_size=8),
)
def test_round_trip(edges: list[int], texts: list[str], name: str) -> None:
    times = [edge / 1000 for edge in sorted(edges)]
    intervals = [Interval(a, b, text) for a, b, text in zip(times[::2], times[1::2], texts, strict=False)]
    grid = TextGrid(0, 5, (Tier(name, tuple(intervals)), Tier("at", tuple(Interval(t, t, name) for t in times), True)))
    found = parse(render(grid).encode())
    kept = [i for i in found.tiers[0].intervals if (i.start, i.end) in {(i.start, i.end) for i in intervals}]
    assert kept == intervals
    assert found.tiers[1] == grid.tiers[1]
    assert found.tiers[0].intervals[0].start == 0 and found.tiers[0].intervals[-1].end == 5
    assert parse(render(found).encode()) == found


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SHORT.encode())), st.binary(max_size=6), st.integers(0, 12))
def test_damage_is_one_sentence(at: int, instead: bytes, gone: int) -> None:
    content = SHORT.encode()
    try:
        parse(content[:at] + instead + content[at + gone :], "a.TextGrid")
    except DataError as error:
        assert error.message.startswith("a.TextGrid is ")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no TextGrid"),
        (b"hello", "no TextGrid"),
        (b"ooBinaryFile\x08TextGrid", "no TextGrid"),
        (b"\xff\xfe\x00", "neither UTF-8 nor UTF-16"),
        (SHORT.encode("latin-1"), "neither UTF-8 nor UTF-16"),
        (SHORT[:-30].encode(), "it ends where a"),
        (SHORT.replace("1.5\n2.3", "1.5\n1.2").encode(), "goes back in time at 1.500 s"),
        (SHORT.replace("0 2.3 2 !", "0 2.3 2.5 !").encode(), "2.5 is no count"),
        (SHORT.replace('"TextTier"', '"Spectrum"').encode(), "of the kind 'Spectrum'"),
        (SHORT.replace("0.98", "1e999").encode(), "too large"),
        (SHORT.replace("0.98", '"x"').encode(), "where a number should be"),
    ],
)
def test_no_textgrid(content: bytes, told: str) -> None:
    with pytest.raises(DataError, match=told):
        parse(content)


def test_what_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.TextGrid cannot be read: No such file"):
        read(tmp_path / "gone.TextGrid")
    with pytest.raises(DataError, match="no tier 'phones'"):
        GRID.tier("phones")
    overlapping = Tier("t", (Interval(0.0, 0.5, "a"), Interval(0.4, 0.6, "b")))
    for tier in (overlapping, Tier("t", (Interval(0.5, 1.5, "b"),))):
        with pytest.raises(DataError, match=r"'b' from .* has no room in the tier 't'"):
            render(TextGrid(0, 1, (tier,)))


def test_a_transcript_is_no_textgrid() -> None:
    assert not is_textgrid(b"") and not is_textgrid(b"\0") and not is_textgrid("He said: ooTextFile".encode("utf-16"))
