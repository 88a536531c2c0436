"""Reads the commands of a page of documentation that a reader is asked to type, and what the page says they print.

A block of code (bash, console or python) right after the comment `<!-- walk -->` is a step. A block of text right after
`<!-- output -->` is what the step before it prints. Steps run in their order, in one folder.

    <!-- output words=0.2 numbers=0.5 -->   at most a fifth of the words differ; numbers may be off by half

Without tolerances the output is compared word by word. A line of `...` stands for any number of lines. In a console
block, lines that begin with `$ ` are typed and the lines below are their output; tolerances stand in the walk comment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

_BLOCK = re.compile(
    r"^<!-- (?P<mark>walk|output)(?P<options>[^\n>]*) -->\n+```(?P<language>\w+)\n(?P<body>.*?)^```$", re.DOTALL | re.M
)
_NUMBER = re.compile(r"^[-+(]?\d[\d,]*(\.\d+)?(?=[x%,.:;)s]|$)")


@dataclass(frozen=True)
class Step:
    """One block to run and what it should print; `expected` is None where the page does not say."""

    language: str
    code: str
    line: int
    expected: str | None = None
    tolerance: dict[str, float] = field(default_factory=dict)


def steps(page: Path) -> list[Step]:
    text = page.read_text(encoding="utf-8")
    found: list[Step] = []
    for block in _BLOCK.finditer(text):
        options = {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", block["options"])}
        line = text[: block.start()].count("\n") + 1
        if block["mark"] == "output":
            found[-1] = replace(found[-1], expected=block["body"], tolerance=options)
        elif block["language"] == "console":
            for typed, printed in re.findall(r"^\$ (.*\n)((?:(?!\$ ).*\n)*)", block["body"], re.M):
                found.append(Step("bash", typed, line, printed or None, options))
        else:
            found.append(Step(block["language"], block["body"], line))
    return found


def difference(expected: str, printed: str, words: float = 0.0, numbers: float = 0.0) -> str:
    """What is wrong with the output, or ''.

    Args:
        words: share of the expected words that may be wrong, missing or too many (edit distance).
        numbers: how far two numbers may be apart and still count as equal, as a share of the expected one.
    """
    for part in re.split(r"^\.\.\.\n", expected, flags=re.M):
        wanted = part.split()
        if not wanted:
            continue
        # Around an ellipsis the best matching stretch counts, else all that was printed.
        distance = _distance(wanted, printed.split(), numbers, anywhere=part != expected)
        if distance > words * len(wanted):
            return f"{distance} of {len(wanted)} words differ\n--- the page says\n{part}--- printed\n{printed}"
    return ""


def _distance(wanted: list[str], printed: list[str], numbers: float, anywhere: bool) -> int:
    """Edit distance over words; with `anywhere`, to the stretch of `printed` that is nearest."""
    row = [0 if anywhere else i for i in range(len(printed) + 1)]
    for i, word in enumerate(wanted, 1):
        above, row = row, [i]
        for j, other in enumerate(printed, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (not _same(word, other, numbers))))
    return min(row) if anywhere else row[-1]


def _same(word: str, other: str, numbers: float) -> bool:
    if word == other:
        return True
    first, second = _NUMBER.match(word), _NUMBER.match(other)
    if not (numbers and first and second):
        return False
    a, b = (float(match[0].lstrip("(").replace(",", "")) for match in (first, second))
    return word[first.end() :] == other[second.end() :] and abs(a - b) <= numbers * abs(a)
