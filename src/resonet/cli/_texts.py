"""From what stands on the command line (words, files, `-`) to texts, each with the name of the recording it becomes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, BinaryIO

from resonet.cli._recordings import Recording
from resonet.cli._results import file_names
from resonet.errors import DataError, ResonetError, UsageError

if TYPE_CHECKING:
    from resonet.runtime.voice import SpokenAt
    from resonet.text.transcript import Word

_SPACE = re.compile(r"\s+")
_MOST = 64 << 20  # bytes of one text: a hundred books


@dataclass(frozen=True)
class Text:
    """One text to speak.

    Fields:
        content: the text, or why it cannot be read.
        source: the file as given, `-` for standard input, empty for words on the command line.
        line: its number among the non-blank lines, where each is a text; else 0.
        below: the name of its recording, without a suffix.
    """

    content: str | ResonetError
    source: str
    line: int
    below: PurePath

    @property
    def where(self) -> str:
        """How errors name it; empty for words on the command line."""
        name = "standard input" if self.source == "-" else self.source
        return f"{name}, recording {self.line:04d}" if self.line else name


def gather(words: Sequence[str], files: Sequence[str], lines: str | None) -> Iterable[Text]:
    """The texts: the words together (or standard input for `-`), a file each, or a line each; a list but for a pipe.

    Lines of standard input are given as they come.

    Raises:
        UsageError: none of the three is given, or more than one; DataError: the file of lines cannot be read.
    """
    if sum(map(bool, (words, files, lines))) != 1:
        told = "the text is given twice: as words, --file or --lines" if words or files or lines else "no text given"
        raise UsageError(told, "resonet speak --help")
    if list(files).count("-") > 1:
        raise UsageError("standard input (-) can be read only once")
    if words and list(words) != ["-"]:
        return [Text(_given(" ".join(words)), "", 0, PurePath("speech"))]
    if lines == "-":
        return _piped_lines()
    if lines is not None:
        content = _read(lines)
        return [
            Text(line, lines, number, PurePath(f"{number:04d}")) for number, line in _numbered(content.splitlines())
        ]
    names = ["-"] if words else list(files)
    as_read = [Recording(name, Path(name), PurePath(_named(name))) for name in names]
    stems = file_names(as_read, "") if len(names) > 1 else [as_read[0].below.with_suffix("")]
    return [Text(_tried(name), name, 0, stem) for name, stem in zip(names, stems, strict=True)]


def _named(file: str) -> str:
    """What the recording of a text file is called; `-` and `.` have no name."""
    return "speech" if file == "-" else PurePath(file).name or "speech"


def is_ssml(text: str) -> bool:
    """Whether a text begins as an SSML document does."""
    head = text[:2000].lstrip("\ufeff \t\r\n")
    return head.startswith("<speak") or (head.startswith(("<?xml", "<!")) and "<speak" in head)


def character_data(document: str) -> str:
    """All that stands between the tags of an SSML document that was spoken: what places of words count in."""
    from xml.parsers import expat

    data: list[str] = []
    parser = expat.ParserCreate()
    parser.CharacterDataHandler = data.append
    parser.Parse(document, True)
    return "".join(data)


def as_written(words: Sequence[SpokenAt], text: str) -> tuple[Word, ...]:
    """What lies between spaces in the text, with its punctuation, and the times of the words in it: for subtitles.

    Two words that no space parts (half-past, 你好) are one here.
    """
    from resonet.text.transcript import Word

    found: list[Word] = []
    end = 0
    for word in words:
        first, last = word.characters
        between = text[end:first]
        parts = _SPACE.split(between)
        if found and len(parts) == 1:
            before = found.pop()
            spelled = f"{before.word}{between}{text[max(end, first) : last]}"
            found.append(Word(spelled, before.start, word.end, 1.0))
        else:
            *closing, head = parts
            if found and any(closing):
                before = found.pop()
                closed = " ".join([before.word + closing[0], *filter(None, closing[1:])])
                found.append(Word(closed, before.start, before.end, 1.0))
            found.append(Word(head + text[first:last], word.start, word.end, 1.0))
        end = max(end, last)
    if found:
        ended = found.pop()
        found.append(Word(ended.word + _SPACE.split(text[end:], maxsplit=1)[0], ended.start, ended.end, 1.0))
    return tuple(found)


def _piped_lines() -> Iterator[Text]:
    def decoded() -> Iterator[str]:
        while line := stream.readline(_MOST + 1):
            yield _decoded(line, "-")

    stream = _stdin()
    for number, line in _numbered(decoded()):
        yield Text(line, "-", number, PurePath(f"{number:04d}"))


def _numbered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    return enumerate((stripped for line in lines if (stripped := line.strip())), 1)


def _tried(name: str) -> str | ResonetError:
    try:
        return _read(name)
    except DataError as error:
        return error


def _read(name: str) -> str:
    """A text file, or standard input. Raises DataError."""
    if name == "-":
        return _decoded(_stdin().read(_MOST + 1), name)
    try:
        with open(name, "rb") as file:
            return _decoded(file.read(_MOST + 1), name)
    except OSError as error:
        raise DataError(f"the text {name} cannot be read: {error.strerror or error}") from None


def _decoded(content: bytes, name: str) -> str:
    name = "standard input" if name == "-" else name
    if len(content) > _MOST:
        raise DataError(f"{name} has more than {_MOST >> 20} MiB of text", "give it in parts")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 text: byte {error.start + 1}", "convert it to UTF-8") from None


def _given(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # bytes of another encoding, which Python keeps as surrogates
        raise UsageError("the text on the command line is not UTF-8", "set a UTF-8 locale, or give a file") from None
    return text


def _stdin() -> BinaryIO:
    stream: BinaryIO = sys.stdin.buffer
    if stream.isatty():
        raise UsageError("standard input is the terminal", "pipe a text into it, or give the text or a file")
    return stream
