"""Examines this installation: what is there, what it can do, what is missing and how to get it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

# The module that shows that a part of an extra is there, by extra; the parts themselves come from the package.
_MODULES = {"PyYAML": "yaml", "import-linter": "importlinter", "scikit-learn": "sklearn", "types-PyYAML": "yaml"}

# Below this a training run, which writes a checkpoint and decoded recordings, is likely to fill the disk.
LITTLE_SPACE = 2.0


@dataclass(frozen=True)
class Check:
    """One line of the report. status: ok, missing (an extra that was not installed) or problem."""

    name: str
    status: str
    value: str
    advice: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "status": self.status, "value": self.value, "advice": self.advice}


def examine() -> list[Check]:
    """All checks, quick (PyTorch is loaded where it is installed)."""
    return [*_python(), *_core(), *_providers(), *_processor(), *_torch(), *_extras(), *_bundles(), *_space()]


def as_text(checks: list[Check]) -> str:
    """The report for the terminal."""
    lines = []
    for check in checks:
        lines.append(f"{check.status:8} {check.name:22} {check.value}".rstrip())
        if check.advice:
            lines.append(f"{'':8} -> {check.advice}")
    return "\n".join(lines)


def _python() -> Iterator[Check]:
    where = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}"
    yield Check("python", "ok", where)


def _core() -> Iterator[Check]:
    yield Check("resonet", "ok", _version("resonet") or "not installed as a package")
    for requirement in _requirements(None):
        yield _package(requirement, None)


def _requirements(extra: str | None) -> list[str]:
    """The requirements of the core, or of one extra, as the installed package states them."""
    try:
        stated = importlib.metadata.requires("resonet") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = []
    for requirement in stated:
        body, _, marker = requirement.partition(";")
        match = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", marker)
        if (match.group(1) if match else None) == extra:
            found.append(body.strip())
    return found


def _package(requirement: str, extra: str | None) -> Check:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    name = match.group(0) if match else requirement
    version = _version(name)
    advice = f"pip install 'resonet[{extra}]'" if extra else f"pip install '{requirement}'"
    if version is None:
        return Check(name, "missing" if extra else "problem", "not installed", advice)
    too_old = _outside(version, requirement)
    if too_old:
        return Check(name, "problem", f"{version}, but {requirement} is needed", f"pip install '{requirement}'")
    module = _MODULES.get(name, name.replace("-", "_"))
    if importlib.util.find_spec(module) is None:
        return Check(name, "problem", f"{version}, but its module {module} is not there", f"{advice} --force-reinstall")
    return Check(name, "ok", version)


def _outside(version: str, requirement: str) -> bool:
    """Whether a version is outside the bounds `>=` and `<`, the only ones that resonet states."""
    number = _numbers(version)
    for sign, bound in re.findall(r"(>=|<)\s*([0-9][0-9.]*)", requirement):
        limit = _numbers(bound)
        if (sign == ">=" and number < limit) or (sign == "<" and number >= limit):
            return True
    return False


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in re.match(r"[0-9.]*", version).group(0).split(".") if part]  # type: ignore[union-attr]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _providers() -> Iterator[Check]:
    try:
        import onnxruntime
    except Exception as error:  # a broken binary raises what it likes, and that is what the doctor is for
        yield Check(
            "onnxruntime providers", "problem", f"does not load: {error}", "pip install --force-reinstall onnxruntime"
        )
        return
    yield Check("onnxruntime providers", "ok", ", ".join(onnxruntime.get_available_providers()))
    try:
        import soundfile

        yield Check("libsndfile", "ok", soundfile.__libsndfile_version__)
    except Exception as error:
        yield Check("libsndfile", "problem", f"does not load: {error}", "pip install --force-reinstall soundfile")


def _processor() -> Iterator[Check]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    flags = _flags()
    known = [flag for flag in ("avx", "avx2", "fma", "avx512f", "avx512_vnni", "amx_tile", "asimd") if flag in flags]
    text = f"{usable} of {os.cpu_count()} cores" + (f", {' '.join(known)}" if known else "")
    if platform.machine() in ("x86_64", "AMD64") and flags and "avx2" not in flags:
        yield Check("processor", "problem", text, "without AVX2 everything runs at about a quarter of the speed")
    else:
        yield Check("processor", "ok", text)


def _flags() -> set[str]:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return set()
    match = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)
    return set(match.group(1).split()) if match else set()


def _torch() -> Iterator[Check]:
    if importlib.util.find_spec("torch") is None:
        return
    try:
        import torch
    except Exception as error:
        yield Check("torch", "problem", f"does not load: {error}", "pip install --force-reinstall torch")
        return
    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    yield Check("torch", "ok", f"{torch.__version__}, {torch.get_num_threads()} threads, {', '.join(gpus) or 'no GPU'}")


def _extras() -> Iterator[Check]:
    try:
        named = importlib.metadata.metadata("resonet").get_all("Provides-Extra") or []
    except importlib.metadata.PackageNotFoundError:
        named = []
    for extra in named:
        if extra == "dev":
            continue
        checks = [_package(requirement, extra) for requirement in _requirements(extra)]
        bad = [check for check in checks if check.status == "problem"]
        absent = [check.name for check in checks if check.status == "missing"]
        yield from bad
        if absent:
            yield Check(
                f"extra [{extra}]", "missing", f"without {', '.join(absent)}", f"pip install 'resonet[{extra}]'"
            )
        elif not bad:
            yield Check(f"extra [{extra}]", "ok", ", ".join(f"{check.name} {check.value}" for check in checks))


def _bundles() -> Iterator[Check]:
    from resonet import bundle
    from resonet.bundle.places import INSTALL
    from resonet.errors import BundleError

    found = bundle.installed()
    for item in found:
        try:
            bundle.verify(item.path)
            yield Check(f"bundle {item.name}", "ok", str(item.path))
        except BundleError as error:
            yield Check(f"bundle {item.name}", "problem", error.message, error.hint)
    if not found:
        yield Check("bundles", "missing", "none is installed", INSTALL)


def _space() -> Iterator[Check]:
    for name, place in (("here", Path.cwd()), ("cache", Path(platformdirs.user_cache_dir("resonet")))):
        there = next(folder for folder in (place, *place.parents) if folder.exists())
        free = shutil.disk_usage(there).free / 1e9
        text = f"{free:.1f} GB free at {place}"
        little = free < LITTLE_SPACE
        yield Check(
            f"disk ({name})", "problem" if little else "ok", text, "make room before training" if little else ""
        )
