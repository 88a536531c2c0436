"""How words are said, and which bundle is asked: the one that made the index, or one with the same units."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_recognizer import PHONES, meta, recognizer

from resonet.errors import BundleError
from resonet.search.bundles import bundle_of, same_bundle
from resonet.search.sayings import Sayings

T, R, EH, N, K, EY, S = range(1, 8)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, where alone bundles are found."""
    monkeypatch.setenv("RESONET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("resonet.bundle.places._entry_points", list)
    return tmp_path / "home" / "bundles"


def test_ways_to_say_words(home: Path) -> None:
    recognizer(home / "small.resonet")
    sayings = Sayings.of(meta())
    assert sayings.ways("trent") == [(T, R, EH, N, T), (T, R, EH, N)]
    assert sayings.ways("trent case") == [(T, R, EH, N, T, K, EY, S), (T, R, EH, N, K, EY, S)]
    assert len(sayings.ways("trent " * 9)) == 16  # of 512
    assert sayings.ways("lighthouse") == sayings.ways("trent lighthouse") == []
    sayings.close()


def test_what_is_too_long_for_a_word_is_not_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer(home / "small.resonet")
    sayings = Sayings.of(meta())

    class Reader:
        def readings(self, word: str, *more: object) -> list[tuple[str, ...]]:
            return [("T",)]

    monkeypatch.setattr(Sayings, "_reader", Reader())
    assert sayings.ways("l" * 40) == [(T,)] and sayings.ways("l" * 41) == []


def test_units_that_are_letters(home: Path) -> None:
    units = {"type": "characters", "list": ["<blank>", "|", "a", "b"], "blank": 0}
    recognizer(home / "small.resonet", units=units)
    sayings = Sayings.of({**meta(), "units": units["list"]})
    assert sayings.ways("a ba") == [(2, 1, 3, 2)]
    assert sayings.ways("c") == []


def test_a_phone_that_the_recognizer_does_not_hear(home: Path) -> None:
    units = {"type": "phones", "list": ["<blank>", *PHONES[:-1]], "blank": 0}
    recognizer(home / "small.resonet", units=units)
    sayings = Sayings.of(meta(units=PHONES[:-1]))
    assert sayings.ways("case") == []
    assert sayings.ways("tea") == [(T, EY)]


def test_which_bundle_is_taken(home: Path, tmp_path: Path) -> None:
    made = meta()["recognizer"]
    with pytest.raises(BundleError, match="small, with which the index was made, is not installed"):
        bundle_of(made, "recognizer")
    other = recognizer(home / "small.resonet", b"another edition")
    assert bundle_of(made, "recognizer") == (other, False)
    with pytest.raises(BundleError, match="another edition of small"):
        same_bundle(made, "recognizer")
    renamed = recognizer(home / "renamed.resonet")
    assert bundle_of(made, "recognizer") == (renamed, True)
    assert same_bundle(made, "recognizer") == renamed
    named = recognizer(tmp_path / "elsewhere.resonet")
    assert bundle_of(made, "recognizer", named=named) == (named, True)
    assert bundle_of(made, "recognizer", named=other) == (other, False)
    with pytest.raises(BundleError, match="no bundle file"):
        bundle_of(made, "recognizer", named=tmp_path / "nowhere.resonet")


def test_other_units_are_refused(home: Path) -> None:
    recognizer(home / "small.resonet", b"another edition")
    assert Sayings.of(meta()).ways("tea") == [(T, EY)]
    recognizer(home / "small.resonet", phones=(*PHONES, "Z"))
    with pytest.raises(BundleError, match="has other units"):
        Sayings.of(meta())


def test_words_that_no_lexicon_has_are_read_by_en_small() -> None:
    pytest.importorskip("resonet_bundle_en_small")
    from resonet.bundle import places

    # The fixture hides it from those who do not name it.
    path = Path(__file__).parents[2] / "bundles" / "en-small" / "resonet_bundle_en_small" / "en-small.resonet"
    if not path.exists():
        pytest.skip("en-small.resonet is not in this checkout")
    manifest = places.read_manifest(path)
    assert manifest.units is not None
    made = {"recognizer": {"name": "en-small", "sha256": ""}, "units": list(manifest.units.symbols)}
    sayings = Sayings.of(made, path)
    way, *others = sayings.ways("trentishly")
    assert len(others) <= 2 and way not in others
    assert 6 <= len(way) <= 11
    assert [manifest.units.symbols[i] for i in way][:3] == ["T", "R", "EH"]
