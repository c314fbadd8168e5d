"""Opening a pickled file would call a function that no training file needs.

A pickle is a program: its REDUCE, BUILD and similar opcodes call whatever the file names, before any check
can look at the result. The calls of files that transformers, PEFT, accelerate and torch write are known
(Python 3.11, pickletools.py and pickle.py, `load_reduce`; transformers 4.51.3 and 5.23.0); everything else
is listed here without having been run.

Wrong when: a library that is not in the list writes its own class with a constructor call. In a data file (.pkl and
its kin, which no trainer opens) such a class is a warning, as long as it lies outside the modules that reach the
system.

Fix: do not open the file with torch.load or pickle. Ask for it as safetensors or JSON, and find out how
it got there.

Bad:
    training_args.bin: pickle calling os.system

Good:
    # a constructor that training files call
    training_args.bin: pickle calling torch.device
"""

from collections.abc import Iterator

from auditor.artifacts.pickle_archive import PickleArchive
from auditor.checks._wording import counted
from auditor.checks.safety._calls import only_foreign_classes
from auditor.model import Problem, Severity

SEVERITY = Severity.ERROR

DATA_SUFFIXES = (".pkl", ".pickle", ".joblib", ".dill")
"""Files of a project's own, which no trainer and no loader of adapters opens."""
SHOWN = 10
"""Most calls listed as evidence."""


def check(archive: PickleArchive) -> Iterator[Problem]:
    """One finding a file: the first call in the message, the others as evidence."""
    if archive.unsafe:
        first = archive.unsafe[0]
        more = len(archive.unsafe) - 1
        yield Problem(
            f"opening the file calls {first.callable} with {first.argument}"
            + (f", and makes {counted(more, 'more such call')}" if more else ""),
            archive.at(),
            expected="only the constructors of training files",
            observed=f"{first.callable} at byte {first.offset}",
            evidence=tuple(
                f"byte {call.offset}: {call.callable} with {call.argument}" for call in archive.unsafe[:SHOWN]
            ),
            severity=_severity(archive),
        )


def _severity(archive: PickleArchive) -> Severity:
    """A warning where a data file only makes objects of classes nobody here knows, else an error."""
    foreign = archive.path.lower().endswith(DATA_SUFFIXES) and only_foreign_classes(archive)
    return Severity.WARNING if foreign else Severity.ERROR
