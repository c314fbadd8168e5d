r"""A .gitattributes line names one exact file, and the repository has no such file.

A pattern without a wildcard matches one name (gitattributes(5), gitignore(5)). Such lines are left over
when .gitattributes is copied from another repository, usually from the base model's.

Wrong when: the file is committed later.

Fix: delete the lines.

Bad:
    .gitattributes: + "tokenizer.model filter=lfs diff=lfs merge=lfs -text\n"

Good:
    # a wildcard is meant for files to come
    .gitattributes: + "*.gguf filter=lfs diff=lfs merge=lfs -text\n"
"""

from collections.abc import Iterator

from auditor.artifacts.git_attributes import GitAttributes, pattern_matches
from auditor.checks._wording import counted
from auditor.checks.storage._stored import listed, not_a_repository
from auditor.model import Problem, Severity, Skip
from auditor.runs import Contents

SEVERITY = Severity.NOTE


def check(attributes: GitAttributes, contents: Contents) -> Iterator[Problem | Skip]:
    """Patterns with wildcards are meant for files to come and are left alone."""
    reason = not_a_repository(contents)
    if reason is not None:
        yield reason
        return
    start = len(attributes.folder) + 1 if attributes.folder else 0
    inside = [path[start:] for path in contents.snapshot.under(attributes.folder)]
    lines = [
        rule
        for rule in attributes.rules
        if rule.is_lfs and not set(rule.pattern) & set("*?[\\") and not rule.pattern.endswith("/")
    ]
    unused = [rule for rule in lines if not any(pattern_matches(rule.pattern, path) for path in inside)]
    if unused:
        yield Problem(
            f"{counted(len(unused), 'line names a file that is', 'lines name files that are')} not in the repository: "
            f"{listed([rule.pattern for rule in unused])}",
            attributes.at(),
            expected="patterns of files in the repository",
            observed=", ".join(f"line {rule.line}" for rule in unused),
        )
