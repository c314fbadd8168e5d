"""Text files of a snapshot, as far as they are small enough to be searched."""

from collections.abc import Iterator

from auditor.errors import CannotRead
from auditor.model import FileKind, Snapshot, name_of

SIZE_LIMIT = 4 * 1024 * 1024
"""Largest file searched, in bytes."""
_ENDS = (
    ".json",
    ".jsonl",
    ".md",
    ".txt",
    ".yaml",
    ".yml",
    ".toml",
    ".ini",
    ".cfg",
    ".conf",
    ".env",
    ".py",
    ".sh",
    ".ipynb",
    ".jinja",
    ".log",
    ".csv",
    ".xml",
    ".properties",
)
_NAMES = frozenset(
    {".env", ".netrc", ".gitconfig", ".npmrc", ".pypirc", ".gitattributes", "Dockerfile", "Makefile"}
)


def text_files(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Path and text of every readable text file, bytes that are no UTF-8 replaced."""
    for path, blob in snapshot.files.items():
        wanted = path.lower().endswith(_ENDS) or name_of(path) in _NAMES
        if not wanted or blob.kind is not FileKind.FILE or blob.absent or (blob.size or 0) > SIZE_LIMIT:
            continue
        try:
            yield path, blob.read(SIZE_LIMIT).decode("utf-8", "replace")
        except CannotRead:
            continue
