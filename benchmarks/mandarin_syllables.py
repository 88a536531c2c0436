"""Mandarin syllables and words as data to train a recognizer and an embedder on, for benchmarks/query_by_example.py.

    python benchmarks/mandarin_syllables.py DATA/audio-cmn OUT
    RECIPES=benchmarks/recipes
    SAME="--data OUT/train.tsv --set units.lexicon=OUT/lexicon-toneless.tsv --set augmentation.noise=DATA/noise/train
        --set augmentation.rooms=DATA/rooms/train --set threads=1 --set precision=bfloat16"
    resonet train $SAME --recipe $RECIPES/mandarin-sounds.yaml -o OUT/sounds-1
    resonet train $SAME --recipe $RECIPES/mandarin-sounds.yaml -o OUT/sounds --set start=OUT/sounds-1 \
        --set optimiser.rate=0.0006
    resonet train $SAME --recipe $RECIPES/mandarin-words.yaml -o OUT/words-1 \
        --set embedding.aligner=OUT/sounds/sounds.resonet
    resonet train $SAME --recipe $RECIPES/mandarin-words.yaml -o OUT/words --set start=OUT/words-1/words-1.resonet \
        --set embedding.aligner=OUT/sounds/sounds.resonet --set optimiser.rate=0.0006 \
        --set loss.flat_start=0 --set time=10m

(The first embedder of the published figures took its times from a recognizer begun from nothing.)
OUT gets `train.tsv` (path, speaker, language, text, split: pinyin with its tone marks, a syllable a word),
`lexicon.tsv` (each syllable as initial, final and tone: 60 units that 1.4 hours can teach, where toned finals would be
170) and `lexicon-toneless.tsv` (without the tones, for those who look for syllables of any tone). Every 40th recording
is dev, to watch the training by. Nothing is opened but that one folder.
"""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path

from pypinyin.contrib.tone_convert import to_tone

from resonet.text.frontend.pinyin import units_of

_SYLLABLE = re.compile(r"[a-z]+[1-5]")
EVERY = 40


def sounds(syllable: str) -> list[str]:
    """`zhuang1` -> zh uang 1."""
    units = units_of(syllable)
    return [*units[:-1], units[-1][:-1], units[-1][-1]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    with open(given.folder / "index.tsv", encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    given.out.mkdir(parents=True, exist_ok=True)
    spoken: dict[str, list[str]] = {}
    lines = ["path\tspeaker\tlanguage\ttext\tsplit"]
    for number, row in enumerate(rows):
        syllables = _SYLLABLE.findall(row["pinyin"])
        if not all(any(c in "aeiouv" for c in syllable) for syllable in syllables):
            continue  # hm, ng and such: neither initial nor final
        text = [to_tone(syllable.replace("v", "ü")) for syllable in syllables]
        spoken.update(zip(text, map(sounds, syllables), strict=True))
        path = (given.folder / row["path"]).resolve()
        split = "dev" if number % EVERY == 0 else "train"
        lines.append(f"{path}\t{row['speaker']}\tzh\t{' '.join(text)}\t{split}")
    (given.out / "train.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, kept in (("lexicon.tsv", None), ("lexicon-toneless.tsv", -1)):
        lexicon = [f"{word}\t{' '.join(units[:kept])}" for word, units in sorted(spoken.items())]
        (given.out / name).write_text("\n".join(lexicon) + "\n", encoding="utf-8")
    print(f"{len(lines) - 1:,} of {len(rows):,} recordings, {len(spoken):,} syllables")


if __name__ == "__main__":
    main()
