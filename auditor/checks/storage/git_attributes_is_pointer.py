""".gitattributes itself was put into Git LFS.

Git reads the file as it is stored, before any filter runs (gitattributes(5)): it finds the three lines of a pointer
and no rule. So no file of the repository is handed to git-lfs, and every checkout holds pointers where loaders look
for weights. A pattern such as `*` or `.*` in the file has this effect.

Wrong when: never; git cannot read its attributes through a filter.

Fix: take the pattern out that covers .gitattributes, and commit the file itself: `git rm --cached .gitattributes`,
then `git add .gitattributes`.

Bad:
    .gitattributes: unfetched

Good:
    # as git reads it
"""

from collections.abc import Iterator

from auditor.model import Location, Problem, Severity, name_of
from auditor.runs import Contents

SEVERITY = Severity.ERROR


def check(contents: Contents) -> Iterator[Problem]:
    """By the pointer alone, whether its content is here or not."""
    for path, blob in contents.snapshot.files.items():
        if name_of(path) == ".gitattributes" and blob.lfs is not None:
            yield Problem(
                f"{path} is a Git LFS pointer, so git finds no rule in it",
                Location(path),
                expected="patterns and attributes",
                observed="a pointer",
            )
