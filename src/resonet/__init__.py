"""resonet: from a folder of recordings to a small residual network that recognizes speech, offline.

    from resonet import Recognizer
    print(Recognizer.load("en-small").transcribe("a.flac").text)

These names are the library's front door; each is imported when it is first touched, so that `import resonet` and
`resonet --help` load neither NumPy nor ONNX Runtime.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resonet import errors
    from resonet.bundle import Bundle
    from resonet.runtime import Chunk, Event, Label, Recognizer, Speech, SpokenAt, SpotStream, Spotter, Stream, Voice
    from resonet.search.finder import Finder, Hit
    from resonet.text.transcript import Segment, Transcript, Word

    __version__: str

__all__ = [
    "Bundle",
    "Chunk",
    "Event",
    "Finder",
    "Hit",
    "Label",
    "Recognizer",
    "Segment",
    "Speech",
    "SpokenAt",
    "SpotStream",
    "Spotter",
    "Stream",
    "Transcript",
    "Voice",
    "Word",
    "__version__",
    "errors",
]

_HOME = {
    "Bundle": "resonet.bundle",
    "Chunk": "resonet.runtime",
    "Event": "resonet.runtime",
    "Finder": "resonet.search.finder",
    "Hit": "resonet.search.finder",
    "Label": "resonet.runtime",
    "Recognizer": "resonet.runtime",
    "Segment": "resonet.text.transcript",
    "Speech": "resonet.runtime",
    "SpokenAt": "resonet.runtime",
    "SpotStream": "resonet.runtime",
    "Spotter": "resonet.runtime",
    "Stream": "resonet.runtime",
    "Transcript": "resonet.text.transcript",
    "Voice": "resonet.runtime",
    "Word": "resonet.text.transcript",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    elif name == "errors":
        value = import_module("resonet.errors")
    elif name == "__version__":
        from importlib.metadata import version

        value = version("resonet")
    else:
        raise AttributeError(f"module 'resonet' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
