"""Adds `windows.npy` to an embedder of words: what windows of speech have in common in its numbers (search by voice).

    python windows.py WORDS.resonet DATA/librispeech-mini/train OUT.resonet

Learnt from every eighth recording of the table `transcripts.tsv` in that folder.
"""

import csv
import sys
from pathlib import Path

from resonet import audio
from resonet.bundle import Bundle, write
from resonet.search import windows


def main(words: str, folder: Path, out: Path) -> None:
    with open(folder / "transcripts.tsv", encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))[::8]
    with Bundle.open(words, kind="embedder") as bundle:
        pieces = [audio.read(folder / row["path"], bundle.manifest.sample_rate) for row in rows]
        members = {member: bundle.read(member) for member in bundle.members}
        members[windows.BASIS] = windows.basis(windows.embedder_of(bundle), pieces)
        manifest = bundle.manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
    write(out, {k: v for k, v in manifest.items() if k not in ("format", "members", "created")}, members)
    print(f"{out}: windows of {len(rows)} recordings")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
