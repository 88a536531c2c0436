"""The sentences that no voice, teacher, recognizer or language model may learn from, and how they were drawn.

    python benchmarks/lists/make.py draw DATA/texts/en --transcripts DATA --lj DATA/ljspeech-part
    python benchmarks/lists/make.py without DATA/texts/en/*.xz > texts.txt

`draw` writes the lists beside this file, from texts (books by paragraphs, sentences by lines; `.txt` or `.txt.xz`), and
gives the same whoever runs it, since what decides is a hash of each sentence and no order of files:

    en-unseen100.txt   50 sentences of `modern*` and 50 of `books*`, 6 to 20 words: plain letters, commas and a mark at
                       the end, no digit, no abbreviation, no quote, no name inside and no word that Britain and
                       America write in two ways (a judge may choose the other). None is in a transcript found under
                       --transcripts (transcripts.tsv, metadata.csv, index.tsv), or shares a run of six words with one
    en-lj60.txt        every sixth clip of LJ001 and LJ002 (the sixth, the twelfth ...), numbers and abbreviations
                       written out

hard.txt is written by hand, and hard-spoken.txt, line by line, is what a reader of it would say.

`without` prints the lines of texts in which none of these sentences stands: what a recipe for a teacher, a voice or a
language model does first. From Python the same is `Filter().free(line)`, and `held_out()` gives the sentences.
"""

from __future__ import annotations

import argparse
import hashlib
import lzma
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
UNSEEN, LJ, HARD, HARD_SPOKEN = "en-unseen100.txt", "en-lj60.txt", "hard.txt", "hard-spoken.txt"
SEED = "resonet-unseen-1"
FROM_EACH = 50  # of books, and of modern sentences
WORDS = range(6, 21)
RUN = 6  # words in a row that no transcript may share
# A shorter sentence (a heading, a yes) stands in every book; only whole lines equal to it are left out.
SHORTEST = 4

_SENTENCE = re.compile(r"(?<=[.?!])(?<!\b[A-Z]\.)(?<!\b(?:Mr|Dr|St)\.)(?<!\b(?:Mrs|Rev|Col|Gen)\.)\s+(?=[A-Z])")
_TWO_WAYS = re.compile(r"[a-z]{3,}(?:our|is(?:e|es|ed|ing)\b|tre\b)")
_PLAIN = re.compile(r"[A-Z][a-z']*(?:,? [a-z]+(?:'[a-z]+)?|,? I(?:'[a-z]+)?)+[.?!]")


def plain(text: str) -> str:
    """Lower case, letters, digits and apostrophes, single spaces: two writings of a sentence become one."""
    text = unicodedata.normalize("NFC", text).lower().replace("’", "'").replace("-", " ")
    return " ".join(re.sub(r"[^\w' ]|_", " ", text).split())


def held_out(folder: Path = HERE) -> frozenset[str]:
    """Every sentence of the lists, as `plain` writes it."""
    found = set()
    for name in (UNSEEN, LJ, HARD, HARD_SPOKEN):
        if (folder / name).is_file():
            found |= {plain(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()}
    return frozenset(found - {""})


class Filter:
    """Tells lines, sentences or paragraphs, that hold none of the sentences held out."""

    def __init__(self, sentences: Iterable[str] | None = None) -> None:
        self._all = held_out() if sentences is None else frozenset(map(plain, sentences))
        # By their first four words, so that a paragraph is looked through once, however many sentences there are.
        self._by_start: dict[tuple[str, ...], list[str]] = {}
        for sentence in self._all:
            words = sentence.split()
            if len(words) >= SHORTEST:
                self._by_start.setdefault(tuple(words[:SHORTEST]), []).append(sentence)

    def free(self, line: str) -> bool:
        """Whether a line may be learnt from."""
        text = plain(line)
        if text in self._all:
            return False
        words = text.split()
        starts = zip(*(words[i:] for i in range(SHORTEST)), strict=False)
        found = {sentence for start in starts for sentence in self._by_start.get(start, ())}
        return not any(f" {sentence} " in f" {text} " for sentence in found)


def lines_of(file: Path) -> Iterator[str]:
    """Lines of a text file, packed with xz or not."""
    with lzma.open(file, "rt", encoding="utf-8") if file.suffix == ".xz" else file.open(encoding="utf-8") as lines:
        for line in lines:
            yield line.rstrip("\n")


def candidates(files: Iterable[Path]) -> set[str]:
    """The sentences of texts that the rules of `en-unseen100.txt` allow, before any transcript is looked at."""
    found = set()
    for file in files:
        for line in lines_of(file):
            for sentence in _SENTENCE.split(line.strip()):
                fits = _PLAIN.fullmatch(sentence) and len(sentence.split()) in WORDS
                if fits and not _TWO_WAYS.search(sentence):
                    found.add(sentence)
    return found


def transcripts(folder: Path) -> Iterator[str]:
    """Every transcript of the corpora in a folder, of all their splits."""
    for table in sorted([*folder.rglob("transcripts.tsv"), *folder.rglob("index.tsv")]):
        lines = table.read_text(encoding="utf-8-sig").splitlines()
        header = [name.strip().lower() for name in lines[0].split("\t")] if lines else []
        if "text" in header:
            at = header.index("text")
            yield from (cells[at] for cells in (line.split("\t") for line in lines[1:]) if len(cells) > at)
    for table in sorted(folder.rglob("metadata.csv")):
        for line in table.read_text(encoding="utf-8-sig").splitlines():
            yield from line.split("|")[1:]


def runs(text: str) -> Iterator[str]:
    """All runs of six words of a plain text."""
    words = text.split()
    yield from (" ".join(words[i : i + RUN]) for i in range(len(words) - RUN + 1))


def drawn(sentences: Iterable[str], known: set[str], count: int) -> list[str]:
    """The first `count` in the order of their hashes that share no run of words with `known`, nor with each other."""
    chosen: list[str] = []
    own: set[str] = set()
    for sentence in sorted(sentences, key=lambda s: hashlib.sha256(f"{SEED}:{plain(s)}".encode()).digest()):
        found = set(runs(plain(sentence)))
        if found & known or found & own:
            continue
        chosen.append(sentence)
        own |= found
        if len(chosen) == count:
            return chosen
    sys.exit(f"only {len(chosen)} sentences fit the rules; {count} are needed")


def draw(texts: Path, data: Path, lj: Path) -> None:
    """Writes en-unseen100.txt and en-lj60.txt."""
    known = {run for text in transcripts(data) for run in runs(plain(text))}
    if not known:
        sys.exit(f"{data} holds no transcripts: nothing would be left out")
    found = []
    for kind in ("modern", "books"):
        files = sorted([*texts.glob(f"{kind}*.txt"), *texts.glob(f"{kind}*.txt.xz")])
        if not files:
            sys.exit(f"{texts} has no {kind}*.txt or {kind}*.txt.xz")
        found += drawn(candidates(files), known, FROM_EACH)
    (HERE / UNSEEN).write_text("\n".join(found) + "\n", encoding="utf-8")
    rows = [line.split("|") for line in (lj / "metadata.csv").read_text(encoding="utf-8").splitlines()]
    clips = [row[-1].strip() for row in rows if row[0].startswith(("LJ001-", "LJ002-"))]
    (HERE / LJ).write_text("\n".join(clips[5::6][:60]) + "\n", encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("draw", help="write the lists")
    one.add_argument("texts", type=Path, help="folder with modern*.txt.xz and books*.txt.xz")
    one.add_argument("--transcripts", type=Path, required=True, help="folder of corpora: nothing they say is drawn")
    one.add_argument("--lj", type=Path, required=True, help="folder of LJ Speech")
    other = verbs.add_parser("without", help="print texts without the lists' sentences")
    other.add_argument("files", type=Path, nargs="+")
    args = parser.parse_args()
    if args.verb == "draw":
        draw(args.texts, args.transcripts, args.lj)
        return
    chosen, left_out = Filter(), 0
    for file in args.files:
        for line in lines_of(file):
            if chosen.free(line):
                print(line)
            else:
                left_out += 1
    print(f"{left_out} lines left out", file=sys.stderr)


if __name__ == "__main__":
    main()
