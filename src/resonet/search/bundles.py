"""The bundles that an index was made with, found again for those who ask it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resonet.bundle import Kind, find, installed, read_manifest
from resonet.errors import BundleError


def bundle_of(
    made: Mapping[str, Any], kind: Kind, member: str = "model.onnx", named: str | Path | None = None
) -> tuple[Path, bool]:
    """A bundle by what an index says of it, and whether its network is the very one.

    Args:
        made: `name` of the bundle and `sha256` of its `member`.
        named: where it is, if not installed.

    Returns:
        The installed bundle with that network, whatever its name; else the one of that name, another edition.

    Raises:
        BundleError: there is neither, or the one that was named is damaged or of another kind.
    """
    candidates = [find(named, kind)] if named is not None else installed(kind)
    same_name = None
    for found in candidates:
        entry = read_manifest(found.path).members.get(member)
        if entry is not None and entry.sha256 == made["sha256"]:
            return found.path, True
        if named is not None or found.name == made["name"]:
            same_name = found.path
    if same_name is None:
        raise BundleError(
            f"the {kind} {made['name']}, with which the index was made, is not installed",
            "install it, or name its file",
        )
    return same_name, False


def same_bundle(
    made: Mapping[str, Any], kind: Kind, member: str = "model.onnx", named: str | Path | None = None
) -> Path:
    """As `bundle_of`, where another network's answers would mean nothing to the index: BundleError for another one."""
    path, same = bundle_of(made, kind, member, named)
    if not same:
        raise BundleError(
            f"the index was made with another edition of {made['name']} than {path}",
            f"name the one whose {member} has the SHA-256 {made['sha256'][:16]}..., or index anew",
        )
    return path
