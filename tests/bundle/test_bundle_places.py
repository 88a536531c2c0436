"""Where bundles are found: paths, packages, the user's folder; and which one is taken when none is named."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from resonet.bundle import Bundle, choose, find, installed, places
from resonet.errors import BundleError

Make = Callable[..., Path]


@pytest.fixture
def package(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Installs a fake package that brings a bundle."""
    entries: list[importlib.metadata.EntryPoint] = []
    monkeypatch.setattr(places, "_entry_points", lambda: entries)
    monkeypatch.syspath_prepend(tmp_path / "site")

    def package(name: str, kind: str = "recognizer", module: str = "") -> Path:
        folder = module or f"resonet_bundle_{name.replace('-', '_')}"
        path = make(f"site/{folder}/{name}.resonet", kind)
        (path.parent / "__init__.py").touch()
        entries.append(importlib.metadata.EntryPoint(name, folder, places.GROUP))
        # A real package of this name may have been looked at before.
        monkeypatch.delitem(sys.modules, folder, raising=False)
        return path

    package.entries = entries  # type: ignore[attr-defined]
    return package


def test_a_path(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make()
    assert find(path) == find(str(path)) == places.Found("tiny", path, "path")
    monkeypatch.chdir(tmp_path)
    assert find("tiny.resonet").path == Path("tiny.resonet")
    path.rename("without-suffix")
    assert find("without-suffix").where == "path"
    assert Bundle.open("./without-suffix").name == "tiny"


def test_the_users_folder(make: Make, home: Path) -> None:
    assert installed() == [] and places.user_folder() == home
    path = make("home/bundles/mine.resonet")
    (home / "bundles" / ".resonet-0123.part").write_bytes(b"half")
    assert find("mine") == places.Found("mine", path, "user folder") == choose("recognizer")
    assert [found.name for found in installed()] == ["mine"]


def test_the_systems_user_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESONET_HOME")
    assert places.user_folder().is_absolute() and places.user_folder().name == "resonet"


def test_a_package(package: Callable[..., Path], make: Make) -> None:
    path = package("en-small")
    make("home/bundles/en-small.resonet")
    assert find("en-small").path == path and find("en-small").where == "package"
    assert [found.path for found in installed()] == [path]
    with Bundle.open("en-small", kind="recognizer") as bundle:
        assert bundle.path == path


def test_a_broken_package_hides_no_other(package: Callable[..., Path], tmp_path: Path) -> None:
    package("good")
    (package("bad").parent / "__init__.py").write_text("raise RuntimeError('no')")
    package.entries.append(importlib.metadata.EntryPoint("gone", "no_such_module", places.GROUP))  # type: ignore[attr-defined]
    package("lost").unlink()
    assert [found.name for found in installed()] == ["good", "lost"]
    assert choose("recognizer").name == "good"
    with pytest.raises(BundleError, match=r"there is no bundle file .*lost\.resonet"):
        Bundle.open("lost")


def test_unknown_names(package: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package("en-small")
    package("en-large")
    with pytest.raises(BundleError, match=r"no bundle named 'EN_smal' is installed \(did you mean en-small") as caught:
        find("EN_smal")
    assert "pip install" in caught.value.hint and "resonet bundle list" in caught.value.hint
    with pytest.raises(BundleError) as caught:
        find("zzz")
    assert "did you mean" not in caught.value.hint
    for text in ("", ".", "en small", "\0", "a" * 5000, "/no/such/file", "no.resonet", "~/no.resonet"):
        with pytest.raises(BundleError):
            find(text)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "en-small").mkdir()
    assert find("en-small").where == "package"


def test_a_distribution_folder_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    with pytest.raises(BundleError, match=r"is a folder.*pip install"):
        find(tmp_path)


def test_kinds(package: Callable[..., Path]) -> None:
    for kind in ("recognizer", "classifier", "voice", "embedder", "g2p"):
        package(f"a-{kind}", kind)
        assert choose(kind).name == f"a-{kind}" == find(f"a-{kind}", kind).name  # type: ignore[arg-type]
    assert [found.name for found in installed("voice")] == ["a-voice"]
    assert len(installed()) == 5
    with pytest.raises(BundleError, match=r"a-voice is a voice bundle, a recognizer bundle is needed.*a-recognizer"):
        find("a-voice", "recognizer")
    with pytest.raises(BundleError, match="is needed"):
        Bundle.open("a-voice", "recognizer")


def test_choice_among_several(package: Callable[..., Path], make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BundleError, match=r"no recognizer bundle is installed \(.*pip install"):
        choose("recognizer")
    package("de")
    package("en")
    package("speaker", "voice")
    with pytest.raises(
        BundleError, match=r"several recognizer bundles are installed: de, en.*RESONET_BUNDLE_RECOGNIZER"
    ):
        Bundle.open(None, "recognizer")
    monkeypatch.setenv("RESONET_BUNDLE_RECOGNIZER", "en")
    assert choose("recognizer").name == "en" and Bundle.open(kind="recognizer").name == "en"
    path = make("elsewhere.resonet")
    monkeypatch.setenv("RESONET_BUNDLE_RECOGNIZER", str(path))
    assert choose("recognizer").path == path
    monkeypatch.setenv("RESONET_BUNDLE_RECOGNIZER", "speaker")
    with pytest.raises(BundleError, match=r"^RESONET_BUNDLE_RECOGNIZER: .*is needed"):
        choose("recognizer")
    monkeypatch.setenv("RESONET_BUNDLE_RECOGNIZER", "dee")
    with pytest.raises(BundleError, match=r"^RESONET_BUNDLE_RECOGNIZER: no bundle named 'dee'.*did you mean de"):
        choose("recognizer")
    with pytest.raises(BundleError, match="no bundle was named"):
        Bundle.open()


def test_the_only_bundle_is_damaged(make: Make) -> None:
    path = make("home/bundles/only.resonet")
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(BundleError, match=r"only\.resonet is damaged"):
        choose("recognizer")


def test_a_bundle_for_a_newer_resonet(make: Make) -> None:
    path = make(runtime={"resonet": "99.0", "delay": 0, "state": 0})
    with pytest.raises(BundleError, match=r"needs resonet 99\.0 or newer"):
        Bundle.open(path)
