"""Opens data: a folder that `resonet prepare` wrote, or any raw source, which is prepared on the fly."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from resonet.data.prepare import Skipped, prepare, read_data
from resonet.data.utterance import SPLITS, Utterance
from resonet.errors import DataError

if TYPE_CHECKING:
    from lhotse import CutSet


def resolve(
    path: str | Path, cache: str | Path | None = None, unsplit: str | None = None, language: str = "en"
) -> Path:
    """The prepared folder for `path`: itself, or where its preparation now lies.

    Args:
        path: a folder that `prepare` wrote, or any raw source.
        cache: where raw sources are prepared; by default the user's cache folder.
        unsplit: the split that a raw source without a split of its own goes to as a whole (evaluation says `test`);
            by default it is split.
        language: BCP 47 tag of the utterances of a raw source that names none.

    Raises DataError as `prepare` does.
    """
    source = Path(path)
    if not source.exists():
        raise DataError(f"{source} does not exist")
    if (source / "data.json").is_file() and any((source / f"{name}.cuts.jsonl.gz").is_file() for name in SPLITS):
        return source
    if cache is None:
        import platformdirs

        cache = Path(platformdirs.user_cache_dir("resonet")) / "data"
    place = source.resolve()
    key = hashlib.sha256(f"{place}\0{unsplit}\0{language}".encode()).hexdigest()[:12]
    # Prepared anew each time: files may have changed, and reading headers is quick beside anything that follows.
    # The folder's name becomes that of the data, which a bundle trained on it will carry.
    return prepare([source], Path(cache) / key / (place.stem or "data"), unsplit=unsplit, language=language).out


def load(
    path: str | Path, split: str, cache: str | Path | None = None, unsplit: str | None = None, language: str = "en"
) -> CutSet:
    """The Lhotse cuts of one split of prepared or raw data (as `resolve`), in memory.

    Each cut has one recording and one supervision with `text` (as given), `speaker` and `language`.
    Raises DataError: no such split; MissingExtra: Lhotse is not installed.
    """
    try:
        from lhotse import CutSet
    except ImportError:
        from resonet.errors import MissingExtra

        raise MissingExtra("loading data for training", "train") from None
    return CutSet.from_cuts(CutSet.from_jsonl_lazy(_file(resolve(path, cache, unsplit, language), split)))


def utterances(
    path: str | Path, split: str, cache: str | Path | None = None, unsplit: str | None = None, language: str = "en"
) -> list[Utterance]:
    """As `load`, but plain utterances, for which neither Lhotse nor PyTorch is needed; every `end` is set."""
    return list(_utterances(_file(resolve(path, cache, unsplit, language), split), split))


def splits(path: str | Path, cache: str | Path | None = None) -> list[str]:
    """The splits that prepared or raw data has."""
    place = resolve(path, cache)
    return [name for name in SPLITS if (place / f"{name}.cuts.jsonl.gz").is_file()]


def skipped(folder: str | Path) -> list[Skipped]:
    """What was left out when the prepared folder was written."""
    items = read_data(Path(folder)).get("skipped", [])
    return [Skipped(item["where"], item["reason"], item.get("split", "")) for item in items]


def _file(folder: Path, split: str) -> Path:
    file = folder / f"{split}.cuts.jsonl.gz"
    if not file.is_file():
        there = ", ".join(name for name in SPLITS if (folder / f"{name}.cuts.jsonl.gz").is_file()) or "none"
        raise DataError(
            f"{folder} has no split {split} (it has {there})", f"`resonet prepare SOURCE {folder} --as {split}`"
        )
    read_data(folder)
    return file


def _utterances(file: Path, split: str) -> Iterator[Utterance]:
    try:
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                cut = json.loads(line)
                said = cut["supervisions"][0]
                yield Utterance(
                    id=cut["id"],
                    audio=Path(cut["recording"]["sources"][0]["source"]),
                    text=said.get("text") or "",
                    speaker=said.get("speaker") or "",
                    start=cut["start"],
                    end=cut["start"] + cut["duration"],
                    split=split,
                    language=said.get("language") or "",
                    where=f"{file}: line {number}",
                    columns=said.get("custom") or {},
                )
    except (OSError, EOFError, zlib.error, ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise DataError(f"{file} is damaged", "run `resonet prepare` again") from None
