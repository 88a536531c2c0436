"""Running bundles: whole recordings and streams, over ONNX Runtime alone."""

from resonet.runtime.events import Event
from resonet.runtime.recognizer import Recognizer
from resonet.runtime.spotter import Label, SpotStream, Spotter
from resonet.runtime.stream import Stream

__all__ = ["Event", "Label", "Recognizer", "SpotStream", "Spotter", "Stream"]
