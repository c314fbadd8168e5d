"""Files whose names no reader knows: which of them are pickles all the same."""

from __future__ import annotations

import re

from auditor.artifacts._readers import readers_of
from auditor.errors import CannotRead
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
_TEXT = re.compile(rb"[(\]}]{0,3}[ci][A-Za-z_][\w.]{0,200}\r?\n[A-Za-z_][\w.]{0,200}\r?\n")
"""Protocols 0 and 1 have no mark: what can call something names a module and an attribute, a line each (`GLOBAL`)."""


def unnamed(blob: Blob) -> bool:
    """Whether neither a reader nor a rule of what names promise looks into the file."""
    name = blob.path.lower()
    return blob.kind is FileKind.FILE and not name.endswith(HARMLESS) and not readers_of(blob.path)


def pickled(blob: Blob) -> PickleArchive | None:
    """The pickle that a file is whatever its name says; None for anything else, and for what cannot be read.

    A text is one only if reading it as a pickle comes to a call: many words begin with a ``c``.
    """
    if (blob.size or 0) > LIMIT:
        return None
    try:
        with blob.open() as stream:
            head = stream.read(HEAD)
    except CannotRead:
        return None
    return _parsed(blob, known=True) if _BINARY.match(head) else calling_text(blob, head)


def calling_text(blob: Blob, head: bytes) -> PickleArchive | None:
    """The pickle of protocol 0 or 1 that a file is, if loading it calls something; ``head`` are its first bytes."""
    return _parsed(blob, known=False) if _TEXT.match(head) else None


def _parsed(blob: Blob, known: bool) -> PickleArchive | None:
    from auditor.artifacts.pickle_archive import PickleArchive

    try:
        found = PickleArchive.parse(blob)
    except CannotRead:
        return None
    return found if found.unsafe or known else None
