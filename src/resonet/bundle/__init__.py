"""The bundle: one file that holds a model and everything needed to run it (docs/formats.md).

Written by training (`write`), read by everything that runs (`Bundle.open`); this is the only way between the two.
"""

from __future__ import annotations

from resonet.bundle.archive import read_manifest, write
from resonet.bundle.atomic import replacing
from resonet.bundle.folders import pack, package, unpack
from resonet.bundle.manifest import FORMAT, KINDS, Kind, Manifest, UnitList, name_from
from resonet.bundle.opened import Bundle, verify
from resonet.bundle.places import Found, choose, find, installed, user_folder
from resonet.bundle.stats import Histogram, Stats

__all__ = [
    "FORMAT",
    "KINDS",
    "Bundle",
    "Found",
    "Histogram",
    "Kind",
    "Manifest",
    "Stats",
    "UnitList",
    "choose",
    "find",
    "installed",
    "name_from",
    "pack",
    "package",
    "read_manifest",
    "replacing",
    "unpack",
    "user_folder",
    "verify",
    "write",
]
