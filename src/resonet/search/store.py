"""An index on disk: one SQLite file holds what was found in recordings; whatever lies beside it can be made again.

    DIR/index.sqlite     recordings and their segments: text, times of words, posteriors, vectors; full-text tables
    DIR/writing.sqlite   empty; whoever writes holds its lock, which the system takes back when the process dies
    DIR/*.faiss          a copy of the vectors, for speed
    DIR/meaning.vectors  vectors of what the segments mean, made at the first search by meaning

A recording is added in one transaction with all of its segments, so that a kill leaves it out or whole. Readers go on
while another process writes (write-ahead log). The full-text tables hold no text of their own (`content=''`) and
nothing is deleted from them: numbers of segments are never given twice, so what belongs to no segment any more is
passed over, until there is so much of it that the tables are made anew (`Writer.tidy`).
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from resonet.errors import SearchIndexError
from resonet.search.database import LOCK, alone, connect, signature, told
from resonet.search.rows import RECORDING, SEGMENT, Recording, Segment, recording_of, segment_of, words_of

NAME = "index.sqlite"
FORMAT = (1, 0)
# Share of rows of no segment from which the full-text tables are made anew.
_STALE = 0.25
# Numbers that one statement asks for at once.
_TOGETHER = 500

_SCHEMA = """
create table meta (key text primary key, value text not null) without rowid;
create table recordings (
    id integer primary key autoincrement,
    path text not null unique,
    size integer not null,
    modified integer not null,
    fingerprint text not null,
    duration real not null,
    language text not null,
    speaker text not null,
    date text not null
);
create index fingerprints on recordings (fingerprint);
create table segments (
    id integer primary key autoincrement,
    recording integer not null references recordings (id) on delete cascade,
    start real not null,
    finish real not null,
    text text not null,
    words blob not null,
    sounds blob not null,
    windows blob not null,
    voice blob not null
);
create index segments_of on segments (recording);
create table runs (generation integer not null, token text not null);
create virtual table texts using fts5 (said, content='', tokenize="unicode61 remove_diacritics 2");
create virtual table grams using fts5 (said, content='', detail=none, tokenize="unicode61");
"""


@dataclass(frozen=True)
class Tokens:
    """What the full-text tables get of a segment: functions of it, each to tokens with spaces between them."""

    text: Callable[[str], str]
    grams: Callable[[bytes], str]


class Store:
    """An open index, for reading; made by `Store.open`. One thread's: others open their own.

    Attributes:
        folder: of the index.
        meta: what it says of itself: the bundles that it was made with, and how.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection, still: bool = False) -> None:
        self.folder, self.database = folder, database
        # Of a file that is read as if nobody wrote to it, how it was when it was opened.
        self._opened = signature(folder / NAME) if still else None
        with told(folder):
            self.meta: dict[str, Any] = {k: json.loads(v) for k, v in database.execute("select key, value from meta")}
        found = self.meta.get("format", [0])
        if found[0] != FORMAT[0]:
            raise SearchIndexError(
                f"{folder} is an index of format {found[0]}, this version reads {FORMAT[0]}",
                "update resonet" if found[0] > FORMAT[0] else "index the recordings into a new folder",
            )

    @classmethod
    def open(cls, folder: str | Path) -> Store:
        """The index in a folder.

        Raises:
            SearchIndexError: there is none, it is damaged, or of a format that this version does not read.
        """
        folder = Path(folder)
        if not (folder / NAME).is_file():
            raise SearchIndexError(f"{folder} holds no index", f"resonet index RECORDINGS --index {folder}")
        database, still = connect(folder / NAME, "ro")
        if not database.execute("select 1 from sqlite_master where name = 'meta'").fetchone():
            database.close()
            raise SearchIndexError(
                f"the index {folder} is empty: its first run was stopped", "run the same `resonet index` again"
            )
        return cls(folder, database, still)

    def close(self) -> None:
        """Closes the file."""
        self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def rows(self, statement: str, arguments: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """All rows that a statement gives; SearchIndexError where the file is damaged."""
        self._renew()
        try:
            with told(self.folder):
                return self.database.execute(statement, arguments).fetchall()
        except SearchIndexError:
            if not self._renew():
                raise
        with told(self.folder):
            return self.database.execute(statement, arguments).fetchall()

    def _renew(self) -> bool:
        """Opens a file anew that is read as if nobody wrote to it, where somebody did; says whether."""
        if self._opened is None or self._opened == signature(self.folder / NAME):
            return False
        self.database.close()
        self.database, still = connect(self.folder / NAME, "ro")
        self._opened = signature(self.folder / NAME) if still else None
        return True

    @property
    def generation(self) -> int:
        """A number that every change makes larger: copies of an older one are stale."""
        return int(self.rows("select value from meta where key = 'generation'")[0][0])

    def mark(self) -> dict[str, Any]:
        """What a copy keeps of the index that it was made of, for `grew_from`."""
        runs = self.rows("select token from runs order by rowid desc limit 1") if "id" in self.meta else []
        return {"generation": self.generation, "run": runs[0][0] if runs else ""}

    def grew_from(self, generation: int, run: str) -> bool:
        """Whether the index is what it was at a mark, or has come from it: not one that was made anew or restored from
        a backup since, whose segments of the same numbers are others."""
        if "id" not in self.meta or generation > self.generation:
            return False
        rows = self.rows("select rowid from runs where token = ?", (run,))
        if not rows:
            return False
        later = self.rows("select min(generation) from runs where rowid > ?", rows[0])[0][0]
        return later is None or later >= generation

    @property
    def seconds(self) -> float:
        """Of all recordings together."""
        return float(self.rows("select total(duration) from recordings")[0][0])

    def recordings(self) -> dict[str, Recording]:
        """All recordings by path."""
        return {recording.path: recording for recording in map(recording_of, self.rows(f"{RECORDING} order by path"))}

    def recordings_of(self, numbers: Iterable[int]) -> dict[int, Recording]:
        """Recordings by number; those that are gone are left out."""
        return {row[0]: recording_of(row) for row in self._by_number(RECORDING, numbers)}

    def segments(self, recording: int) -> list[Segment]:
        """The segments of a recording, in order."""
        return [segment_of(row) for row in self.rows(f"{SEGMENT} where recording = ? order by start", (recording,))]

    def column(self, name: str) -> Iterator[tuple[int, bytes]]:
        """Number and bytes of every segment that has any: `sounds`, `windows` or `voice`, in order of numbers."""
        assert name in ("sounds", "windows", "voice")
        with told(self.folder):
            yield from self.database.execute(f"select id, {name} from segments where length({name}) > 0 order by id")

    def sizes(self) -> dict[str, int]:
        """Bytes of text, posteriors, vectors, and of the file."""
        row = self.rows(
            "select total(length(cast(text as blob)) + length(words)), total(length(sounds)), "
            "total(length(windows) + length(voice)) from segments"
        )[0]
        full_text = self.rows(
            "select (select total(length(block)) from texts_data), (select total(length(block)) from grams_data)"
        )[0]
        return {
            "text": int(row[0] + full_text[0]),
            "posteriors": int(row[1] + full_text[1]),
            "vectors": int(row[2]),
            "file": (self.folder / NAME).stat().st_size,
        }

    def _by_number(self, select: str, numbers: Iterable[int]) -> Iterator[tuple[Any, ...]]:
        wanted = list(dict.fromkeys(numbers))
        for start in range(0, len(wanted), _TOGETHER):
            some = wanted[start : start + _TOGETHER]
            yield from self.rows(f"{select} where id in ({','.join('?' * len(some))})", some)


class Writer(Store):
    """An index that is being written; made by `writing`, and the only one of its index at a time."""

    tokens: Tokens
    _begun = False

    def add(self, recording: Recording, segments: Sequence[Segment]) -> None:
        """Adds a recording with its segments, in the place of what was there of its path; all of it or nothing."""
        with self._change() as db:
            db.execute("delete from recordings where path = ?", (recording.path,))
            number = db.execute(
                "insert into recordings (path, size, modified, fingerprint, duration, language, speaker, date) "
                "values (?, ?, ?, ?, ?, ?, ?, ?)",
                (recording.path, recording.size, recording.modified, recording.fingerprint, recording.duration,
                 recording.language, recording.speaker, recording.date),
            ).lastrowid  # fmt: skip
            for segment in segments:
                row = db.execute(
                    "insert into segments (recording, start, finish, text, words, sounds, windows, voice) "
                    "values (?, ?, ?, ?, ?, ?, ?, ?)",
                    (number, segment.start, segment.end, segment.text, words_of(segment), segment.sounds,
                     segment.windows, segment.voice),
                ).lastrowid  # fmt: skip
                self._tell(db, row, segment.text, segment.sounds)

    def change(self, recording: Recording) -> None:
        """Gives the recording of this number other fields: a file that was moved, touched, or told more of."""
        with self._change() as db:
            db.execute(
                "update recordings set path = ?, size = ?, modified = ?, language = ?, speaker = ?, date = ? "
                "where id = ?",
                (recording.path, recording.size, recording.modified, recording.language, recording.speaker,
                 recording.date, recording.id),
            )  # fmt: skip

    def remove(self, numbers: Iterable[int]) -> None:
        """Removes recordings by number."""
        with self._change() as db:
            db.executemany("delete from recordings where id = ?", ((number,) for number in numbers))

    def tidy(self) -> None:
        """Makes the full-text tables anew where much of them is of no segment; then all is in one file."""
        rows, there = self.rows("select (select count(*) from texts_docsize), (select count(*) from segments)")[0]
        if rows - there > _STALE * rows:
            with self._change() as db:
                for table in ("texts", "grams"):
                    db.execute(f"insert into {table} ({table}) values ('delete-all')")
                for number, text, sounds in db.execute("select id, text, sounds from segments"):
                    self._tell(db, number, text, sounds)
            with told(self.folder):
                self.database.execute("vacuum")
        with told(self.folder):
            self.database.execute("pragma wal_checkpoint(truncate)")

    def _tell(self, db: sqlite3.Connection, number: int | None, text: str, sounds: bytes) -> None:
        db.execute("insert into texts (rowid, said) values (?, ?)", (number, self.tokens.text(text)))
        if sounds:
            db.execute("insert into grams (rowid, said) values (?, ?)", (number, self.tokens.grams(sounds)))

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with told(self.folder):
            self.database.execute("begin immediate")
            try:
                if not self._begun:
                    statement = "insert into runs select value, ? from meta where key = 'generation'"
                    self.database.execute(statement, (secrets.token_hex(8),))
                    self._begun = True
                yield self.database
                self.database.execute("update meta set value = value + 1 where key = 'generation'")
                self.database.execute("commit")
            except BaseException:
                with suppress(sqlite3.Error):
                    self.database.execute("rollback")
                raise


@contextmanager
def writing(folder: str | Path, meta: Mapping[str, Any], tokens: Tokens) -> Iterator[Writer]:
    """The index in a folder for writing; made where there is none.

    Args:
        meta: what the index is made with (names and hashes of bundles, settings); one that was made with anything else
            is refused.

    Raises:
        SearchIndexError: another process is writing to it; it was made otherwise; it is damaged; or the system refuses
            to write.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / NAME).exists() and any(p.name not in (LOCK,) for p in folder.iterdir()):
            raise SearchIndexError(f"{folder} holds other files and no index", "name a new folder")
    except OSError as error:
        raise SearchIndexError(f"{folder} cannot be written: {error.strerror or error}") from None
    with alone(folder):
        database = connect(folder / NAME, "rwc")[0]
        with closing(database):
            with told(folder):
                database.execute("pragma journal_mode = wal")
                database.execute("pragma foreign_keys = on")
                if not database.execute("select 1 from sqlite_master where name = 'meta'").fetchone():
                    _create(database, meta)
                elif not database.execute("select 1 from meta where key = 'id'").fetchone():  # from before there were
                    database.execute("create table runs (generation integer not null, token text not null)")
                    database.execute("insert into meta values ('id', ?)", (json.dumps(secrets.token_hex(8)),))
            writer = Writer(folder, database)
            writer.tokens = tokens
            _check_same(writer, meta)
            yield writer
            writer.tidy()


def _create(database: sqlite3.Connection, meta: Mapping[str, Any]) -> None:
    database.execute("begin immediate")
    for statement in _SCHEMA.split(";\n"):
        database.execute(statement)
    fields = {"format": list(FORMAT), "generation": 0, "id": secrets.token_hex(8), **meta}
    database.executemany("insert into meta values (?, ?)", ((k, json.dumps(v)) for k, v in fields.items()))
    database.execute("commit")


def _check_same(store: Store, meta: Mapping[str, Any]) -> None:
    for key, value in meta.items():
        if (was := store.meta.get(key)) != json.loads(json.dumps(value)):
            raise SearchIndexError(
                f"{store.folder} was made with another {key}: {_short(was)}, and now {_short(value)}",
                "index into a new folder, or name the same bundles",
            )


def _short(value: Any) -> str:
    """A bundle by name and the beginning of its hash."""
    if isinstance(value, Mapping) and {"name", "sha256"} <= value.keys():
        return f"{value['name']} ({str(value['sha256'])[:8]})"
    return json.dumps(value)[:60]
