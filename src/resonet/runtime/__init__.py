"""Running bundles: whole recordings and streams, over ONNX Runtime alone."""

from resonet.runtime.recognizer import Recognizer
from resonet.runtime.stream import Stream

__all__ = ["Recognizer", "Stream"]
