"""Recordings: reading, finding, writing, resampling, loudness, and where there is speech.

Everything inside resonet is mono float32 [time], -1..1. The microphone is `resonet.audio.microphone`.
"""

from resonet.audio.activity import speech_regions
from resonet.audio.folders import AUDIO_SUFFIXES, find
from resonet.audio.loudness import Loudness, measure, speech_span
from resonet.audio.read import AudioInfo, blocks, blocks_raw, info, read, read_raw
from resonet.audio.resample import Resampler, resample
from resonet.audio.write import as_int16, write, writing

__all__ = [
    "AUDIO_SUFFIXES",
    "AudioInfo",
    "Loudness",
    "Resampler",
    "as_int16",
    "blocks",
    "blocks_raw",
    "find",
    "info",
    "measure",
    "read",
    "read_raw",
    "resample",
    "speech_regions",
    "speech_span",
    "write",
    "writing",
]
