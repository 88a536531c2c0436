"""Sound for eyes and pages: copy synthesis, players and pictures that lie in the page itself."""

from __future__ import annotations

import base64
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.bundle import Bundle
from resonet.bundle.mel import MEL, MelConfig, read_mel

Samples = NDArray[np.float32]

LOUDNESS_DBFS, PEAK_DBFS = -23.0, -1.0  # of every player alike: the louder of two voices seems the better one
LONGEST = 30.0  # seconds of a player or a picture
COLUMNS = 480  # of a picture
_CHUNK = 1024  # frames
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
# Brightness from silence to the loudest: black, blue, red, yellow, white; dark and light pages show it alike.
_COLOURS = ((0, 0, 0), (20, 20, 90), (130, 20, 110), (230, 80, 40), (250, 190, 40), (255, 255, 230))
_RANGE = 9.0  # natural log units, 78 dB, under the loudest


class Copier:
    """Copy synthesis: the spectrogram of a recording through the vocoder of a voice. What it loses, the vocoder loses:
    no acoustic model can do better.

    Raises:
        BundleError: no such voice, or its vocoder cannot be run.
    """

    def __init__(self, voice: str | Path, threads: int | None = None) -> None:
        from resonet.runtime.acoustic import default_threads
        from resonet.runtime.vocoder import Vocoder

        with Bundle.open(voice, kind="voice") as bundle:
            where = str(bundle.path)
            self.mel = read_mel(bundle.read(MEL), where)
            self._vocoder = Vocoder(
                bundle.read("vocoder.onnx"),
                threads or default_threads(),
                where=f"{where}: vocoder.onnx",
                hop=self.mel.hop,
                context=bundle.manifest.voice.context,
            )

    def __call__(self, samples: Samples) -> Samples:
        """float32 [time] at the rate of `mel` -> the same, aligned with it, up to a frame shorter."""
        mel = self.mel.spectrogram(samples)
        if not len(mel):
            return np.empty(0, np.float32)
        return np.concatenate(list(self._vocoder.chunks(mel, [_CHUNK] * (len(mel) // _CHUNK))))


def even(samples: Samples) -> Samples:
    """The sound at -23 dBFS (RMS of the louder half of its tenths of a second), less where its peak would pass -1."""
    tenth = np.array_split(np.asarray(samples, np.float64), max(1, len(samples) // 2400))
    powers = sorted(float(np.mean(np.square(part))) if len(part) else 0.0 for part in tenth)
    loud = float(np.mean(powers[len(powers) // 2 :]))
    if loud <= 0:
        return samples
    gain = 10 ** (LOUDNESS_DBFS / 20) / np.sqrt(loud)
    gain = min(gain, 10 ** (PEAK_DBFS / 20) / float(np.abs(samples).max()))
    return (samples * gain).astype(np.float32)


def player(samples: Samples, sample_rate: int) -> str:
    """A data URI of Opus at an even loudness, of the first half minute at most."""
    sound = even(samples[: round(LONGEST * sample_rate)])
    if not len(sound):
        return ""
    rate = sample_rate
    if rate not in _OPUS_RATES:
        rate = 24000
        sound = audio.resample(sound, sample_rate, rate)
    with tempfile.TemporaryDirectory(prefix="resonet-") as folder:
        file = Path(folder, "sound.opus")
        audio.write(file, sound, rate)
        return _uri("audio/ogg", file.read_bytes())


def picture(samples: Samples, sample_rate: int) -> str:
    """A data URI of the spectrogram as PNG, 80 rows (low below), up to 480 columns; "" for hardly any sound."""
    config = MelConfig()
    sound = audio.resample(samples[: round(LONGEST * sample_rate)], sample_rate, config.sample_rate)
    mel = config.spectrogram(sound)
    if len(mel) < 2:
        return ""
    columns = min(COLUMNS, len(mel))
    edges = np.linspace(0, len(mel), columns + 1).astype(int)[:-1]
    mean = np.add.reduceat(mel, edges, axis=0) / np.diff([*edges, len(mel)])[:, None]
    top = float(mean.max())
    shade = np.clip((mean - top + _RANGE) / _RANGE, 0, 1)
    return _uri("image/png", png((shade.T[::-1] * 255).round().astype(np.uint8), palette()))


def png(pixels: NDArray[np.uint8], colours: NDArray[np.uint8]) -> bytes:
    """A PNG of palette indices [rows, columns]; colours [256, 3]."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows, columns = pixels.shape
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    lines = np.pad(pixels, ((0, 0), (1, 0)))  # a 0 before each line: it is not filtered
    body = chunk(b"IHDR", header) + chunk(b"PLTE", colours.tobytes())
    body += chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def palette() -> NDArray[np.uint8]:
    """256 colours from silence to loud, [256, 3]."""
    stops = np.linspace(0, 255, len(_COLOURS))
    return np.stack(
        [np.interp(np.arange(256), stops, [colour[i] for colour in _COLOURS]) for i in range(3)], axis=1
    ).astype(np.uint8)


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
