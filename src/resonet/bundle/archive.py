"""The bundle as a file: a zip of stored members, `manifest.json` first; how it is written and how it is checked.

Nothing in a file is believed before it is checked: the end record bounds the directory before it is read, the
directory bounds the members before they are read, the manifest's sizes and hashes decide what they hold.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from resonet.bundle.atomic import replacing
from resonet.bundle.manifest import FORMAT, MANIFEST, Manifest, MemberName, dump, name_from, parse, validate
from resonet.errors import BundleError

# Below 2 GiB in all, no zip64 record is ever needed: there is one way to write a bundle, and one to read it.
MAX_TOTAL = 2_000_000_000
MAX_MANIFEST = 4 << 20
MAX_MEMBERS = 256
_MAX_DIRECTORY = (MAX_MEMBERS + 1) * 512
_CHUNK = 1 << 20

_END = struct.Struct("<4s4H2LH")  # the end record of a zip without a comment (APPNOTE 4.3.16)
_LOCATOR = 20  # bytes of the zip64 locator, which would overrule the end record; it stands before it
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date a zip can state: equal content gives equal bytes
SUFFIX = ".resonet"
_AGAIN = "install or fetch the bundle again"
_MEMBER_NAME = TypeAdapter(MemberName)


def write(path: str | Path, manifest: Manifest | Mapping[str, Any], members: Mapping[str, bytes | Path]) -> Path:
    """Writes a bundle, whole or not at all, and gives its path. Equal input gives equal bytes.

    Args:
        path: the file; one that is there is replaced.
        manifest: its fields. `format` and `members` are filled in; `created` is now and `name` is made from `path`
            unless they are given.
        members: content of each member: bytes, or a file to copy.

    Raises:
        BundleError: the fields do not fit the format, a name or size is out of bounds, or a member cannot be read.
        ResonetError: the file cannot be written (a full disk); what was there before is unharmed.
    """
    path = Path(path)
    if MANIFEST in members or len(members) > MAX_MEMBERS:
        raise BundleError(f"{path}: a bundle holds at most {MAX_MEMBERS} members beside {MANIFEST}")
    described = {name: _describe(name, members[name]) for name in sorted(members)}
    _check_names([MANIFEST, *described], path)
    if sum(entry["bytes"] for entry in described.values()) > MAX_TOTAL:
        raise BundleError(f"{path}: the members have more than {MAX_TOTAL / 1e9:g} GB in all")
    head = dump(_fill(manifest, described, path))
    if len(head) > MAX_MANIFEST:
        raise BundleError(f"{path}: {MANIFEST} would have more than {MAX_MANIFEST >> 20} MiB")
    with replacing(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, MANIFEST, head)
        for name, entry in described.items():
            if _add(archive, name, members[name]) != entry["sha256"]:
                raise BundleError(f"{path}: the file of {name} changed while it was packed", "try again")
    return path


def open_archive(path: Path) -> zipfile.ZipFile:
    """Opens the zip and checks its form: bounds, names, stored members; no member is read yet. Raises BundleError."""
    try:
        if path.exists() and not path.is_file():  # a named pipe would never answer
            raise BundleError(f"{path} is no file", f"a bundle is one file, as NAME{SUFFIX}")
        with open(path, "rb") as stream:
            _check_end(stream, path)
    except FileNotFoundError as error:
        raise BundleError(f"there is no bundle file {path}", "`resonet bundle list` shows what is installed") from error
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror or error}") from error
    with _damage(path):
        archive = zipfile.ZipFile(path)
    try:
        _check_directory(archive, path)
    except BaseException:
        archive.close()
        raise
    return archive


def read_manifest(path: str | Path) -> Manifest:
    """The manifest of a bundle, without a look at the other members: quick, for lists. Raises BundleError."""
    path = Path(path)
    with open_archive(path) as archive:
        return parse(read_member(archive, MANIFEST, path), str(path))


def read_member(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    """All bytes of a member; the zip's own checksum is checked. Raises BundleError."""
    with _damage(path):
        return archive.read(name)


def check_members(archive: zipfile.ZipFile, manifest: Manifest, path: Path) -> None:
    """Names, sizes and SHA-256 of all members against the manifest. Raises BundleError."""
    sizes = {info.filename: info.file_size for info in archive.infolist()[1:]}
    for name in manifest.members.keys() ^ sizes.keys():
        fault = "is missing" if name in manifest.members else f"is not in {MANIFEST}"
        raise BundleError(f"{path} is damaged: the member {name} {fault}", _AGAIN)
    for name, stated in manifest.members.items():
        if sizes[name] != stated.bytes:
            raise BundleError(
                f"{path} is damaged: {name} has {sizes[name]} bytes, {MANIFEST} says {stated.bytes}", _AGAIN
            )
        digest = hashlib.sha256()
        with _damage(path), archive.open(name) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
        if digest.hexdigest() != stated.sha256:
            raise BundleError(f"{path} is damaged: {name} does not have the SHA-256 that {MANIFEST} states", _AGAIN)


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Whatever zipfile stumbles over in a damaged file, as one BundleError."""
    try:
        yield
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError, struct.error) as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise BundleError(f"{path} is damaged: {reason}", _AGAIN) from error


def _check_end(stream: BinaryIO, path: Path) -> None:
    """The first and last bytes of the file: that it is a zip at all, whole, and with a directory of bounded size."""
    if stream.read(4) != b"PK\3\4":
        raise BundleError(f"{path} is no bundle: it is not a zip file that starts with {MANIFEST}")
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _END.size - _LOCATOR))
    locator, tail = stream.read(_LOCATOR), stream.read(_END.size)
    if len(tail) < _END.size or not tail.startswith(b"PK\5\6"):
        raise BundleError(f"{path} is damaged: it is cut off, or something follows its end", _AGAIN)
    _, disk, start_disk, here, entries, directory, offset, comment = _END.unpack(tail)
    placed = offset + directory + _END.size == size
    if disk or start_disk or comment or here != entries or not placed or locator.startswith(b"PK\6\7"):
        raise BundleError(f"{path} is damaged: its zip directory does not fit the file", _AGAIN)
    if entries > MAX_MEMBERS + 1 or directory > _MAX_DIRECTORY:
        raise BundleError(f"{path} is refused: it holds more than {MAX_MEMBERS} members")


def _check_directory(archive: zipfile.ZipFile, path: Path) -> None:
    infos = archive.infolist()
    if not infos or infos[0].filename != MANIFEST or infos[0].header_offset != 0:
        raise BundleError(f"{path} is no bundle: its first member is not {MANIFEST}")
    if len(infos) > MAX_MEMBERS + 1:
        raise BundleError(f"{path} is refused: it holds more than {MAX_MEMBERS} members")
    _check_names([info.orig_filename for info in infos], path)
    for info in infos:
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise BundleError(f"{path} is refused: {info.filename} is compressed", "members of a bundle are stored")
        if info.flag_bits & ~0x800:  # all but "the name is UTF-8": encryption, sizes that follow the data
            raise BundleError(f"{path} is refused: {info.filename} is encrypted or streamed")
    if infos[0].file_size > MAX_MANIFEST:
        raise BundleError(f"{path} is refused: {MANIFEST} has more than {MAX_MANIFEST >> 20} MiB")
    total = sum(info.file_size for info in infos[1:])
    if total > MAX_TOTAL:
        raise BundleError(f"{path} is refused: its members have more than {MAX_TOTAL / 1e9:g} GB in all")
    if total > path.stat().st_size:
        raise BundleError(f"{path} is damaged: its members overlap, or are larger than the file", _AGAIN)


def _check_names(names: list[str], path: Path) -> None:
    for name in names:
        try:
            _MEMBER_NAME.validate_python(name)
        except ValidationError as error:
            raise BundleError(
                f"{path}: {name!r} is no name of a member", "letters, digits, dot, dash and underscore; no folders"
            ) from error
    # Unpacked on a file system that knows no case, such members would be one file.
    if len({name.casefold() for name in names}) != len(names):
        raise BundleError(f"{path} is refused: it holds a member twice")


def _fill(manifest: Manifest | Mapping[str, Any], members: Mapping[str, Any], path: Path) -> Manifest:
    """The manifest as it is written: checked, with format and members."""
    if isinstance(manifest, Manifest):
        given: Mapping[str, Any] = manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
    else:
        given = manifest
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    fields = {"name": name_from(path.stem), "created": now, **given, "format": FORMAT, "members": members}
    try:
        plain = json.loads(json.dumps(fields, default=_number, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise BundleError(f"{path}: a field of {MANIFEST} is no JSON: {error}") from error
    return validate({key: value for key, value in plain.items() if value is not None}, str(path))


def _number(value: Any) -> Any:
    """NumPy's scalars, and pydantic parts, as what JSON knows."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    raise TypeError(f"{type(value).__name__} {value!r}")


def _describe(name: str, content: bytes | Path) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    for chunk in _chunks(name, content):
        digest.update(chunk)
        size += len(chunk)
    return {"sha256": digest.hexdigest(), "bytes": size}


def _add(archive: zipfile.ZipFile, name: str, content: bytes | Path) -> str:
    """Appends a member; gives the SHA-256 of what was written."""
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system = 3  # Unix, wherever it is written
    info.external_attr = 0o644 << 16
    digest = hashlib.sha256()
    with archive.open(info, "w") as stream:
        for chunk in _chunks(name, content):
            digest.update(chunk)
            stream.write(chunk)
    return digest.hexdigest()


def _chunks(name: str, content: bytes | Path) -> Iterator[bytes]:
    if not isinstance(content, Path):
        yield content
        return
    try:
        with open(content, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise BundleError(f"the member {name} cannot be read from {content}: {error.strerror or error}") from error
