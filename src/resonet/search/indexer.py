"""Recordings into an index: what is new is recognized, what has moved or gone is followed, each in one transaction.

Stopping at any moment (Ctrl-C, kill -9, a full disk) leaves every recording in the index whole or out of it; the next
run goes on from there.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias, cast

from resonet import audio
from resonet.bundle import Bundle, Kind, choose, find, installed
from resonet.errors import AudioError, BundleError, MissingExtra, ResonetError, SearchIndexError
from resonet.runtime.words import Part
from resonet.search.bundles import same_bundle
from resonet.search.changes import Changes, File, below, changed_since, changes, fingerprint, search
from resonet.search.embedding import MEMBERS, Embedding, described
from resonet.search.particulars import Sources
from resonet.search.rows import Recording, Segment
from resonet.search.store import NAME, Store, Tokens, Writer, writing
from resonet.text.transcript import Transcript, Word

Failed = Callable[[ResonetError], object]
Progress = Callable[[float, float], object]
# Of a recording: its length in seconds, its language, its segments.
Found: TypeAlias = tuple[float, str, list[Segment]]
# What stands for no embedder at all.
NONE = "none"
# Share of the index's sound that a run has to add for its full-text tables to be merged and the file to be packed: that
# takes a quarter of its size away, but costs the more the larger the index is.
_SETTLED = 0.1


@dataclass(frozen=True)
class Indexed:
    """What a run did.

    Fields:
        added, changed, moved, removed, same: recordings; `moved` counts copies too, `same` the touched ones.
        failed: those that could not be read.
        wordless: of the recognized ones, those without a word.
        seconds: of sound that was recognized; silence, noise: of these, what was left out: without any sound of speech,
            and with some that no word explains better than a pause would.
    """

    added: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    same: int = 0
    failed: int = 0
    wordless: int = 0
    seconds: float = 0.0
    silence: float = 0.0
    noise: float = 0.0


class Indexer:
    """Writes an index; the bundles are opened here, and run only when there is something to recognize.

    One thread's. Several processes may have one of the same folder, of which one at a time writes.

    Args:
        folder: of the index; made where there is none.
        recognizer: bundle, by name or path; None: the one that the index was made with, for a new index the one
            installed.
        embedder: bundle, by name or path, for search by voice; None: likewise, but there may be none; NONE: none.
        threads: processor threads.

    Raises:
        BundleError: unknown, damaged, of another kind; or the index's own is not installed.
        SearchIndexError: the folder's index is damaged.

    Attributes:
        meta: what the index says it was made with.
    """

    def __init__(
        self,
        folder: str | Path,
        recognizer: str | Path | None = None,
        embedder: str | Path | None = None,
        threads: int | None = None,
    ) -> None:
        self.folder, self.threads = Path(folder), threads
        made = _made_with(self.folder)
        self._recognizer = _recognizer(recognizer, made)
        self._embedder = _embedder(embedder, made)
        with Bundle.open(self._recognizer, kind="recognizer") as bundle:
            manifest = bundle.manifest
        assert manifest.units is not None  # the manifest was checked: a recognizer has units
        self.meta: dict[str, Any] = {
            "recognizer": {"name": manifest.name, "sha256": manifest.members["model.onnx"].sha256},
            "shift": manifest.output_shift,
            "units": list(manifest.units.symbols),
            **described(self._embedder),
        }

    def run(
        self,
        paths: Iterable[str | Path],
        *,
        speaker: str | None = None,
        date: str | None = None,
        progress: Progress | None = None,
        failed: Failed | None = None,
    ) -> Indexed:
        """Brings the index up to date with recordings.

        Files are taken as given and folders searched (audio.find). Files that are gone from below these folders leave
        the index; a folder that is gone itself, or holds no recording at all, takes nothing along, for it may be a disk
        that is not there today.

        Args:
            speaker, date: of all these recordings, for filters; for others see `particulars`.
            progress: told the seconds of sound that were recognized, and those to be recognized in this run.
            failed: told of each recording, folder or table that cannot be read; the rest goes on.

        Raises:
            SearchIndexError: another process writes to the index; it was made with other bundles; it cannot be written
                (a full disk, no rights). What was indexed before stays.
            UsageError: a `date` that is none.
        """
        done = SimpleNamespace(**asdict(Indexed()))

        def tell(error: ResonetError) -> None:
            done.failed += 1
            if failed is not None:
                failed(error)

        sources = Sources(speaker, date, failed or (lambda error: None))
        found = search(paths, tell)
        if not found.files and not (self.folder / NAME).exists():
            return Indexed(**vars(done))  # nothing to make an index of
        with writing(self.folder, self.meta, tokens_of(self.meta)) as writer:
            # With a write-ahead log a cut of power then takes the last recordings along, which the next run adds, but
            # harms nothing; to wait for the disk after each costs 8 ms, as long as to recognize a second of speech.
            writer.rows("pragma synchronous = normal")
            rows = writer.recordings()
            todo = changes(found, rows, tell)
            _follow(writer, todo, sources, done)
            if todo.new:
                self._recognize(writer, todo.new, rows, sources, done, progress, tell)
            if done.seconds > _SETTLED * writer.seconds:
                _settle(writer)
        return Indexed(**vars(done))

    def _recognize(
        self,
        writer: Writer,
        new: Sequence[tuple[File, str]],
        rows: Mapping[str, Recording],
        sources: Sources,
        done: SimpleNamespace,
        progress: Progress | None,
        tell: Failed,
    ) -> None:
        advance = advancing([file for file, _ in new], progress)
        # Closing stops the threads that are ahead, whatever happens here.
        with closing(self._found([file.given for file, _ in new], done, advance)) as answers:
            for number, found in answers:
                file, known = new[number]
                row = rows.get(file.path)
                try:
                    if isinstance(found, ResonetError):
                        raise found
                    duration, language, segments = found
                    recording = row_of(file, known, duration, language, row, sources)
                except ResonetError as error:
                    tell(error)
                    if row:  # what it held before is there no more
                        writer.remove([row.id])
                    continue
                writer.add(recording, segments)
                done.changed += row is not None
                done.added += row is None

    def _found(
        self, paths: Sequence[Path], done: SimpleNamespace, advance: Callable[[float], object] | None
    ) -> Generator[tuple[int, Found | ResonetError], None, None]:
        """What is in recordings, with their numbers, as it comes; counts it in `done`, and tells `advance` seconds."""
        from resonet.runtime import Recognizer

        recognizer = Recognizer.load(self._recognizer, threads=self.threads)
        vectors = Embedding.load(self._embedder, self.threads) if self._embedder else None
        heard = Hearing(self.meta["shift"])
        results = recognizer.transcribe_many(paths, advance, heard.hear)
        with closing(cast(Generator[Any, None, None], results)):
            for number, (path, result) in enumerate(results):
                yield number, heard.found(path, result, vectors, done)


class Hearing:
    """Collects what a recognizer tells of the parts of one recording after the other; shift: seconds a frame."""

    def __init__(self, shift: float) -> None:
        from resonet.search import posteriors

        self._shift, self._pack = shift, posteriors.pack
        self._segments: list[Segment] = []
        self._noise = 0.0

    def hear(self, path: Path, parts: Sequence[Part], said: Sequence[list[Word]]) -> None:
        """Packs the parts at once: of a recording of hours, their log-probs would fill the memory."""
        for part, words in zip(parts, said, strict=True):
            start, end = (frame * self._shift for frame in (part.start, part.start + len(part.scores)))
            if words:
                self._segments.append(Segment(start, end, tuple(words), self._pack(part.scores)))
            else:
                self._noise += end - start

    def found(
        self, path: Path, result: Transcript | ResonetError, vectors: Embedding | None, done: SimpleNamespace
    ) -> Found | ResonetError:
        """What is in the recording that is over now, counted in `done`; or why it cannot be read."""
        segments, noise = self._segments, self._noise
        self._segments, self._noise = [], 0.0
        if isinstance(result, ResonetError):
            return result
        end = result.duration
        segments = [s if s.end <= end else _ending(s, end) for s in segments]
        done.seconds += end
        done.noise += noise
        done.silence += max(0.0, end - noise - sum(s.end - s.start for s in segments))
        done.wordless += not segments
        try:
            return end, result.language, segments if vectors is None else vectors.added(path, segments)
        except (AudioError, MissingExtra) as error:
            return error


def _ending(segment: Segment, end: float) -> Segment:
    """The segment with no time past the end of its recording: the last frame is seldom full."""
    words = tuple(replace(w, start=min(w.start, end), end=min(w.end, end)) for w in segment.words)
    return replace(segment, end=end, words=words)


def row_of(
    file: File, known: str, duration: float, language: str, row: Recording | None, sources: Sources
) -> Recording:
    """The row of a recording that was recognized; AudioError where the file is another by now."""
    made = known or fingerprint(file.given)
    if changed_since(file):
        raise AudioError(f"{file.given} was changed while it was read", "index it again")
    about = sources.of(file, row, language)
    return Recording(file.path, file.size, file.modified, made, duration, about.language, about.speaker, about.date)


def _follow(writer: Writer, todo: Changes, sources: Sources, done: SimpleNamespace) -> None:
    """Writes down what became of recordings that need not be recognized."""
    for file, row in todo.same:
        now = _moved(file, row, sources)
        if now != row:
            writer.change(now)
        done.moved += file.path != row.path
        done.same += file.path == row.path
    for file, row in todo.copies:
        writer.add(_moved(file, row, sources), writer.segments(row.id))
        done.moved += 1
    if todo.gone:
        writer.remove(row.id for row in todo.gone)
        done.removed += len(todo.gone)


def _moved(file: File, row: Recording, sources: Sources) -> Recording:
    about = sources.of(file, row)
    return replace(
        row,
        path=file.path,
        size=file.size,
        modified=file.modified,
        language=about.language,
        speaker=about.speaker,
        date=about.date,
    )


def _settle(writer: Writer) -> None:
    """Makes the index smaller. Where there is no room for that, it is whole all the same."""
    with suppress(SearchIndexError):
        for table in ("texts", "grams"):
            writer.rows(f"insert into {table} ({table}) values ('optimize')")
        writer.rows("vacuum")


def advancing(files: Sequence[File], progress: Progress | None) -> Callable[[float], None] | None:
    """Turns the seconds since it was last told into those done of all."""
    if progress is None:
        return None
    total, done = sum(map(_seconds, files)), 0.0
    progress(done, total)

    def advance(seconds: float) -> None:
        nonlocal done
        done += seconds
        progress(done, max(total, done))  # a header may tell less than the recording holds

    return advance


def _seconds(file: File) -> float:
    """Its length; 0 where it cannot be read, which reading it will say."""
    try:
        return audio.info(file.given).duration
    except ResonetError:
        return 0.0


def remove(folder: str | Path, paths: Iterable[str | Path], failed: Failed | None = None) -> int:
    """Takes recordings out of an index, each path a recording's or that of a folder with all below it; gives how many.

    The files themselves are not touched, and need not be there; those that are come back with the next run over their
    folder.

    Args:
        failed: told of paths that the index has nothing of.

    Raises:
        SearchIndexError: there is no index; another process writes to it; it cannot be written.
    """
    with Store.open(folder) as store:
        meta = store.meta
    with writing(folder, {}, tokens_of(meta)) as writer:
        rows = writer.recordings().values()
        numbers: set[int] = set()
        for path in paths:
            there = {row.id for row in rows if below(row.path, os.path.abspath(path))}
            if not there and failed is not None:
                failed(AudioError(f"the index has no recording {path}", f"resonet index --list --index {folder}"))
            numbers |= there
        if numbers:
            writer.remove(sorted(numbers))
    return len(numbers)


def tokens_of(meta: Mapping[str, Any]) -> Tokens:
    """What the full-text tables of an index with this `meta` hold of a segment."""
    from resonet.search import sounds
    from resonet.search.tokens import tokens

    units = len(meta["units"])
    return Tokens(tokens, lambda blob: sounds.grams(blob, units))


def _made_with(folder: Path) -> dict[str, Any]:
    """What an index says of itself; nothing where there is none, or only the empty file of one that a kill left."""
    if not (folder / NAME).is_file():
        return {}
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"{(folder / NAME).resolve().as_uri()}?mode=ro", uri=True)) as db,
    ):
        if not db.execute("select 1 from sqlite_master").fetchone():
            return {}
    with Store.open(folder) as store:
        return store.meta


def _recognizer(named: str | Path | None, made: Mapping[str, Any]) -> Path:
    """The bundle that was named, else the one that the index was made with, else the one installed."""
    if named is not None:
        return find(named, "recognizer").path
    return _of_index(made["recognizer"], "recognizer", "model.onnx") if made else choose("recognizer").path


def _embedder(named: str | Path | None, made: Mapping[str, Any]) -> Path | None:
    """As `_recognizer`, but there may be none."""
    if named is not None:
        return None if named == NONE else find(named, "embedder").path
    if not made:
        return choose("embedder").path if installed("embedder") else None
    for key, member in MEMBERS.items():
        if made.get(key):
            return _of_index(made[key], "embedder", member)
    return None


def _of_index(made: Mapping[str, Any], kind: Kind, member: str) -> Path:
    """The installed bundle that the index was made with, or the one that the environment names, if it is that."""
    try:
        return same_bundle(made, kind, member)
    except BundleError:
        with suppress(BundleError):
            return same_bundle(made, kind, member, choose(kind).path)
        raise
