"""Writes docs/api.md from the docstrings of the public names: `python tools/make_api_docs.py` after a change of one."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import resonet
from resonet import errors

TARGET = Path(__file__).resolve().parent.parent / "docs" / "api.md"
CLASSES = (
    "Recognizer", "Stream", "Transcript", "Word", "Segment", "Spotter", "SpotStream", "Label", "Event", "Voice",
    "Speech", "Chunk", "SpokenAt", "Bundle",
)  # fmt: skip

HEAD = """# The Python library

<!-- Made by tools/make_api_docs.py from docstrings: change them, not this page. -->

Everything here is imported from `resonet` itself: `from resonet import Recognizer`. The package is typed (`py.typed`).
Errors are in `resonet.errors`; every one of them is a `ResonetError`.
"""


def page() -> str:
    parts = [HEAD]
    for name in CLASSES:
        parts.append(_class(getattr(resonet, name)))
    parts.append("\n## Errors\n\n" + _text(errors))
    for name, value in vars(errors).items():
        if inspect.isclass(value) and issubclass(value, errors.ResonetError):
            parts.append(f"\n### errors.{name}\n\nExit code {value.exit_code}. {_text(value)}")
    return "".join(parts)


def _class(cls: type) -> str:
    parts = [f"\n## {cls.__name__}\n\n", _text(cls)]
    if dataclasses.is_dataclass(cls):
        parts.append(f"\n```python\n{cls.__name__}{_signature(cls).removesuffix(' -> None')}\n```\n")
    for name, member in _members(cls):
        if isinstance(member, property):
            parts.append(f"\n### .{name}\n\n{_text(member)}")
        else:
            # Bound class methods and static methods are shown as they are called.
            shown = f"{cls.__name__}.{name}" if isinstance(member, (classmethod, staticmethod)) else f".{name}"
            parts.append(f"\n### {shown}\n\n```python\n{name}{_signature(getattr(cls, name))}\n```\n\n{_text(member)}")
    return "".join(parts)


def _members(cls: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties of the class itself, in the order of its source, each of which has a docstring."""
    for name, member in vars(cls).items():
        documented = isinstance(member, (property, classmethod, staticmethod)) or inspect.isfunction(member)
        if documented and not name.startswith("_") and inspect.getdoc(member):
            yield name, member


def _signature(function: Any) -> str:
    signature = str(inspect.signature(function))
    # Annotations are strings under `from __future__ import annotations`; a reader wants them without quotes.
    signature = re.sub(r"(: |-> )'([^']*)'", r"\1\2", signature)
    return signature.replace("(self, ", "(").replace("(self)", "()")


def _text(thing: Any) -> str:
    """The docstring as Markdown: the lists under "Args:" and its like become bullets."""
    lines: list[str] = []
    for line in (inspect.getdoc(thing) or "").splitlines():
        if re.match(r"^[A-Z]\w+:$", line):
            lines += [f"{line}", ""]
        elif item := re.match(r"^    (\w+): (.*)$", line):
            lines.append(f"- `{item[1]}`: {item[2]}")
        else:
            lines.append(f"  {line.strip()}" if line.startswith("      ") else line.strip())
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
    print(f"wrote {TARGET}", file=sys.stderr)
