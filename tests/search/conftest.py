"""What tests of the index share: tiny bundles that hear tones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from spoken_tones import small_bundles


@pytest.fixture(scope="session")
def small() -> Any:
    """The module that makes tiny bundles."""
    return small_bundles()


@pytest.fixture(scope="session")
def phones(small: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recognizer that hears tones as phones."""
    return small.recognizer(tmp_path_factory.mktemp("phones") / "phones.resonet")
