"""The file of an index: what a copy may believe of it, who may read it, and what is said of one that is not whole."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest
import small_index

from resonet.errors import SearchIndexError
from resonet.search.filters import holds
from resonet.search.store import NAME, Store
from resonet.search.tree import Filter


def add(folder: Path, *names: str) -> None:
    small_index.build(folder, {name: ["one word"] for name in names})


def mark(folder: Path) -> dict:
    with Store.open(folder) as store:
        return store.mark()


def grew(folder: Path, before: dict) -> bool:
    with Store.open(folder) as store:
        return store.grew_from(**before)


def test_an_index_grows_from_what_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    add(folder, "/a")
    first = mark(folder)
    add(folder, "/b", "/c")
    second = mark(folder)
    add(folder, "/a")
    assert grew(folder, first) and grew(folder, second) and grew(folder, mark(folder))
    assert not grew(folder, {**second, "generation": 99}) and not grew(folder, {**second, "run": "other"})


@pytest.mark.parametrize("runs", [1, 2, 5])
def test_one_that_was_restored_did_not(tmp_path: Path, runs: int) -> None:
    folder, backup = tmp_path / "index", tmp_path / "backup"
    add(folder, "/a")
    early = mark(folder)
    shutil.copytree(folder, backup)
    add(folder, "/b")
    later = mark(folder)
    for number in range(runs):
        add(backup, f"/other{number}")
    assert grew(folder, later) and grew(backup, early) and not grew(backup, later)
    add(tmp_path / "new", "/a", "/b", "/c")
    assert not grew(tmp_path / "new", early)


def test_a_backup_from_the_middle_of_a_run(tmp_path: Path) -> None:
    """The run is known to it, but not how far that run came."""
    folder = tmp_path / "index"
    add(folder, "/a")
    middle = mark(folder)
    end = {**middle, "generation": middle["generation"] + 1}
    assert grew(folder, middle) and not grew(folder, end)
    add(folder, "/b", "/c")
    assert grew(folder, middle) and not grew(folder, end)


def test_an_index_from_before_there_were_marks_is_written_on(tmp_path: Path) -> None:
    add(tmp_path, "/a")
    with sqlite3.connect(tmp_path / NAME) as database:
        database.execute("drop table runs")
        database.execute("delete from meta where key = 'id'")
    assert not grew(tmp_path, mark(tmp_path))
    add(tmp_path, "/b")
    assert grew(tmp_path, mark(tmp_path))


def test_who_may_only_read_sees_what_others_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom the folder's rights leave only the way to an unchanging file."""
    folder = tmp_path / "index"
    add(folder, "/a")
    connect = sqlite3.connect

    def refusing(place: str, **more: object) -> sqlite3.Connection:
        if "mode=ro" in str(place) and "immutable" not in str(place):
            place = ":memory:"
        database = connect(place, **more)
        if place == ":memory:":
            database.close()  # as SQLite does it: the first statement fails
        return database

    monkeypatch.setattr("resonet.search.database.sqlite3.connect", refusing)
    with Store.open(folder) as store:
        assert list(store.recordings()) == ["/a"]
        for number in range(40):
            small_index.build(folder, {f"/b{number:02}": ["many words " * 200]})
        assert len(store.recordings()) == 41 and store.generation == 41


@pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 1)() != 0, reason="another user is needed, and only root may become one"
)
def test_a_log_of_no_length_does_not_keep_a_reader_out(tmp_path: Path) -> None:
    folder = Path("/tmp") / f"resonet-{os.getpid()}"
    try:
        add(folder, "/a")
        for file in folder.iterdir():
            if file.name != NAME:
                file.unlink()
        (folder / f"{NAME}-wal").touch()
        os.chmod(folder, 0o555)
        os.seteuid(65534)
        with Store.open(folder) as store:
            assert list(store.recordings()) == ["/a"]
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)


def test_a_first_run_that_was_killed_at_once(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / NAME).close()
    (tmp_path / NAME).touch()
    with pytest.raises(SearchIndexError, match="its first run was stopped"):
        Store.open(tmp_path)
    add(tmp_path, "/a")
    with Store.open(tmp_path) as store:
        assert list(store.recordings()) == ["/a"]


@pytest.mark.parametrize(("asked", "there"), [("Caf\u00e9", "Cafe\u0301"), ("Cafe\u0301*", "Caf\u00e9 Noir")])
def test_letters_with_marks_are_the_same_however_composed(tmp_path: Path, asked: str, there: str) -> None:
    from resonet import Finder

    folder = small_index.build(tmp_path / "i", {f"/{there}.wav": ["one word"]}, {f"/{there}.wav": {"speaker": there}})
    with Finder.open(folder) as finder:
        for query in (f'word file:"{asked}"', f'word speaker:"{asked}"'):
            assert len(finder.search(query, exact=True)) == 1, query
            assert not finder.search(query.replace("word ", "word NOT "), exact=True)
    assert holds(Filter("speaker", asked), type("Said", (), {"speaker": there})())
