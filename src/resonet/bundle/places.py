"""Where bundles are found: a path, a name that an installed package brings, a file in the user's data folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path

from resonet.bundle.archive import SUFFIX, read_manifest
from resonet.bundle.manifest import Kind, Manifest
from resonet.errors import BundleError

GROUP = "resonet.bundles"
INSTALL = "`pip install ./bundles/en-small` in a checkout of resonet installs one"
LIST = "`resonet bundle list` shows what is installed; "


@dataclass(frozen=True)
class Found:
    """A bundle's name, its file, and where from: `package resonet-bundle-x 1.0`, `user folder`, or `path`."""

    name: str
    path: Path
    where: str


def user_folder() -> Path:
    """Where a user's own data lives: RESONET_HOME, else the system's place for it (`~/.local/share/resonet`, ...)."""
    home = os.environ.get("RESONET_HOME")
    if home:
        return Path(home).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("resonet", appauthor=False))


def installed(kind: Kind | None = None) -> list[Found]:
    """All bundles that can be named, sorted; with `kind`, those of it whose manifest can be read.

    A package's bundle hides one of the same name in the user's folder.
    """
    by_name: dict[str, Found] = {}
    for found in (*_packaged(), *_in_user_folder()):
        by_name.setdefault(found.name, found)
    every = [by_name[name] for name in sorted(by_name)]
    return every if kind is None else [found for found in every if _kind(found) == kind]


def find(name_or_path: str | Path, kind: Kind | None = None) -> Found:
    """The bundle at a path, else the installed one of that name. With `kind`, its manifest must be of that kind.

    What ends in `.resonet`, holds a slash, or is a file here, is a path.

    Raises:
        BundleError: there is none (the hint names near ones), or it is of another kind.
    """
    text = os.fspath(name_or_path)
    if _is_path(name_or_path):
        found = _at(Path(text).expanduser())
    else:
        by_name = {found.name: found for found in installed()}
        if text not in by_name:
            raise _unknown(text, list(by_name))
        found = by_name[text]
    if kind is not None:
        check_kind(read_manifest(found.path), kind, found)
    return found


def choose(kind: Kind) -> Found:
    """The bundle to take where none was named: RESONET_BUNDLE_<KIND>, else the only installed one of that kind.

    Raises:
        BundleError: there is none, there are several and the variable is not set, or it names none of that kind.
    """
    variable = f"RESONET_BUNDLE_{kind.upper()}"
    if wanted := os.environ.get(variable):
        try:
            return find(wanted, kind)
        except BundleError as error:
            raise BundleError(f"{variable}: {error.message}", error.hint) from error
    candidates = installed(kind)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        names = ", ".join(found.name for found in candidates)
        raise BundleError(f"several {kind} bundles are installed: {names}", f"name one, or set {variable}")
    for found in installed():
        if _kind(found) is None:
            read_manifest(found.path)  # raises: the one that may be meant is damaged
    raise BundleError(f"no {kind} bundle is installed", INSTALL)


def check_kind(manifest: Manifest, kind: Kind, found: Found) -> None:
    """Raises BundleError where the bundle is not of the `kind` that is needed."""
    if manifest.kind != kind:
        others = ", ".join(other.name for other in installed(kind))
        raise BundleError(
            f"{found.name} is a {manifest.kind} bundle, a {kind} bundle is needed",
            f"installed of that kind: {others}" if others else INSTALL,
        )


def _is_path(name_or_path: str | Path) -> bool:
    if isinstance(name_or_path, Path):
        return True
    separators = {"/", os.sep, os.altsep or os.sep}
    return name_or_path.endswith(SUFFIX) or any(s in name_or_path for s in separators) or os.path.isfile(name_or_path)


def _at(path: Path) -> Found:
    if path.is_dir():
        install = (path / "pyproject.toml").is_file()
        hint = f"`pip install {path}` installs what it holds" if install else f"a bundle is one file, NAME{SUFFIX}"
        raise BundleError(f"{path} is a folder, not a bundle", hint)
    if not path.exists():
        raise BundleError(f"there is no bundle file {path}", LIST + INSTALL)
    return Found(path.name.removesuffix(SUFFIX), path, "path")


def _unknown(name: str, known: list[str]) -> BundleError:
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return BundleError(f"no bundle named {name!r} is installed", hint + LIST + INSTALL)


def _packaged() -> Iterator[Found]:
    """What installed packages register: entry point NAME = module, the file NAME.resonet beside the module's code."""
    for entry in _entry_points():
        try:
            # Such a module has an empty body, so that this import costs nothing (docs/formats.md).
            file = resources.files(entry.module) / f"{entry.name}{SUFFIX}"
        except Exception:  # a half-removed or broken package must not take all others along
            continue
        if isinstance(file, Path):  # not inside a zipped package: a bundle is read in place
            package = f"package {entry.dist.name} {entry.dist.version}" if entry.dist else "package"
            yield Found(entry.name, file, package)


def _entry_points() -> Iterable[metadata.EntryPoint]:
    return metadata.entry_points(group=GROUP)


def _in_user_folder() -> Iterator[Found]:
    for path in sorted((user_folder() / "bundles").glob(f"*{SUFFIX}")):
        if path.is_file():
            yield Found(path.name.removesuffix(SUFFIX), path, "user folder")


def _kind(found: Found) -> Kind | None:
    try:
        return read_manifest(found.path).kind
    except BundleError:
        return None
