"""A git bundle as a repository: its pack indexed in a temporary bare repository that we write by hand.

Bundle format: ``# v2 git bundle`` or ``# v3 git bundle``, ``@capability`` lines (v3), ``-oid`` prerequisites,
``oid ref`` lines, an empty line, then a pack (git, Documentation/gitformat-bundle).
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from auditor.errors import UsageError
from auditor.sources import _cat_file
from auditor.sources.git import Repository

_HEADER_LIMIT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Header:
    """Refs by full name, and the object format the bundle declares."""

    refs: dict[str, str]
    object_format: str


@contextmanager
def repository(bundle: Path, lfs_stores: tuple[Path, ...] = ()) -> Iterator[Repository]:
    """Open a bundle; an ``lfs`` folder beside it serves as object store (its content is hashed before use).

    Raises UsageError when the file is no bundle, needs commits it does not contain, or its pack is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="audit-bundle-") as scratch:
        path = Path(scratch) / "repository.git"
        with _open(bundle) as stream:
            header = _read_header(stream, bundle)
            _write_repository(path, header)
            with (path / "objects" / "pack" / "pack-bundle.pack").open("wb") as pack:
                shutil.copyfileobj(stream, pack)
        indexed = _cat_file.run(path, "index-pack", "--strict", "objects/pack/pack-bundle.pack", timeout=None)
        if indexed.returncode != 0:
            raise UsageError(f"{bundle} holds a damaged pack", "make the bundle again with git bundle create")
        beside = bundle.resolve().parent / "lfs"
        stores = (*lfs_stores, *((beside,) if beside.is_dir() else ()))
        with Repository(path, stores, bundle.resolve().parent.name) as opened:
            yield opened


def is_bundle(path: Path) -> bool:
    """Whether a file starts like a bundle."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            return stream.read(16) in (b"# v2 git bundle\n", b"# v3 git bundle\n")
    except OSError:
        return False


def _open(bundle: Path) -> BinaryIO:
    try:
        return bundle.open("rb")
    except OSError as error:
        raise UsageError(
            f"{bundle} cannot be opened: {error.strerror}", "give a file made by git bundle"
        ) from error


def _read_header(stream: BinaryIO, bundle: Path) -> Header:
    if stream.readline(64) not in (b"# v2 git bundle\n", b"# v3 git bundle\n"):
        raise UsageError(f"{bundle} is not a git bundle", "make one with git bundle create FILE --all")
    refs: dict[str, str] = {}
    object_format = "sha1"
    while (line := stream.readline(4096).rstrip(b"\n")) and stream.tell() < _HEADER_LIMIT:
        text = line.decode("utf-8", "replace")
        if text.startswith("-"):
            raise UsageError(
                f"{bundle} needs commits that it does not contain",
                "make a full one: git bundle create FILE --all",
            )
        if text.startswith("@object-format="):
            object_format = text.partition("=")[2]
        elif not text.startswith("@"):
            oid, _, name = text.partition(" ")
            refs[name] = oid
    return Header(refs, object_format)


def _write_repository(path: Path, header: Header) -> None:
    """Write what git needs to take a folder for a bare repository; saves a ``git init`` process."""
    (path / "objects" / "pack").mkdir(parents=True)
    (path / "refs").mkdir()
    version, extension = "0", ""
    if header.object_format != "sha1":
        version, extension = "1", f"[extensions]\n\tobjectFormat = {header.object_format}\n"
    (path / "config").write_text(f"[core]\n\trepositoryformatversion = {version}\n\tbare = true\n{extension}")
    (path / "HEAD").write_text("ref: refs/heads/main\n")
    safe = {name: oid for name, oid in header.refs.items() if name.startswith("refs/") and "\n" not in name}
    lines = "".join(f"{oid} {name}\n" for name, oid in sorted(safe.items()))
    (path / "packed-refs").write_text("# pack-refs with: sorted \n" + lines)
