"""Who speaks like this: recordings by their mean voice, and the segment of each that is nearest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import small_index
from small_index import segment

from resonet.errors import SearchIndexError, UsageError
from resonet.search.rows import Recording
from resonet.search.speakers import Speakers, pack
from resonet.search.store import Store, Tokens, writing

META = {**small_index.META, "speaker": {"name": "voices", "sha256": "0" * 64}}
ANN, BOB = np.array([1.0, 0.0, 0.0, 0.1]), np.array([0.0, 1.0, 0.0, 0.1])


def index(folder: Path, **voices: list[tuple[int, np.ndarray]]) -> Path:
    """Recordings of segments, each of some words and a voice."""
    said = {
        f"/{name}": [segment(" ".join("a" * words), 10.0 * i, voice=pack(v)) for i, (words, v) in enumerate(own)]
        for name, own in voices.items()
    }
    return small_index.build(folder, said, meta=META)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return index(tmp_path / "i", ann=[(4, ANN), (2, 3 * ANN)], bob=[(3, BOB)], both=[(3, ANN), (1, BOB)])


def test_who_is_nearest_comes_first(folder: Path) -> None:
    with Store.open(folder) as store:
        paths = {row.id: row.path for row in store.recordings().values()}
        found = Speakers(store).nearest(5 * ANN)
        assert [paths[voice.recording] for voice in found] == ["/ann", "/both", "/bob"]
        assert found[0].cosine == pytest.approx(1, abs=1e-3) and found[2].cosine < 0.1
        assert (found[1].start, found[1].end) == (0.0, 1.5)  # not where the other one speaks
        assert Speakers(store).nearest(BOB)[1].start == 10.0  # but here
        assert Speakers(store).nearest(ANN, limit=1) == found[:1]


def test_long_segments_count_for_more(folder: Path) -> None:
    with Store.open(folder) as store:
        both = next(v for v in Speakers(store).nearest(ANN) if v.recording == 3)
        mean = 1.5 * ANN + 0.5 * BOB
        expected = ANN @ mean / np.linalg.norm(ANN) / np.linalg.norm(mean)
        assert both.cosine == pytest.approx(float(expected), abs=1e-3)


def test_what_is_added_is_found(folder: Path) -> None:
    with Store.open(folder) as store:
        speakers = Speakers(store)
        assert len(speakers.nearest(ANN)) == 3
        with writing(folder, META, Tokens(str, lambda blob: "")) as writer:
            writer.add(Recording("/new", 1, 1, "/new", 9.0), [segment("a", voice=pack(ANN))])
            writer.remove([1])
        assert {voice.recording for voice in speakers.nearest(ANN)} == {2, 3, 4}


def test_what_cannot_be_asked(folder: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        for voice in (np.zeros(4), np.array([np.nan, 0, 0, 1])):
            with pytest.raises(UsageError, match="no voice"):
                Speakers(store).nearest(voice)
        with pytest.raises(SearchIndexError, match="voices of 4 numbers, the sample 3"):
            Speakers(store).nearest(np.ones(3))
    none = small_index.build(tmp_path / "none", {"/a": ["a"]})
    with Store.open(none) as store, pytest.raises(SearchIndexError, match="knows no voices"):
        Speakers(store).nearest(ANN)
    with Store.open(index(tmp_path / "empty")) as store:
        assert Speakers(store).nearest(ANN) == []


def test_damage_is_told(tmp_path: Path) -> None:
    said = {"/a": [segment("a", voice=b"\0\0\0")]}
    folder = small_index.build(tmp_path / "i", said, meta=META)
    with Store.open(folder) as store, pytest.raises(SearchIndexError, match="damaged"):
        Speakers(store).nearest(ANN)
