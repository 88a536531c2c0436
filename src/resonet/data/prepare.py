"""Corpora in many layouts become one: Lhotse cuts for train, dev and test, and `data.json` that says where from.

The cuts are written as JSON by hand rather than through Lhotse, so that `prepare`, `doctor` and the evaluation of a raw
folder need no PyTorch (Lhotse imports it); a test loads them with Lhotse. Audio is referenced, not copied.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resonet.bundle import replacing
from resonet.data import corpora, licences, split
from resonet.data.recordings import Recording, inspect_all
from resonet.data.utterance import SPLITS, UNKNOWN, Utterance, split_named
from resonet.errors import DataError, UsageError

FORMAT = (1, 0)
ROLES = ("auto", *SPLITS)
# The layout whose texts are labels, however few clips there are.
WORDS = "word_folders"

# A transcript's end may lie a little behind the last sample (rounding, another decoder): cut there, else it is a fault.
OVERHANG = 0.25


@dataclass(frozen=True)
class Skipped:
    """An utterance that was left out: where it stands, why, and its split where the source names one."""

    where: str
    reason: str
    split: str = ""


@dataclass(frozen=True)
class Source:
    """One source as read: its name (and the prefix of ids), path, layout, utterances with recordings and splits."""

    name: str
    prefix: str
    path: Path
    layout: str
    how: str = ""
    utterances: tuple[Utterance, ...] = ()
    recordings: tuple[Recording, ...] = ()
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """What `prepare` wrote: the folder, what `data.json` says, and the utterances that were left out."""

    out: Path
    data: dict[str, Any] = field(repr=False)
    skipped: tuple[Skipped, ...] = field(repr=False)


def prepare(
    sources: Sequence[str | Path] | str | Path,
    out: str | Path,
    as_: str = "auto",
    seed: int = 0,
    language: str = "en",
    unsplit: str | None = None,
    progress: Callable[[Iterable[Any], int], Iterable[Any]] | None = None,
) -> Prepared:
    """Reads the sources and writes `out/{train,dev,test}.cuts.jsonl.gz` and `out/data.json`.

    Args:
        sources: folders or manifests in any layout of `resonet.data.corpora`.
        out: the folder to write; it is made. What another `prepare` wrote there is replaced.
        as_: `auto` keeps a source's own split and splits other sources about 90/5/5 by time (clips of labels
            80/10/10), speaker-disjoint; `train`, `dev`, `test` put everything there and replace this split of `out`
            alone.
        seed: of the automatic split.
        language: BCP 47 tag of the utterances whose source names none.
        unsplit: with `auto`, the split that a source without a split of its own goes to as a whole.
        progress: wraps the recordings while they are inspected (given their number), for a progress bar.

    Raises:
        DataError: a source in no known layout, a broken row (file and row are named), or no usable utterance.
        UsageError: `out` is a folder with other files.
    """
    if as_ not in ROLES:
        raise UsageError(f"{as_!r} is no split", f"one of {', '.join(ROLES)}")
    paths = [Path(source) for source in ([sources] if isinstance(sources, (str, Path)) else sources)]
    if not paths:
        raise UsageError("no source was given")
    target = Path(out)
    _check_target(target, paths)
    read = _read_all(paths, language, progress)
    own = _own_names(paths) if as_ == "auto" else {}
    split_sources = [_split(source, as_, own.get(source.path), seed, unsplit) for source in read]
    return _write(target, split_sources, as_, seed)


def source_name(path: Path) -> tuple[str, str]:
    """The name of a source, and the prefix of its utterance ids.

    The folder's name; for a folder named after a split the name of the folder above, so that the speakers of
    `corpus/train` and `corpus/dev` are known as the same people.
    """
    folder = path.resolve()
    if folder.is_file():
        folder = folder.parent
    if split_named(folder.name) and folder.parent.name:
        return folder.parent.name, f"{folder.parent.name}/{folder.name}"
    return folder.name, folder.name


def _check_target(out: Path, sources: list[Path]) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file, where a folder is to be written")
    if out.is_dir() and any(out.iterdir()) and not (out / "data.json").is_file():
        raise UsageError(f"{out} holds other files", "the last argument is the folder to write; name a new one")
    if any(out.resolve() == source.resolve() for source in sources):
        raise UsageError(f"{out} is both a source and the folder to write")


def _read_all(paths: list[Path], language: str, progress: Callable[..., Iterable[Any]] | None) -> list[Source]:
    read = [(path, *corpora.read(path)) for path in paths]
    files = list(dict.fromkeys(utterance.audio for _, _, utterances in read for utterance in utterances))
    inspected: Iterable[Recording] = inspect_all(files)
    if progress is not None:
        inspected = progress(inspected, len(files))
    recordings = {recording.path: recording for recording in inspected}
    taken: Counter[str] = Counter()
    result = []
    for path, layout, utterances in read:
        name, prefix = source_name(path)
        taken[prefix] += 1
        if taken[prefix] > 1:
            name, prefix = f"{name}-{taken[prefix]}", f"{prefix}-{taken[prefix]}"
        kept, skipped = _usable(utterances, recordings, name, prefix, language)
        if not kept:
            first = skipped[0]
            raise DataError(f"{path}: none of {len(skipped)} utterances can be used; {first.where}: {first.reason}")
        result.append(
            Source(
                name=name,
                prefix=prefix,
                path=path,
                layout=layout,
                utterances=tuple(kept),
                recordings=tuple(recordings[utterance.audio] for utterance in kept),
                skipped=tuple(skipped),
            )
        )
    return result


def _usable(
    utterances: list[Utterance], recordings: dict[Path, Recording], name: str, prefix: str, language: str
) -> tuple[list[Utterance], list[Skipped]]:
    kept, skipped = [], []
    for utterance in utterances:
        recording = recordings[utterance.audio]
        end = recording.seconds if utterance.end is None else utterance.end
        if utterance.fault:
            reason = utterance.fault
        elif recording.fault:
            reason = recording.fault
        elif not (0 <= utterance.start < min(end, recording.seconds) and end <= recording.seconds + OVERHANG):
            span = f"{utterance.start:.3f} s to {end:.3f} s"
            reason = f"is from {span}, but {recording.path} is {recording.seconds:.3f} s long"
        else:
            kept.append(
                dataclasses.replace(
                    utterance,
                    id=f"{prefix}/{utterance.id}",
                    end=min(end, recording.seconds),
                    # The same number may be another person in another corpus.
                    speaker=f"{name}/{utterance.speaker}" if utterance.speaker else "",
                    language=utterance.language or language,
                )
            )
            continue
        skipped.append(Skipped(utterance.where or utterance.id, reason, utterance.split or ""))
    return kept, skipped


def _own_names(paths: list[Path]) -> dict[Path, str]:
    """Folders that are named after their split; a lone `train` is all there is and is to be split."""
    named = {path: split_named((path if path.is_dir() else path.parent).resolve().name) for path in paths}
    found = {path: name for path, name in named.items() if name}
    return found if set(found.values()) & {"dev", "test"} else {}


def _split(source: Source, as_: str, own_name: str | None, seed: int, unsplit: str | None) -> Source:
    own = {utterance.split for utterance in source.utterances} - {None}
    labelled = source.layout == WORDS or split.labelled([utterance.text for utterance in source.utterances])
    if as_ != "auto":
        return _placed(source, [as_] * len(source.utterances), "as asked")
    if own - {"train"}:
        names = [utterance.split or "train" for utterance in source.utterances]
        if "train" in own and "dev" not in own:
            return _placed(source, _with_dev(source, names, seed, labelled), "its own; dev taken from its train")
        return _placed(source, names, "its own")
    if own_name:
        return _placed(source, [own_name] * len(source.utterances), "the folder's name")
    if unsplit:
        return _placed(source, [unsplit] * len(source.utterances), "as asked")
    how = f"automatic, by {split.kept_apart(source.utterances, labelled)}"
    names = split.assign(source.utterances, _seconds(source.utterances), seed, labelled=labelled)
    return _placed(source, names, how)


def _with_dev(source: Source, names: list[str], seed: int, labelled: bool) -> list[str]:
    train = [index for index, name in enumerate(names) if name == "train"]
    utterances = [source.utterances[index] for index in train]
    tested = {u.speaker for u, name in zip(source.utterances, names, strict=True) if name == "test"}
    if labelled and tested & {u.speaker for u in utterances}:
        # Its test is of known voices: a dev set of the same kind, and no voice of the test taken out of train.
        utterances = [dataclasses.replace(u, speaker="") for u in utterances]
    found = split.assign(utterances, _seconds(utterances), seed, parts=("dev",), labelled=labelled)
    for index, name in zip(train, found, strict=True):
        names[index] = name
    return names


def _seconds(utterances: Sequence[Utterance]) -> list[float]:
    return [(utterance.end or 0.0) - utterance.start for utterance in utterances]


def _placed(source: Source, names: list[str], how: str) -> Source:
    placed = [
        dataclasses.replace(utterance, split=name) for utterance, name in zip(source.utterances, names, strict=True)
    ]
    return dataclasses.replace(source, utterances=tuple(placed), how=how)


def cut(utterance: Utterance, recording: Recording, speaker: str, recording_id: str) -> dict[str, Any]:
    """The utterance as a Lhotse cut (MonoCut, or MultiCut for several channels) in JSON form."""
    channels = list(range(recording.channels))
    start = round(utterance.start, 8)
    duration = round((utterance.end or recording.seconds) - utterance.start, 8)
    place = str(recording.path.resolve())
    channel = 0 if recording.channels == 1 else channels
    return {
        "id": utterance.id,
        "start": start,
        "duration": duration,
        "channel": channel,
        "supervisions": [
            {
                "id": utterance.id,
                "recording_id": recording_id,
                "start": 0.0,
                "duration": duration,
                "channel": channel,
                "text": utterance.text,
                "language": utterance.language,
                "speaker": speaker,
                **({"custom": dict(utterance.columns)} if utterance.columns else {}),
            }
        ],
        "recording": {
            "id": recording_id,
            "sources": [{"type": "file", "channels": channels, "source": place}],
            "sampling_rate": recording.sample_rate,
            "num_samples": recording.frames,
            "duration": recording.frames / recording.sample_rate,
            "channel_ids": channels,
        },
        "type": "MonoCut" if recording.channels == 1 else "MultiCut",
    }


def _write(out: Path, sources: list[Source], as_: str, seed: int) -> Prepared:
    written = SPLITS if as_ == "auto" else (as_,)
    before = read_data(out) if as_ != "auto" and (out / "data.json").is_file() else {}
    splits: dict[str, Any] = dict(before.get("splits", {}))
    skipped = tuple(item for source in sources for item in source.skipped)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{out} cannot be made: {error.strerror or error}") from None
    for name in written:
        lines, summary = _split_content(sources, name)
        file = out / f"{name}.cuts.jsonl.gz"
        if lines:
            with replacing(file) as stream:
                stream.write(gzip.compress("".join(lines).encode(), 6, mtime=0))
            splits[name] = summary
        else:
            file.unlink(missing_ok=True)
            splits.pop(name, None)
    splits = {name: splits[name] for name in SPLITS if name in splits}
    total = hashlib.sha256("".join(f"{name} {splits[name]['sha256']}\n" for name in splits).encode())
    sets = {source["name"]: source["licences"] for item in splits.values() for source in item["sources"]}
    data = {
        "format": list(FORMAT),
        "name": out.resolve().name,
        "sha256": total.hexdigest(),
        "seed": seed,
        "licences": [{"set": name, **licence} for name in sorted(sets) for licence in sets[name]],
        "splits": splits,
        "skipped": [dataclasses.asdict(item) for item in skipped],
    }
    with replacing(out / "data.json") as stream:
        stream.write((_json(data, indent=2) + "\n").encode())
    return Prepared(out, data, skipped)


def _recording_id(source: Source, recording: Recording) -> str:
    folder = source.path if source.path.is_dir() else source.path.parent
    inside = recording.path.is_relative_to(folder)
    return f"{source.prefix}/{recording.path.relative_to(folder) if inside else str(recording.path).lstrip('/')}"


def _split_content(sources: list[Source], name: str) -> tuple[list[str], dict[str, Any]]:
    lines: list[str] = []
    content: list[str] = []
    described = []
    speakers: set[str] = set()
    seconds = 0.0
    for source in sources:
        own_speakers: set[str] = set()
        own_seconds, count = 0.0, 0
        for utterance, recording in zip(source.utterances, source.recordings, strict=True):
            if utterance.split != name:
                continue
            speaker = utterance.speaker or f"{source.name}/{UNKNOWN}"
            item = cut(utterance, recording, speaker, _recording_id(source, recording))
            lines.append(_json(item) + "\n")
            content.append(f"{recording.sha256}\t{item['start']}\t{item['duration']}\t{speaker}\t{utterance.text}\n")
            own_speakers.add(speaker)
            own_seconds += item["duration"]
            count += 1
        if count:
            described.append(
                {
                    "name": source.name,
                    "path": str(source.path.resolve()),
                    "layout": source.layout,
                    "split": source.how,
                    "utterances": count,
                    "hours": round(own_seconds / 3600, 4),
                    "speakers": len(own_speakers),
                    "licences": licences.find(source.path),
                }
            )
        speakers |= own_speakers
        seconds += own_seconds
    digest = hashlib.sha256("".join(sorted(content)).encode("utf-8", "surrogateescape")).hexdigest()
    return lines, {
        "utterances": len(lines),
        "hours": round(seconds / 3600, 4),
        "speakers": len(speakers),
        "sha256": digest,
        "sources": described,
    }


def _json(item: Any, indent: int | None = None) -> str:
    """Readable JSON; escaped where a file name is no valid Unicode, so that it comes back as the bytes it was."""
    text = json.dumps(item, ensure_ascii=False, indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(item, indent=indent)
    return text


def read_data(out: Path) -> dict[str, Any]:
    """What `data.json` of a prepared folder says. Raises DataError where it is damaged or of a newer format."""
    file = out / "data.json"
    try:
        data = json.loads(file.read_text("utf-8"))
        major = int(data["format"][0])
        if not isinstance(data["splits"], dict):
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        raise DataError(f"{file} is damaged", "run `resonet prepare` again") from None
    if major > FORMAT[0]:
        raise DataError(f"{file} has format {major}, this version reads {FORMAT[0]}", "update resonet")
    return data
