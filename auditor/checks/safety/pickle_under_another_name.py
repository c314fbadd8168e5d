"""A file is a pickle, and its name does not say so.

Scanners and reviewers go by names: `.bin`, `.pt`, `.pkl`. `torch.load` and `pickle.load` take any name (torch 2.13.0,
serialization.py, `load`; Python 3.11, pickle.py), and a script that opens `weights.dat` or a file without an ending
runs what it holds. So the first bytes of every file that no reader knows by its name are looked at, and what begins as
a pickle or a torch archive is read as opcodes, never executed.

Wrong when: the project keeps data of its own under names of its own, which is a note as long as the pickle names
nothing but what training files do.

Fix: do not open the file with torch.load or pickle. Ask for it as safetensors or JSON, or at least under a name that
says what it is.

Bad:
    weights.dat: pickle calling os.system

Good:
    weights.dat: = "0.1 0.2 0.3"
"""

from collections.abc import Iterator

from auditor.artifacts._unnamed import LIMIT, pickled, too_large, unnamed
from auditor.artifacts.pickle_archive import PickleArchive
from auditor.checks._wording import counted, joined
from auditor.checks.safety._calls import only_foreign_classes
from auditor.errors import StoppedReading
from auditor.model import Blob, Location, Problem, Severity, Skip, Snapshot

SEVERITY = Severity.WARNING

_MOST = 5_000
_NAMED = 5


def check(snapshot: Snapshot) -> Iterator[Problem | Skip]:
    """The first bytes of every file whose name no reader knows."""
    blobs = [blob for blob in snapshot.files.values() if unnamed(blob)]
    if not blobs:
        yield Skip("every file is of a kind that is known by its name")
    for blob in blobs[:_MOST]:
        if blob.absent is not None:
            yield Skip(f"{blob.path} was not read: unfetched")
            continue
        if too_large(blob):
            yield Skip(f"{blob.path} was not looked into: it is larger than {LIMIT >> 20} MiB")
            continue
        try:
            archive = pickled(blob)
        except StoppedReading as error:
            yield _unended(blob, error.reason)
            continue
        if archive is not None:
            yield _problem(archive)
    if len(blobs) > _MOST:
        yield Skip(f"{len(blobs) - _MOST} files were not looked at, which is too many")


def _unended(blob: Blob, reason: str) -> Problem:
    return Problem(
        f"the file is a pickle, which its name does not say, and {reason}: what it does at its end was not seen",
        Location(blob.path),
        expected="a name that says so (.pkl, .pt, .bin), or a format without code",
    )


def _problem(archive: PickleArchive) -> Problem:
    calls = list(dict.fromkeys(call.callable for call in archive.unsafe))
    names = [name for name in archive.unknown_globals if name not in calls]
    says = "the file is a pickle, which its name does not say"
    if calls:
        says += f"; opening it calls {joined(calls[:_NAMED])}"
    elif names:
        says += f"; opening it imports {joined(names[:_NAMED])}"
    severity = Severity.NOTE
    if calls or names:
        severity = Severity.ERROR if calls and not only_foreign_classes(archive) else Severity.WARNING
    return Problem(
        says,
        archive.at(),
        expected="a name that says so (.pkl, .pt, .bin), or a format without code",
        observed=f"{counted(len(calls), 'call')} that no training file makes" if calls else None,
        evidence=tuple(
            f"byte {call.offset}: {call.callable} with {call.argument}" for call in archive.unsafe[:_NAMED]
        ),
        severity=severity,
    )
