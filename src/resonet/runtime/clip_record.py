"""`clips.json` in a folder of spoken clips: whose voices they are, under which licences, and how each was drawn.

It is written before the clips: it is their plan, and which files there are tells how far it is carried out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError

from resonet.bundle import replacing
from resonet.bundle.manifest import Language, Licence, Name, Sha256, Time, explain
from resonet.bundle.runtime_fields import Part
from resonet.errors import DataError

NAME = "clips.json"
FORMAT = (1, 0)
_MOST_BYTES = 512 << 20

File = Annotated[str, StringConstraints(pattern=r"^[^./\\\x00-\x1f][^/\\\x00-\x1f]*/[0-9]{4,8}\.flac$", max_length=300)]


class Speaking(Part):
    """A voice that spoke: the SHA-256 of its bundle, when that was made, who of it, and the licences of its data."""

    name: Name
    sha256: Sha256
    created: Time
    speakers: tuple[str, ...]
    licence: tuple[Licence, ...]


class Clip(Part):
    """A clip: what is said in it (the label is its folder), by whom and how.

    Fields:
        kind: `phrase`, or why it is none: see `alike`.
        speed, pitch, energy: as `Voice.speak` takes them.
        split: `dev` for what training does not hear.
    """

    file: File
    text: str
    kind: Literal["phrase", "near", "part", "swapped", "other"]
    voice: Name
    speaker: str
    speed: float
    pitch: float
    energy: float
    split: Literal["train", "dev"]

    @property
    def label(self) -> str:
        return self.file.partition("/")[0]


class Settings(Part):
    """What must stay the same while a folder is made.

    Fields:
        lexicon: the bundle whose words are near in sound; empty: there was none.
        noise, rooms: names of the folders, and of how many recordings; empty: without.
        words: SHA-256 of the user's lexicon; empty: without.
    """

    seed: int = Field(ge=0)
    language: Language
    voices: tuple[Speaking, ...] = Field(min_length=1)
    lexicon: str = ""
    noise: str = ""
    rooms: str = ""
    words: str = ""


class Record(Part):
    """All of `clips.json`; `held_out` are speakers (VOICE/SPEAKER) who are heard in dev clips alone."""

    format: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]
    resonet: str
    created: Time
    phrases: tuple[str, ...]
    count: int = Field(ge=1)
    settings: Settings
    held_out: tuple[str, ...] = ()
    clips: tuple[Clip, ...]


def read(folder: str | Path) -> Record | None:
    """The record of a folder; None where it has none.

    Raises:
        DataError: it is damaged, or of a format that this version does not read.
    """
    path = Path(folder) / NAME
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        fields: Any = json.loads(content.decode("utf-8")) if len(content) <= _MOST_BYTES else None
        if isinstance(fields, dict) and fields.get("format", [1])[0] > FORMAT[0]:
            raise DataError(
                f"{path} has format {fields['format'][0]}, this version reads {FORMAT[0]}", "update resonet"
            )
        return Record.model_validate_json(content)
    except ValidationError as error:
        raise DataError(f"{path} is damaged: {explain(error)}", "make the clips anew, in another folder") from None
    except (ValueError, TypeError, LookupError, RecursionError):
        raise DataError(f"{path} is damaged", "make the clips anew, in another folder") from None


def write(folder: Path, record: Record) -> None:
    """Writes the record, a clip a line."""
    fields = record.model_dump(mode="json")
    clips = fields.pop("clips")
    head = json.dumps(fields, ensure_ascii=False, indent=1).removesuffix("\n}")
    rows = ",\n".join("  " + json.dumps(clip, ensure_ascii=False) for clip in clips)
    with replacing(folder / NAME) as file:
        file.write(f'{head},\n "clips": [\n{rows}\n ]\n}}\n'.encode())
