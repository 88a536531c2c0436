"""What a file is by its first bytes, and whether it holds what its header claims.

libsndfile reads a cut-off file to its end without a word, and takes a size of 0 at its word. Here the chunks of WAV,
RF64, AIFF and AU, the last page of Ogg and the Xing header of MP3 are compared with the bytes there are. Nothing is
ever allocated by a size from a header.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import BinaryIO

from resonet.audio.source import Patch
from resonet.errors import AudioError

# Containers that libsndfile does not read, by their first bytes: (offset, bytes, usual suffix).
_FOREIGN = (
    (4, b"ftyp", ".m4a"),
    (0, b"\x1a\x45\xdf\xa3", ".webm"),  # EBML: WebM, Matroska
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ".wma"),  # ASF
    (0, b"#!AMR", ".amr"),
)
FOREIGN_SUFFIXES = frozenset({".m4a", ".mp4", ".m4b", ".mov", ".3gp", ".aac", ".webm", ".mkv", ".mka", ".wma", ".amr"})
_NATIVE = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", b".snd", b"fLaC", b"OggS", b"ID3")

# Writers that cannot seek back (pipes) leave these in place of the size of a WAV's sound: SoX 0x7ffff000, FFmpeg
# 0xffffffff or, in old versions, 0; others subtract the size of the header.
_SOX_UNKNOWN = 0x7FFFF000
_UNKNOWN_FROM = 0xFFFFFF00
_MOST_CHUNKS = 4096


def foreign(head: bytes, suffix: str) -> str:
    """The suffix of the container if libsndfile does not read it, else ''.

    Args:
        head: the first 16 bytes.
        suffix: of the file's name, '' if it has none; it decides only where the bytes say nothing.
    """
    for offset, magic, usual in _FOREIGN:
        if head[offset : offset + len(magic)] == magic:
            return suffix if suffix in FOREIGN_SUFFIXES else usual
    # ADTS (raw AAC) has the sync word of MPEG audio with layer 0, which MP3 never has.
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return ".aac"
    return suffix if suffix in FOREIGN_SUFFIXES and not head.startswith(_NATIVE) else ""


def patch(file: BinaryIO, name: str) -> Patch | None:
    """A look at whether the file ends early; leaves it at its start.

    A WAV from a pipe with size 0 gets a patch: a size that makes decoders read it to its end. Raises AudioError if
    the header claims more than the file holds.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(12)
    needed = None
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        needed = _patch_wav(file, name, size, "big" if head[:4] == b"RIFX" else "little")
    elif head[:4] == b"FORM":
        claim = _find_chunk(file, size, b"SSND", "big")
        _compare(name, "AIFF", claim, size)
    elif head[:4] == b".snd":
        start, length = struct.unpack(">II", head[4:12])
        _compare(name, "AU", None if length == 0xFFFFFFFF else _Chunk(start, length), size)
    elif head[:4] == b"OggS":
        _check_ogg(file, name, size)
    elif head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0):
        _check_mp3(file, name, size, head)
    file.seek(0)
    return needed


@dataclass(frozen=True)
class _Chunk:
    start: int
    length: int


def _find_chunk(file: BinaryIO, size: int, wanted: bytes, order: str) -> _Chunk | None:
    """The chunk of that name in a RIFF or AIFF file; None if the walk does not meet it."""
    at = 12
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        header = file.read(8)
        if len(header) < 8:
            return None
        length = struct.unpack("<I" if order == "little" else ">I", header[4:])[0]
        if header[:4] == wanted:
            return _Chunk(at + 8, length)
        at += 8 + length + (length & 1)
        if at >= size:
            return None
    return None


def _patch_wav(file: BinaryIO, name: str, size: int, order: str) -> Patch | None:
    data = _find_chunk(file, size, b"data", order)
    if data is None:
        return None
    wide = _find_chunk(file, size, b"ds64", order)
    if wide is not None and data.length == 0xFFFFFFFF:
        file.seek(wide.start + 8)
        field = file.read(8)
        length = struct.unpack("<Q", field)[0] if len(field) == 8 else 0
        _compare(name, "RF64", _Chunk(data.start, length) if length < 2**63 else None, size)
        return None
    if data.length == 0:
        return Patch(data.start - 4, b"\xff\xff\xff\xff") if _goes_on(file, data, size) else None
    if data.length != _SOX_UNKNOWN and data.length < _UNKNOWN_FROM:
        _compare(name, "WAV", data, size)
    return None


def _goes_on(file: BinaryIO, data: _Chunk, size: int) -> bool:
    """Whether sound follows a data chunk of size 0, rather than the end or another chunk."""
    file.seek(data.start)
    after = file.read(8)
    if len(after) < 8:
        return len(after) > 0
    length = struct.unpack("<I", after[4:])[0]
    return not (all(32 <= byte < 127 for byte in after[:4]) and data.start + 8 + length <= size)


def _compare(name: str, kind: str, claim: _Chunk | None, size: int) -> None:
    if claim is None:
        return
    held = max(0, size - claim.start)
    if claim.length > held:
        raise AudioError(
            f"{name} is damaged: its {kind} header claims {claim.length:,} bytes of sound and the file holds {held:,}",
            "copy or download it again, or write it anew with an audio editor",
        )


def _check_ogg(file: BinaryIO, name: str, size: int) -> None:
    """The last Ogg page must be whole (RFC 3533: 27 bytes, the segment table, the segments; 65,307 bytes at most)."""
    start = max(0, size - 2 * 65307)
    file.seek(start)
    tail = file.read(size - start)
    at = tail.rfind(b"OggS")
    if at < 0:
        return
    segments = tail[at + 26] if at + 26 < len(tail) else 255
    table = tail[at + 27 : at + 27 + segments]
    if at + 27 + segments > len(tail) or at + 27 + segments + sum(table) > len(tail):
        raise AudioError(f"{name} is cut off: its last Ogg page is not whole", "copy or download it again")


def _check_mp3(file: BinaryIO, name: str, size: int, head: bytes) -> None:
    """A Xing or Info header in the first frame may give the bytes of the stream; fewer mean a missing end."""
    at = 0
    if head[:3] == b"ID3":
        file.seek(6)
        tag = file.read(4)
        at = 10 + sum((byte & 0x7F) << (7 * (3 - i)) for i, byte in enumerate(tag))
    file.seek(min(at, size))
    frame = file.read(192)
    mark = max(frame.find(b"Xing"), frame.find(b"Info"))
    if mark < 0 or len(frame) < mark + 16:
        return
    flags = frame[mark + 7]
    if not flags & 2:
        return
    field = mark + 8 + (4 if flags & 1 else 0)
    claimed = int.from_bytes(frame[field : field + 4], "big")
    # 1 %: some taggers rewrite the file without its first frame or padding.
    if claimed * 0.99 > size - at:
        raise AudioError(
            f"{name} is cut off: its MP3 header claims {claimed:,} bytes and the file holds {size - at:,}",
            "copy or download it again",
        )
