"""Writes one table of the English training and development recordings (path, speaker, text, split), and the
normalised transcripts of the training part as text for the language model (OUT.train.txt).

    python table.py DATA OUT.tsv

DATA holds the corpora as bundles/en-small/README.md names them. Everything is as their own splits say, and:
ljspeech-part and kathleen-arctic are train as a whole; 15 seeded speakers of speechocean762/train become dev, since
that corpus has no development part. No test folder is opened.
"""

import csv
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from resonet.text.normalise import normalise

Row = tuple[Path, str, str, str]


def from_transcripts(folder: Path, split: str) -> Iterator[Row]:
    """Rows of a `transcripts.tsv` with the columns path, speaker, seconds, text."""
    with open(folder / "transcripts.tsv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield folder / row["path"], f"{folder.parent.name}-{row['speaker']}", row["text"], split


def from_metadata(folder: Path) -> Iterator[Row]:
    """Rows of an LJ Speech `metadata.csv`; the last column has numbers written out."""
    for line in (folder / "metadata.csv").read_text(encoding="utf-8").splitlines():
        fields = line.split("|")
        yield next(folder.glob(f"wavs/{fields[0]}.*")), folder.name, fields[-1], "train"


def hold_out(rows: list[Row], speakers: int, seed: int) -> list[Row]:
    """The rows, those of some random speakers marked dev."""
    chosen = set(random.Random(seed).sample(sorted({row[1] for row in rows}), speakers))
    return [(path, speaker, text, "dev" if speaker in chosen else split) for path, speaker, text, split in rows]


def main(data: Path, out: Path) -> None:
    rows = [
        *from_transcripts(data / "librispeech-mini/train", "train"),
        *from_transcripts(data / "librispeech-mini/dev", "dev"),
        *from_transcripts(data / "english-more/train", "train"),
        *from_transcripts(data / "english-more/dev", "dev"),
        *hold_out(list(from_transcripts(data / "speechocean762/train", "train")), speakers=15, seed=762),
        *from_metadata(data / "ljspeech-part"),
        *from_metadata(data / "kathleen-arctic"),
    ]
    with open(out, "w", encoding="utf-8", newline="\n") as file:
        file.write("path\tspeaker\ttext\tsplit\n")
        for path, speaker, text, split in rows:
            file.write(f"{path.resolve()}\t{speaker}\t{text}\t{split}\n")
    train = [normalise(text) + "\n" for _, _, text, split in rows if split == "train"]
    out.with_suffix(".train.txt").write_text("".join(train), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
