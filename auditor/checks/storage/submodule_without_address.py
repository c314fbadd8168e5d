r"""A submodule is recorded, and no .gitmodules says where it is fetched from.

Git stores only the commit of a submodule; its address stands in .gitmodules (gitmodules(5)). Without it a clone gets
an empty folder and `git submodule update` fails. It happens when a cloned repository is added as it is, with its own
`.git` inside: its files, which may be the data or the code of the training, are then in no commit.

Wrong when: the folder is not needed to use or to judge the adapter.

Fix: `git rm --cached` the folder and add its files, or `git submodule add` its address.

Bad:
    LIBERO: submodule

Good:
    LIBERO: submodule
    .gitmodules: = "[submodule \"LIBERO\"]\n\tpath = LIBERO\n\turl = https://example.org/LIBERO\n"
"""

from collections.abc import Iterator

from auditor.checks._wording import counted
from auditor.checks.storage._stored import listed, not_a_repository
from auditor.errors import CannotRead
from auditor.model import FileKind, Location, Problem, Severity, Skip
from auditor.runs import Contents

SEVERITY = Severity.NOTE

SIZE_LIMIT = 1024 * 1024
"""Largest .gitmodules read, in bytes."""


def check(contents: Contents) -> Iterator[Problem | Skip]:
    """One finding for all of them."""
    files = contents.snapshot.files
    links = [path for path, blob in files.items() if blob.kind is FileKind.SUBMODULE]
    if not links:
        reason = not_a_repository(contents)
        if reason is not None and contents.snapshot.kind == "directory":
            yield reason
        return
    blob = files.get(".gitmodules")
    try:
        text = blob.read(SIZE_LIMIT).decode("utf-8", "replace") if blob is not None else ""
    except CannotRead as error:
        yield Skip(f".gitmodules {error.reason}")
        return
    addressed = {line.partition("=")[2].strip() for line in text.splitlines() if "path" in line}
    lost = [path for path in links if path not in addressed]
    if lost:
        yield Problem(
            f"{counted(len(lost), 'submodule')} without an address in .gitmodules: {listed(lost)}",
            Location(lost[0]),
            expected="a line `path = ...` in .gitmodules",
            observed="none",
        )
