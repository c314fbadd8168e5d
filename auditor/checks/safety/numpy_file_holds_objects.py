"""A NumPy file holds arrays of Python objects, which are pickles: loading them can run code.

`numpy.load` unpickles such arrays with `allow_pickle=True`, which was the default below 1.16.3 and which scripts switch
on because they fail without it (numpy/lib/_npyio_impl.py). Arrays of numbers need none of that. The pickle is read as
opcodes here, never executed: a call that is not NumPy's own is an error, an unknown name a warning.

Wrong when: the file holds a dictionary of settings or labels that its author saved with `numpy.save`, which is a note.

Fix: save numbers as numbers and settings as JSON; load the file with `allow_pickle=False`.

Bad:
    arrays/labels.npy: array of objects calling os.system

Good:
    arrays/labels.npy: array of numbers
"""

from collections.abc import Iterator

from auditor.artifacts._numpy_file import NumpyArrays, numpy_arrays
from auditor.checks._wording import joined
from auditor.errors import CannotRead
from auditor.model import FileKind, Location, Problem, Severity, Skip, Snapshot

SEVERITY = Severity.WARNING

_ENDS = (".npy", ".npz")
_PLAIN = "objects of NumPy and plain Python"
_OPEN = "objects that could not be read to their end"


def check(snapshot: Snapshot) -> Iterator[Problem | Skip]:
    """Every .npy and .npz; one that is not here or damaged is said."""
    paths = [
        path for path, blob in snapshot.files.items() if path.endswith(_ENDS) and blob.kind is FileKind.FILE
    ]
    if not paths:
        yield Skip("no NumPy file is in the repository")
    for path in paths:
        blob = snapshot.files[path]
        if blob.absent is not None:
            yield Skip(f"{path} was not read: unfetched")
            continue
        try:
            found = numpy_arrays(blob)
        except CannotRead as error:
            yield Skip(f"{path} {error.reason}")
            continue
        yield from _judged(path, found)


def _judged(path: str, found: NumpyArrays) -> Iterator[Problem | Skip]:
    if not found.pickles:
        return
    calls = [call.callable for _, reading in found.pickles for call in reading.unsafe]
    names = [name for _, reading in found.pickles for name in reading.unknown if name not in calls]
    grave = calls or names
    damage = next(((name, reading.damage) for name, reading in found.pickles if reading.damage), None)
    if damage is not None:
        yield Skip(f"{path} was not read to its end: {damage[0] or 'its array'} {damage[1]}")
    message = (
        f"{len(found.pickles)} of {found.count} arrays hold Python objects, which are loaded by unpickling"
    )
    if calls:
        message += f"; loading calls {joined(list(dict.fromkeys(calls))[:5])}"
    elif names:
        message += f"; loading imports {joined(names[:5])}"
    yield Problem(
        message,
        Location(path, found.pickles[0][0] or None),
        expected="arrays of numbers",
        observed=", ".join(dict.fromkeys(grave)) if grave else _PLAIN if damage is None else _OPEN,
        severity=Severity.ERROR if calls else None if names or damage is not None else Severity.NOTE,
    )
