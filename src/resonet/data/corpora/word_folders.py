"""Spoken words: a folder a word with its recordings directly inside, as Speech Commands has it. The name is the label.

`_background_noise_` is no word: its recordings are noise, of the label `silence`, as `_silence_` is; `_unknown_` is
`unknown`. `validation_list.txt` and `testing_list.txt` (WORD/FILE, one a line) are the split where they are there. Who
speaks is read from file names where that is safe, else nobody is named: a wrong name would be worse, since the split
would look speaker-disjoint and not be it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from resonet.audio import AUDIO_SUFFIXES
from resonet.data.tables import read_text
from resonet.data.utterance import Utterance
from resonet.decoding.labels import MADE

ORDER = 95  # behind a .txt beside each recording: who wrote texts means them
LOOKS_FOR = "a folder a word with its recordings directly inside (WORD/clip.wav), of two words or more"

_LISTS = {"validation_list.txt": "dev", "testing_list.txt": "test"}
# Folders called 1334, p225, v0306 are speakers, most likely, whose texts are missing.
_NUMBERED = re.compile(r"\d{3}")

_APART = re.compile(r"[_\-. ]+")
_NOHASH = re.compile(r"(.+)_nohash_\d+")
_PEOPLE = r"(?:spk|spkr|speaker|person|participant|subject|user|reader)"
_NUMBERED_PERSON = re.compile(rf"(?:^|[_\-. ])({_PEOPLE}[_-]?\d+)(?=$|[_\-. ])", re.IGNORECASE)
_NAME_AND_TAKE = re.compile(r"([^\W\d_]{2,})\d{1,3}")
# What tells takes apart and not people. One letter and a number may be either, and so may numbers that are not long.
_COUNTER = re.compile(
    r"(?:[a-z]|take|clip|rec|recording|sample|audio|sound|file|track|utt|utterance|version|copy|part|mic|voice|memo|"
    r"untitled|new|word|wav|train|dev|test|no|nr)?\d{0,4}",
    re.IGNORECASE,
)
# Of the files that must have a name at the place of the speaker, and of those whose name other words have too.
_MOST, _RECURRING = 0.9, 0.5


def reads(source: Path) -> bool:
    if not source.is_dir():
        return False
    words = [f.name for f in _folders(source) if f.name not in MADE and next(_recordings(f), None) is not None]
    return len(words) > 1 and 2 * sum(bool(_NUMBERED.search(word)) for word in words) < len(words)


def utterances(source: Path) -> Iterator[Utterance]:
    folders = [(folder, sorted(_recordings(folder))) for folder in _folders(source)]
    # Nobody speaks in silence, and its files may be named in any way.
    spoken = [(folder.name, files) for folder, files in folders if MADE.get(folder.name, folder.name) != "silence"]
    who = speakers({word: [file.stem for file in files] for word, files in spoken})
    splits = _listed(source)
    for folder, files in folders:
        word = MADE.get(folder.name, folder.name)
        if not files:
            yield Utterance(folder.name, folder, word, where=str(folder), fault=_nothing_in(folder))
        for file in files:
            name = f"{folder.name}/{file.name}"
            yield Utterance(
                id=f"{folder.name}/{file.stem}",
                audio=file,
                text=word,
                speaker=who.get((folder.name, file.stem), ""),
                split=splits.get(name, "train") if splits else None,
                where=str(file),
            )


def speakers(stems: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], str]:
    """Who speaks, by (word, name of the file without its suffix), as far as that is safe to tell from the names.

    `SPEAKER_nohash_N` and `speaker7` name one outright. Else the first place in the names (parts between _ - . and
    spaces, the word itself left out) counts that holds a name in nearly all files, several different ones, each with
    several words; numbers and words such as `take` are never names.
    """
    files = [(word, stem) for word, some in stems.items() for stem in some]
    outright = {}
    for word, stem in files:
        if found := _NOHASH.fullmatch(stem) or _NUMBERED_PERSON.search(stem):
            outright[word, stem] = found[1]
    if outright:
        return outright
    parts = {file: _parts(*file) for file in files}
    for place in range(max(map(len, parts.values()), default=0)):
        at = {file: _name(found[place]) for file, found in parts.items() if place < len(found)}
        named = {file: name for file, name in at.items() if name}
        if len(named) < _MOST * len(files) or len({_stripped(name) for name in named.values()}) < 2:
            continue
        words_of = defaultdict(set)
        for (word, _), name in named.items():
            words_of[name].add(word)
        if sum(len(words_of[name]) > 1 for name in named.values()) >= _RECURRING * len(named):
            return named
    return {}


def _parts(word: str, stem: str) -> list[str]:
    """The parts of a file's name without the word that it says."""
    parts, own = _APART.split(stem), _APART.split(word)
    for i in range(len(parts) - len(own) + 1):
        if [part.lower() for part in parts[i : i + len(own)]] == [part.lower() for part in own]:
            return parts[:i] + parts[i + len(own) :]
    return parts


def _name(part: str) -> str:
    """The part as a person's name: `anna2` is anna's second; empty where it is none."""
    if take := _NAME_AND_TAKE.fullmatch(part):
        part = take[1]
    return "" if _COUNTER.fullmatch(part) else part


def _stripped(name: str) -> str:
    return name.rstrip("0123456789")


def _folders(source: Path) -> list[Path]:
    return sorted(entry for entry in source.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _recordings(folder: Path) -> Iterator[Path]:
    try:
        yield from (
            entry
            for entry in folder.iterdir()
            if entry.suffix.lower() in AUDIO_SUFFIXES and not entry.name.startswith(".") and entry.is_file()
        )
    except OSError:  # not to be listed; the message about an empty folder will do
        return


def _nothing_in(folder: Path) -> str:
    try:
        names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
        below = next((f for f in folder.iterdir() if f.is_dir() and next(_recordings(f), None) is not None), None)
    except OSError as error:
        return f"cannot be listed: {error.strerror}"
    if below is not None:
        return f"has recordings only in folders inside it, such as {below.name}: put them directly into it"
    return f"holds no recording, but {names[0]}" if names else "is empty"


def _listed(source: Path) -> dict[str, str]:
    """The split of the files that Speech Commands' lists name; empty without lists."""
    found: dict[str, str] = {}
    for name, split in _LISTS.items():
        if (source / name).is_file():
            found |= {line.strip(): split for line in read_text(source / name).splitlines() if line.strip()}
    return found
