r"""The repository holds compiled programs, which nobody can review.

An adapter is data. A library, program or archive of classes beside it runs with all rights of whoever
imports or starts it (Python 3.11, importlib/_bootstrap_external.py, `ExtensionFileLoader`), and a diff
shows nothing of what it does.

Wrong when: the repository also ships software on purpose. Python's own caches, environments and the folders of
a build are only a note.

Fix: remove the file, or commit its source and build it in the open.

Bad:
    kernels/fast.so: = "\u007fELF"

Good:
    kernels/fast.py: = "def fast(): ...\n"
"""

import re
from collections.abc import Iterator

from auditor.checks._wording import counted
from auditor.model import FileKind, Location, Problem, Severity, Skip, Snapshot

SEVERITY = Severity.WARNING

_COMPILED = (
    ".so",
    ".dll",
    ".dylib",
    ".exe",
    ".pyd",
    ".jar",
    ".msi",
    ".node",
    ".wasm",
    ".apk",
    ".deb",
    ".rpm",
)
_CACHED = (".pyc", ".pyo")
_BUILT = re.compile(
    r"(^|/)(\.?venv|env|site-packages|dist-packages|node_modules|Scripts|\.triton|bin/Debug|bin/Release|obj|build|target)/"
)
"""Environments and what builds leave behind: careless to publish, and nothing that a loader of the model starts."""


def check(snapshot: Snapshot) -> Iterator[Problem | Skip]:
    """By the ends of names; what a file that is read pretends to be is another rule's matter."""
    if not snapshot.files:
        yield Skip("the repository holds no file")
    there = [path for path, blob in snapshot.files.items() if blob.kind is FileKind.FILE and blob.size]
    compiled = [path for path in there if path.lower().endswith(_COMPILED)]
    kinds = (
        ([path for path in compiled if not _BUILT.search(path)], None),
        ([path for path in compiled if _BUILT.search(path)], Severity.NOTE),
        ([path for path in there if path.lower().endswith(_CACHED)], Severity.NOTE),
    )
    for paths, severity in kinds:
        if paths:
            yield Problem(
                f"{counted(len(paths), 'compiled file')}, first {paths[0]}",
                Location(paths[0]),
                expected="weights, configurations and source",
                observed=", ".join(paths[:5]),
                severity=severity,
            )
