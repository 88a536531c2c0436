"""Bundles as folders and as packages that pip installs."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from resonet.bundle import Bundle, pack, package, unpack, verify
from resonet.errors import BundleError, ResonetError, UsageError

Make = Callable[..., Path]


def test_unpack_and_pack_give_the_same_bytes(make: Make, tmp_path: Path, members: dict[str, bytes]) -> None:
    path = make()
    folder = unpack(path, tmp_path / "out")
    assert {file.name for file in folder.iterdir()} == {"manifest.json", *members}
    assert (folder / "lm.bin").read_bytes() == members["lm.bin"]
    assert pack(folder, tmp_path / "again.resonet").read_bytes() == path.read_bytes()


def test_a_changed_folder_gets_new_hashes(make: Make, tmp_path: Path) -> None:
    folder = unpack(make(), tmp_path / "out")
    (folder / "lm.bin").unlink()
    (folder / "card.md").write_text("# New\n")
    (folder / "stats.json").write_text("{}")
    verify(pack(folder, tmp_path / "new.resonet"))
    with Bundle(tmp_path / "new.resonet") as bundle:
        assert set(bundle.members) == {"model.onnx", "card.md", "stats.json"}
        assert bundle.read("card.md") == b"# New\n" and bundle.name == "tiny"


def test_unpack_never_mixes_with_what_is_there(make: Make, tmp_path: Path) -> None:
    path = make()
    (tmp_path / "empty").mkdir()
    unpack(path, tmp_path / "empty")
    for place in ("empty", "tiny.resonet"):
        with pytest.raises(UsageError, match="is there already"):
            unpack(path, tmp_path / place)
    with pytest.raises(ResonetError, match="cannot be written"):
        unpack(path, tmp_path / "no" / "such" / "place")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BundleError):
        unpack(path, tmp_path / "bad")
    assert {file.name for file in tmp_path.iterdir()} == {"empty", "tiny.resonet"}


def test_a_disk_that_fills_up_while_unpacking(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make()

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ResonetError, match="No space left"):
        unpack(path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [path]


def test_folders_that_are_no_bundles(make: Make, tmp_path: Path) -> None:
    target = tmp_path / "x.resonet"
    with pytest.raises(BundleError, match="is no unpacked bundle"):
        pack(tmp_path, target)
    with pytest.raises(BundleError, match="is no unpacked bundle"):
        pack(tmp_path / "none", target)
    folder = unpack(make(), tmp_path / "out")
    (folder / "deep").mkdir()
    with pytest.raises(BundleError, match="holds deep, which is no file"):
        pack(folder, target)
    (folder / "deep").rmdir()
    (folder / ".DS_Store").touch()
    with pytest.raises(BundleError, match=r"'\.DS_Store' is no name"):
        pack(folder, target)
    (folder / ".DS_Store").unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    for changed, reason in (({"kind": "voice"}, "a voice needs"), ({"format": [1, 9]}, "this version writes 1")):
        (folder / "manifest.json").write_text(json.dumps({**manifest, **changed}))
        with pytest.raises(BundleError, match=reason):
            pack(folder, target)
    assert not target.exists()


def test_verify_looks_into_stats_and_card(make: Make, tmp_path: Path) -> None:
    folder = unpack(make(), tmp_path / "out")
    (folder / "stats.json").write_text('{"hours": "many"}')
    with pytest.raises(BundleError, match=r"stats\.json does not fit"):
        verify(pack(folder, tmp_path / "x.resonet"))
    (folder / "stats.json").unlink()
    (folder / "card.md").write_bytes(b"\xff\xfe")
    with pytest.raises(BundleError, match=r"card\.md is no UTF-8"):
        verify(pack(folder, tmp_path / "x.resonet"))


def test_package_keeps_what_else_the_folder_holds(make: Make, tmp_path: Path) -> None:
    path = make("en-tiny.resonet")
    folder = tmp_path / "bundles" / "en-tiny"
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text("a: 1\n")
    assert package(path, folder) == folder
    package(path, folder, version="1.2rc1")
    assert {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()} == {
        "recipe.yaml",
        "pyproject.toml",
        "resonet_bundle_en_tiny/__init__.py",
        "resonet_bundle_en_tiny/en-tiny.resonet",
    }
    text = (folder / "pyproject.toml").read_text()
    assert (
        'version = "1.2rc1"' in text
        and 'description = "en-tiny: a recognizer for resonet (en); data: CC-BY-4.0"' in text
    )
    with pytest.raises(UsageError, match="is no version"):
        package(path, folder, version='1"\n')


def test_pyproject_of_hostile_licences_is_still_toml(make: Make, tmp_path: Path) -> None:
    tomllib = pytest.importorskip("tomllib")
    path = make(licence=[{"set": "x", "spdx": 'MIT"\n[evil]\\u0000\x7f'}])
    folder = package(path, tmp_path / "package")
    fields = tomllib.loads((folder / "pyproject.toml").read_text())
    assert "evil" not in fields and fields["project"]["version"] == "2026.1.31"
    assert fields["project"]["entry-points"]["resonet.bundles"] == {"tiny": "resonet_bundle_tiny"}


def pip(*arguments: object) -> None:
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet")
    done = subprocess.run(
        [sys.executable, "-m", "pip", *map(str, arguments), *offline], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_pip_brings_the_bundle(make: Make, tmp_path: Path) -> None:
    # Without build isolation, for tests are offline: then the environment must hold what pip would fetch.
    if any(importlib.util.find_spec(name) is None for name in ("pip", "setuptools")):
        pytest.skip("needs pip and setuptools")
    path = make("en-tiny.resonet")
    folder = package(path, tmp_path / "package")
    pip("wheel", folder, "--wheel-dir", tmp_path / "wheels")
    (wheel,) = (tmp_path / "wheels").iterdir()
    assert wheel.name == "resonet_bundle_en_tiny-2026.1.31-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as opened:
        assert opened.read("resonet_bundle_en_tiny/en-tiny.resonet") == path.read_bytes()
    pip("install", wheel, "--target", tmp_path / "site")
    # A process of its own: the real entry points, from another folder.
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path / "site")!r})
from resonet.bundle import Bundle, find
print(find("en-tiny").where)
print(Bundle.open("en-tiny", "recognizer").path)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, timeout=60)
    where, found = done.stdout.splitlines()
    assert where == "package resonet-bundle-en-tiny 2026.1.31"
    assert Path(found) == tmp_path / "site" / "resonet_bundle_en_tiny" / "en-tiny.resonet"
