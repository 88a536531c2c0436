"""A page to hear systems beside each other: the same sentences by all, at one loudness, as Opus of some 3 KB a second.

`voices.py --listen FOLDER` writes it: FOLDER/index.html and a sound for every sentence and system.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile

from resonet import audio
from resonet.audio.loudness import measure

RATE = 24000
LEVEL = -23.0  # dBFS, root mean square
SMALL = 0.9  # libsndfile's compression level, 0..1
STYLE = """body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin-bottom: 1.5rem } caption { text-align: left; font-weight: 600 }
td { padding: .2rem .6rem .2rem 0; vertical-align: middle } td:first-child { width: 16rem } audio { width: 100% }"""


def write(folder: Path, title: str, texts: Sequence[str], systems: Mapping[str, Sequence[Path | None]]) -> int:
    """Writes the page and its sounds; the bytes of all. A system without a sentence has no player there."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.opus"):
        old.unlink()
    parts = []
    for number, text in enumerate(texts, 1):
        rows = []
        for system, files in systems.items():
            if (file := files[number - 1]) is not None:
                name = f"{number:02}-{re.sub('[^a-z0-9]+', '-', system.lower()).strip('-')}.opus"
                _encode(file, folder / name)
                player = f'<audio controls preload="none" src="{name}"></audio>'
                rows.append(f"<tr><td>{html.escape(system)}</td><td>{player}</td></tr>")
        parts.append(f"<table><caption>{number}. {html.escape(text)}</caption>\n" + "\n".join(rows) + "\n</table>")
    page = (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n<h1>{html.escape(title)}</h1>\n"
        + "\n".join(parts)
        + "\n</html>\n"
    )
    (folder / "index.html").write_text(page, encoding="utf-8")
    return sum(file.stat().st_size for file in folder.iterdir())


def _encode(source: Path, target: Path) -> None:
    samples = audio.read(source, RATE)
    gain = 10 ** ((LEVEL - measure(samples, RATE).rms_dbfs) / 20)
    samples = samples * min(gain, 0.9 / float(np.abs(samples).max(initial=1e-6)))
    soundfile.write(target, samples, RATE, format="OGG", subtype="OPUS", compression_level=SMALL)
