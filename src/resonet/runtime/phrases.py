"""Phrases that clips are made of: read from the command line or a file, and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from resonet.decoding.labels import MADE
from resonet.errors import DataError, UsageError

MOST = 1000
_LONGEST = 100  # characters; a phrase is the name of a folder
_MOST_BYTES = 1 << 20
_LABELS = frozenset({*MADE, *MADE.values()})
# What some system does not allow in the name of a folder.
_FORBIDDEN = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')


def read(given: str | Path) -> list[str]:
    """The phrases of a text with commas between them, or of the text file of that name, where a line is a phrase.

    Raises:
        DataError: the file cannot be read; UsageError: a phrase is empty.
    """
    text = str(given)
    if isinstance(given, Path) or text.endswith(".txt") or _is_file(text):
        lines = [line for line in _content(Path(text)).splitlines() if line.strip()]
        where = f" in {text}"
    else:
        lines, where = [text], ""
    phrases = [plain(phrase) for line in lines for phrase in line.split(",")]
    if not any(phrases):
        raise UsageError(f"there is no phrase{where}", 'write --phrases "lights on,lights off"')
    if "" in phrases:
        at = phrases.index("")
        told = f"after {phrases[at - 1]!r}" if at else f"before {next(filter(None, phrases))!r}"
        raise UsageError(f"there is an empty phrase {told}{where}", "one comma lies between two phrases")
    return phrases


def checked(phrases: Iterable[str]) -> list[str]:
    """The phrases with single spaces, each once, in their order.

    Raises:
        UsageError: there is none, there are too many, or one cannot be a label and the name of a folder.
    """
    found = list(dict.fromkeys(map(plain, phrases)))
    if not found or not all(found):
        raise UsageError("a phrase is empty" if found else "there is no phrase", "name what is to be said")
    if len(found) > MOST:
        raise UsageError(f"there are {len(found)} phrases", f"{MOST} are the most")
    for phrase in found:
        if len(phrase) > _LONGEST:
            raise UsageError(f"the phrase {phrase[:40]!r} ... has {len(phrase)} characters", f"{_LONGEST} are the most")
        if phrase.lower() in _LABELS:
            raise UsageError(f"{phrase!r} cannot be a phrase", "it is the label of what is none of the phrases")
        if sign := _FORBIDDEN.search(phrase):
            raise UsageError(
                f"the phrase {phrase!r} cannot be the name of a folder", f"leave {sign[0]!r} out, or write it as a word"
            )
        if not phrase.isprintable():
            raise UsageError(f"the phrase {phrase!r} holds signs that are not to be seen", "write it anew, in UTF-8")
        if phrase.startswith(".") or phrase.endswith("."):
            raise UsageError(f"the phrase {phrase!r} cannot be the name of a folder", "write it without the full stop")
    return found


def plain(phrase: str) -> str:
    """With single spaces, and none around it."""
    return " ".join(phrase.split())


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a name, or with a zero in it
        return False


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise DataError(f"the phrases {path} are more than {_MOST_BYTES >> 20} MiB", f"{MOST} phrases are the most")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"the phrases {path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"the phrases {path} are not UTF-8 text: byte {error.start + 1}", "convert them to UTF-8"
        ) from None
