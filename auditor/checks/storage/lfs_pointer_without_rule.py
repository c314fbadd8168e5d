r"""A file is a Git LFS pointer, and no .gitattributes rule hands it to git-lfs.

git-lfs replaces a pointer by its content only where `filter=lfs` applies (gitattributes(5), "filter"; git-lfs,
docs/spec.md). Without the rule every
checkout keeps the 130-byte text, and a loader fails on it.

In a plain folder it is a warning, and nothing is said where a .gitattributes above the folder may rule.

Wrong when: the folder was copied out of its repository, or the rule is in a file outside the repository
(`.git/info/attributes`), which no clone receives.

Fix: `git lfs track` the file's pattern and commit .gitattributes.

Bad:
    repository: seed
    .gitattributes: "*.safetensors filter=lfs diff=lfs merge=lfs -text\n" -> ""

Good:
    repository: seed
    # another pattern covers it
    .gitattributes: "*.safetensors filter=lfs diff=lfs merge=lfs -text\n" -> "adapter_model.* filter=lfs\n"
"""

from collections.abc import Iterator

from auditor.checks._wording import counted
from auditor.checks.storage._stored import is_ruled_lfs, listed, not_a_repository
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Contents

SEVERITY = Severity.ERROR


def check(contents: Contents) -> Iterator[Problem | Skip]:
    """One finding for all pointers without a rule."""
    whole = contents.snapshot.kind == "directory" and not contents.snapshot.part
    reason = None if whole else not_a_repository(contents)
    if reason is not None:
        yield reason
        return
    pointers = [path for path, blob in contents.snapshot.files.items() if blob.lfs is not None]
    lost = [path for path in pointers if not is_ruled_lfs(contents, path)]
    if lost:
        yield Problem(
            f"no rule in .gitattributes covers {len(lost)} of "
            f"{counted(len(pointers), 'Git LFS pointer')}, so git-lfs "
            f"will never fetch their content: {listed(lost)}",
            Location(lost[0]),
            expected="a pattern with filter=lfs",
            observed="no rule",
            severity=Severity.WARNING if whole else None,
        )
