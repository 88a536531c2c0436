"""Writing of recordings, whole or not at all."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from resonet.audio.source import reason
from resonet.errors import AudioError

_FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
# libsndfile's Vorbis encoder puts a whole write on the stack and dies on long ones.
_PIECE = 2**16


def write(path: str | Path, samples: NDArray[np.float32], sample_rate: int) -> None:
    """Writes float32 [time] or [time, channels], -1..1 (cut off beyond), in the format that the name's suffix says.

    .wav and .flac with 16 bits, .ogg (Vorbis), .opus (8, 12, 16, 24 or 48 kHz only) and .mp3. Goes to a temporary
    name in the same folder, then is renamed: no half file is left. AudioError for another suffix, NaN or infinite
    samples, or a file that cannot be written (no such folder, a full disk).
    """
    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise AudioError(f"{path} has no suffix that can be written", f"use one of {', '.join(_FORMATS)}")
    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim not in (1, 2) or not np.isfinite(samples).all():
        raise AudioError(f"the samples for {path} are no sound", "give finite values as [time] or [time, channels]")
    if not len(samples) and path.suffix.lower() != ".wav":  # libsndfile would write files that nobody reads
        raise AudioError(f"{path} cannot be written: there are no samples", "only .wav holds a recording without any")
    kind, subtype = _FORMATS[path.suffix.lower()]
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    temporary = None
    # Encoded in memory: a full disk met inside libsndfile's callbacks would be a traceback and an assertion.
    encoded = io.BytesIO()
    try:
        with soundfile.SoundFile(encoded, "w", sample_rate, channels, subtype, format=kind) as sound:
            for start in range(0, len(samples), _PIECE):
                sound.write(np.clip(samples[start : start + _PIECE], -1, 1))
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(encoded.getbuffer())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        temporary = None
    except (OSError, ValueError, TypeError, soundfile.SoundFileError) as error:
        text = getattr(error, "error_string", None) or reason(error)
        raise AudioError(f"{path} cannot be written: {text.removeprefix('Error : ').rstrip('.')}") from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    """The process's file mode mask; it can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
