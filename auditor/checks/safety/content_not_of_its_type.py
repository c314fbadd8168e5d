"""A file is a pickle, an archive or a program under the name of harmless data.

People trust safetensors, JSON and text because they cannot run code. The first bytes tell a torch archive (a zip
with data.pkl), a pickle of protocol 2 to 5 and programs of Linux, Windows and macOS whatever the name says; a pickle
without that mark is told by calling something. Loaders that look at the content and not at the name
(`torch.load`; torch 2.13.0, serialization.py, `_is_zipfile`) run it.

Wrong when: a file was renamed by mistake; it is still not what readers take it for.

Fix: do not load the file. Ask for it in the format that its name promises.

Bad:
    checkpoint-9/adapter_model.safetensors: = copy of checkpoint-9/optimizer.pt

Good:
    checkpoint-9/adapter_model.safetensors: = copy of checkpoint-18/adapter_model.safetensors
"""

from collections.abc import Iterator

from auditor.artifacts._unnamed import HARMLESS, HEAD, LIMIT, calling
from auditor.errors import CannotRead
from auditor.model import Blob, FileKind, Location, Problem, Severity, Skip, Snapshot

SEVERITY = Severity.ERROR

_LISTS = (".txt", ".csv", ".tsv")
"""Lists of a project's own: scripts pickle into any name, and no loader of models opens these."""
_STARTS = (
    (b"PK\x03\x04", "a zip archive, as torch.save writes"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04\x95", "a pickle"),
    (b"\x80\x05\x95", "a pickle"),
    (b"\x7fELF", "a program or library of Linux"),
    (b"MZ\x90\x00", "a program or library of Windows"),
    (b"\xcf\xfa\xed\xfe", "a program or library of macOS"),
    (b"\xca\xfe\xba\xbe", "a program of macOS or Java"),
)
_MOST = 5_000
_HEADER = 100_000_000
"""Longest header of a safetensors file in bytes (safetensors 0.8.0, tensor.rs, MAX_HEADER_SIZE)."""


def check(snapshot: Snapshot) -> Iterator[Problem | Skip]:
    """The first bytes of every file with a harmless name."""
    names = [blob for path, blob in snapshot.files.items() if path.lower().endswith(HARMLESS)]
    here = [blob for blob in names if blob.kind is FileKind.FILE and blob.absent is None]
    if not here:
        yield Skip("no file with a harmless name is here")
    for blob in here[:_MOST]:
        says = _pretends(blob) if (blob.size or 0) <= LIMIT else None
        if says:
            yield Problem(
                f"the file is {says}",
                Location(blob.path),
                expected=f"what a name ending in .{blob.path.rpartition('.')[2]} promises",
                observed=says,
                severity=Severity.WARNING if says == "a pickle" and blob.path.endswith(_LISTS) else None,
            )


def _pretends(blob: Blob) -> str | None:
    """A safetensors file may begin with any byte, the first eight being the length of its header, and still call."""
    try:
        with blob.open() as stream:
            head = stream.read(HEAD)
    except CannotRead:
        return None
    length = int.from_bytes(head[:8], "little")
    if not blob.path.lower().endswith(".safetensors") or length > min(_HEADER, (blob.size or 0) - 8):
        known = next((says for start, says in _STARTS if head.startswith(start)), None)
        if known is not None:
            return known
    try:
        return "a pickle" if calling(blob, head) else None
    except CannotRead:
        # A list of millions of equal letters reads as a pickle without an end; loaders open no such names.
        return None
