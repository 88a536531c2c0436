"""Does what README.md and the pages in docs say, in a copy of the repository: it works, and prints what is shown."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from walk import Step, difference, steps

ROOT = Path(__file__).resolve().parents[2]
# Installing and testing inside a test would never end: the plain installation has a test of its own below.
NOT_HERE = re.compile(r"^\s*(pip|python3? -m (pip|venv)|source|\. |pytest)\b")
BUNDLES = sorted((ROOT / "bundles").glob("*/*.resonet")) + sorted((ROOT / "bundles").glob("*/*/*.resonet"))

needs_bundle = pytest.mark.skipif(not BUNDLES, reason="no bundle lies under bundles/")


def copy(folder: Path) -> Path:
    """The repository without what a fresh clone lacks."""
    without = shutil.ignore_patterns(
        ".git", ".venv", "venv", "runs", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis"
    )
    return Path(shutil.copytree(ROOT, folder / "resonet", ignore=without))


def run(step: Step, folder: Path, path: str) -> str:
    """Runs a step; gives its stdout. Fails with all that it said if it exits with an error."""
    command = ["bash", "-euo", "pipefail", "-c", step.code]
    if step.language == "python":
        command = ["python", "-c", step.code]
    env = {**os.environ, "PATH": os.pathsep.join([path, os.environ["PATH"]])}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, f"line {step.line}: {step.code}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def without_installing(code: str) -> str:
    """`pip install . && resonet ...`: what follows the installation is a command like any other."""
    lines = ([part for part in line.split(" && ") if not NOT_HERE.match(part)] for line in code.splitlines())
    return "".join(f"{' && '.join(parts)}\n" for parts in lines if parts)


def walk(page: str, folder: Path) -> None:
    where = copy(folder)
    for step in steps(ROOT / page):
        code = step.code if step.language == "python" else without_installing(step.code)
        if code.strip():
            printed = run(Step(step.language, code, step.line), where, str(Path(sys.executable).parent))
            wrong = difference(step.expected, printed, **step.tolerance) if step.expected is not None else ""
            assert not wrong, f"{page}, line {step.line}: {wrong}"


@needs_bundle
def test_readme(tmp_path: Path) -> None:
    walk("README.md", tmp_path)


@needs_bundle
def test_commands(tmp_path: Path) -> None:
    walk("docs/commands.md", tmp_path)


@needs_bundle
def test_aligning(tmp_path: Path) -> None:
    walk("docs/aligning.md", tmp_path)


@needs_bundle
def test_search(tmp_path: Path) -> None:
    walk("docs/search.md", tmp_path)


@needs_bundle
def test_speaking(tmp_path: Path) -> None:
    walk("docs/speaking.md", tmp_path)


@needs_bundle
@pytest.mark.walk
@pytest.mark.slow
def test_start(tmp_path: Path) -> None:
    """Trains for some minutes, as the page does."""
    walk("docs/start.md", tmp_path)


@needs_bundle
@pytest.mark.walk
@pytest.mark.slow
def test_first_command_on_a_fresh_machine(tmp_path: Path) -> None:
    """The plain installation, not an editable one, without PyTorch; transcribes from another folder, offline."""
    where = copy(tmp_path)
    first = steps(ROOT / "README.md")[0]
    assert "pip install" in first.code and "resonet transcribe" in first.code
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    scripts = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    printed = run(first, where, str(scripts))
    if first.expected is not None:
        result = printed.splitlines()[-len(first.expected.splitlines()) :]  # below what pip says
        wrong = difference(first.expected, "\n".join(result), **first.tolerance)
        assert not wrong, wrong
    shutil.rmtree(where / "src")  # what was installed does not lean on the clone
    recording = next(where.glob("samples/*.opus"))
    assert run(Step("bash", f"resonet transcribe '{recording}'", 0), tmp_path, str(scripts)).strip()
    installed = subprocess.run([scripts / "python", "-c", "import torch"], capture_output=True)
    assert installed.returncode != 0
    size = sum(file.stat().st_size for file in (tmp_path / "venv" / "lib").rglob("*") if file.is_file())
    bundle = sum(file.stat().st_size for file in (tmp_path / "venv" / "lib").rglob("*.resonet"))
    pip = sum(f.stat().st_size for f in (tmp_path / "venv" / "lib").glob("*/site-packages/pip/**/*") if f.is_file())
    assert (size - bundle - pip) / 1e6 < 200


def test_pages_point_to_files_that_exist() -> None:
    places = ("*.md", "docs/*.md", "samples/*.md", "samples/tiny/*.md", "bundles/*/*.md")
    pages = [page for place in places for page in ROOT.glob(place)]
    assert len(pages) > 8
    for page in pages:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} points to {target}"
