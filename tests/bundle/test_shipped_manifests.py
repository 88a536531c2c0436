"""What the bundles of this repository tell of where they were made."""

from __future__ import annotations

from pathlib import Path

import pytest

from resonet.bundle import Bundle
from resonet.bundle.manifest import MANIFEST

BUNDLES = sorted(Path(__file__).resolve().parents[2].glob("bundles/*/resonet_bundle_*/*.resonet"))


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.stem)
def test_no_folder_of_the_machine_that_made_it(path: Path) -> None:
    with Bundle(path) as bundle:
        said = bundle.read(MANIFEST).decode() + bundle.read("card.md").decode()
    assert '"/' not in said and "/home/" not in said and "/tmp/" not in said


def test_there_are_bundles() -> None:
    assert len(BUNDLES) >= 7
