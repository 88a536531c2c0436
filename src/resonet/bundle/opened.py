"""A bundle that is open: checked as a whole, its manifest at hand, its members read where they lie."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from resonet.bundle import archive as files
from resonet.bundle.manifest import MANIFEST, Kind, Manifest, check_runtime, parse
from resonet.bundle.places import check_kind, choose, find
from resonet.bundle.stats import Stats
from resonet.errors import BundleError


class Bundle:
    """An open bundle; `Bundle.open` makes one.

    Reading members from several threads is safe. The file stays open until `close` or the end of a `with` block.

    Attributes:
        path: the file.
        manifest: what it says about itself.
    """

    def __init__(self, path: str | Path) -> None:
        """Opens the file at `path` and checks the hash and size of every member. Raises BundleError."""
        self.path = Path(path)
        self._archive = files.open_archive(self.path)
        try:
            self.manifest: Manifest = parse(files.read_member(self._archive, MANIFEST, self.path), str(self.path))
            files.check_members(self._archive, self.manifest, self.path)
        except BaseException:
            self._archive.close()
            raise

    @classmethod
    def open(cls, name_or_path: str | Path | None = None, kind: Kind | None = None) -> Bundle:
        """Opens a bundle by path or by name; without either, the one installed bundle of `kind`.

        Raises:
            BundleError: unknown, damaged, of another kind, or in need of a newer resonet or ONNX Runtime.
        """
        if name_or_path is None and kind is None:
            raise BundleError("no bundle was named", "give a name, a path or a kind")
        found = choose(kind) if name_or_path is None and kind is not None else find(name_or_path or "")
        bundle = cls(found.path)
        try:
            if kind is not None:
                check_kind(bundle.manifest, kind, found)
            check_runtime(bundle.manifest, str(bundle.path))
        except BaseException:
            bundle.close()
            raise
        return bundle

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def members(self) -> tuple[str, ...]:
        """Names of all members but the manifest."""
        return tuple(self.manifest.members)

    def has(self, member: str) -> bool:
        return member in self.manifest.members

    def read(self, member: str) -> bytes:
        """All bytes of a member, or of `manifest.json`. Raises BundleError where there is none of that name."""
        if not self.has(member) and member != MANIFEST:
            raise BundleError(f"{self.path} has no member {member}", f"it holds {', '.join(self.members)}")
        return files.read_member(self._archive, member, self.path)

    def stats(self) -> Stats | None:
        """The distributions of the training data (`stats.json`), if the bundle brings them. Raises BundleError."""
        return Stats.parse(self.read("stats.json"), str(self.path)) if self.has("stats.json") else None

    def close(self) -> None:
        self._archive.close()

    def __enter__(self) -> Bundle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Bundle({str(self.path)!r}, {self.manifest.kind} {self.manifest.name})"


def verify(path: str | Path) -> Manifest:
    """Checks everything that can be checked without running a model, `stats.json` and `card.md` included.

    Raises:
        BundleError: the first fault that was found.
    """
    with Bundle(path) as bundle:
        bundle.stats()
        if bundle.has("card.md"):
            try:
                bundle.read("card.md").decode("utf-8")
            except UnicodeDecodeError as error:
                raise BundleError(f"{bundle.path}: card.md is no UTF-8 text") from error
        return bundle.manifest
