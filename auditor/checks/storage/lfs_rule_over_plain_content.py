"""A .gitattributes rule gives a file to Git LFS, and git stores its content instead of a pointer.

The file was committed without git-lfs installed, whose clean filter writes the pointer (gitattributes(5), "filter";
git-lfs, docs/spec.md). Every checkout with git-lfs shows it as modified at
once, and the next commit that touches it turns it into a pointer.

Wrong when: never for a file that git stores; empty files are no pointers and are left alone.

Fix: `git lfs migrate import --no-rewrite` these files, or `git add --renormalize` with git-lfs
installed.

Bad:
    repository: seed
    stored: git
    extra.bin: = "content"

Good:
    repository: seed
    stored: git
    # an empty file is no pointer
    extra.bin: = ""
"""

from collections.abc import Iterator

from auditor.checks._wording import counted
from auditor.checks.storage._stored import is_plain, is_ruled_lfs, listed, not_a_repository
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Contents

SEVERITY = Severity.WARNING


def check(contents: Contents) -> Iterator[Problem | Skip]:
    """One finding for all files concerned."""
    reason = not_a_repository(contents)
    if reason is not None:
        yield reason
        return
    files = contents.snapshot.files
    raw = [path for path, blob in files.items() if is_plain(blob) and is_ruled_lfs(contents, path)]
    if raw:
        yield Problem(
            f"git itself stores {counted(len(raw), 'file')} that a Git LFS rule covers: {listed(raw)}",
            Location(raw[0]),
            expected="Git LFS pointers",
            observed=f"{sum(files[path].size or 0 for path in raw):,} bytes in git objects",
        )
