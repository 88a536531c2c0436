from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from resonet.decoding.ngram import Source, sentences
from resonet.decoding.ngram.text import split_sentences
from resonet.errors import DataError, UsageError


def read(path: Path, content: str | bytes, language: str = "en") -> list[str]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [" ".join(words) for words in sentences(path, language)]


@pytest.mark.parametrize(
    ("paragraph", "expected"),
    [
        ("It rained. We left! Did we? Yes", ["It rained.", "We left!", "Did we?", "Yes"]),
        ('"What?" he said. "Go!" She went.', ['"What?" he said.', '"Go!"', "She went."]),
        ("“Stop!” “Why?” (He fell.) So what.", ["“Stop!”", "“Why?”", "(He fell.)", "So what."]),
        (
            "Mr. Bo met Dr. J. S. Mill at St. Paul's. They talked.",
            ["Mr. Bo met Dr. J. S. Mill at St. Paul's.", "They talked."],
        ),
        ("He waited... Then he left.", ["He waited...", "Then he left."]),
        ("at 3.5 per cent. of it", ["at 3.5 per cent. of it"]),
        ("Ärger kam. Über Nacht. Éa va?", ["Ärger kam.", "Über Nacht.", "Éa va?"]),
        ("他来了。你好吗？好！", ["他来了。", "你好吗？", "好！"]),
        ("", []),
        (" . ", ["."]),
    ],
)
def test_sentences_are_cut(paragraph: str, expected: list[str]) -> None:
    assert split_sentences(paragraph) == expected


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress, bz2.compress])
def test_plain_and_compressed(tmp_path: Path, pack: type[bytes]) -> None:
    """By content: the name says nothing."""
    content = "\ufeffThe first line. A second sentence!\r\n\r\nIt’s “naïve”, isn't it?\n".encode()
    assert read(tmp_path / "text", pack(content)) == ["the first line", "a second sentence", "it's naive isn't it"]


def test_digits_are_left_out(tmp_path: Path) -> None:
    assert read(tmp_path / "t", "In 1984 it rained. It was cold. Room 7b!") == ["it was cold"]


def test_short_forms_are_spoken_in_english(tmp_path: Path) -> None:
    text = "Mr. and Mrs Hill & Dr. No saw St. Ives, etc. The st stayed.\nMR SMITH CAME\n"
    assert read(tmp_path / "t", text) == [
        "mister and missus hill and doctor no saw saint ives et cetera",
        "the st stayed",
        "mister smith came",
    ]
    assert read(tmp_path / "t", "Dr. Maier", "de") == ["dr maier"]


def test_tables_give_their_text(tmp_path: Path) -> None:
    table = "path\tspeaker\ttext\na.opus\t1\tONE TWO. THREE\nshort\nb.opus\t2\tFOUR\n"
    assert read(tmp_path / "t.tsv", table) == ["one two three", "four"]
    with pytest.raises(DataError, match=r"no column 'text' \(first line: a, b\)"):
        read(tmp_path / "t.tsv", "a\tb\n")


def test_bad_files_are_named(tmp_path: Path) -> None:
    for content, says in (
        (b"RIFF\xff\xfe\x80", "is not UTF-8"),
        (gzip.compress(b"text " * 1000)[:40], "is damaged"),
        (lzma.compress(b"text " * 1000)[:-9], "is damaged"),
        (b"BZh9" + b"x" * 50, "is damaged|cannot be read"),
        (b"\xfd7zXZ\x00" + b"x" * 50, "is damaged"),
        (b"\x1f\x8b\x08" + b"\xff" * 50, "is damaged|not UTF-8"),
    ):
        with pytest.raises(DataError, match=says):
            read(tmp_path / "bad", content)
    with pytest.raises(DataError, match="No such file"):
        list(sentences(tmp_path / "none"))
    with pytest.raises(DataError, match="directory"):
        list(sentences(tmp_path))


def test_weights_on_the_command_line(tmp_path: Path) -> None:
    assert Source.parse("a.txt") == Source(Path("a.txt"), 1)
    assert Source.parse("a.txt:3") == Source(Path("a.txt"), 3)
    assert Source.parse("C:\\texts\\a.txt") == Source(Path("C:\\texts\\a.txt"), 1)
    odd = tmp_path / "a:3"
    odd.touch()
    assert Source.parse(str(odd)) == Source(odd, 1)
    for bad in ("a.txt:0", "a.txt:-2", "a.txt:5000"):
        with pytest.raises(UsageError, match="weight"):
            Source.parse(bad)
