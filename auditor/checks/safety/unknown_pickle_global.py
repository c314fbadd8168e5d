"""A pickled file names functions or classes that no known training file names.

Naming alone imports the module that holds them, and importing runs that module's top level (Python 3.11,
pickle.py, `find_class`); `weights_only` refuses every name outside its list (torch 2.13.0,
_weights_only_unpickler.py). The known names are those of public files written by transformers, TRL, PEFT,
accelerate and torch.

Wrong when: the training script has its own argument or callback classes.

Fix: read the named modules before opening the file, or open it with `weights_only=True` only.

Bad:
    extra.pt: pickle naming os.getcwd

Good:
    extra.pt: pickle naming torch.FloatStorage
"""

from collections.abc import Iterator

from auditor.artifacts.pickle_archive import PickleArchive
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING


def check(archive: PickleArchive) -> Iterator[Problem]:
    """Names that are called are the matter of the rule about unsafe calls."""
    called = {call.callable for call in archive.unsafe}
    names = [name for name in archive.unknown_globals if name not in called]
    if names:
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        yield Problem(
            f"opening the file imports {shown}",
            archive.at(),
            expected="names of known training libraries",
            observed=", ".join(names[:20]),
        )
