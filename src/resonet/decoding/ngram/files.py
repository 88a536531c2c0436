"""Models as files: compact (`lm.bin`, or inside a bundle), or ARPA. Reading goes by content, writing by suffix."""

from __future__ import annotations

from pathlib import Path

from resonet.bundle.atomic import replacing
from resonet.decoding.ngram.arpa import read_arpa, write_arpa
from resonet.decoding.ngram.backoff import Backoff, normalised
from resonet.decoding.ngram.compact import MAGIC, Compact, compress, expand, from_bytes, to_bytes
from resonet.decoding.ngram.model import NgramModel
from resonet.errors import BundleError, DataError

MEMBER = "lm.bin"
_ZIP = b"PK"


def read(path: Path) -> Backoff | Compact:
    """A model as its file holds it: `Compact` from lm.bin or a bundle, `Backoff` from ARPA.

    Raises:
        DataError: the file cannot be read, or is no model.
        BundleError: a compact model or a bundle that is damaged.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
            if start == MAGIC:
                return from_bytes(start + stream.read(), str(path))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    if start.startswith(_ZIP):
        # Imported here: it costs 0.2 s, and a decoder that is handed its bytes never needs it.
        from resonet.bundle import Bundle

        with Bundle(path) as bundle:
            if not bundle.has(MEMBER):
                raise BundleError(f"{path} has no language model", f"it holds {', '.join(bundle.members)}")
            return from_bytes(bundle.read(MEMBER), f"{path}: {MEMBER}")
    return read_arpa(path)


def exchange(model: Backoff | Compact) -> Backoff:
    """The exchange form; of a compact model, with backoff weights that let every context sum to one."""
    return normalised(expand(model)) if isinstance(model, Compact) else model


def load(path: str | Path) -> NgramModel:
    """Opens a model file for queries; raises as `read` does, and DataError for one of more than 65,536 words."""
    model = read(Path(path))
    return NgramModel(model) if isinstance(model, Compact) else NgramModel.from_backoff(model)


def write(model: Backoff, path: Path) -> int:
    """Writes ARPA if the name ends in .arpa, .arpa.gz, .arpa.xz or .arpa.bz2, else the compact form; gives the bytes.

    The file appears whole or not at all.

    Raises:
        DataError: more words than the compact form holds.
        ResonetError: the system refused to write.
    """
    if ".arpa" in path.suffixes[-2:]:
        write_arpa(model, path)
    else:
        data = to_bytes(compress(model))
        with replacing(path) as stream:
            stream.write(data)
    return path.stat().st_size
