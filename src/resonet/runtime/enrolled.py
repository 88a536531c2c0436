"""The user's words: what was enrolled, and the thresholds that were tuned, in one file of the user's data folder.

`words.json`: {"format": 1, "words": [...], "thresholds": {BUNDLE: {LABEL: 0..1}}}; an entry of `words` is an `Enrolled`
with the fields that it has. Written whole or not at all; sizes are bounded when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StringConstraints, ValidationError, model_validator

from resonet.bundle import replacing, user_folder
from resonet.bundle.manifest import Time, explain
from resonet.bundle.runtime_fields import Part, Share
from resonet.errors import DataError, ResonetError

FORMAT = 1
NAME = "words.json"
_MOST_BYTES, _MOST_WORDS = 64 << 20, 1000
_AGAIN = "move it away, and enroll the words again"

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Phones = Annotated[tuple[Text, ...], Field(min_length=1, max_length=500)]
Embedding = Annotated[tuple[float, ...], Field(min_length=1, max_length=65536)]


class Enrolled(Part):
    """A word that the user added.

    Fields:
        kind: by `examples`, then `embeddings`, `seconds` (their mean length), `examples` (their names) and `embedder`
            (SHA-256 of the bundle's embed.onnx) say how; by `text`, then `phones` does, units a way to say it.
        bundle: the classifier or the recognizer with which it was enrolled.
    """

    word: Text
    kind: Literal["examples", "text"]
    bundle: Text
    embedder: str = Field("", max_length=64)
    embeddings: tuple[Embedding, ...] = Field((), max_length=64)
    seconds: float = Field(0.0, ge=0, le=60)
    phones: tuple[Phones, ...] = Field((), max_length=64)
    threshold: Share | None = None
    examples: tuple[str, ...] = Field((), max_length=64)
    created: Time

    @model_validator(mode="after")
    def _complete(self) -> Enrolled:
        if self.kind == "examples" and not (self.embeddings and self.seconds and self.embedder):
            raise ValueError("a word by examples needs embeddings, seconds and embedder")
        if len({len(embedding) for embedding in self.embeddings}) > 1:
            raise ValueError("the embeddings of a word differ in length")
        if self.kind == "text" and not self.phones:
            raise ValueError("a word by text needs phones")
        return self

    @property
    def matrix(self) -> NDArray[np.float32]:
        """The embeddings, [examples, size]."""
        return np.array(self.embeddings, np.float32)


class _File(Part):
    format: int
    words: tuple[Enrolled, ...] = Field((), max_length=_MOST_WORDS)
    thresholds: dict[str, dict[str, Share]] = Field({})


@dataclass(frozen=True)
class WordList:
    """What a words file holds; `add`, `remove` and `tuned` give a changed one, `save` writes it."""

    path: Path
    words: tuple[Enrolled, ...] = ()
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | Path | None = None, missing_ok: bool = True) -> WordList:
        """The words in the file at `path`; without one, in the user's data folder. None where there is no file.

        Raises:
            DataError: damaged, of a newer format, or, unless `missing_ok`, not there.
        """
        path = user_folder() / NAME if path is None else Path(path)
        try:
            if not path.exists() and missing_ok:
                return cls(path)
            if path.stat().st_size > _MOST_BYTES:
                raise DataError(f"the words file {path} has more than {_MOST_BYTES >> 20} MiB", _AGAIN)
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"the words file {path} cannot be read: {error.strerror or error}") from error
        file = _parse(content, path)
        return cls(path, file.words, file.thresholds)

    def find(self, word: str) -> Enrolled | None:
        """The entry of a word, in capitals or not."""
        return next((known for known in self.words if known.word.casefold() == plain(word).casefold()), None)

    def add(self, word: Enrolled, replace: bool = False) -> WordList:
        """With one word more. Raises DataError where it is there already, unless it may `replace` that."""
        known = self.find(word.word)
        if known is not None and not replace:
            raise DataError(
                f"{known.word!r} is enrolled already, by {known.kind} with {known.bundle} ({self.path})",
                "--replace takes its place, --remove takes it out",
            )
        others = tuple(other for other in self.words if other is not known)
        if len(others) >= _MOST_WORDS:
            raise DataError(f"{self.path} holds {len(others)} words, the most that a file may", "remove some")
        return WordList(self.path, (*others, word), self.thresholds)

    def remove(self, word: str) -> WordList:
        """Without a word. Raises DataError where it is not there."""
        known = self.find(word)
        if known is None:
            raise DataError(f"{word!r} is not enrolled in {self.path}", self._names())
        return WordList(self.path, tuple(other for other in self.words if other is not known), self.thresholds)

    def tuned(self, bundle: str, labels: Mapping[str, float], words: Mapping[str, float]) -> WordList:
        """With thresholds of the labels of `bundle`, and of enrolled words."""
        entries = (
            entry.model_copy(update={"threshold": words[entry.word]}) if entry.word in words else entry
            for entry in self.words
        )
        of_bundle = {**self.thresholds.get(bundle, {}), **labels}
        thresholds = {**self.thresholds, bundle: of_bundle} if of_bundle else self.thresholds
        return WordList(self.path, tuple(entries), thresholds)

    def save(self) -> None:
        """Writes the file, whole or not at all. Raises ResonetError where the system refuses to."""
        file = _File(format=FORMAT, words=self.words, thresholds={k: dict(v) for k, v in self.thresholds.items()})
        fields = file.model_dump(mode="json", exclude_defaults=True) | {"format": FORMAT}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResonetError(f"{self.path} cannot be written: {error.strerror or error}") from error
        with replacing(self.path) as stream:
            stream.write((json.dumps(fields, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8"))

    def _names(self) -> str:
        return f"enrolled are: {', '.join(entry.word for entry in self.words)}" if self.words else "no word is"


def plain(word: str) -> str:
    """A word's name as it is kept: single spaces, none around it."""
    return " ".join(word.split())


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse(content: bytes, path: Path) -> _File:
    try:
        fields = json.loads(content.decode("utf-8"))
        format_ = fields["format"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        reason = "it states no format" if isinstance(error, (KeyError, TypeError)) else str(error)
        raise DataError(f"the words file {path} is damaged: {reason}", _AGAIN) from error
    if type(format_) is int and format_ > FORMAT:
        raise DataError(
            f"the words file {path} has format {format_}, this version reads {FORMAT}",
            "pip install --upgrade resonet, or name another file: --words FILE",
        )
    try:
        file = _File.model_validate_json(content)
    except ValidationError as error:
        raise DataError(f"the words file {path} is damaged: {explain(error)}", _AGAIN) from error
    names = [entry.word.casefold() for entry in file.words]
    if format_ != FORMAT or len(set(names)) != len(names):
        raise DataError(f"the words file {path} is damaged: a word stands in it twice, or it has no format", _AGAIN)
    return file
