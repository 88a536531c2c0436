"""Queries with the places where each is said: what a search is judged by.

A file of JSON lines, a line a query, either written or spoken:

    {"id": "17", "query": "\\"last case\\"", "group": "seen", "hits": [{"file": "a.opus", "start": 3.2, "end": 3.8}]}
    {"id": "18", "audio": "spoken/18.wav", "hits": []}

`query` is in the language of `resonet search`. `hits` are all places where it is said (seconds), in the recordings that
were looked through. Which ones that were may stand in a line of its own; without it they are all that the index has:

    {"recordings": ["a.opus", "b.opus"]}

What is found in other recordings counts nowhere. `file` is an absolute path, or one that starts at the folder of the
queries, or the last parts of the path of one recording in the index. `id` is the number of the line where it is not
given, `group` (to report by) may be left out.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from resonet.errors import DataError


@dataclass(frozen=True)
class Place:
    """Where a query is said: the recording as the file of queries has it, seconds."""

    file: str
    start: float
    end: float

    @property
    def centre(self) -> float:
        return (self.start + self.end) / 2


@dataclass(frozen=True)
class Query:
    """A query: `text`, or the recording `audio` that speaks it; the other is empty. hits: where it is said."""

    id: str
    text: str
    audio: Path | None
    group: str
    hits: tuple[Place, ...]

    @property
    def shown(self) -> str:
        """Its text, or the name of its recording."""
        return self.text if self.audio is None else self.audio.name


@dataclass(frozen=True)
class Queries:
    """A file of queries. recordings: those that were looked through, as the file has them; empty for all."""

    file: Path
    queries: tuple[Query, ...]
    recordings: tuple[str, ...] = ()


def read(file: str | Path) -> Queries:
    """Reads a file of queries (docstring of this module).

    Raises:
        DataError: it cannot be read, has no query, or a line that is none; the line is named.
    """
    file = Path(file)
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")  # JSON may hold what splitlines takes for an end
    except UnicodeDecodeError:
        raise DataError(f"{file} is not UTF-8 text", "queries are JSON lines") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    queries: dict[str, Query] = {}
    recordings: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{file}: line {number}"
        fields = _object(line, where)
        if "recordings" in fields and not {"query", "audio"} & fields.keys():
            recordings += _strings(fields["recordings"], f"{where}: recordings")
            continue
        query = _query(fields, str(number), file.parent, where)
        if query.id in queries:
            raise DataError(f"{where}: the id {query.id!r} is that of another query, too")
        queries[query.id] = query
    if not queries:
        raise DataError(f"{file} holds no query", 'give a line such as {"query": "word", "hits": []}')
    return Queries(file, tuple(queries.values()), tuple(recordings))


class Archive:
    """Recordings that are searched, by path, with their seconds; finds those that a file of queries names.

    Args:
        seconds: by absolute path. folder: at which relative paths may start.
    """

    def __init__(self, seconds: dict[str, float], folder: Path) -> None:
        self.seconds = seconds
        self._folder = folder.absolute()
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in seconds:
            self._by_name[PurePath(path).name].append(path)

    def find(self, file: str) -> str | None:
        """The path of the recording that a file of queries calls so; None where there is none.

        Raises:
            DataError: several end so.
        """
        whole = self._folder / file
        for path in (str(whole), str(whole.resolve())):
            if path in self.seconds:
                return path
        parts = [part for part in PurePath(file).parts if part not in (".", "..")]
        ends = [p for p in self._by_name.get(whole.name, []) if list(PurePath(p).parts[-len(parts) :]) == parts]
        if len(ends) > 1:
            raise DataError(f"{file} may be {ends[0]} or {ends[1]}", "name more of the path in the file of queries")
        return ends[0] if ends else None

    def only(self, files: Iterable[str]) -> Archive:
        """An archive of those of these recordings that are here."""
        found = [path for path in map(self.find, files) if path is not None]
        return Archive({path: self.seconds[path] for path in dict.fromkeys(found)}, self._folder)


def _query(fields: dict[str, Any], number: str, folder: Path, where: str) -> Query:
    text, sound = fields.get("query"), fields.get("audio")
    given = [value for value in (text, sound) if value is not None]
    if len(given) != 1 or not isinstance(given[0], str) or not given[0].strip():
        raise DataError(f"{where} needs either `query` or `audio`, as text")
    hits = fields.get("hits")
    if not isinstance(hits, list):
        raise DataError(f"{where} has no list `hits`", "it may be empty: said nowhere")
    group = fields.get("group") or ""
    if not isinstance(group, str):
        raise DataError(f"{where}: `group` is {group!r}, which is no text")
    return Query(
        id=str(fields.get("id", number)),
        text=text or "",
        audio=None if sound is None else folder / sound,
        group=group,
        hits=tuple(_place(hit, f"{where}: hit {i}") for i, hit in enumerate(hits, 1)),
    )


def _place(hit: Any, where: str) -> Place:
    if not isinstance(hit, dict) or not isinstance(hit.get("file"), str) or not hit["file"]:
        raise DataError(f"{where} names no `file`")
    times: list[Any] = [hit.get("start"), hit.get("end")]
    for time in times:
        if isinstance(time, bool) or not isinstance(time, (int, float)) or not math.isfinite(time) or time < 0:
            raise DataError(f"{where}: `start` and `end` are {times[0]} and {times[1]}", "both are seconds from 0 on")
    if times[1] < times[0]:
        raise DataError(f"{where} ends at {times[1]} s, before it starts")
    return Place(hit["file"], float(times[0]), float(times[1]))


def _object(line: str, where: str) -> dict[str, Any]:
    if "\0" in line or "\\u0000" in line:
        raise DataError(f"{where} holds a zero character, which no name has")
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        raise DataError(f"{where} is no JSON", "a line an object") from None
    if not isinstance(fields, dict):
        raise DataError(f"{where} is no JSON object")
    return fields


def _strings(value: Any, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise DataError(f"{where} is no list of files")
    return value
