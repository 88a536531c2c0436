"""The mark `walk`: slow tests of the documentation, which .ci/run asks for beside all that is not slow."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "walk: does what a page of documentation says, as slowly as a reader would")
