"""Sound as it comes: standard input while another program still writes it, a microphone, or a file in portions."""

from __future__ import annotations

import struct
import sys
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, cast

from resonet.errors import AudioError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Seconds a block: of what is live, and of a file, whose blocks cost less the larger they are.
LIVE, STORED = 0.08, 5.0
_WAV_PCM, _WAV_EXTENSIBLE = 1, 0xFFFE
# Sizes that writers leave in a header that they cannot come back to: from here on, and SoX's.
_OPEN_END, _SOX_UNKNOWN = 0xFFFFFF00, 0x7FFFF000
_MOST_HEADER = 1 << 20  # bytes of chunks before the sound


def heard(source: str | None, rate: int | None, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    """Blocks float32 [time] at `sample_rate` Hz of a file, of standard input (`-`), or of the microphone (None).

    `rate` in Hz says that standard input is raw 16-bit mono PCM. That, and 16-bit WAV, are heard as they come; other
    forms when they are complete, for their decoders seek.
    """
    from resonet import audio

    if source is None:
        from resonet.audio import microphone

        yield from microphone.blocks(sample_rate, LIVE)
    elif source != "-":
        yield from audio.blocks(source, sample_rate, STORED)
    else:
        stream: BinaryIO = sys.stdin.buffer
        if stream.isatty():
            raise UsageError("standard input is the terminal", "pipe sound into it, or name a file")
        if rate is not None:
            yield from audio.blocks_raw(_file(AsItComes(stream)), rate, sample_rate, LIVE)
        else:
            yield from _container(stream, sample_rate)


class AsItComes:
    """A stream of 16-bit PCM whose `read` gives what is there and waits only where nothing is: so blocks come in time.

    Args:
        channels: of the samples, of which the mean is given as one.
        most: bytes after which the sound ends; None: at the end of the stream.
    """

    name = "<stdin>"

    def __init__(self, stream: BinaryIO, channels: int = 1, most: int | None = None) -> None:
        self._stream, self._channels, self.left = stream, channels, most
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        import numpy as np

        frame = 2 * self._channels
        while len(self._rest) < frame and (got := self._more(size)):
            self._rest += got
        whole = len(self._rest) // frame * frame
        taken, self._rest = self._rest[:whole], self._rest[whole:]
        if self._channels == 1:
            return taken
        frames = np.frombuffer(taken, "<i2").reshape(-1, self._channels)
        return np.rint(frames.mean(axis=1)).astype("<i2").tobytes()

    def _more(self, size: int) -> bytes:
        if self.left == 0:
            return b""
        size = min(size if size > 0 else 1 << 16, self.left or 1 << 16)
        got: bytes = self._stream.read1(size)  # type: ignore[attr-defined]
        if self.left is not None:
            self.left -= len(got)
        return got


def _container(stream: BinaryIO, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    from resonet import audio

    head = stream.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        head, form = _wav_header(stream, head)
        if form is not None:
            channels, rate, size = form
            sound = AsItComes(stream, channels=channels, most=size)
            yield from audio.blocks_raw(_file(sound), rate, sample_rate, LIVE)
            if sound.left:
                raise AudioError(f"standard input is cut off: {sound.left:,} bytes of its sound are missing")
            return
    with tempfile.TemporaryFile(prefix="resonet-") as copy:
        copy.write(head)
        while block := stream.read(1 << 20):
            copy.write(block)
        copy.seek(0)
        try:
            yield from audio.blocks(_file(copy), sample_rate, STORED)
        except AudioError as error:
            error.message = error.message.replace("the audio stream", "standard input")
            raise


def _file(stream: object) -> BinaryIO:
    return cast("BinaryIO", stream)


def _wav_header(stream: BinaryIO, head: bytes) -> tuple[bytes, tuple[int, int, int | None] | None]:
    """What was read of the header, and of 16-bit PCM: channels, rate, and bytes of sound where they are known."""
    form: tuple[int, int] | None = None
    while len(head) < _MOST_HEADER:
        chunk = stream.read(8)
        head += chunk
        if len(chunk) < 8:
            break
        size = struct.unpack("<I", chunk[4:])[0]
        if chunk[:4] == b"data":
            open_end = size in (0, _SOX_UNKNOWN) or size >= _OPEN_END
            return head, None if form is None else (*form, None if open_end else size)
        if size > _MOST_HEADER:
            break
        content = stream.read(size + size % 2)
        head += content
        if chunk[:4] == b"fmt ":
            form = _pcm16(content)
            if form is None:
                break
    return head, None


def _pcm16(content: bytes) -> tuple[int, int] | None:
    """Channels and rate of a `fmt ` chunk of 16-bit PCM."""
    if len(content) < 16:
        return None
    code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", content[:16])
    if code == _WAV_EXTENSIBLE and len(content) >= 26:
        code = struct.unpack("<H", content[24:26])[0]
    return (channels, rate) if code == _WAV_PCM and bits == 16 and channels else None
