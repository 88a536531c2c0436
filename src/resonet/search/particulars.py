"""What is known of a recording beside its sound: who speaks, when it was made, in which language.

Told for the whole run, or by a table `transcripts.tsv` in the recording's folder or one above it, as far as the folder
that was named (columns `path` from the table's folder, and any of `speaker`, `date`, `language`); the date else by its
name or by when the file was last changed.
"""

from __future__ import annotations

import csv
import datetime
import io
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from resonet.errors import DataError, ResonetError, UsageError
from resonet.search.changes import File
from resonet.search.rows import Recording

TABLE = "transcripts.tsv"
_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)(?!\d)")


@dataclass(frozen=True)
class Particulars:
    """Of one recording; "" where it is not known. date: YYYY-MM-DD; language: a BCP 47 tag."""

    speaker: str
    date: str
    language: str


class Sources:
    """Where particulars are looked up.

    Args:
        speaker, date: of every recording of this run; None: not told.
        failed: told of tables that cannot be read, each once.

    Raises:
        UsageError: a date that is none, or a speaker that is no text.
    """

    def __init__(self, speaker: str | None, date: str | None, failed: Callable[[ResonetError], object]) -> None:
        self._speaker = None if speaker is None else " ".join(speaker.split())
        self._date, self._failed = date, failed
        self._tables: dict[str, dict[str, dict[str, str]]] = {}
        if date and _iso(date) != date:
            raise UsageError(f"{date!r} is no date", "write it as 2026-01-31")
        try:
            (speaker or "").encode()
        except UnicodeEncodeError:
            raise UsageError("the speaker's name is no UTF-8 text") from None

    def of(self, file: File, row: Recording | None, language: str = "") -> Particulars:
        """What is told goes before what the index has (`row`), and that before what the file itself suggests.

        Args:
            language: that of the recognizer, where nothing else is known.
        """
        told = self._told(file)
        speaker, date = (told.get("speaker"), told.get("date"))
        if self._speaker is not None:
            speaker = self._speaker
        if self._date is not None:
            date = self._date
        known = row or Recording("", 0, 0, "", 0.0)
        return Particulars(
            speaker=known.speaker if speaker is None else speaker,
            date=(known.date or _of_name(Path(file.path).name) or _of_time(file.modified)) if date is None else date,
            language=told.get("language") or known.language or language,
        )

    def _told(self, file: File) -> dict[str, str]:
        """What the nearest table that names the file says of it."""
        folder = os.path.dirname(file.path)
        while True:
            if row := self._table(folder).get(file.path):
                return row
            if folder == file.within or folder == os.path.dirname(folder):
                return {}
            folder = os.path.dirname(folder)

    def _table(self, folder: str) -> dict[str, dict[str, str]]:
        if folder not in self._tables:
            try:
                self._tables[folder] = _read(folder, self._failed)
            except ResonetError as error:
                self._tables[folder] = {}
                self._failed(error)
        return self._tables[folder]


def _read(folder: str, failed: Callable[[ResonetError], object]) -> dict[str, dict[str, str]]:
    """The table of a folder by absolute path; none where it has no table, or one without a column `path`.

    Dates of another form are left out, and the first one is told.
    """
    table = Path(folder, TABLE)
    try:
        if not table.is_file():
            return {}
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{table} is not UTF-8 text", "save it as UTF-8") from None
    except OSError as error:
        raise DataError(f"{table} cannot be read: {error.strerror or error}") from None
    rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    found: dict[str, dict[str, str]] = {}
    odd = ""
    try:
        head = [name.strip().lower() for name in next(rows, [])]
        if "path" not in head:
            return {}
        for cells in rows:
            fields = {name: cell.strip() for name, cell in zip(head, cells, strict=False)}
            path = os.path.normpath(os.path.join(folder, fields.get("path", "")))
            found[path] = {key: fields[key] for key in ("speaker", "date", "language") if fields.get(key)}
            if date := found[path].pop("date", ""):
                if iso := _iso(date[:10]):
                    found[path]["date"] = iso
                else:
                    odd = odd or f"{table}: line {rows.line_num}: {date[:40]!r} is no date"
    except csv.Error as error:
        raise DataError(f"{table}: line {rows.line_num}: {error}") from None
    if odd:
        failed(DataError(odd, "write it as 2026-01-31; such dates are left out"))
    return found


def _of_name(name: str) -> str:
    """The first date in a file's name: 2026-01-31, 2026_01_31 or 20260131."""
    return next((date for m in _DATE.finditer(name) if (date := _iso("-".join(m.group(1, 3, 4))))), "")


def _of_time(modified: int) -> str:
    """The day, here, of a time in ns since 1970."""
    try:
        return datetime.date.fromtimestamp(modified / 1e9).isoformat()
    except (OverflowError, OSError, ValueError):
        return ""


def _iso(text: str) -> str:
    """The date if the text is one, else ""."""
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        return ""
