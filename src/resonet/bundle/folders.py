"""Bundles as folders: unpacked to look inside, packed again, and as a distribution that pip installs."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from pathlib import Path

from resonet.bundle import archive as files
from resonet.bundle.atomic import cannot_write, replacing
from resonet.bundle.manifest import FORMAT, MANIFEST, Manifest, parse
from resonet.bundle.opened import Bundle
from resonet.bundle.places import GROUP
from resonet.errors import BundleError, UsageError

_PYPROJECT = """\
# Written by `resonet bundle package`; running it again replaces this file.
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "resonet-bundle-{name}"
version = "{version}"
description = "{description}"
requires-python = ">=3.10"

[project.entry-points."{group}"]
{name} = "{module}"

[tool.setuptools]
packages = ["{module}"]

[tool.setuptools.package-data]
{module} = ["*{suffix}"]
"""


def unpack(path: str | Path, folder: str | Path) -> Path:
    """Writes all members, the manifest too, as files of a new or empty `folder`; gives the folder.

    The folder appears whole or not at all. Raises BundleError for a bad bundle, UsageError where the folder holds
    something, ResonetError where it cannot be written.
    """
    folder = Path(os.path.abspath(folder))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already and not an empty folder", "name a new one")
    with Bundle(path) as bundle:
        partial = folder.with_name(f".resonet-{secrets.token_hex(8)}.part")
        try:
            partial.mkdir()
            for name in (MANIFEST, *bundle.members):
                (partial / name).write_bytes(bundle.read(name))
            if folder.exists():
                folder.rmdir()
            os.replace(partial, folder)
        except OSError as error:
            raise cannot_write(folder, error) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def pack(folder: str | Path, path: str | Path) -> Path:
    """Makes a bundle of an unpacked one: sizes and hashes are computed anew, all else in its manifest is kept.

    Raises:
        BundleError: the folder has no valid manifest, or a file that cannot be a member; nothing is written then.
    """
    folder = Path(folder)
    try:
        manifest = parse((folder / MANIFEST).read_bytes(), str(folder))
        members = {file.name: file for file in folder.iterdir() if file.name != MANIFEST}
    except OSError as error:
        raise BundleError(
            f"{folder} is no unpacked bundle: {MANIFEST}: {error.strerror or error}",
            "`resonet bundle unpack` makes one",
        ) from error
    if manifest.format > FORMAT:
        raise BundleError(
            f"{folder} has bundle format {_dotted(manifest.format)}, this version writes {_dotted(FORMAT)}"
        )
    for name, file in members.items():
        if not file.is_file():
            raise BundleError(f"{folder} holds {name}, which is no file", "a bundle has no folders inside")
    return files.write(path, manifest, members)


def package(path: str | Path, folder: str | Path, version: str | None = None) -> Path:
    """Writes the distribution of a bundle: `pip install FOLDER` then brings it under its name. Gives the folder.

    `pyproject.toml` and the module `resonet_bundle_NAME` are written anew, other files of the folder stay. The version
    is the date on which the bundle was made (2026.1.31) unless one is given.

    Raises BundleError for a bad bundle, UsageError for a bad version, ResonetError where the folder cannot be written.
    """
    if version is not None and not re.fullmatch(r"\d+(\.\d+)*((a|b|rc|\.post|\.dev)\d+)?", version):
        raise UsageError(f"{version!r} is no version that pip takes", "use numbers and dots: 1.0.2")
    with Bundle(path) as bundle:
        manifest = bundle.manifest
    folder = Path(folder)
    module = f"resonet_bundle_{manifest.name.replace('-', '_')}"
    pyproject = _PYPROJECT.format(
        name=manifest.name, module=module, group=GROUP, suffix=files.SUFFIX, description=_describe(manifest),
        version=version or ".".join(str(int(number)) for number in manifest.created[:10].split("-")),
    )  # fmt: skip
    try:
        (folder / module).mkdir(parents=True, exist_ok=True)
        source = Path(path).read_bytes()
    except OSError as error:
        raise cannot_write(folder, error) from error
    for file, content in (
        (folder / module / f"{manifest.name}{files.SUFFIX}", source),
        (folder / module / "__init__.py", b""),
        (folder / "pyproject.toml", pyproject.encode()),
    ):
        with replacing(file) as stream:
            stream.write(content)
    return folder


def _describe(manifest: Manifest) -> str:
    """One line for a package index. Only characters that TOML takes unescaped: licences are free text in a manifest."""
    licences = ", ".join(sorted({licence.spdx for licence in manifest.licence}))
    article = "an" if manifest.kind == "embedder" else "a"
    line = f"{manifest.name}: {article} {manifest.kind} for resonet"
    line += f" ({', '.join(manifest.languages)})" if manifest.languages else ""
    line += f"; data: {licences}" if licences else ""
    return "".join(character for character in line if character.isprintable() and character not in '"\\')


def _dotted(format_: tuple[int, int]) -> str:
    return f"{format_[0]}.{format_[1]}"
