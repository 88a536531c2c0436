"""Indexing with several workers: the same index as one process makes. Needs the extra [ray]."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spoken_tones import WORDS

from resonet import audio
from resonet.errors import AudioError, MissingExtra, ResonetError
from resonet.search import parallel
from resonet.search.indexer import Indexer
from resonet.search.parallel import ParallelIndexer, Worker
from resonet.search.rows import Segment
from resonet.search.store import Store
from resonet.text.transcript import Word

pytestmark = pytest.mark.extras


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RESONET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("resonet.bundle.places._entry_points", list)


@pytest.fixture(scope="module")
def talks(small: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of one to three words; one is empty of words, one is no recording."""
    folder = tmp_path_factory.mktemp("talks")
    said = ["boat", "keys boat", "knock", "knock keys boat", "keys", "boat boat", "knock boat", "keys keys", ""]
    for number, words in enumerate(said):
        parts = [piece for word in words.split() for piece in (small.said(*WORDS[word]), small.quiet(0.7))]
        audio.write(
            folder / f"{number}.wav",
            np.concatenate([small.quiet(0.4), *parts, np.zeros(number, np.float32)]),
            small.RATE,
        )
    (folder / "broken.wav").write_bytes(b"RIFF and nothing more")
    return folder


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """Ray for all tests of the file: to start it takes seconds."""
    monkeypatch = pytest.MonkeyPatch()
    # On a machine that is busy with something else, its workers would wait for minutes.
    monkeypatch.setenv("RAY_worker_niceness", "0")
    module = pytest.importorskip("ray")
    pytest.importorskip("ray.data")
    module.init(num_cpus=3, object_store_memory=100 << 20, include_dashboard=False, log_to_driver=False)
    yield module
    module.shutdown()
    monkeypatch.undo()


def rows(folder: Path) -> list[tuple[Any, ...]]:
    """All that an index holds, without numbers, which depend on who is done first."""
    with Store.open(folder) as store:
        return store.rows(
            "select r.path, r.fingerprint, r.duration, s.start, s.finish, s.text, s.words, s.sounds "
            "from recordings r left join segments s on s.recording = r.id order by r.path, s.start"
        )


def test_workers_make_the_index_that_one_process_makes(ray: Any, phones: Path, talks: Path, tmp_path: Path) -> None:
    told: list[ResonetError] = []
    shown: list[tuple[float, float]] = []
    one = Indexer(tmp_path / "one", phones, threads=1).run([talks], failed=told.append)
    many = ParallelIndexer(tmp_path / "many", phones, workers=2).run(
        [talks], failed=told.append, progress=lambda *seconds: shown.append(seconds)
    )
    assert rows(tmp_path / "one") == rows(tmp_path / "many")
    assert (one.added, one.failed, one.wordless) == (many.added, many.failed, many.wordless) == (9, 1, 1)
    assert many.seconds == pytest.approx(one.seconds) and many.silence == pytest.approx(one.silence)
    assert [str(error) for error in told][:1] == [str(error) for error in told][1:]
    assert shown[-1][0] == pytest.approx(shown[-1][1]) == pytest.approx(many.seconds)


def test_each_goes_on_where_the_other_was(ray: Any, phones: Path, talks: Path, tmp_path: Path, small: Any) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for number in (0, 1):
        (mine / f"{number}.wav").write_bytes((talks / f"{number}.wav").read_bytes())
    assert Indexer(tmp_path / "index", phones, threads=1).run([mine]).added == 2
    (mine / "2.wav").write_bytes((talks / "2.wav").read_bytes())
    (mine / "1.wav").write_bytes((talks / "3.wav").read_bytes())
    (mine / "0.wav").unlink()
    done = ParallelIndexer(tmp_path / "index", phones, workers=2).run([mine])
    assert (done.added, done.changed, done.removed) == (1, 1, 1)
    with Store.open(tmp_path / "index") as store:
        assert sorted(Path(path).name for path in store.recordings()) == ["1.wav", "2.wav"]
    # Nothing new: no worker is asked.
    assert ParallelIndexer(tmp_path / "index", phones, workers=2).run([mine]).added == 0


def test_a_worker_gives_errors_that_can_be_sent(phones: Path, talks: Path) -> None:
    worker = Worker(str(phones), None, 1)
    paths = [str(talks / "broken.wav"), str(talks / "0.wav")]
    answer = worker({"number": np.arange(2), "path": np.array(paths, object)})
    (broken, _), (heard, counted) = map(parallel.unpacked, answer["found"])
    assert isinstance(broken, AudioError) and "broken.wav" in broken.message
    assert [segment.text for segment in heard[2]] == ["boat"] and counted["seconds"] > 0


def test_what_goes_between_processes_comes_as_it_was() -> None:
    words = (Word("grüß", 0.1, 0.3, 0.987654321), Word("gott", 0.3, 0.7, 1.0))
    found = (1.25, "de", [Segment(0.04, 0.76, words, b"\0\xff", b"", b"v"), Segment(1.0, 1.2, ())])
    assert parallel.unpacked(parallel.packed(found, {"seconds": 1.25})) == (found, {"seconds": 1.25})
    error, counted = parallel.unpacked(parallel.packed(MissingExtra("this", "av"), {"seconds": 0.0}))
    assert isinstance(error, AudioError) and counted == {"seconds": 0.0}
    assert (error.message, error.hint) == (MissingExtra("this", "av").message, MissingExtra("this", "av").hint)


def test_without_ray_it_says_what_to_install(phones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # type: ignore[arg-type]
    with pytest.raises(MissingExtra, match=r"needs the extra \[ray\]"):
        ParallelIndexer(tmp_path / "index", phones)
    assert parallel._SHARED >= 75 << 20  # Ray refuses less
