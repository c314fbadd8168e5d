"""Files whose names no reader knows: which of them are pickles all the same."""

from __future__ import annotations

import re

from auditor.artifacts._readers import readers_of
from auditor.errors import CannotRead, StoppedReading
from auditor.model import FileKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from auditor.artifacts.pickle_archive import PickleArchive
    from auditor.model import Blob

HARMLESS = (
    *(".safetensors", ".json", ".jsonl", ".md", ".txt", ".yaml", ".yml", ".toml", ".csv", ".tsv", ".jinja"),
    *(".gguf", ".png", ".jpg", ".jpeg", ".svg", ".html", ".parquet", ".arrow"),
)
"""Ends of names that promise data without code; what lies under them is held against the promise elsewhere."""
LIMIT = 256 * 1024 * 1024
"""Largest file opened for its first bytes: git hands an object out whole."""
HEAD = 512
"""Bytes that tell what a file may be."""
_BINARY = re.compile(rb"PK\x03\x04|\x80[\x02-\x05]")
"""A zip, which torch.save writes, and a pickle of protocol 2 to 5 (Python 3.11, pickle.py, `PROTO`)."""
_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
"""What can be imported and called, with its module; noise that is read as a pickle calls numbers and nothing."""


def unnamed(blob: Blob) -> bool:
    """Whether neither a reader nor a rule of what names promise looks into the file."""
    name = blob.path.lower()
    return blob.kind is FileKind.FILE and not name.endswith(HARMLESS) and not readers_of(blob.path)


def too_large(blob: Blob) -> bool:
    """Whether a file is not opened for its first bytes alone."""
    return (blob.size or 0) > LIMIT


def pickled(blob: Blob) -> PickleArchive | None:
    """The pickle that a file is whatever its name says; None for anything else, and for what cannot be read.

    What has no mark is one only if reading it as a pickle comes to a call. Raises StoppedReading where a limit ended
    the reading before anything else was found.
    """
    try:
        with blob.open() as stream:
            head = stream.read(HEAD)
    except CannotRead:
        return None
    return _parsed(blob) if _BINARY.match(head) else calling(blob, head)


def calling(blob: Blob, head: bytes) -> PickleArchive | None:
    """The pickle without a mark that a file is, if loading it calls something; ``head`` are its first bytes.

    No protocol needs one (Python 3.11, Modules/_pickle.c, `load`): any operation may come first, and the call after a
    thousand others. Nearly every text is damaged as a pickle within its first bytes, and is read no further.
    Raises StoppedReading.
    """
    from auditor.artifacts._pickle_opcodes import read

    begun = read(head)
    if begun.is_damaged and not begun.unsafe:
        return None
    found = _parsed(blob)
    return found if found and any(_NAME.fullmatch(call.callable) for call in found.unsafe) else None


def _parsed(blob: Blob) -> PickleArchive | None:
    from auditor.artifacts.pickle_archive import PickleArchive

    try:
        return PickleArchive.parse(blob)
    except StoppedReading:
        raise
    except CannotRead:
        return None
