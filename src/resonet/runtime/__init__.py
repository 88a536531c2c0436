"""Running bundles: whole recordings and streams, over ONNX Runtime alone."""

from resonet.runtime.events import Event
from resonet.runtime.recognizer import Recognizer
from resonet.runtime.spotter import Label, SpotStream, Spotter
from resonet.runtime.stream import Stream
from resonet.runtime.voice import Chunk, Speech, SpokenAt, Voice

__all__ = [
    "Chunk",
    "Event",
    "Label",
    "Recognizer",
    "Speech",
    "SpokenAt",
    "SpotStream",
    "Spotter",
    "Stream",
    "Voice",
]
