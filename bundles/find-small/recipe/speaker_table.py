"""Writes one table of the recordings that voices and languages are learnt from (path, speaker, language, text, split).

    python speaker_table.py DATA OUT.tsv [--without NAME...]

DATA holds the corpora as their READMEs name them. Everything is as their own splits say, no test folder or list is
opened for training, and:

- English: librispeech-mini, english-more (no `v....`: these are groups of clips that a program took for one voice),
  speechocean762, speech-commands, ljspeech-part and kathleen-arctic. 15 seeded speakers of speechocean762/train become
  dev, since that corpus has no development part; they are the dev speakers of en-small.
- German: kerstin-de, one reader; dev.txt is dev, test.txt is left out.
- Mandarin: audio-cmn, two readers; every 25th clip is dev. CC BY-SA, and so is what is trained on it:
  `--without audio-cmn` leaves it out. pinyin-syllables is another speaker's and stays a test.
"""

import argparse
import csv
import random
import re
from collections.abc import Iterator
from pathlib import Path

Row = tuple[Path, str, str, str, str]  # path, speaker, language, text, split

# Groups of clips that a program took for one voice (english-more/README.md).
_GUESSED = re.compile(r"v\d{4}")


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def from_transcripts(folder: Path, split: str) -> Iterator[Row]:
    """Rows of a `transcripts.tsv` with the columns path, speaker, seconds, text."""
    for row in rows_of(folder / "transcripts.tsv"):
        if not _GUESSED.fullmatch(row["speaker"]):
            yield folder / row["path"], f"{folder.parent.name}-{row['speaker']}", "en", row["text"], split


def from_metadata(
    folder: Path, language: str, dev: frozenset[str] = frozenset(), without: frozenset[str] = frozenset()
) -> Iterator[Row]:
    """Rows of an LJ Speech `metadata.csv`, all by one speaker."""
    for line in (folder / "metadata.csv").read_text(encoding="utf-8").splitlines():
        name, *texts = line.split("|")
        if name not in without:
            path = next(folder.glob(f"wavs/{name}.*"))
            yield path, folder.name, language, texts[-1], "dev" if name in dev else "train"


def from_commands(folder: Path) -> Iterator[Row]:
    for row in rows_of(folder / "train.tsv"):
        if row["speaker"] != "-":  # background noise
            yield folder / row["path"], f"{folder.name}-{row['speaker']}", "en", row["word"], "train"


def from_mandarin(folder: Path) -> Iterator[Row]:
    for i, row in enumerate(rows_of(folder / "index.tsv")):
        speaker, text = f"{folder.name}-{row['speaker']}", row["text"] or row["pinyin"]
        yield folder / row["path"], speaker, "zh", text, "dev" if i % 25 == 0 else "train"


def hold_out(rows: list[Row], speakers: int, seed: int) -> list[Row]:
    """The rows, those of some random speakers marked dev."""
    chosen = set(random.Random(seed).sample(sorted({row[1] for row in rows}), speakers))
    return [(*row[:4], "dev" if row[1] in chosen else row[4]) for row in rows]


def names(path: Path) -> frozenset[str]:
    return frozenset(path.read_text(encoding="utf-8").split())


def main(data: Path, out: Path, without: list[str]) -> None:
    german = data / "kerstin-de"
    sources = {
        "librispeech-mini": [
            *from_transcripts(data / "librispeech-mini/train", "train"),
            *from_transcripts(data / "librispeech-mini/dev", "dev"),
        ],
        "english-more": list(from_transcripts(data / "english-more/train", "train")),
        "speechocean762": hold_out(list(from_transcripts(data / "speechocean762/train", "train")), 15, seed=762),
        "speech-commands": list(from_commands(data / "speech-commands")),
        "ljspeech-part": list(from_metadata(data / "ljspeech-part", "en")),
        "kathleen-arctic": list(from_metadata(data / "kathleen-arctic", "en")),
        "kerstin-de": list(from_metadata(german, "de", names(german / "dev.txt"), names(german / "test.txt"))),
        "audio-cmn": list(from_mandarin(data / "audio-cmn")),
    }
    if unknown := set(without) - set(sources):
        raise SystemExit(f"no such set: {', '.join(sorted(unknown))}")
    with open(out, "w", encoding="utf-8", newline="\n") as file:
        file.write("path\tspeaker\tlanguage\ttext\tsplit\n")
        for name, rows in sources.items():
            for path, speaker, language, text, split in [] if name in without else rows:
                file.write(f"{path.resolve()}\t{speaker}\t{language}\t{text}\t{split}\n")


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("data", type=Path)
    options.add_argument("out", type=Path)
    options.add_argument("--without", nargs="*", default=[])
    given = options.parse_args()
    main(given.data, given.out, given.without)
