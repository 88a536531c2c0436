"""Finds families: every file in models/recognizers, models/language, ... is one, named like the file.

A family's module has `Config` (frozen pydantic model with `presets`) and `Network(config, units)`; dropping such a
file into a folder is all it takes.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from resonet.errors import UsageError


def families(kind: str = "recognizers") -> list[str]:
    """Names of the families of a kind, sorted."""
    package = importlib.import_module(f"resonet.models.{kind}")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__))


def family(name: str, kind: str = "recognizers") -> ModuleType:
    """The module of a family; raises UsageError with near names for an unknown one."""
    known = families(kind)
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        raise UsageError(
            f"there is no family {name!r} among {kind}",
            f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(known),
        )
    return importlib.import_module(f"resonet.models.{kind}.{name}")


def configure(module: ModuleType, preset: str, settings: dict[str, Any] | None = None) -> Any:
    """The family's Config from a preset and single settings over it.

    Raises UsageError: unknown preset or setting (with what is near), or a value that does not fit.
    """
    presets = module.Config.presets
    if preset not in presets:
        raise UsageError(f"there is no preset {preset!r}", "known: " + ", ".join(presets))
    try:
        return module.Config(**{**presets[preset], **(settings or {})})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(["network", *map(str, first["loc"])])
        if first["type"] != "extra_forbidden":
            raise UsageError(f"{key}: {first['msg'].removeprefix('Value error, ')}") from error
        near = difflib.get_close_matches(str(first["loc"][0]), module.Config.model_fields, 1)
        raise UsageError(
            f"{key} is no setting of {module.__name__.rpartition('.')[2]}",
            f"did you mean 'network.{near[0]}'?" if near else "known: " + ", ".join(module.Config.model_fields),
        ) from error
