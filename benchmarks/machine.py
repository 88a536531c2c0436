"""What every committed result says about where it came from: machine, load, date, commit, versions, installed size."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any


def describe() -> dict[str, Any]:
    """Processor, cores, memory, the load of the last minutes, date (UTC) and the commit of this repository."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_1_5_15_min": [round(x, 2) for x in os.getloadavg()],
        "system": platform.platform(),
        "python": platform.python_version(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
    }


def cpu_model() -> str:
    """The processor's name as Linux gives it, else what Python knows."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def commit() -> str:
    """The commit of this repository, with `+` where tracked files other than results differ from it; `unknown` outside
    a clone."""
    here = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    head = git("rev-parse", "--short=12", "HEAD")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ":(top,exclude)benchmarks/results")
    return head + ("+" if changed else "") if head else "unknown"


def versions(names: Iterable[str]) -> dict[str, str]:
    """Versions of the installed ones among `names`."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def closure(roots: Iterable[str]) -> list[str]:
    """The distributions that `roots` need, themselves included, without extras; what is not installed is left out."""
    waiting, seen = list(roots), set()
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen:
            continue
        try:
            wanted = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        seen.add(name)
        for requirement in wanted:
            if not re.search(r"\bextra\s*==", requirement):
                waiting.append(re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0])
    return sorted(seen)


def installed_bytes(roots: Iterable[str]) -> int:
    """Bytes on disk of `roots` and all they need, pip's bytecode counted."""
    total = 0
    for name in closure(roots):
        for file in metadata.files(name) or []:
            path = Path(str(file.locate()))
            total += path.stat().st_size if path.is_file() else 0
    return total
