"""Who writes down what a voice said, so that its words can be counted: a recognizer of ours, or an outside program.

A program is given files as its last arguments and prints a line of JSON for each, `{"file", "text"}`, as
`resonet transcribe --format json` does. Where its command holds `{table}`, it is given a file of lines `path TAB text`
in that place instead, and where it holds `{report}`, it writes JSON there, `{"utterances": [{"path", "hypothesis"}]}`,
and may name itself in `{"summary": {"judge"}}`:

    --judge "python judge_asr.py {table} --json {report}"
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from resonet.bundle import find, installed
from resonet.errors import ResonetError, UsageError
from resonet.evaluate.answers import Recognizes
from resonet.evaluate.program import FILES, printed, words_of

_SUFFIX = ".resonet"


class Judge(Protocol):
    """What is asked of a judge: a name (certain once it has heard), and what it heard in files.

    `said` is what a program may be told of them (a table has a column for it); no judge of ours looks at it.
    """

    @property
    def name(self) -> str: ...

    def heard(self, files: Sequence[Path], said: Sequence[str], /) -> list[str | ResonetError]: ...


class RecognizerJudge:
    """A recognizer, `resonet.Recognizer` for one."""

    def __init__(self, name: str, recognizer: Recognizes) -> None:
        self.name, self._recognizer = name, recognizer

    def heard(self, files: Sequence[Path], said: Sequence[str]) -> list[str | ResonetError]:
        found = [answer for _, answer in self._recognizer.transcribe_many(files)]
        return [answer if isinstance(answer, ResonetError) else answer.text for answer in found]


class ProgramJudge:
    """An outside program (protocol: docstring of this module).

    Raises:
        UsageError: the command cannot be taken apart or is empty; from `heard` too: it cannot be started, or it ended
            with an error and without any answer.
    """

    def __init__(self, command: str) -> None:
        self._command = words_of(command)
        self._table = any("{table}" in part for part in self._command)
        self.name = _short(self._command)

    def heard(self, files: Sequence[Path], said: Sequence[str]) -> list[str | ResonetError]:
        found: dict[str, str] = {}
        if self._table and files:
            found = self._by_table(files, said)
        else:
            for first in range(0, len(files), FILES):
                found |= self._run([*self._command, *map(str, files[first : first + FILES])])
        lacking = f"{self._command[0]} gave no text for it"
        return [found.get(str(file), ResonetError(f"{file}: {lacking}")) for file in files]

    def _by_table(self, files: Sequence[Path], said: Sequence[str]) -> dict[str, str]:
        with tempfile.TemporaryDirectory(prefix="resonet-") as folder:
            table, report = Path(folder, "table.tsv"), Path(folder, "report.json")
            lines = [f"{file}\t{' '.join(text.split())}" for file, text in zip(files, said, strict=True)]
            table.write_text("\n".join(lines) + "\n", encoding="utf-8")
            places = {"{table}": str(table), "{report}": str(report)}
            found = self._run([_filled(part, places) for part in self._command])
            if report.is_file():
                told = _json(report.read_text(encoding="utf-8", errors="replace"))
                found |= _told(told)
                self.name = _own_name(told) or self.name
            return found

    def _run(self, command: Sequence[str]) -> dict[str, str]:
        lines, code = printed(command)
        found = _told([_json(line) for line in lines if line.startswith("{")])
        if code and not found:
            raise UsageError(f"the judge {self.name} ended with exit code {code} and heard nothing")
        return found


def judge(named: str, threads: int | None = None) -> Judge:
    """The judge that is meant: a recognizer bundle (name or file), else a command.

    Raises:
        BundleError: a bundle that is unknown, damaged or no recognizer. UsageError: a command that cannot be run.
    """
    single = " " not in named.strip()
    if single and (named.endswith(_SUFFIX) or any(found.name == named for found in installed())):
        return _recognizer(named, threads)
    program = ProgramJudge(named)
    if shutil.which(words_of(named)[0]) is None:
        if single:
            return _recognizer(named, threads)  # says that there is none, and which names are near
        raise UsageError(
            f"the judge {named!r} is no program that can be run", "give a recognizer bundle, or a command in quotes"
        )
    return program


def _recognizer(named: str, threads: int | None) -> RecognizerJudge:
    found = find(named, "recognizer")
    from resonet.runtime import Recognizer

    return RecognizerJudge(found.name, Recognizer.load(found.path, threads=threads))


def _told(answers: Any) -> dict[str, str]:
    """Texts by file from lines `{"file", "text"}`, or from one report with `utterances`."""
    rows: Iterable[Any] = answers
    if isinstance(answers, Mapping):
        rows = answers.get("utterances", [])
    found = {}
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, Mapping):
            file, text = row.get("file", row.get("path")), row.get("text", row.get("hypothesis"))
            if isinstance(file, str) and isinstance(text, str):
                found[file] = text
    return found


def _own_name(report: Any) -> str:
    """What a judge calls itself in its report, `{"summary": {"judge": NAME}}`; "" where it does not say."""
    summary = report.get("summary") if isinstance(report, Mapping) else None
    name = summary.get("judge") if isinstance(summary, Mapping) else None
    return name[:60] if isinstance(name, str) else ""


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None  # whatever else a program has to say


def _filled(part: str, places: Mapping[str, str]) -> str:
    for mark, value in places.items():
        part = part.replace(mark, value)
    return part


def _short(command: Sequence[str]) -> str:
    """A command as a table shows it: names without their folders, no places to be filled."""
    parts = [part for part in command if "{" not in part]
    return " ".join(Path(part).name if "/" in part else part for part in parts if not part.startswith("--json"))
