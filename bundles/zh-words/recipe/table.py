"""Writes one table of the recordings that zh-words is made from (path, speaker, language, text, split).

    python table.py DATA/audio-cmn OUT.tsv

Words are written as the corpus has them. A syllable is written as a character that is read so and in no other way, the
same one for all that is spelled alike; syllables that no such character has are left out. Every 40th recording is dev,
the one after it a test.
"""

import csv
import re
import sys
from pathlib import Path

from pypinyin.constants import PINYIN_DICT
from pypinyin.contrib.tone_convert import to_tone


def characters() -> dict[str, str]:
    """By its reading, with tone mark, the first common character that has this one alone."""
    found: dict[str, str] = {}
    for code in range(0x4E00, 0x9FA6):
        if (reading := PINYIN_DICT.get(code, ",")) and "," not in reading:
            found.setdefault(reading, chr(code))
    return found


def main(folder: Path, out: Path) -> None:
    written, lines, left = characters(), ["path\tspeaker\tlanguage\ttext\tsplit"], []
    with open(folder / "index.tsv", encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
            text = row["text"] or written.get(to_tone(row["pinyin"].replace("v", "ü")), "")
            if re.fullmatch(r"[\u4e00-\u9fff]+", text):
                split = {0: "dev", 1: "test"}.get(len(lines) % 40, "train")
                lines.append(f"{(folder / row['path']).resolve()}\t{row['speaker']}\tzh\t{text}\t{split}")
            else:
                left.append(row["pinyin"])
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines) - 1:,} recordings; left out {len(left)}: {' '.join(left[:12])} ...")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
